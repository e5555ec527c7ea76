"""DNS names that lead to another address than before, for the watch on an apply. Pure.

A policy admits the addresses that were recorded. A flow to one that was never met is denied then, although its name was
answered all the time: to whoever calls it, it used to be answered. A host may try a name by IPv4 and by IPv6, and only
one of them may ever have worked, so that each counts by itself.
"""

from __future__ import annotations

from ..model import Counts, Direction, Peer, PeerKind, Port

Place = tuple[str, Direction, Peer, Port]
"""A flow by the workload's full path and, without its name, the peer."""

Named = tuple[str, Port, bool, str]
"""A workload's full path, the port, whether it is IPv6, and the DNS name."""


class Names:
    """The DNS names under which workloads were answered outside of the cluster, and what of them was broken before."""

    def __init__(self) -> None:
        self._answered: dict[Named, int] = {}  # until when, in ms
        self._working: set[Named] = set()
        self._tried: dict[Place, int] = {}  # since when, in ms
        self._broken: set[Place] = set()

    def add(self, place: Place, counts: Counts) -> None:
        """What recordings know of a flow."""
        if counts.answered:
            for one in _named(place, counts):
                self._answered[one] = max(self._answered.get(one, 0), counts.last)
        elif counts.attempts and not counts.refused:
            self._tried[place] = min(self._tried.get(place, counts.first), counts.first)

    def hear_answered(self, place: Place, counts: Counts) -> None:
        """A flow that was answered right before the apply."""
        for one in _named(place, counts):
            self._answered.setdefault(one, 0)
            self._working.add(one)

    def lose(self, place: Place, counts: Counts) -> bool:
        """A flow that went unanswered right before the apply already; whether it is a name's that used to be answered.

        It does not count from now on, nor does a name of it that nothing answered then.
        """
        named = _named(place, counts)
        is_lost = not named & self._working and bool(self.name_of(place, counts))
        for one in named - self._working:
            self._answered.pop(one, None)
        self.forget(place)
        return is_lost

    def forget(self, place: Place) -> None:
        """It is no loss, whatever its names are."""
        self._broken.add(place)

    def name_of(self, place: Place, counts: Counts) -> str:
        """A name of the flow that was answered at another address, the first of several; empty where there is none.

        An address that was tried in vain while the name was answered elsewhere was broken before, and has none.
        """
        if place in self._broken:
            return ""
        tried = self._tried.get(place)
        known = (one for one in _named(place, counts) if one in self._answered)
        return min((one[3] for one in known if tried is None or tried > self._answered[one]), default="")


def _named(place: Place, counts: Counts) -> set[Named]:
    path, direction, peer, port = place
    if direction is not Direction.EGRESS or peer.kind is not PeerKind.EXTERNAL:
        return set()
    is_v6 = ":" in (peer.address or peer.block)
    return {(path, port, is_v6, name) for one in counts.names if (name := one.rstrip(".").lower())}
