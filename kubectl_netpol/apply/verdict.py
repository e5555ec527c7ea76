"""What an apply would break of all that was recorded: policies that are there and those to come, judged together."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from ..model import NetworkNeighbors
from ..policy.evaluation.reading import read_policy
from ..policy.evaluation.values import NetworkPolicy
from ..policy.replay.replay import replay
from ..policy.replay.values import Broken, distinct
from .applied import Document, Step


@dataclass(frozen=True, slots=True)
class Verdict:
    """``broken``: flows that pass now and would not any more, at each end that denies them. ``before``: how many are
    denied already.

    ``judged`` counts flows, ``unjudged`` those of which it cannot be told.
    """

    broken: tuple[Broken, ...]
    before: int
    judged: int
    unjudged: int

    @property
    def lost(self) -> int:
        """How many flows would break, at one end or at both."""
        return len(distinct(self.broken))


def judge(
    accounts: Iterable[NetworkNeighbors], present: Mapping[str, Sequence[Document]], steps: Sequence[Step]
) -> Verdict:
    """The verdict on these steps; ``accounts`` are all recordings, ``present`` the cluster's policies by namespace."""
    known = list(accounts)
    now = [read_policy(one, "in the cluster: ") for here in present.values() for one in here]
    before = distinct(replay(known, now).broken)
    after = replay(known, union(now, steps))
    broken = tuple(one for one in after.broken if not distinct([one]) & before)
    return Verdict(broken, len(before), after.judged, after.untold)


def union(present: Iterable[NetworkPolicy], steps: Sequence[Step]) -> list[NetworkPolicy]:
    """The policies of the cluster once these steps are taken."""
    replaced = {(one.namespace, one.name) for one in steps}
    return [one for one in present if (one.namespace, one.name) not in replaced] + [one.read for one in steps]
