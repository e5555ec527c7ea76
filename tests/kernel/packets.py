"""Packets byte by byte, and three ways to show them to the loaded observer.

``TestRun`` hands a packet to the tcx stubs by BPF_PROG_TEST_RUN; ``Wire`` sends it over a veth pair whose inner end has
the observer attached, by tcx or by the socket filter. (The kernel lets no test run set a packet's type, so that the
socket filter can be shown outgoing packets on a real interface only.) All must come to the same account.
"""

from __future__ import annotations

import ctypes
import fcntl
import itertools
import os
import select
import socket
import struct
import subprocess
import time
from ipaddress import ip_address
from pathlib import Path

from kubectl_netpol.agent import layout, stub, syscalls
from kubectl_netpol.agent.attachment import Stubs, attach
from kubectl_netpol.agent.kernel import Kernel

POD, PEER = "10.1.0.2", "10.1.0.9"
POD6, PEER6 = "fd00::2", "fd00::9"
TCP, UDP, SCTP, ICMP, ICMPV6 = 6, 17, 132, 1, 58
SYN, RST, ACK, FIN, PSH = 0x02, 0x04, 0x10, 0x01, 0x08
IPV4, IPV6, VLAN, QINQ = 0x0800, 0x86DD, 0x8100, 0x88A8
PROG_TEST_RUN = 10


def tcp(
    source: int, destination: int, flags: int, sequence: int = 0, acknowledged: int = 0, data: bytes = b""
) -> bytes:
    return struct.pack(">HHIIBBHHH", source, destination, sequence, acknowledged, 0x50, flags, 1024, 0, 0) + data


def udp(source: int, destination: int, data: bytes = b"hello") -> bytes:
    return struct.pack(">HHHH", source, destination, 8 + len(data), 0) + data


def sctp(source: int, destination: int, tag: int, chunk: int, initiate_tag: int | None = None) -> bytes:
    head = struct.pack(">HHII", source, destination, tag, 0)
    if initiate_tag is None:
        return head + struct.pack(">BBH", chunk, 0, 4)
    return head + struct.pack(">BBHIIHHI", chunk, 0, 20, initiate_tag, 65536, 1, 1, 7)


def icmp(kind: int, code: int = 0, data: bytes = b"", number: int = 1) -> bytes:
    return struct.pack(">BBHHH", kind, code, 0, 77, number) + data


def ipv4(
    source: str, destination: str, protocol: int, payload: bytes, options: bytes = b"", fragment: int = 0
) -> bytes:
    words = 5 + len(options) // 4
    head = struct.pack(">BBHHHBBH", 0x40 | words, 0, words * 4 + len(payload), 1, fragment, 64, protocol, 0)
    return head + ip_address(source).packed + ip_address(destination).packed + options + payload


def ipv6(source: str, destination: str, protocol: int, payload: bytes, extensions: tuple[int, ...] = ()) -> bytes:
    """``extensions`` are header numbers; a fragment header (44) is that of a first fragment."""
    kinds = [*extensions, protocol]
    between = b"".join(_extension(kind, following) for kind, following in itertools.pairwise(kinds))
    head = struct.pack(">IHBB", 6 << 28, len(between) + len(payload), kinds[0], 64)
    return head + ip_address(source).packed + ip_address(destination).packed + between + payload


def _extension(kind: int, following: int) -> bytes:
    if kind == 44:
        return struct.pack(">BBHI", following, 0, 1, 7)
    if kind == 51:
        return struct.pack(">BBHII", following, 4, 0, 1, 1) + bytes(12)  # RFC 4302: length in words, less two
    return struct.pack(">BB", following, 1) + bytes(14)


def ip(source: str, destination: str, protocol: int, payload: bytes) -> bytes:
    return (ipv6 if ":" in source else ipv4)(source, destination, protocol, payload)


def tagged(packet: bytes, *tags: int) -> tuple[int, bytes]:
    """(outer type, what follows the Ethernet header) of a packet in VLAN tags, the outermost first."""
    kind = IPV6 if packet[0] >> 4 == 6 else IPV4
    for tag in reversed(tags):
        packet, kind = struct.pack(">HH", 100, kind) + packet, tag
    return kind, packet


def ether_type(packet: bytes) -> int:
    return IPV6 if packet and packet[0] >> 4 == 6 else IPV4


def run(program: int, frame: bytes) -> tuple[int, bytes]:
    """(return value, frame afterwards) of a program that is shown one frame. Raises OSError."""
    incoming, outgoing = ctypes.create_string_buffer(frame, len(frame)), ctypes.create_string_buffer(len(frame) + 256)
    attributes = bytearray(144)
    struct.pack_into(
        "<IIIIQQ",
        attributes,
        0,
        program,
        0,
        len(frame),
        len(outgoing),
        ctypes.addressof(incoming),
        ctypes.addressof(outgoing),
    )
    buffer = ctypes.create_string_buffer(bytes(attributes), len(attributes))
    number = syscalls._BPF_NUMBERS.get(os.uname().machine, 280)
    libc = ctypes.CDLL(None, use_errno=True)
    if libc.syscall(number, PROG_TEST_RUN, buffer, len(buffer)) != 0:
        raise OSError(ctypes.get_errno(), "test run")
    _, result, _, size = struct.unpack_from("<IiII", buffer)
    return result, outgoing.raw[:size]


class TestRun:
    """The observer's tcx stubs, shown packets by the kernel's own test run."""

    __test__ = False

    def __init__(self, max_entries: int = 4096) -> None:
        self.kernel = Kernel(True, max_entries)
        self.stubs = Stubs.load(self.kernel, 7)
        self.pieces: list[bytes] = []
        self.kernel.open_answers(self.pieces.append)

    def show(self, outgoing: bool, packet: bytes, kind: int | None = None, to: bytes = bytes(6)) -> None:
        """One packet in one direction. That nothing of it was touched is checked each time."""
        frame = to + bytes(6) + struct.pack(">H", kind or ether_type(packet)) + packet
        result, after = run(self.stubs.egress if outgoing else self.stubs.ingress, frame)
        assert (result, after) == (-1, frame)

    def send(self, packet: bytes, kind: int | None = None) -> None:
        self.show(True, packet, kind)

    def receive(self, packet: bytes, kind: int | None = None) -> None:
        self.show(False, packet, kind)

    def flows(self) -> dict[str, tuple[int, int, int]]:
        """(attempts, answered, refused) by the flow's text on the wire."""
        found = {}
        for key, value in self.kernel.read_neighbors():
            parsed, counters = layout.parse_key(key), layout.parse_value(value)
            assert parsed.scope == 7
            found[layout.flow_text(parsed)] = (counters.attempts, counters.answered, counters.refused)
        return found

    def counts(self) -> dict[str, int]:
        return {name: count for name, count in self.kernel.read_counts().items() if count}

    def answers(self) -> list[bytes]:
        """Payloads of the DNS answers that were handed out since the beginning."""
        self.kernel.consume_answers()
        return [piece[layout.CHUNK.size :][: layout.CHUNK.unpack_from(piece)[7]] for piece in self.pieces]

    def settle(self) -> None:
        """Waits until everything that was shown has been seen."""


class Wire(TestRun):
    """A veth pair in the caller's own network namespace; the observer stands on its inner end."""

    __test__ = False

    def __init__(self, use_tcx: bool, max_entries: int = 4096) -> None:
        _make_pair()
        self.kernel = Kernel(use_tcx, max_entries)
        self.stubs = Stubs.load(self.kernel, 7)
        self.pieces = []
        self.attachment = attach(self.stubs, socket.if_nametoindex("inner"), "inner")
        if use_tcx:
            self.kernel.open_answers(self.pieces.append)
        self.ends = {name: _raw_socket(name) for name in ("inner", "outer")}
        self.hardware = {name: _hardware_address(name) for name in self.ends}
        self.seen = _raw_socket("inner", 3)
        self.waiting = 0

    def show(self, outgoing: bool, packet: bytes, kind: int | None = None, to: bytes = b"") -> None:
        source, target = ("inner", "outer") if outgoing else ("outer", "inner")
        kind = kind or ether_type(packet)
        frame = (to or self.hardware[target]) + self.hardware[source] + struct.pack(">H", kind) + packet
        self.ends[source].sendto(frame, (source, kind))
        self.waiting += 1
        self.settle()

    def settle(self) -> None:
        deadline = time.monotonic() + 5
        while self.waiting and time.monotonic() < deadline:
            if select.select([self.seen], [], [], 0.5)[0]:
                self.seen.recv(1 << 16)
                self.waiting -= 1
        assert not self.waiting, "a packet did not pass"

    def answers(self) -> list[bytes]:
        if self.kernel.use_tcx:
            return super().answers()
        from kubectl_netpol.agent.packets import parse_packet

        while self.attachment.packets:
            try:
                packet = self.attachment.packets.recv(1 << 16)
            except BlockingIOError:
                break
            answer = parse_packet(packet)
            assert answer is not None, "the filter let through what is no answer"
            self.pieces.append(answer.payload)
        return list(self.pieces)


def _make_pair() -> None:
    for command in ("ip link add inner type veth peer name outer", "ip link set inner up", "ip link set outer up"):
        for name in ("all", "default"):
            Path(f"/proc/sys/net/ipv6/conf/{name}/disable_ipv6").write_text("1")
        subprocess.run(command.split(), check=True)


def _raw_socket(name: str, protocol: int = 0) -> socket.socket:
    end = socket.socket(socket.AF_PACKET, socket.SOCK_RAW, socket.htons(protocol))
    end.bind((name, protocol))
    return end


def _hardware_address(name: str) -> bytes:
    request = struct.pack("16s24x", name.encode())
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as any_socket:
        return fcntl.ioctl(any_socket, 0x8927, request)[18:24]  # SIOCGIFHWADDR; /sys shows another namespace's


def socket_stub(kernel: Kernel) -> int:
    """The socket filter's stub, for test runs; each packet counts as incoming there."""
    return stub.load(stub.SOCKET_FILTER, 7, kernel.scopes, kernel.entries, 0)


def quoted(pod: str, peer: str, payload: bytes, protocol: int) -> bytes:
    """An ICMP "unreachable" about a packet from pod to peer, of which it bears the first bytes."""
    inner = ip(pod, peer, protocol, payload)
    return icmp(1, 4, inner) if ":" in pod else icmp(3, 3, inner)
