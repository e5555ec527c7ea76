"""Who is concerned by an apply, and what the policies deny once it is done. Pure."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import replace

from ..model import Direction, NeighborKey, NetworkNeighbors, PeerKind
from ..policy.evaluation.values import NetworkPolicy
from ..policy.replay.replay import replay
from ..policy.replay.values import Broken
from .applied import Step

Denial = Callable[[NetworkNeighbors, NeighborKey], Broken | None]
"""How a flow of a workload is denied, with the rule that it lacks; None for one that is admitted."""


def subjects_of(steps: Iterable[Step], known: Iterable[NetworkNeighbors]) -> set[str]:
    """The full paths of the workloads whose policies are applied; with one for a whole namespace, all of that."""
    found = set()
    accounts = list(known)
    for one in steps:
        if one.read.selector.is_empty:
            found |= {each.workload.full_path for each in accounts if each.workload.namespace == one.namespace}
        else:
            found.add(one.policy.workload.full_path)
    return found


def clients_of(subjects: set[str], known: Iterable[NetworkNeighbors]) -> set[str]:
    """The workloads that were recorded to call these: what is dropped on the way is seen at their side only."""
    found = set()
    for one in known:
        path = one.workload.full_path
        for neighbor in one.neighbors:
            key = neighbor.key
            if path in subjects and key.direction is Direction.INGRESS and key.peer.kind is PeerKind.WORKLOAD:
                found.add(key.peer.name)
            elif key.direction is Direction.EGRESS and key.peer.name in subjects:
                found.add(path)
    return found - subjects - {""}


def denials(known: Sequence[NetworkNeighbors], policies: Sequence[NetworkPolicy]) -> Denial:
    """What policies deny, by the replay; ``policies`` are those that hold once the apply is done."""

    def denial(one: NetworkNeighbors, key: NeighborKey) -> Broken | None:
        as_if = tuple(
            replace(each, counts=replace(each.counts, answered=1)) for each in one.neighbors if each.key == key
        )
        others = [other for other in known if other.workload != one.workload]
        found = replay([replace(one, neighbors=as_if), *others], policies, only={one.workload}).broken
        return found[0] if found else None

    return denial
