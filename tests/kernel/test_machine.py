"""The private machine holds what the demo and every other kernel test rely upon."""

from __future__ import annotations

import os
import shutil
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path

import pytest

from kubectl_netpol.demo.isolation import Ending, run_isolated
from kubectl_netpol.demo.machine import Machine
from kubectl_netpol.demo.pod import Attempt
from kubectl_netpol.demo.servers import Answer
from kubectl_netpol.demo.translation import Service, run_nft

IPV4 = ("10.244.0.2", "10.244.0.3")
IPV6 = ("fd00:10:244::2", "fd00:10:244::3")


def two_pods(machine: Machine):
    return [machine.add_pod(f"pod{number}", (IPV4[number], IPV6[number])) for number in range(2)]


@pytest.mark.kernel
@pytest.mark.parametrize("family", [IPV4, IPV6])
def test_pods_talk_over_tcp_and_udp(machine: Machine, family):
    client, server = two_pods(machine)
    if family[1] not in server.addresses:
        pytest.skip("this kernel has no IPv6")
    server.listen_tcp(8080)
    server.listen_udp(5000)
    server.listen_udp(8125, Answer.SINK)
    assert client.try_tcp(family[1], 8080) is Attempt.ANSWERED
    assert client.try_tcp(family[1], 8081) is Attempt.REFUSED
    assert client.try_udp(family[1], 5000) is Attempt.ANSWERED
    assert client.try_udp(family[1], 5001) is Attempt.REFUSED
    assert client.try_udp(family[1], 8125, timeout=0.3) is Attempt.UNANSWERED


@pytest.mark.kernel
def test_a_swallowed_address_answers_nothing_but_the_packet_leaves_the_pod(machine: Machine):
    client, _other = two_pods(machine)
    machine.swallow("10.244.0.99/32")
    with client.inside():
        witness = socket.socket(socket.AF_PACKET, socket.SOCK_RAW, socket.htons(3))
    assert client.try_tcp("10.244.0.99", 9200, timeout=0.3) is Attempt.UNANSWERED
    sent = [frame for frame in _frames(witness) if frame[12:14] == b"\x08\x00"]
    assert any(socket.inet_aton("10.244.0.99") in frame for frame in sent)


def _frames(witness: socket.socket) -> list[bytes]:
    frames = []
    witness.setblocking(False)
    while True:
        try:
            frames.append(witness.recv(2048))
        except BlockingIOError:
            return frames


@pytest.mark.kernel
@pytest.mark.parametrize("cluster_ip", ["10.96.0.20", "fd00:10:96::20"])
def test_a_service_is_translated_to_each_pods_own_port(machine: Machine, cluster_ip):
    if not machine.has_ipv6 and ":" in cluster_ip:
        pytest.skip("this kernel has no IPv6")
    client, first = two_pods(machine)
    second = machine.add_pod("pod2", ("10.244.0.4", "fd00:10:244::4"))
    mine = 1 if ":" in cluster_ip else 0
    first.listen_tcp(8080)
    second.listen_tcp(9090)
    targets = ((first.addresses[mine], 8080), (second.addresses[mine], 9090))
    machine.add_service(Service("api", cluster_ip, "tcp", 80, targets))
    machine.add_service(Service("gone", "10.96.0.30", "udp", 53, (("10.244.0.9", 53),)))
    assert [client.try_tcp(cluster_ip, 80) for _turn in range(4)] == [Attempt.ANSWERED] * 4
    assert "dnat" in run_nft(["list ruleset"])
    if shutil.which("conntrack"):
        seen = subprocess.run(
            ["conntrack", "-L", "-p", "tcp", "-f", "ipv6" if mine else "ipv4"], stdout=-1, check=False
        )
        assert b"sport=8080" in seen.stdout and b"sport=9090" in seen.stdout and b"dport=80 " in seen.stdout


@pytest.mark.kernel
def test_a_second_interface_carries_what_is_sent_to_its_address(machine: Machine):
    client, server = two_pods(machine)
    machine.add_interface(server, ("10.245.0.3", "fd00:10:245::3"), "net1")
    assert server.addresses[-2:] == ("10.245.0.3", "fd00:10:245::3") or not machine.has_ipv6
    server.listen_tcp(8080)
    with server.inside():
        witness = socket.socket(socket.AF_PACKET, socket.SOCK_RAW, socket.htons(3))
    witness.bind(("net1", 3))
    assert client.try_tcp("10.245.0.3", 8080) is Attempt.ANSWERED
    assert client.try_tcp(IPV4[1], 8080) is Attempt.ANSWERED
    assert any(socket.inet_aton("10.245.0.3") in frame for frame in _frames(witness))


@pytest.mark.kernel
def test_a_pod_without_a_mount_lives_on_by_its_process(machine: Machine):
    client, server = two_pods(machine)
    program = server.run(["sleep", "30"])
    server.listen_tcp(8080)
    machine.drop_mount(server)
    assert not Path("/run/netns/pod1").exists()
    assert str(Path(f"/proc/{program.pid}/ns/net").stat().st_ino) == server.netns_id
    assert client.try_tcp(IPV4[1], 8080) is Attempt.ANSWERED
    program.kill()
    program.wait()
    machine.remove_pod(server)
    assert _within(5, lambda: _links() == 2)


@pytest.mark.kernel
def test_a_redirect_inside_a_pod_is_what_its_clients_do_not_see(machine: Machine):
    client, server = two_pods(machine)
    server.listen_tcp(15006)
    chain = "add chain inet sidecar inbound { type nat hook prerouting priority -100 ; }"
    with server.inside():
        run_nft(["add table inet sidecar", chain, "add rule inet sidecar inbound tcp dport 8080 redirect to :15006"])
    assert client.try_tcp(IPV4[1], 8080) is Attempt.ANSWERED
    assert "sidecar" not in run_nft(["list ruleset"])


@pytest.mark.kernel
def test_an_address_moves_from_one_pod_to_another(machine: Machine):
    client, old = two_pods(machine)
    new = machine.add_pod("new", ("10.244.0.5",))
    old.listen_tcp(1111)
    new.listen_tcp(2222)
    assert client.try_tcp(IPV4[1], 2222) is Attempt.REFUSED
    machine.move_address(IPV4[1], old, new)
    assert client.try_tcp(IPV4[1], 2222) is Attempt.ANSWERED
    assert client.try_tcp(IPV4[1], 1111) is Attempt.REFUSED


@pytest.mark.kernel
def test_a_removed_pod_takes_its_namespace_and_its_link_along(machine: Machine):
    client, server = two_pods(machine)
    server.listen_tcp(8080)
    with client.open_tcp(IPV4[1], 8080):
        links = _links()
        machine.remove_pod(server)
        assert not Path("/run/netns/pod1").exists()
        assert _within(5, lambda: _links() == links - 1)


def _links() -> int:
    return len(Path("/proc/net/dev").read_text().splitlines()) - 2


def _within(seconds: float, condition) -> bool:
    deadline = time.monotonic() + seconds
    while not condition():
        if time.monotonic() > deadline:
            return False
        time.sleep(0.02)
    return True


@pytest.mark.kernel
def test_programs_and_forked_functions_run_in_their_pod(machine: Machine):
    client, _other = two_pods(machine)
    shown = client.run([sys.executable, "-c", "import os; print(os.stat('/proc/self/ns/net').st_ino)"], stdout=-1)
    assert shown.communicate(timeout=20)[0].decode().strip() == client.netns_id
    reading, writing = os.pipe()
    child = client.fork(lambda: os.write(writing, str(Path("/proc/self/ns/net").stat().st_ino).encode()))
    assert os.waitpid(child, 0)[1] == 0
    assert os.read(reading, 100).decode() == client.netns_id


@pytest.mark.kernel
def test_a_machine_has_no_way_out(machine: Machine):
    two_pods(machine)
    names = [line.split(":")[0].strip() for line in Path("/proc/net/dev").read_text().splitlines()[2:]]
    assert sorted(names) == ["lo", "veth1", "veth2"]
    with pytest.raises(OSError, match="unreachable"):
        socket.create_connection(("203.0.113.1", 80), timeout=2)


@pytest.mark.kernel
def test_a_hundred_pods_are_made_in_seconds(machine: Machine):
    start = time.monotonic()
    pods = [machine.add_pod(f"p{n}", (f"10.244.{n // 250}.{n % 250 + 1}",)) for n in range(100)]
    assert time.monotonic() - start < 20
    pods[-1].listen_tcp(80)
    assert pods[0].try_tcp(pods[-1].address, 80) is Attempt.ANSWERED


LAUNCHER = """
import subprocess, sys, time
from kubectl_netpol.demo.isolation import run_isolated
def body():
    subprocess.Popen(["sleep", sys.argv[1]])
    try:
        print("started", flush=True)
        time.sleep(60)
    except KeyboardInterrupt:
        print("asked to end", flush=True)
    return ""
run_isolated(body, 60)
"""


def _sleepers(mark: str) -> int:
    found = 0
    for place in Path("/proc").glob("[0-9]*/cmdline"):
        try:
            found += place.read_bytes() == b"sleep\0" + mark.encode() + b"\0"
        except OSError:
            continue
    return found


@pytest.mark.kernel(inside=False)
@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGTERM, signal.SIGINT, signal.SIGHUP])
def test_whatever_ends_the_launcher_ends_the_machine(number):
    mark = f"60.{os.getpid()}{int(number):02d}"
    launcher = subprocess.Popen([sys.executable, "-c", LAUNCHER, mark], stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    assert launcher.stdout.readline() == b"started\n"
    assert _within(5, lambda: _sleepers(mark) == 1)
    launcher.send_signal(number)
    output, _errors = launcher.communicate(timeout=20)
    assert _within(5, lambda: _sleepers(mark) == 0)
    if number == signal.SIGINT:
        assert output == b"asked to end\n"


@pytest.mark.kernel(inside=False)
def test_a_body_that_is_late_is_killed_with_its_children():
    mark = f"60.{os.getpid()}99"

    def body() -> str:
        subprocess.Popen(["sleep", mark])
        signal.signal(signal.SIGINT, signal.SIG_IGN)
        time.sleep(60)
        return ""

    start = time.monotonic()
    assert run_isolated(body, 1.0).ending is Ending.LATE
    assert time.monotonic() - start < 10
    assert _sleepers(mark) == 0


@pytest.mark.kernel(inside=False)
def test_a_failure_comes_back_with_its_traceback_and_a_killed_body_is_told():
    def fails() -> str:
        raise ValueError("a reason \udcff")

    outcome = run_isolated(fails, 10)
    assert outcome.ending is Ending.FAILED
    assert "ValueError: a reason" in outcome.text
    assert run_isolated(lambda: str(os.kill(os.getpid(), signal.SIGKILL)), 10).ending is Ending.KILLED
    assert run_isolated(lambda: "x" * 300_000, 10).text == "x" * 300_000


@pytest.mark.kernel(inside=False)
def test_orphans_are_reaped_while_the_machine_runs():
    def body() -> str:
        for _turn in range(20):
            subprocess.run(["sh", "-c", "sleep 0.05 &"], check=True)
        time.sleep(0.5)
        states = [place.read_text().split(")")[1].split()[0] for place in Path("/proc").glob("[0-9]*/stat")]
        return "".join(states)

    assert "Z" not in run_isolated(body, 20).text


@pytest.mark.kernel(inside=False)
def test_mounts_and_runtime_files_stay_inside():
    before = sorted(Path("/run").iterdir()), Path("/proc/self/mounts").read_text()
    outcome = run_isolated(lambda: str(Machine().add_pod("stays", ("10.244.0.2",)).name), 20)
    assert outcome.text == "stays"
    assert (sorted(Path("/run").iterdir()), Path("/proc/self/mounts").read_text()) == before
