"""DNS answers out of packets: headers are walked, and what is cut or foreign is none."""

from __future__ import annotations

import struct
from ipaddress import ip_address

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from kubectl_netpol.agent.layout import address_text
from kubectl_netpol.agent.packets import parse_packet

UDP = struct.pack(">HHHH", 53, 40000, 14, 0) + b"answer"
TCP = struct.pack(">HHIIBBHHH", 53, 40000, 0xFFFFFFF0, 1, 0x60, 0x18, 0, 0, 0) + b"\1\1\1\1" + b"answer"


def ipv4(protocol: int, payload: bytes, options: bytes = b"", fragment: int = 0) -> bytes:
    words = 5 + len(options) // 4
    head = struct.pack(">BBHHHBBH", 0x40 | words, 0, words * 4 + len(payload), 1, fragment, 64, protocol, 0)
    return head + ip_address("10.1.0.9").packed + ip_address("10.1.0.2").packed + options + payload


def ipv6(first: int, payload: bytes) -> bytes:
    head = struct.pack(">IHBB", 6 << 28, len(payload), first, 64)
    return head + ip_address("fd00::9").packed + ip_address("fd00::2").packed + payload


WHOLE = [
    ipv4(17, UDP),
    ipv4(17, UDP, b"\1" * 40),
    ipv4(17, UDP, fragment=0x2000),
    ipv4(6, TCP),
    ipv6(17, UDP),
    ipv6(6, TCP),
    ipv6(0, bytes([43, 0]) + bytes(6) + bytes([60, 1]) + bytes(14) + bytes([17, 0]) + bytes(6) + UDP),
    ipv6(44, bytes([17, 0, 0, 1]) + bytes(4) + UDP),
    ipv6(51, bytes([17, 4]) + bytes(22) + UDP),
]


@pytest.mark.parametrize("packet", WHOLE, ids=range(len(WHOLE)))
def test_the_answer_is_found_behind_its_headers(packet):
    found = parse_packet(packet + b"padding")
    assert (found.payload, found.local_port) == (b"answer", 40000)
    assert found.position == (0xFFFFFFF0 if found.protocol == 6 else 0)
    assert (address_text(found.local), address_text(found.peer)) in (("10.1.0.2", "10.1.0.9"), ("fd00::2", "fd00::9"))


@pytest.mark.parametrize(
    "packet",
    [
        b"",
        b"\x00",
        ipv4(17, UDP, fragment=100),
        ipv4(1, UDP),
        ipv4(17, struct.pack(">HHHH", 5353, 40000, 8, 0)),
        ipv6(44, bytes([17, 0, 1, 0]) + bytes(4) + UDP),
        ipv6(60, (bytes([60, 0]) + bytes(6)) * 9 + UDP),
        b"\x41" + ipv4(17, UDP)[1:],
    ],
)
def test_what_is_no_answer_is_none(packet):
    assert parse_packet(packet) is None


@pytest.mark.parametrize("packet", WHOLE, ids=range(len(WHOLE)))
def test_a_packet_that_is_cut_anywhere_is_none(packet):
    assert [length for length in range(len(packet)) if parse_packet(packet[:length])] == []


@settings(max_examples=500, deadline=None)
@given(
    st.one_of(st.binary(max_size=200), st.sampled_from(WHOLE)),
    st.lists(st.tuples(st.integers(0, 99), st.integers(0, 255))),
)
def test_any_bytes_are_an_answer_or_none(packet, changes):
    changed = bytearray(packet)
    for at, value in changes:
        if at < len(changed):
            changed[at] = value
    found = parse_packet(bytes(changed))
    assert found is None or (found.protocol in (6, 17) and len(found.local) == len(found.peer) == 16)
