"""Neighbors as rows of a table: the columns, and what stands in them."""

from __future__ import annotations

from collections.abc import Iterable

from ..model import Neighbor, NetworkNeighbors, Peer, PeerKind, Port, Selector
from ..render.age import age

_HEADERS = ("WORKLOAD", "DIRECTION", "PEER", "PORT", "ANSWERED/ATTEMPTED", "FIRST-SEEN", "LAST-SEEN")
_WIDE = ("REFUSED", "DNS", "MARKS", "SELECTOR")


class Columns:
    """Which columns a table has; ages are counted from ``now``, in ms since the Unix epoch."""

    def __init__(self, with_namespace: bool, wide: bool) -> None:
        self._with_namespace, self._wide = with_namespace, wide
        self.headers = (("NAMESPACE",) if with_namespace else ()) + _HEADERS + (_WIDE if wide else ())

    def row(self, one: NetworkNeighbors, neighbor: Neighbor, now: int) -> list[str]:
        """The cells of one neighbor."""
        return self._start(one) + _row(neighbor, now) + (_wide(neighbor) if self._wide else [])

    def rows(self, found: Iterable[NetworkNeighbors], now: int) -> list[list[str]]:
        """All neighbors; a workload that has none is a row by itself."""
        rows = []
        for one in found:
            start = self._start(one)
            told = [self.row(one, neighbor, now) for neighbor in one.neighbors]
            rows += told or [start + [""] * (len(self.headers) - len(start))]
        return rows

    def _start(self, one: NetworkNeighbors) -> list[str]:
        return ([one.workload.namespace] if self._with_namespace else []) + [one.workload.path]


def _row(neighbor: Neighbor, now: int) -> list[str]:
    key, counts = neighbor.key, neighbor.counts
    tally = f"{counts.answered}/{counts.attempts}"
    ages = [age(now - counts.first), age(now - counts.last)]
    return [str(key.direction), peer_name(neighbor), port_name(key.port), tally, *ages]


def _wide(neighbor: Neighbor) -> list[str]:
    counts = neighbor.counts
    marks = ",".join(sorted(counts.marks))
    return [str(counts.refused), ",".join(counts.names), marks, _selectors(neighbor.key.peer)]


def port_name(port: Port) -> str:
    """How the table names a port."""
    return f"{port.protocol}/{port.port}" if port.port else str(port.protocol)


def peer_name(neighbor: Neighbor) -> str:
    """How the table names a neighbor."""
    peer = neighbor.key.peer
    if peer.kind is PeerKind.OWN_NODE:  # beside it there may be the same node's other traffic
        return f"own {peer.name} ({peer.address})"
    name = peer.name or next(iter(neighbor.counts.names), "")
    if name and peer.address:
        return f"{name} ({peer.address})"
    return peer.name or peer.address or _selectors(peer) or str(peer.kind)


def _selectors(peer: Peer) -> str:
    if peer.pod_selector is None:
        return ""
    text = _selector(peer.pod_selector) or "<every pod>"
    return text if peer.namespace_selector is None else f"{_selector(peer.namespace_selector)}:{text}"


def _selector(selector: Selector) -> str:
    labels = [f"{key}={value}" for key, value in selector.match_labels]
    for item in selector.match_expressions:
        values = f" ({','.join(item.values)})" if item.values else ""
        labels.append(f"{item.key} {item.operator.lower()}{values}")
    return ",".join(labels)
