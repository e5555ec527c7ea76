"""Names from a real name server (dnsmasq): UDP and TCP, both families, aliases, long answers; per pod, not forged."""

from __future__ import annotations

import shutil
import socket
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager

import dns.flags
import dns.message
import dns.query
import pytest
from truth import ATTACHMENTS, Capture, within

from kubectl_netpol.demo.machine import Machine
from kubectl_netpol.demo.pod import Attempt, Pod
from kubectl_netpol.demo.servers import Answer

MANY = [f"198.51.100.{number}" for number in range(1, 201)]
SOME = [f"203.0.113.{number}" for number in range(1, 65)]
RECORDS = [
    "--host-record=api.example.com,142.250.1.104,2001:db8::104",
    "--cname=www.example.com,edge.example.com",
    "--cname=edge.example.com,origin.example.com",
    "--host-record=origin.example.com,192.0.2.80",
    "--host-record=shared.example.com,142.250.1.104",
    *(f"--host-record=many.example.com,{address}" for address in MANY),
    *(f"--host-record=some.example.com,{address}" for address in SOME),
]
COMMAND = ["dnsmasq", "--no-daemon", "--conf-file=/dev/null", "--no-resolv", "--no-hosts", "--user=root", "--pid-file"]


@contextmanager
def name_server(pod: Pod) -> Iterator[None]:
    if not shutil.which("dnsmasq"):
        pytest.skip("dnsmasq is not installed")
    process = pod.run([*COMMAND, "--edns-packet-max=1400", *RECORDS], stderr=subprocess.DEVNULL)
    try:
        assert within(10, lambda: answers(pod)), "dnsmasq does not answer"
        yield
    finally:
        process.kill()
        process.wait()


def answers(pod: Pod) -> bool:
    assert pod.address
    try:
        return bool(ask(pod, pod.address, "api.example.com.", timeout=0.2).answer)
    except OSError:
        return False
    except dns.exception.Timeout:
        return False


def ask(
    pod: Pod, server: str, name: str, kind: str = "A", over: str = "udp", payload: int = 0, timeout: float = 3
) -> dns.message.Message:
    """One question from a pod, and its answer."""
    query = dns.message.make_query(name, kind, use_edns=0 if payload else -1, payload=payload or 1232)
    with pod.inside():
        if over == "tcp":
            return dns.query.tcp(query, server, timeout=timeout)
        return dns.query.udp(query, server, timeout=timeout)


def make_pods(machine: Machine) -> tuple[Pod, Pod, Pod]:
    return tuple(
        machine.add_pod(name, (f"10.244.0.{number}", f"fd00:10:244::{number}"))
        for number, name in enumerate(("server", "first", "second"), 2)
    )


@pytest.mark.kernel
@ATTACHMENTS
@pytest.mark.parametrize("over", ["udp", "tcp"])
@pytest.mark.parametrize("family", [0, 1])
def test_each_pod_has_the_names_that_it_asked_for(machine: Machine, attach: str, over: str, family: int):
    if family and not machine.has_ipv6:
        pytest.skip("this kernel has no IPv6")
    server, first, second = make_pods(machine)
    address = server.addresses[family]
    with name_server(server), Capture(attach) as capture:
        capture.wait_for_namespaces(3)
        ask(first, address, "API.Example.com.", "A", over)
        ask(first, address, "api.example.com.", "AAAA", over)
        ask(first, address, "www.example.com.", "A", over)
        ask(first, address, "nobody.example.com.", "A", over)
        ask(second, address, "shared.example.com.", "A", over)
        account = capture.stop()
    assert account.names_of(first) == {
        "142.250.1.104": {"api.example.com."},
        "2001:db8::104": {"api.example.com."},
        "192.0.2.80": {"www.example.com."},
    }
    assert account.names_of(second) == {"142.250.1.104": {"shared.example.com."}}
    assert account.names_of(server) == {}
    key = f"out {over} {first.addresses[family]} {address} 53"
    counted = account.of(first)
    assert set(counted) == {key}
    assert (counted[key].attempts, counted[key].answered) == (4, 4)
    assert account.status.counts["dns_malformed"] == 0


@pytest.mark.kernel
@ATTACHMENTS
def test_a_pod_may_know_one_address_by_two_names(machine: Machine, attach: str):
    server, first, _ = make_pods(machine)
    with name_server(server), Capture(attach) as capture:
        capture.wait_for_namespaces(3)
        ask(first, server.address, "api.example.com.")
        ask(first, server.address, "shared.example.com.")
        account = capture.stop()
    assert account.names_of(first) == {"142.250.1.104": {"api.example.com.", "shared.example.com."}}


@pytest.mark.kernel
@ATTACHMENTS
def test_a_long_answer_comes_over_tcp(machine: Machine, attach: str):
    """As a resolver does it: UDP first, which is truncated, then TCP in several segments."""
    server, first, _ = make_pods(machine)
    with name_server(server), Capture(attach) as capture:
        capture.wait_for_namespaces(3)
        cut = ask(first, server.address, "many.example.com.")
        assert cut.flags & dns.flags.TC
        whole = ask(first, server.address, "many.example.com.", over="tcp")
        assert len(whole.answer[0]) == len(MANY)
        account = capture.stop()
    assert account.names_of(first) == {address: {"many.example.com."} for address in MANY}
    assert account.status.counts["dns_truncated"] == 1
    assert account.status.counts["dns_malformed"] == 0


@pytest.mark.kernel
@ATTACHMENTS
def test_a_datagram_longer_than_one_piece_of_the_ring(machine: Machine, attach: str):
    server, first, _ = make_pods(machine)
    with name_server(server), Capture(attach) as capture:
        capture.wait_for_namespaces(3)
        whole = ask(first, server.address, "some.example.com.", payload=1400)
        assert len(whole.to_wire()) > 1024
        account = capture.stop()
    assert account.names_of(first) == {address: {"some.example.com."} for address in SOME}


@pytest.mark.kernel
@ATTACHMENTS
def test_many_questions_on_one_connection(machine: Machine, attach: str):
    server, first, _ = make_pods(machine)
    with name_server(server), Capture(attach) as capture:
        capture.wait_for_namespaces(3)
        with first.open_tcp(server.address, 53) as connection:
            for name in ("api", "www", "shared"):
                dns.query.send_tcp(connection, dns.message.make_query(f"{name}.example.com.", "A"))
                dns.query.receive_tcp(connection)
        account = capture.stop()
    assert account.names_of(first) == {
        "142.250.1.104": {"api.example.com.", "shared.example.com."},
        "192.0.2.80": {"www.example.com."},
    }


def forged(name: str, address: str) -> bytes:
    answer = dns.message.make_response(dns.message.make_query(name, "A"))
    answer.answer.append(dns.rrset.from_text(name, 30, "IN", "A", address))
    return answer.to_wire()


@pytest.mark.kernel
@ATTACHMENTS
@pytest.mark.parametrize("when", ["before", "during"])
def test_a_server_that_was_not_asked_gives_no_name(machine: Machine, attach: str, when: str):
    """A neighbor that sends answers to a port where nobody waits for them: not a name, not a server of the pod's."""
    server, victim, rogue = make_pods(machine)
    with rogue.inside():
        line = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    line.bind(("", 53))
    if when == "before":
        victim.listen_udp(41000, Answer.SINK)
    with name_server(server), Capture(attach) as capture:
        capture.wait_for_namespaces(3)
        if when == "during":
            victim.listen_udp(41000, Answer.SINK)
        ask(victim, server.address, "api.example.com.")
        for _ in range(5):
            line.sendto(forged("bank.example.com.", "10.66.66.66"), (victim.address, 41000))
        capture.settle()
        account = capture.stop()
    line.close()
    assert account.names_of(victim) == {"142.250.1.104": {"api.example.com."}}
    keys = set(account.of(victim))
    assert f"out udp {victim.address} {server.address} 53" in keys
    if when == "during":
        assert f"in udp {victim.address} {rogue.address} 41000" in keys
        assert len(keys) == 2


@pytest.mark.kernel
@ATTACHMENTS
def test_what_is_no_dns_at_port_53_is_counted_and_names_nothing(machine: Machine, attach: str):
    server, first, _ = make_pods(machine)
    server.listen_udp(53)  # echoes: a question is no answer
    server.listen_tcp(53)
    with Capture(attach) as capture:
        capture.wait_for_namespaces(3)
        for payload in (b"x", bytes(11), b"\xff" * 400, forged("a.example.com.", "10.0.0.1")[:-3]):
            with first.open_udp(server.address, 53) as line:
                line.send(payload)
                line.recv(2048)
        assert first.try_tcp(server.address, 53) is Attempt.ANSWERED
        account = capture.stop()
    assert account.names_of(first) == {}
    assert account.status.counts["dns_malformed"] >= 4
    assert account.status.counts["dns_answers"] == 0
