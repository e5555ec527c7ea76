"""How the agent begins and ends, and what it leaves behind: its last words, and nothing else."""

from __future__ import annotations

import ctypes
import errno
import hashlib
import os
import platform
import re
import signal
import socket
import struct
import threading
import time
from pathlib import Path

import pytest
from truth import ATTACHMENTS, Capture, Truth, compare, is_attached, programs_on, taps_on, within

from kubectl_netpol.demo.machine import Machine
from kubectl_netpol.demo.pod import Attempt, Pod
from kubectl_netpol.demo.servers import Answer
from kubectl_netpol.wire import FlowsRecord, StatusRecord

LONG = 60.0
BULK = 32 << 20
SO_RCVBUFFORCE = 33


def two_pods(machine: Machine) -> tuple[Pod, Pod]:
    client = machine.add_pod("client", ("10.244.0.2", "fd00:10:244::2"))
    server = machine.add_pod("server", ("10.244.0.3", "fd00:10:244::3"))
    server.listen_tcp(80)
    server.listen_udp(53)
    return client, server


@pytest.mark.kernel
@ATTACHMENTS
@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_signal_brings_the_last_words(machine: Machine, attach: str, number: signal.Signals):
    """The interval is a minute: all that happened is told between the signal and the end."""
    client, server = two_pods(machine)
    truth = Truth(machine)
    with Capture(attach, LONG) as capture:
        truth.tcp(client, server, server.address, 80)
        truth.tcp(client, server, server.address, 81)
        truth.udp(client, server, server.address, 53, Answer.ECHO)
        capture.process.send_signal(number)
        assert capture.process.wait(5) == 0
        compare(truth.flows, capture.stop())
        statuses = [record for record in capture.records if isinstance(record, StatusRecord)]
    assert [status.final for status in statuses] == [False, True]
    assert capture.records[-1] is statuses[-1]
    assert attach in statuses[-1].attached
    assert statuses[-1].cost["cpu_seconds"] > 0
    assert statuses[-1].cost["memory_bytes"] > 1 << 20


@pytest.mark.kernel
@ATTACHMENTS
def test_it_ends_by_itself_when_its_time_is_over(machine: Machine, attach: str):
    client, server = two_pods(machine)
    truth = Truth(machine)
    with Capture(attach, 0.2, "--duration", "1.5", "--node", "worker-1") as capture:
        truth.tcp(client, server, server.address, 80)
        assert capture.process.wait(10) == 0
        compare(truth.flows, capture.stop())
    assert capture.account.status.node == "worker-1"


@pytest.mark.kernel
@ATTACHMENTS
@pytest.mark.parametrize("left", [1.5, -30.0], ids=["soon", "over"])
def test_one_that_begins_late_or_again_ends_at_the_moment_that_it_was_told(machine: Machine, attach: str, left: float):
    two_pods(machine)
    until = str(int((time.time() + left) * 1000))
    with Capture(attach, LONG, "--duration", "60", "--until", until) as capture:
        assert capture.process.wait(10) == 0
        capture.stop()
    assert capture.account.status.final


@pytest.mark.kernel
@ATTACHMENTS
def test_a_namespace_that_vanished_is_repeated_in_the_last_words(machine: Machine, attach: str):
    client, server = two_pods(machine)
    truth = Truth(machine)
    with Capture(attach) as capture:
        assert within(5, lambda: is_attached(client, attach))
        truth.tcp(client, server, server.address, 80)
        inode = client.netns_id
        machine.remove_pod(client)
        capture.wait(lambda account: account.place(inode) and account.place(inode).netns.gone, "that a pod is gone")
        before = len(capture.records)
        capture.settle()
        account = capture.stop()
        repeated = [record for record in capture.records[before:] if isinstance(record, FlowsRecord)]
    compare(truth.flows, account)
    told = [record for record in repeated if record.netns.id.startswith(inode) and record.flows]
    assert told and told[-1].netns.gone
    assert told[-1].netns.addresses == ("10.244.0.2", "fd00:10:244::2")


def bpf_objects(pid: int) -> set[tuple[str, int]]:
    """(kind, id) of the programs and maps that a process holds."""
    found = set()
    for place in Path(f"/proc/{pid}/fdinfo").iterdir():
        try:
            found |= {(kind, int(number)) for kind, number in re.findall(r"(prog|map)_id:\s*(\d+)", place.read_text())}
        except OSError:
            continue
    return found


def still_there(kind: str, number: int) -> bool:
    """Whether the kernel still has an object: BPF_PROG_GET_FD_BY_ID and BPF_MAP_GET_FD_BY_ID of bpf(2)."""
    call = ctypes.CDLL(None, use_errno=True).syscall
    attributes = ctypes.create_string_buffer(struct.pack("<I", number), 80)
    descriptor = call(
        {"x86_64": 321, "aarch64": 280}[platform.machine()], {"prog": 13, "map": 14}[kind], attributes, 80
    )
    if descriptor >= 0:
        os.close(descriptor)
        return True
    assert ctypes.get_errno() == errno.ENOENT
    return False


@pytest.mark.kernel
@ATTACHMENTS
def test_when_it_is_killed_nothing_stays_behind(machine: Machine, attach: str):
    client, server = two_pods(machine)
    with Capture(attach) as capture:
        capture.wait_for_namespaces(2)
        assert is_attached(client, attach)
        held = bpf_objects(capture.process.pid)
        assert {kind for kind, _ in held} == {"prog", "map"}
        assert all(still_there(*one) for one in held)
        capture.process.kill()
        capture.process.wait(5)
    for pod in (client, server):
        assert within(5, lambda pod=pod: programs_on(pod) == 0 and taps_on(pod) == 0)
    assert within(10, lambda: not any(still_there(*one) for one in held))
    fresh = machine.add_pod("fresh", ("10.244.0.4",))
    assert fresh.try_tcp(server.address, 80) is Attempt.ANSWERED
    assert client.try_tcp(server.address, 80) is Attempt.ANSWERED


@pytest.mark.kernel
@ATTACHMENTS
def test_a_namespace_is_not_kept_alive(machine: Machine, attach: str):
    """Where pods are removed, the node's end of their link goes with them: a namespace that is held keeps its link."""
    client, _server = two_pods(machine)
    before = links()
    with Capture(attach, 1.0) as capture:
        capture.wait_for_namespaces(2)
        assert is_attached(client, attach)
        machine.remove_pod(client)
        assert within(2, lambda: links() == before - 1)
        capture.stop()


def links() -> int:
    return len(Path("/proc/net/dev").read_text().splitlines())


@pytest.mark.kernel
@ATTACHMENTS
def test_it_ends_when_nobody_reads_any_more(machine: Machine, attach: str):
    two_pods(machine)
    with Capture(attach, 0.5, ready=False) as capture:
        capture.wait(lambda account: account.status is not None, "the first status")
        capture.hang_up()
        assert capture.process.wait(3) == 0


@pytest.mark.kernel
@ATTACHMENTS
def test_packets_pass_unchanged_and_none_is_dropped(machine: Machine, attach: str):
    client, server = two_pods(machine)
    with server.inside():
        listener = socket.create_server((server.address, 9000))
        sink = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    sink.setsockopt(socket.SOL_SOCKET, SO_RCVBUFFORCE, 16 << 20)
    sink.bind((server.address, 9001))
    with Capture(attach) as capture:
        capture.wait_for_namespaces(2)
        assert is_attached(client, attach) and is_attached(server, attach)
        assert bulk_checksum(client, listener, server.address) == hashlib.sha256(bulk()).hexdigest()
        sent = [struct.pack(">I", number) + os.urandom(number % 1400) for number in range(2000)]
        with client.open_udp(server.address, 9001) as line:
            for datagram in sent:
                line.send(datagram)
        sink.settimeout(5)
        assert [sink.recv(2048) for _ in sent] == sent
        capture.stop()
    for pod in (client, server):
        with pod.inside():
            assert counters("/proc/thread-self/net/dev") == [0, 0, 0, 0]


def counters(place: str) -> list[int]:
    """Receive and transmit errors and drops of eth0."""
    line = next(line for line in Path(place).read_text().splitlines() if "eth0:" in line)
    values = [int(value) for value in line.split(":")[1].split()]
    return [*values[2:4], *values[10:12]]


def bulk() -> bytes:
    return hashlib.shake_128(b"a seed").digest(1 << 20) * (BULK >> 20)


def bulk_checksum(client: Pod, listener: socket.socket, address: str) -> str:
    def send() -> None:
        with client.open_tcp(address, 9000, timeout=20) as connection:
            connection.sendall(bulk())

    sender = threading.Thread(target=send)
    sender.start()
    accepted, _ = listener.accept()
    received = hashlib.sha256()
    with accepted:
        while piece := accepted.recv(1 << 20):
            received.update(piece)
    sender.join()
    return received.hexdigest()


@pytest.mark.kernel
def test_by_itself_it_takes_the_better_attachment(machine: Machine):
    client, server = two_pods(machine)
    truth = Truth(machine)
    with Capture("auto") as capture:
        capture.wait_for_namespaces(2)
        truth.tcp(client, server, server.address, 80)
        account = capture.stop()
    compare(truth.flows, account)
    ways = account.status.attached.keys() & {"tcx", "socket"}
    assert len(ways) == 1


@pytest.mark.kernel
@ATTACHMENTS
def test_it_costs_little_when_nothing_happens(machine: Machine, attach: str):
    two_pods(machine)
    with Capture(attach) as capture:
        capture.wait_for_namespaces(2)
        for _ in range(2):
            capture.settle()
        before, begun = capture.account.status.cost["cpu_seconds"], time.monotonic()
        for _ in range(5):
            capture.settle()
        spent, passed = capture.account.status.cost["cpu_seconds"] - before, time.monotonic() - begun
        capture.stop()
    assert spent < 0.2 * passed
