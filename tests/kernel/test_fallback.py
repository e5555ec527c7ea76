"""A kernel without tcx, played by a seccomp filter that answers BPF_LINK_CREATE as such kernels do: with EINVAL.

That tcx is missing shows only once a program is loaded and an interface is there; sockets take its place then.
"""

from __future__ import annotations

import ctypes
import errno
import os
import platform
import struct

import dns.message
import pytest
from truth import Capture, Counted, Truth, compare, programs_on, taps_on

from kubectl_netpol.demo.dns_server import frame
from kubectl_netpol.demo.machine import Machine
from kubectl_netpol.demo.pod import Pod
from kubectl_netpol.demo.servers import Answer
from kubectl_netpol.wire import Marks

BPF_NUMBERS = {"x86_64": 321, "aarch64": 280}
LINK_CREATE = 28
LOAD, JUMP_EQUAL, RETURN = 0x20, 0x15, 0x06  # classic BPF: a word at an offset, equality, the verdict
REFUSE, ALLOW = 0x00050000 | errno.EINVAL, 0x7FFF0000
PR_SET_SECCOMP, FILTER = 22, 2
NAME = "edge.github.com."
ADDRESS = "142.250.1.104"


def refuse_links() -> None:
    """From here on no process that this one starts can create a BPF link. (All of it ends with the private machine.)"""
    steps = (
        (LOAD, 0, 0, 0),  # struct seccomp_data: the number of the system call
        (JUMP_EQUAL, 0, 3, BPF_NUMBERS[platform.machine()]),
        (LOAD, 0, 0, 16),  # its first argument, the low half
        (JUMP_EQUAL, 0, 1, LINK_CREATE),
        (RETURN, 0, 0, REFUSE),
        (RETURN, 0, 0, ALLOW),
    )
    code = ctypes.create_string_buffer(b"".join(struct.pack("<HBBI", *step) for step in steps))
    program = ctypes.create_string_buffer(struct.pack("<HxxxxxxQ", len(steps), ctypes.addressof(code)))
    if ctypes.CDLL(None, use_errno=True).prctl(PR_SET_SECCOMP, FILTER, program, 0, 0) != 0:
        raise OSError(ctypes.get_errno(), os.strerror(ctypes.get_errno()))


def add_server(machine: Machine) -> Pod:
    server = machine.add_pod("server", ("10.244.0.2", "fd00:10:244::2"))
    server.listen_tcp(80)
    server.listen_udp(5000)
    server.listen_udp(53, Answer.DNS)
    server.listen_tcp(53, Answer.DNS)
    return server


def add_client(machine: Machine) -> Pod:
    return machine.add_pod("client", ("10.244.0.3", "fd00:10:244::3"))


def question(name: str) -> bytes:
    return dns.message.make_query(name, "A").to_wire()


def talk(machine: Machine, truth: Truth, client: Pod, server: Pod) -> None:
    """Connections that are answered, refused and lost, datagrams, and a name over UDP and over TCP."""
    machine.swallow("10.244.9.9/32")
    for address in server.addresses:
        truth.tcp(client, server, address, 80)
        truth.tcp(client, server, address, 81)
        truth.udp(client, server, address, 5000, Answer.ECHO, 3)
        truth.udp(client, server, address, 5001, None)
    truth.lost_tcp(client, "10.244.9.9", 443)
    ask(truth, client, server)


def ask(truth: Truth, client: Pod, server: Pod) -> None:
    with client.open_udp(server.address, 53) as line:
        line.send(question(NAME))
        line.recv(1 << 16)
    with client.open_tcp(server.address, 53) as line:
        line.sendall(frame(question("many.example.com.")))
        heard = b""
        while len(heard) < 2 or len(heard) < 2 + int.from_bytes(heard[:2], "big"):
            heard += line.recv(1 << 16)
    for protocol in ("udp", "tcp"):
        truth.book_both(client, server, protocol, server.address, 53, Counted(1, 1))


def assert_by_sockets(capture: Capture, pods: tuple[Pod, ...]) -> None:
    assert capture.account.status.attached == {"namespaces": len(pods), "socket": len(pods)}
    for pod in pods:
        assert (programs_on(pod), taps_on(pod)) == (0, 1)


@pytest.mark.kernel
@pytest.mark.parametrize("when", ["there before", "come later"])
def test_where_tcx_turns_out_to_be_missing_sockets_take_its_place(machine: Machine, when: str):
    """Later: the agent has begun by tcx, its ring of answers open, and has entered a namespace without interfaces."""
    refuse_links()
    truth = Truth(machine)
    pods: tuple[Pod, ...] = ()
    if when == "there before":
        pods = add_server(machine), add_client(machine)
        truth.hold_tcp(pods[1], pods[0], pods[0].address, 80, Marks.EXISTING)
    else:
        empty = machine.add_namespace("empty")
    with Capture("auto") as capture:
        if when == "there before":
            capture.wait_for_flow(pods[1], f"out tcp {pods[1].address} {pods[0].address} 80")
            capture.wait_for_flow(pods[0], f"in tcp {pods[0].address} {pods[1].address} 80")
        else:
            capture.wait_for_namespaces(1)
            assert "tcx" in capture.account.status.attached
            pods = add_server(machine), add_client(machine)
            machine.add_interface(empty, ("10.244.0.4", "fd00:10:244::4"))
            pods += (empty,)
        server, client = pods[:2]
        capture.wait(
            lambda account: account.status.attached == {"namespaces": len(pods), "socket": len(pods)},
            "sockets on all interfaces",
        )
        assert_by_sockets(capture, pods)
        talk(machine, truth, client, server)
        if when == "come later":
            talk_by(truth, pods[2], server)
        capture.wait(lambda account: len(account.names_of(client)) > 100, "names")
        account = capture.stop()
        compare(truth.flows, account)
    assert account.names_of(client)[ADDRESS] == {NAME}
    assert account.names_of(client)["198.51.100.7"] == {"many.example.com."}
    assert account.status.problems == ()
    assert account.status.counts["dns_malformed"] == 0


def talk_by(truth: Truth, pod: Pod, server: Pod) -> None:
    """From the pod whose namespace was entered while tcx was still thought to be there."""
    for address in server.addresses:
        truth.tcp(pod, server, address, 80)
        truth.udp(pod, server, address, 5000, Answer.ECHO)


@pytest.mark.kernel
def test_where_tcx_was_asked_for_its_absence_is_told_and_not_mended(machine: Machine):
    refuse_links()
    server = add_server(machine)
    with Capture("tcx") as capture:
        capture.wait(lambda account: account.status.losses["namespaces_failed"] > 0, "a loss")
        status = capture.account.status
        assert "--attach socket" in " ".join(status.problems)
        assert (programs_on(server), taps_on(server)) == (0, 0)
