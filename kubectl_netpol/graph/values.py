"""A map's values: places, the edges between them, and what policies say of both. Built by ``build``."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from ..model import Counts, Direction, Neighbor, PeerKind, Port, Workload


class Verdict(StrEnum):
    """What policies say of an edge; of one between two workloads both have to admit it."""

    ALLOWED = "allowed"
    DENIED = "denied"
    UNTOLD = "untold"  # it depends on something that is not known


class State(StrEnum):
    """How an edge is drawn."""

    ANSWERED = "answered"
    UNANSWERED = "unanswered"  # refused, or met with silence
    DENIED = "denied"  # whatever it was when it was recorded: a policy would stop it


class GroupKind(StrEnum):
    """What places stand together, in the order of a map."""

    NAMESPACE = "namespace"
    CLUSTER = "cluster"  # nodes and the API server
    UNKNOWN = "unknown"  # inside the cluster's ranges, but nobody's
    OUTSIDE = "outside"


@dataclass(frozen=True, slots=True, order=True)
class Key:
    """What makes a place the same: ``type`` is the kind in lower case, or empty for what is no object."""

    kind: PeerKind
    namespace: str
    type: str
    name: str

    @property
    def path(self) -> str:
        """``deployment/nginx``, or the name alone."""
        return f"{self.type}/{self.name}" if self.type else self.name


@dataclass(frozen=True, slots=True, order=True)
class Group:
    """``name`` is the namespace's, and empty for the other kinds."""

    kind: GroupKind
    name: str = ""


@dataclass(frozen=True, slots=True)
class Coverage:
    """In which directions policies isolate a workload; in the others it is open."""

    ingress: bool
    egress: bool


@dataclass(frozen=True, slots=True)
class Place:
    """A workload or a peer. ``addresses`` and ``names`` (DNS) are of what has no workload, sorted.

    ``is_recorded``: an account of its own was read. ``selector`` is text for people. ``losses`` are the counters'
    names of what its recording lost. ``coverage`` is None where no policies were given or it is no workload.
    """

    key: Key
    group: Group
    is_recorded: bool = False
    host_network: bool = False
    selector: str = ""
    server: str = ""
    addresses: tuple[str, ...] = ()
    names: tuple[str, ...] = ()
    losses: tuple[str, ...] = ()
    coverage: Coverage | None = None


@dataclass(frozen=True, slots=True)
class Account:
    """One row that told of an edge, and whose row it was."""

    workload: Workload
    neighbor: Neighbor


@dataclass(frozen=True, slots=True, order=True)
class EdgeKey:
    """``client`` asks, ``server`` listens at ``port``."""

    client: Key
    server: Key
    port: Port


@dataclass(frozen=True, slots=True)
class Edge:
    """``client`` and ``server`` are both sides' counts, summed over their accounts; None where nobody looked."""

    key: EdgeKey
    accounts: tuple[Account, ...]
    client: Counts | None
    server: Counts | None
    verdict: Verdict | None = None

    @property
    def state(self) -> State:
        if self.verdict is Verdict.DENIED:
            return State.DENIED
        answered = any(counts.answered for counts in (self.client, self.server) if counts)
        return State.ANSWERED if answered else State.UNANSWERED

    def side(self, direction: Direction) -> Counts | None:
        """The counts of who recorded it in that direction: EGRESS is the client's."""
        return self.client if direction is Direction.EGRESS else self.server


@dataclass(frozen=True, slots=True)
class Graph:
    """Places in the order of their groups and keys, edges in that of theirs. ``is_judged``: policies were given."""

    places: tuple[Place, ...] = ()
    edges: tuple[Edge, ...] = ()
    is_judged: bool = False

    @property
    def groups(self) -> tuple[tuple[Group, tuple[Place, ...]], ...]:
        """Each group that has places, with them."""
        found: dict[Group, list[Place]] = {}
        for place in self.places:
            found.setdefault(place.group, []).append(place)
        return tuple((group, tuple(places)) for group, places in found.items())
