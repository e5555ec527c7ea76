"""DNS answers out of whole packets, for kernels where they come by a packet socket. The kernel's filter chose them;
they are parsed again with care, since everything on a wire is hostile. Layouts: RFC 791, 8200, 768, 9293."""

from __future__ import annotations

from typing import NamedTuple

_MAPPED = bytes(10) + b"\xff\xff"
_EXTENSIONS = {0, 43, 60}
_FRAGMENT, _AUTHENTICATION = 44, 51
_DNS = 53


class Answer(NamedTuple):
    """The payload of a DNS answer; addresses are 16 bytes each, ``position`` is TCP's sequence number."""

    protocol: int
    local: bytes
    peer: bytes
    local_port: int
    position: int
    payload: bytes


def parse_packet(packet: bytes) -> Answer | None:
    """The answer in an IP packet (without link layer), or None."""
    version = packet[0] >> 4 if packet else 0
    if version == 4:
        return _parse_ipv4(packet)
    return _parse_ipv6(packet) if version == 6 else None


def _parse_ipv4(packet: bytes) -> Answer | None:
    header = (packet[0] & 15) * 4
    if len(packet) < 20 or header < 20 or int.from_bytes(packet[6:8], "big") & 0x1FFF:
        return None
    end = int.from_bytes(packet[2:4], "big")
    if end > len(packet):
        return None
    peer, local = _MAPPED + packet[12:16], _MAPPED + packet[16:20]
    return _parse_transport(packet[9], peer, local, packet[header:end])


def _parse_ipv6(packet: bytes) -> Answer | None:
    if len(packet) < 40:
        return None
    protocol, offset = packet[6], 40
    end = 40 + int.from_bytes(packet[4:6], "big")
    if end > len(packet):
        return None
    for _ in range(8):
        if len(packet) < offset + 8 or protocol not in _EXTENSIONS | {_FRAGMENT, _AUTHENTICATION}:
            break
        if protocol == _FRAGMENT and int.from_bytes(packet[offset + 2 : offset + 4], "big") & 0xFFF8:
            return None
        length = 8 if protocol == _FRAGMENT else (packet[offset + 1] + 1) * 8
        if protocol == _AUTHENTICATION:
            length = (packet[offset + 1] + 2) * 4
        protocol, offset = packet[offset], offset + length
    return _parse_transport(protocol, packet[8:24], packet[24:40], packet[offset:end])


def _parse_transport(protocol: int, peer: bytes, local: bytes, data: bytes) -> Answer | None:
    shortest = {6: 20, 17: 8}.get(protocol)
    if shortest is None or len(data) < shortest or int.from_bytes(data[0:2], "big") != _DNS:
        return None
    port = int.from_bytes(data[2:4], "big")
    if protocol == 17:
        return Answer(protocol, local, peer, port, 0, data[8:])
    position = int.from_bytes(data[4:8], "big")
    return Answer(protocol, local, peer, port, position, data[(data[12] >> 4) * 4 :])
