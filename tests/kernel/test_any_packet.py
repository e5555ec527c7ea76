"""Anything at all: no packet makes a program do anything but look, and both parsers read the same."""

from __future__ import annotations

import struct

import packets
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from packets import (
    ACK,
    ICMP,
    ICMPV6,
    IPV4,
    IPV6,
    PEER,
    PEER6,
    POD,
    POD6,
    QINQ,
    RST,
    SCTP,
    SYN,
    TCP,
    UDP,
    VLAN,
    TestRun,
    ip,
    ipv4,
    ipv6,
    quoted,
    run,
    sctp,
    socket_stub,
    tagged,
    tcp,
    udp,
)

from kubectl_netpol.agent.packets import parse_packet

FUZZ = settings(max_examples=1500, deadline=None, database=None, suppress_health_check=list(HealthCheck))


# Anything at all

VALID = [
    ip(source, target, protocol, payload)
    for source, target in ((POD, PEER), (PEER, POD), (POD6, PEER6), (PEER6, POD6))
    for protocol, payload in (
        (TCP, tcp(40000, 53, SYN, 1)),
        (TCP, tcp(53, 40000, ACK, 1, 1, b"\0\x03abc")),
        (TCP, tcp(80, 40000, RST | ACK, 0, 2)),
        (UDP, udp(40000, 53, bytes(60))),
        (UDP, udp(53, 40000, bytes(2000))),
        (SCTP, sctp(40000, 36412, 0, 1, 1)),
        (ICMPV6 if ":" in source else ICMP, quoted(target, source, udp(53, 40000), UDP)),
    )
]
VALID += [ipv6(POD6, PEER6, TCP, tcp(1, 2, SYN), (0, 60, 43, 44, 51)), ipv4(POD, PEER, UDP, udp(1, 2), bytes(40))]


@st.composite
def mutated(draw):
    """A valid packet with some of its bytes changed, perhaps cut, perhaps in tags."""
    packet = bytearray(draw(st.sampled_from(VALID)))
    for _ in range(draw(st.integers(0, 8))):
        packet[draw(st.integers(0, min(len(packet), 100) - 1))] = draw(st.integers(0, 255))
    cut = bytes(packet[: draw(st.integers(1, len(packet)))]) if draw(st.booleans()) else bytes(packet)
    tags = draw(st.lists(st.sampled_from([VLAN, QINQ]), max_size=3))
    return tagged(cut, *tags) if tags else (draw(st.sampled_from([IPV4, IPV6])), cut)


ANYTHING = st.one_of(mutated(), st.tuples(st.sampled_from([IPV4, IPV6, VLAN, 0x0806]), st.binary(min_size=1)))


@pytest.mark.kernel(timeout=240)
@pytest.mark.parametrize("program", ["ingress", "egress", "socket"])
def test_no_packet_makes_a_program_do_anything_but_look(program):
    observer = TestRun(256)
    filters = packets.Kernel(False, 256)
    descriptor = socket_stub(filters) if program == "socket" else getattr(observer.stubs, program)
    allowed = {0, 0xFFFF} if program == "socket" else {-1}
    ran = 0

    @FUZZ
    @given(ANYTHING, st.binary(min_size=12, max_size=12))
    def check(anything, addresses):
        nonlocal ran
        kind, packet = anything
        frame = addresses + struct.pack(">H", kind) + packet
        try:
            result, after = run(descriptor, frame)
        except OSError:
            return  # frames that the kernel itself takes for none
        ran += 1
        assert result in allowed
        # A test run puts an empty Ethernet header before what a socket filter was shown.
        assert after[14:] == frame[14:] if program == "socket" else after == frame

    check()
    assert ran > 500


@pytest.mark.kernel(timeout=240)
def test_what_the_filter_lets_through_the_agent_reads_the_same():
    """Where broken packets give anything out, the agent's parser reads it too; most of them give nothing."""
    observer = TestRun(64)
    for packet in VALID:
        observer.send(packet)

    @FUZZ
    @given(mutated())
    def check(anything):
        kind, packet = anything
        if kind not in (IPV4, IPV6):
            return
        observer.pieces.clear()
        try:
            observer.show(False, packet, kind)
        except OSError:
            return
        given_out = b"".join(observer.answers())
        if given_out and packets.ether_type(packet) == kind:
            answer = parse_packet(packet)
            assert answer is not None
            assert answer.payload[: len(given_out)] == given_out

    check()
