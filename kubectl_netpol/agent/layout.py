"""The bytes of the kernel's maps as values; ``bpf/neighbors.h`` is the other side, a fixture in the tests pins both."""

from __future__ import annotations

import struct
from functools import lru_cache
from ipaddress import IPv6Address
from typing import NamedTuple

KEY = struct.Struct("<IHBB16s16s")
"""scope, port, protocol, role, local, peer"""

VALUE = struct.Struct("<QQQQQII")
"""attempts, answered, refused, first, last (ns of CLOCK_MONOTONIC), interface, reserved"""

BOUND_KEY = struct.Struct("<II")
"""scope, port"""

SETTINGS = struct.Struct("<QII")
"""seed, recent_mask, reserved"""

CHUNK = struct.Struct("<IHBB16s16sII")
"""scope, local port, protocol, last, local, peer, position, length; the data follows"""

BOUND_SERVER, BOUND_CLIENT = 1, 2
ENTRY_TCX_INGRESS, ENTRY_TCX_EGRESS = 0, 1
COUNTS = ("overflow", "fragments", "multicast", "broadcast", "icmp", "other", "short", "unsolicited", "dns_lost")
ROLES = ("in", "out")
PROTOCOLS = {1: "icmp", 58: "icmp", 6: "tcp", 17: "udp", 132: "sctp"}

_MAPPED = bytes(10) + b"\xff\xff"


class Key(NamedTuple):
    """A neighbor's key: ``local`` and ``peer`` are 16 bytes each, IPv4 as ::ffff:a.b.c.d."""

    scope: int
    port: int
    protocol: int
    role: int
    local: bytes
    peer: bytes


class Value(NamedTuple):
    """A neighbor's counters; times in ns of CLOCK_MONOTONIC."""

    attempts: int
    answered: int
    refused: int
    first: int
    last: int
    interface: int
    reserved: int = 0


def parse_key(raw: bytes) -> Key:
    return Key(*KEY.unpack(raw))


def parse_value(raw: bytes) -> Value:
    return Value(*VALUE.unpack(raw))


def pack_key(key: Key) -> bytes:
    return KEY.pack(*key)


@lru_cache(maxsize=4096)
def address_text(raw: bytes) -> str:
    """Canonical text of 16 bytes: dotted for IPv4-mapped ones, RFC 5952 for the rest."""
    if raw.startswith(_MAPPED):
        return ".".join(map(str, raw[12:]))
    return str(IPv6Address(raw))


def flow_text(key: Key) -> str:
    """A flow's key on the wire, see ``wire``."""
    protocol = PROTOCOLS.get(key.protocol, str(key.protocol))
    return f"{ROLES[key.role & 1]} {protocol} {address_text(key.local)} {address_text(key.peer)} {key.port}"
