"""What a replay says."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from ...model import Direction, Neighbor, NeighborKey, Workload
from ..evaluation.values import NetworkPolicy, Side


@dataclass(frozen=True, slots=True)
class Broken:
    """A recorded and answered flow that would be denied.

    ``workload`` is the one whose account has the ``neighbor``. ``side`` says in which direction, and by which policies'
    isolation; it is the workload's own, or, with ``at_peer``, that of the neighbor's pods. ``place`` is whose pods are
    isolated (``shop/deployment/api``), ``is_partial`` whether only some of the pods are concerned. ``missing`` is the
    rule that would admit it, as an item of ``spec.ingress`` or ``spec.egress`` of a policy in their namespace; it is
    empty where a rule has no words for the peer. ``is_unheard_there``: the neighbor's workload is recorded as well, and
    its own account does not have the flow, so that nothing that is generated from that account admits it.
    """

    workload: Workload
    neighbor: Neighbor
    side: Side
    place: str
    at_peer: bool = False
    is_partial: bool = False
    missing: Mapping[str, Any] = field(default_factory=dict, hash=False)
    is_unheard_there: bool = False


@dataclass(frozen=True, slots=True)
class Unjudged:
    """A recorded and answered flow of which cannot be told whether it would be denied, and why in ``reasons``.

    ``is_live``: a cluster could tell.
    """

    workload: Workload
    neighbor: Neighbor
    direction: Direction
    place: str
    policies: tuple[NetworkPolicy, ...]
    reasons: tuple[str, ...]
    is_live: bool = False


@dataclass(frozen=True, slots=True)
class Replay:
    """Both in the order of the accounts. ``judged`` counts answered flows, by the accounts that have them.

    ``broken`` and ``unjudged`` have an entry for each end, so that a flow may be there twice; ``denied`` and ``untold``
    count as ``judged`` does.

    ``unanswered`` are flows that nobody answered and that would be denied, ``uncovered`` those that policies do not
    cover (seen on a secondary interface only), ``one_sided`` those whose peer's policies are not known to be looked at.
    """

    broken: tuple[Broken, ...] = ()
    unjudged: tuple[Unjudged, ...] = ()
    judged: int = 0
    unanswered: int = 0
    uncovered: int = 0
    one_sided: int = 0

    @property
    def denied(self) -> int:
        """How many flows would be denied, at one end or at both."""
        return len(distinct(self.broken))

    @property
    def untold(self) -> int:
        """Of how many flows it cannot be told; one that is denied at its other end is told."""
        return len(distinct(self.unjudged) - distinct(self.broken))


def distinct(found: Iterable[Broken | Unjudged]) -> set[tuple[Workload, NeighborKey]]:
    """The flows that these entries are about, each once, by the accounts that have them."""
    return {(one.workload, one.neighbor.key) for one in found}
