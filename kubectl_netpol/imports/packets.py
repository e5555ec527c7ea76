"""One captured packet taken apart: the IP layer under its link layer, and what is asked of its transport.

Layouts: RFC 791, 8200 (IP), 9293 (TCP), 768 (UDP), 9260 (SCTP), 792 and 4443 (ICMP); link types: tcpdump.org/linktypes.
"""

from __future__ import annotations

from typing import NamedTuple

TCP, UDP, SCTP, ICMP, ICMP6 = 6, 17, 132, 1, 58
ETHERNET, RAW, IPV4_ONLY, IPV6_ONLY, SLL, SLL2, NULL, LOOP = 1, 101, 228, 229, 113, 276, 0, 108
LINKS = frozenset({ETHERNET, RAW, IPV4_ONLY, IPV6_ONLY, SLL, SLL2, NULL, LOOP})

_RAW_LINKS = frozenset({RAW, IPV4_ONLY, IPV6_ONLY})
_TAGS = frozenset({b"\x81\x00", b"\x88\xa8", b"\x91\x00"})
_IP = frozenset({b"\x08\x00", b"\x86\xdd"})
_EXTENSIONS = frozenset({0, 43, 60})
_FRAGMENT, _AUTHENTICATION, _MOST_EXTENSIONS = 44, 51, 8


class Segment(NamedTuple):
    """Addresses are 4 or 16 bytes; ``data`` begins with the transport's header."""

    protocol: int
    source: bytes
    destination: bytes
    data: bytes


def read_link(link: int, packet: bytes) -> bytes:
    """The IP packet in a captured one; empty for anything else."""
    if link == ETHERNET:
        return _tagged(packet, 12)
    if link in _RAW_LINKS:
        return packet
    if link == SLL:
        return _tagged(packet, 14)
    if link == SLL2:
        return packet[20:] if packet[:2] in _IP else b""
    return packet[4:]


def read_ip(packet: bytes) -> Segment | None:
    """None for what is no whole IP header, or a later fragment, which bears no ports."""
    version = packet[0] >> 4 if packet else 0
    if version == 4:
        header = (packet[0] & 15) * 4
        if len(packet) < 20 or header < 20 or int.from_bytes(packet[6:8], "big") & 0x1FFF:
            return None
        return Segment(packet[9], packet[12:16], packet[16:20], packet[header:])
    return _read_ipv6(packet) if version == 6 else None


def _tagged(packet: bytes, position: int) -> bytes:
    for _ in range(3):
        kind = packet[position : position + 2]
        if kind in _IP:
            return packet[position + 2 :]
        if kind not in _TAGS:
            return b""
        position += 4
    return b""


def _read_ipv6(packet: bytes) -> Segment | None:
    if len(packet) < 40:
        return None
    protocol, offset = packet[6], 40
    for _ in range(_MOST_EXTENSIONS):
        if protocol not in _EXTENSIONS and protocol not in (_FRAGMENT, _AUTHENTICATION):
            break
        if len(packet) < offset + 8:
            return None
        if protocol == _FRAGMENT and int.from_bytes(packet[offset + 2 : offset + 4], "big") & 0xFFF8:
            return None
        length = 8 if protocol == _FRAGMENT else (packet[offset + 1] + 1) * 8
        if protocol == _AUTHENTICATION:
            length = (packet[offset + 1] + 2) * 4
        protocol, offset = packet[offset], offset + length
    return Segment(protocol, packet[8:24], packet[24:40], packet[offset:])
