"""The network namespaces that are captured, and everything the agent knows of each."""

from __future__ import annotations

import errno
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from kubectl_netpol.wire import Marks, Namespace

from .attachment import Attachment, Stubs, attach
from .interfaces import read_interfaces
from .names import NameTable

_MAX_ADDRESSES = 64
_SOCKET_KINDS = {"TCP:", "UDP:", "TCP6:", "UDP6:"}


_VANISHED = (errno.ENODEV, errno.ENXIO, errno.ENOENT)


@dataclass(slots=True)
class CapturedNamespace:
    """``scope`` is our number for it (never used twice), ``inode`` the kernel's, ``nsid`` the one its events bear.

    ``path`` opens it: holding a descriptor would keep it alive. ``existing`` counts connections that were there before
    the capture, by flow text, with their marks and when they were found; ``bound`` are the ports told to the kernel.
    ``pod`` is the UID, ``place`` the pod's namespace and name; ``since`` is when it was learned last whose it is.
    """

    scope: int
    inode: int
    path: str
    nsid: int | None = None
    stubs: Stubs = field(default_factory=Stubs)
    pod: str = ""
    place: tuple[str, str] = ("", "")
    since: float = field(default_factory=time.monotonic)
    attachments: dict[int, Attachment] = field(default_factory=dict)
    names: NameTable = field(default_factory=NameTable)
    addresses: set[str] = field(default_factory=set)
    broadcasts: frozenset[str] = frozenset()
    primary: int = 0
    former: set[int] = field(default_factory=set)
    existing: dict[str, tuple[int, Marks, int]] = field(default_factory=dict)
    is_gone: bool = False
    has_news: bool = True
    has_existing_news: bool = False
    unseen: int = 0
    is_overlooked: bool = False
    has_failures: bool = False
    wants_sockets: bool = False
    bound: set[int] = field(default_factory=set)

    def value(self) -> Namespace:
        """As the wire says it."""
        addresses = tuple(sorted(self.addresses)[:_MAX_ADDRESSES])
        return Namespace(f"{self.inode}-{self.scope}", self.pod, addresses, self.is_gone, *self.place)

    def know_pod(self, uid: str) -> None:
        """It is the network of the pod with that UID, if any."""
        if uid:
            self.pod, self.since, self.has_news = uid, time.monotonic(), True

    def know_place(self, place: tuple[str, str] | None) -> None:
        """The pod has that namespace and name, if any."""
        if place:
            self.place, self.has_news = place, True

    def note_existing(self, flows: Iterable[Sequence[Any]], counted: Mapping[str, int], now: int) -> None:
        """Books connections that are older than the capture, less what the kernel ``counted`` meanwhile, by flow."""
        found: dict[str, tuple[int, Marks]] = {}
        for role, protocol, local, peer, port, inferred in flows:
            text = f"{role} {protocol} {local} {peer} {port}"
            count, marks = found.get(text, (0, Marks.EXISTING))
            found[text] = count + 1, marks | (Marks.INFERRED_PORT if inferred else Marks(0))
        for text, (count, marks) in found.items():
            older, known = count - counted.get(text, 0), self.existing.get(text, (0, marks, now))
            if older > known[0]:
                self.existing[text] = older, marks, known[2]
        self.has_existing_news = True

    def look(self, before_attaching: Callable[[], None]) -> list[str]:
        """Attaches to new interfaces and notes addresses; the caller is inside the namespace.

        ``before_attaching`` is called when there is a new interface. Returns what failed, a sentence each. Raises
        TcxMissingError.
        """
        interfaces = read_interfaces()
        for index in self.attachments.keys() - interfaces.indexes.keys():
            self.attachments.pop(index).close()
        fresh = {index: name for index, name in interfaces.indexes.items() if index not in self.attachments}
        if fresh:
            before_attaching()
        failures = self._attach(fresh)
        self.wants_sockets |= bool(fresh) and _has_sockets()
        before = set(self.addresses), self.primary
        self.addresses.update(interfaces.addresses)
        self.broadcasts = interfaces.broadcasts
        self._choose_primary(interfaces.indexes)
        self.has_news |= before != (self.addresses, self.primary)
        return failures

    def _choose_primary(self, indexes: dict[int, str]) -> None:
        # Where the last default route goes away with its interface, what was heard by it stays what it was.
        chosen = _default_route(indexes) or self.primary or min(indexes, default=0)
        if self.primary not in (chosen, *indexes):
            self.former.add(self.primary)
        self.primary = chosen

    def _attach(self, fresh: dict[int, str]) -> list[str]:
        failures = []
        for index, name in fresh.items():
            try:
                self.attachments[index] = attach(self.stubs, index, name)
            except OSError as error:
                if error.errno in _VANISHED:
                    continue  # it went while it was looked at: nothing is lost that was there
                failures.append(f"interface {name} could not be attached: {error.strerror}")
        return failures

    def close_packets(self) -> None:
        """Lets go of what would keep the namespace alive."""
        for attachment in self.attachments.values():
            attachment.close_packets()

    def close(self) -> None:
        """Lets go of interfaces and programs."""
        for attachment in self.attachments.values():
            attachment.close()
        self.attachments.clear()
        self.stubs.close()


def _default_route(indexes: dict[int, str]) -> int:
    """The index of the interface with the default route; 0 when there is none."""
    by_name = {name: index for index, name in indexes.items()}
    for table, device, destination, any_ in (("route", 0, 1, "00000000"), ("ipv6_route", 9, 0, "0" * 32)):
        for line in _lines(f"/proc/thread-self/net/{table}"):
            fields = line.split()
            is_default = len(fields) > max(device, destination) and fields[destination] == any_
            if is_default and fields[device] in by_name and (table == "route" or fields[1] == "00"):
                return by_name[fields[device]]
    return 0


def _has_sockets() -> bool:
    """Whether there is any socket that could be older than the capture.

    ``TCP: inuse 5 orphan 0 ...`` counts this namespace's own. The tables beside it (net/tcp) would make the kernel walk
    the whole machine's: 20 ms, in which a short-lived pod is missed.
    """
    lines = (line.split() for name in ("sockstat", "sockstat6") for line in _lines(f"/proc/thread-self/net/{name}"))
    return any(fields[0] in _SOCKET_KINDS and fields[1:2] == ["inuse"] and fields[2] != "0" for fields in lines)


def _lines(path: str) -> list[str]:
    try:
        return Path(path).read_text("utf-8", "replace").splitlines()
    except OSError:
        return []
