"""NetworkNeighbors to a map. What both sides tell of a flow becomes one edge that has two accounts."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace

from ..model import Counts, Direction, NetworkNeighbors, Peer
from ..neighbors.labels import selector_text
from .keys import Keys, Lookup, group_of, workload_key
from .values import Account, Coverage, Edge, EdgeKey, Graph, Key, Place, Verdict

_ORDER = ("namespace", "cluster", "unknown", "outside")


def build(accounts: Iterable[NetworkNeighbors], lookup: Lookup) -> Graph:
    """The map of all accounts: each workload, whoever it talked to, and an edge for each port between two places."""
    everything = list(accounts)
    keys = Keys(everything, lookup)
    drafts: dict[Key, _Draft] = {}
    edges: dict[EdgeKey, list[Account]] = {}
    for one in everything:
        own = workload_key(one.workload)
        drafts.setdefault(own, _Draft()).own.append(one)
        for neighbor in one.neighbors:
            other = keys.key(neighbor.key.peer, one.workload.namespace)
            drafts.setdefault(other, _Draft()).meet(neighbor.key.peer, neighbor.counts.names, keys)
            client, server = (own, other) if neighbor.key.direction is Direction.EGRESS else (other, own)
            edges.setdefault(EdgeKey(client, server, neighbor.key.port), []).append(Account(one.workload, neighbor))
    places = sorted((draft.place(key) for key, draft in drafts.items()), key=_rank)
    return Graph(tuple(places), tuple(_edge(key, edges[key]) for key in sorted(edges)))


def judge(
    graph: Graph, verdicts: Mapping[EdgeKey, Verdict] | None, coverage: Mapping[Key, Coverage] | None = None
) -> Graph:
    """The same map with what policies say of its edges and workloads; unchanged where there are none (None)."""
    if verdicts is None:
        return graph
    isolated = coverage or {}
    return Graph(
        tuple(replace(place, coverage=isolated.get(place.key)) for place in graph.places),
        tuple(replace(edge, verdict=verdicts.get(edge.key)) for edge in graph.edges),
        is_judged=True,
    )


def total(counts: Iterable[Counts]) -> Counts | None:
    """The sum of several rows of one side; None of none."""
    rows = list(counts)
    if not rows:
        return None
    return Counts(
        sum(row.attempts for row in rows),
        sum(row.answered for row in rows),
        sum(row.refused for row in rows),
        min((row.first for row in rows if row.first), default=0),
        max(row.last for row in rows),
        frozenset().union(*(row.marks for row in rows)),
        tuple(sorted({name for row in rows for name in row.names})),
    )


@dataclass(slots=True)
class _Draft:
    """What has been read of a place so far."""

    own: list[NetworkNeighbors] = field(default_factory=list)
    addresses: set[str] = field(default_factory=set)
    names: set[str] = field(default_factory=set)
    servers: set[str] = field(default_factory=set)
    selectors: set[str] = field(default_factory=set)

    def meet(self, peer: Peer, names: Sequence[str], keys: Keys) -> None:
        if peer.address or peer.block:
            self.addresses.add(peer.address or peer.block)
            self.names.update(names)
            self.servers.add(keys.server(peer.address))
        elif peer.pod_selector is not None:
            self.selectors.add(selector_text(peer.pod_selector))

    def place(self, key: Key) -> Place:
        selectors = {selector_text(one.selector) for one in self.own} or self.selectors
        return Place(
            key,
            group_of(key),
            bool(self.own),
            any(one.host_network for one in self.own),
            " or ".join(sorted(selectors)),
            ", ".join(sorted(self.servers - {""})),
            tuple(sorted(self.addresses)),
            tuple(sorted(self.names)),
            tuple(sorted({name for one in self.own for window in one.windows for name, lost in window.losses if lost})),
        )


def _edge(key: EdgeKey, accounts: list[Account]) -> Edge:
    client, server = (
        total(one.neighbor.counts for one in accounts if one.neighbor.key.direction is direction)
        for direction in (Direction.EGRESS, Direction.INGRESS)
    )
    return Edge(key, tuple(accounts), client, server)


def _rank(place: Place) -> tuple[int, str, Key]:
    return _ORDER.index(place.group.kind), place.group.name, place.key
