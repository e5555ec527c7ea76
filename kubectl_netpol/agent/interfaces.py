"""The interfaces and addresses of the network namespace that the caller is in, by getifaddrs(3)."""

from __future__ import annotations

import ctypes
import socket
from collections.abc import Iterator
from dataclasses import dataclass
from ipaddress import IPv6Address, ip_interface

_LOOPBACK = 0x8


class _Address(ctypes.Structure):
    pass


_Address._fields_ = [
    ("next", ctypes.POINTER(_Address)),
    ("name", ctypes.c_char_p),
    ("flags", ctypes.c_uint),
    ("address", ctypes.c_void_p),
    ("netmask", ctypes.c_void_p),
    ("broadcast", ctypes.c_void_p),
    ("data", ctypes.c_void_p),
]
_libc = ctypes.CDLL(None, use_errno=True)


@dataclass(frozen=True, slots=True)
class Interfaces:
    """``indexes``: names of the interfaces that packets come by, loopback left out, by index. Addresses are canonical
    text without link-local IPv6 ones; ``broadcasts`` are the subnets' own broadcast addresses."""

    indexes: dict[int, str]
    addresses: tuple[str, ...]
    broadcasts: frozenset[str]


def read_interfaces() -> Interfaces:
    """Raises OSError when the kernel does not tell."""
    loopback: set[str] = set()
    addresses: set[str] = set()
    broadcasts: set[str] = set()
    for name, flags, address, mask in _entries():
        if flags & _LOOPBACK:
            loopback.add(name)
        elif address:
            network = ip_interface(f"{address}/{mask}").network
            if not network.is_link_local or network.version == 4:
                addresses.add(address)
            if network.version == 4 and network.prefixlen < 31:
                broadcasts.add(str(network.broadcast_address))
    indexes = {index: name for index, name in socket.if_nameindex() if name not in loopback}
    return Interfaces(indexes, tuple(sorted(addresses)), frozenset(broadcasts))


def _entries() -> Iterator[tuple[str, int, str, int]]:
    head = ctypes.POINTER(_Address)()
    if _libc.getifaddrs(ctypes.byref(head)) != 0:
        raise OSError(ctypes.get_errno(), "getifaddrs")
    try:
        entry = head
        while entry:
            value = entry.contents
            name = value.name.decode("utf-8", "surrogateescape")
            yield name, value.flags, _text(value.address), _prefix(value.address, value.netmask)
            entry = value.next
    finally:
        _libc.freeifaddrs(head)


def _raw(pointer: int | None) -> bytes:
    if not pointer:
        return b""
    family = int.from_bytes(ctypes.string_at(pointer, 2), "little")
    if family == socket.AF_INET:
        return ctypes.string_at(pointer + 4, 4)
    return ctypes.string_at(pointer + 8, 16) if family == socket.AF_INET6 else b""


def _text(pointer: int | None) -> str:
    raw = _raw(pointer)
    if len(raw) == 4:
        return socket.inet_ntop(socket.AF_INET, raw)
    return str(IPv6Address(raw)) if raw else ""


def _prefix(address: int | None, mask: int | None) -> int:
    return int.from_bytes(_raw(mask), "big").bit_count() if _raw(address) else 0
