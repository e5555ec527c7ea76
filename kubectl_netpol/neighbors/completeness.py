"""How complete a workload's recording is: how long it was heard and was not, what came new when, what may be missing.

All of it follows from the account alone, so that it can be told of a document as of a recording. ``document`` writes it
under ``status``, ``cli`` says it.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from math import ceil
from typing import Any

from ..model import Counts, Direction, Mark, Neighbor, NetworkNeighbors, PodLife, Window
from .unseen import NOTHING, Unseen, poisson_limit, unseen
from .windows import NOT_HEARD, SETTLED, is_heard, is_hole

MOMENTS = 60
"""What was seen within one of so many parts of the time that was heard was seen in one moment."""

Span = tuple[int, int]
"""From and to, in ms since the Unix epoch."""


@dataclass(frozen=True, slots=True)
class Completeness:
    """Times in ms. ``heard``: while at least one node heard the workload's pods; ``not_heard``: while one did not.

    ``newest`` is when the newest neighbor was first seen, and ``quiet`` how long the workload was heard since; 0 where
    that is not known. ``nodes`` are those that heard it, ``deaf_nodes`` those that did not all the time.
    ``is_at_most``: old recordings were summed up, and the time between them counts as heard. ``pods`` are those of
    ``lately``, and ``are_all_pods`` says whether no others lived. ``is_sample``: what comes new can be estimated.
    """

    heard: int = 0
    not_heard: int = 0
    newest: int = 0
    quiet: int = 0
    nodes: tuple[str, ...] = ()
    deaf_nodes: tuple[str, ...] = ()
    is_at_most: bool = False
    pods: tuple[PodLife, ...] = ()
    are_all_pods: bool = False
    egress: Unseen = NOTHING
    ingress: Unseen = NOTHING
    is_sample: bool = True

    @property
    def again(self) -> int:
        """About how many new neighbors are expected if it is heard as long again: as many as were met in one moment."""
        return self.egress.once + self.ingress.once

    @property
    def again_limit(self) -> int:
        """How many of them are expected at most, with 95 % confidence."""
        return ceil(poisson_limit(self.again))


def completeness(one: NetworkNeighbors, admitted: Iterable[Neighbor]) -> Completeness:
    """Of the account ``one``; ``admitted`` are those of its neighbors that matter: what a policy would admit."""
    admitted = list(admitted)
    windows = [window for window in one.windows if window.last > window.first]
    spans, holes = _heard(windows), [window for window in windows if is_hole(window)]
    newest = max((neighbor.counts.first for neighbor in admitted), default=0)
    heard = _length(spans)
    settled = sum(dict(window.losses).get(NOT_HEARD, 0) for window in one.windows if window.epoch == SETTLED)
    is_sample = not one.since  # those that are left keep all their counts, and those that were met once are gone
    return Completeness(
        max(0, heard - settled),
        _length(_union((window.first, window.last) for window in holes)) + settled,
        newest,
        _length([(max(first, newest), last) for first, last in spans if last > newest]) if newest else 0,
        _nodes(window for window in windows if not is_hole(window)),
        _nodes(holes),
        any(window.epoch == SETTLED for window in windows),
        lately(one),
        _are_known(one),
        _sample(admitted, Direction.EGRESS, heard) if is_sample else NOTHING,
        _sample(admitted, Direction.INGRESS, heard) if is_sample else NOTHING,
        is_sample,
    )


def lately(one: NetworkNeighbors) -> tuple[PodLife, ...]:
    """Its pods that lived during the newest recording that knew all of them, or since; by name."""
    return tuple(life for life in one.pods if life.lived >= one.accounted[0])


def deaf_pods(one: NetworkNeighbors) -> tuple[PodLife, ...]:
    """Those of them that no recording heard."""
    return tuple(life for life in lately(one) if not life.heard)


def is_never_heard(one: NetworkNeighbors) -> bool:
    """Whether it is known that nothing of the workload was heard, which others' documents do not tell."""
    is_known = one.accounted[1] > 0 or any(map(is_hole, one.windows))
    is_any = one.neighbors or any(map(is_heard, one.windows)) or any(life.heard for life in one.pods)
    return is_known and not is_any


def is_unheard_cronjob(one: NetworkNeighbors) -> bool:
    """Whether it is a CronJob no run of which was heard: whether one ran meanwhile or not."""
    return one.workload.kind == "CronJob" and is_never_heard(one)


# What was heard since then may have had company that nobody noted.
def _are_known(one: NetworkNeighbors) -> bool:
    last = max((window.last for window in one.windows if is_heard(window)), default=0)
    return 0 < one.accounted[1] >= last


def completeness_document(found: Completeness) -> dict[str, Any]:
    """As it stands in a document's status; chances in parts per million."""
    is_told = found.heard and found.is_sample
    again = {"newIfAgain": found.again, "newIfAgainLimit": found.again_limit} if is_told else {}
    return again | {
        "heard": found.heard,
        "notHeard": found.not_heard,
        "newest": found.newest,
        "quiet": found.quiet,
        "nodes": list(found.nodes),
        "deafNodes": list(found.deaf_nodes),
        "heardAtMost": found.is_at_most,
        "pods": len(found.pods),
        "podsNotHeard": [life.name for life in found.pods if not life.heard],
        "allPodsKnown": found.are_all_pods,
        "egress": _unseen_document(found.egress),
        "ingress": _unseen_document(found.ingress),
    }


def _unseen_document(found: Unseen) -> dict[str, Any]:
    document = {"connections": found.connections, "metOnce": found.once}
    if found.connections:
        document |= {"unseenPerMillion": found.chance, "unseenLimitPerMillion": found.limit}
    return document


def _sample(neighbors: Iterable[Neighbor], direction: Direction, heard: int) -> Unseen:
    counted = (one.met or one.counts for one in neighbors if one.key.direction is direction)
    drawn = (counts for counts in counted if _is_drawn(counts))
    return unseen((counts.answered, (counts.last - counts.first) * MOMENTS <= heard) for counts in drawn)


# Sockets that were open before were not drawn while somebody listened, and each recording counts them again: their
# neighbors are known, and say nothing of those that are not. What a document tells without a time was not counted.
def _is_drawn(counts: Counts) -> bool:
    return counts.first > 0 and Mark.EXISTING not in counts.marks


# A hole is one node's: what other nodes heard meanwhile was heard.
def _heard(windows: Iterable[Window]) -> list[Span]:
    heard: dict[str, list[Span]] = {}
    holes: dict[str, list[Span]] = {}
    for window in windows:
        (holes if is_hole(window) else heard).setdefault(window.node, []).append((window.first, window.last))
    found: list[Span] = []
    for node, spans in heard.items():
        found += _without(_union(spans), _union(holes.get(node, ())))
    return _union(found)


def _nodes(windows: Iterable[Window]) -> tuple[str, ...]:
    return tuple(sorted({window.node for window in windows if window.node}))


def _length(spans: Iterable[Span]) -> int:
    return sum(last - first for first, last in spans)


def _union(spans: Iterable[Span]) -> list[Span]:
    found: list[Span] = []
    for first, last in sorted(spans):
        if found and first <= found[-1][1]:
            found[-1] = (found[-1][0], max(found[-1][1], last))
        else:
            found.append((first, last))
    return found


# Both sorted and without overlaps.
def _without(spans: list[Span], holes: list[Span]) -> list[Span]:
    found: list[Span] = []
    for first, last in spans:
        begin = first
        for hole_first, hole_last in holes:
            if hole_last > begin and hole_first < last:
                found += [(begin, hole_first)] if hole_first > begin else []
                begin = hole_last
        found += [(begin, last)] if last > begin else []
    return found
