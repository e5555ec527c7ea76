"""One netlink socket that hears of links and addresses in every namespace, without keeping any of them alive.

A namespace that has a number in ours (an *nsid*) sends us its events (NETLINK_LISTEN_ALL_NSID, Linux 4.2). Giving it
one is all that is done to it; the number vanishes with the namespace, and the kernel says when. See rtnetlink(7).
"""

from __future__ import annotations

import os
import socket
import struct
from collections.abc import Iterator
from dataclasses import dataclass

_HEADER = struct.Struct("<IHHII")
_GENERIC = struct.Struct("<Bxxx")
_ATTRIBUTE = struct.Struct("<HH")
_SOL_NETLINK, _LISTEN_ALL_NSID = 270, 8
_GROUPS = (1, 5, 7, 9, 11, 28)  # link, IPv4 address, IPv4 route, IPv6 address, IPv6 route, nsid
_ROUTES = (24, 25)
_NEWNSID, _DELNSID, _GETNSID, _ERROR = 88, 89, 90, 2
_NSID, _PID, _FD = 1, 2, 3
_REQUEST, _ACK = 1, 4
_MAX_READS = 1000


@dataclass(frozen=True, slots=True)
class Event:
    """Something happened in the namespace with number ``nsid`` (None: in our own). ``gone``: it is being removed.
    ``overrun``: more happened than could be told."""

    nsid: int | None
    gone: bool = False
    overrun: bool = False


class Events:
    """Raises OSError when the kernel offers no such socket. ``hears_all`` is False without CAP_NET_BROADCAST."""

    def __init__(self) -> None:
        self._socket = socket.socket(socket.AF_NETLINK, socket.SOCK_RAW | socket.SOCK_CLOEXEC, 0)
        self._socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 1 << 20)
        self._socket.bind((0, 0))
        for group in _GROUPS:
            self._socket.setsockopt(_SOL_NETLINK, 1, group)
        self.hears_all = True
        try:
            self._socket.setsockopt(_SOL_NETLINK, _LISTEN_ALL_NSID, 1)
        except PermissionError:
            self.hears_all = False
        self._socket.setblocking(False)

    def fileno(self) -> int:
        return self._socket.fileno()

    def read(self) -> Iterator[Event]:
        """All events that wait."""
        for _ in range(_MAX_READS):
            try:
                data, ancillary, _flags, _sender = self._socket.recvmsg(1 << 16, 64)
            except BlockingIOError:
                return
            except OSError:
                yield Event(None, overrun=True)
                continue
            nsid = next((struct.unpack("<i", raw)[0] for _level, _type, raw in ancillary if len(raw) == 4), None)
            for kind, body in _messages(data):
                if kind == _DELNSID:
                    yield Event(_attribute(body, _NSID), True)
                elif kind not in _ROUTES or (nsid is not None and _is_default(body)):
                    yield Event(nsid)

    def close(self) -> None:
        self._socket.close()


def _is_default(route: bytes) -> bool:
    """A pod's default route says which of its interfaces is the main one; struct rtmsg: family, destination length."""
    return route[1:2] == b"\0"


def number_namespace(descriptor: int) -> int | None:
    """The nsid of a namespace, given to it if it had none; None when the kernel refuses."""
    with _link() as link:
        nsid = _get_number(link, descriptor)
        if nsid is None:
            _ask(link, _NEWNSID, _pack(_NSID, 0xFFFFFFFF) + _pack(_FD, descriptor))
            nsid = _get_number(link, descriptor)
        return nsid


def number_of(descriptor: int) -> int | None:
    """The nsid that a namespace has, None if it has none."""
    with _link() as link:
        return _get_number(link, descriptor)


def _link() -> socket.socket:
    link = socket.socket(socket.AF_NETLINK, socket.SOCK_RAW | socket.SOCK_CLOEXEC, 0)
    link.settimeout(1)
    return link


def _get_number(link: socket.socket, descriptor: int) -> int | None:
    nsid = _ask(link, _GETNSID, _pack(_FD, descriptor))
    return nsid if nsid is not None and nsid >= 0 else None


def _pack(kind: int, value: int) -> bytes:
    return _ATTRIBUTE.pack(8, kind) + struct.pack("<I", value)


def _ask(link: socket.socket, kind: int, attributes: bytes) -> int | None:
    body = _GENERIC.pack(0) + attributes
    flags = _REQUEST if kind == _GETNSID else _REQUEST | _ACK
    link.send(_HEADER.pack(_HEADER.size + len(body), kind, flags, os.getpid() & 0xFFFF, 0) + body)
    for answer, payload in _messages(link.recv(4096)):
        if answer == _NEWNSID:
            return _attribute(payload, _NSID)
    return None


def _messages(data: bytes) -> Iterator[tuple[int, bytes]]:
    while len(data) >= _HEADER.size:
        length, kind, _flags, _sequence, _port = _HEADER.unpack_from(data)
        if not _HEADER.size <= length <= len(data):
            return
        yield kind, data[_HEADER.size : length]
        data = data[(length + 3) & ~3 :]


def _attribute(body: bytes, wanted: int) -> int | None:
    rest = body[_GENERIC.size :]
    while len(rest) >= _ATTRIBUTE.size:
        length, kind = _ATTRIBUTE.unpack_from(rest)
        if length < _ATTRIBUTE.size:
            return None
        if kind == wanted and 8 <= length <= len(rest):
            return int(struct.unpack_from("<i", rest, 4)[0])
        rest = rest[(length + 3) & ~3 :]
    return None
