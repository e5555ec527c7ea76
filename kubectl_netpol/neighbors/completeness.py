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
from .recording import SETTLED
from .unseen import NOTHING, Unseen, poisson_limit, unseen

NOT_HEARD = "not_heard"
"""The loss of a window that is a hole: how long (ms) a node with pods of the workload was not heard."""

MOMENTS = 60
"""What was seen within one of so many parts of the time that was heard was seen in one moment."""

Span = tuple[int, int]
"""From and to, in ms since the Unix epoch."""


@dataclass(frozen=True, slots=True)
class Completeness:
    """Times in ms. ``heard``: while at least one node heard the workload's pods; ``not_heard``: while one did not.

    ``newest`` is when the newest neighbor was first seen, and ``quiet`` how long the workload was heard since; 0 where
    that is not known. ``nodes`` are those that heard it, ``deaf_nodes`` those that did not all the time.
    ``is_at_most``: old recordings were summed up, and the time between them counts as heard. ``pods`` is how many pods
    lived meanwhile, and ``deaf_pods`` are those of them that were never heard.
    """

    heard: int = 0
    not_heard: int = 0
    newest: int = 0
    quiet: int = 0
    nodes: tuple[str, ...] = ()
    deaf_nodes: tuple[str, ...] = ()
    is_at_most: bool = False
    pods: int = 0
    deaf_pods: tuple[PodLife, ...] = ()
    egress: Unseen = NOTHING
    ingress: Unseen = NOTHING

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
    spans, holes = _heard(windows), [window for window in windows if _is_hole(window)]
    newest = max((neighbor.counts.first for neighbor in admitted), default=0)
    heard = _length(spans)
    settled = sum(dict(window.losses).get(NOT_HEARD, 0) for window in windows if window.epoch == SETTLED)
    return Completeness(
        max(0, heard - settled),
        _length(_union((window.first, window.last) for window in holes)) + settled,
        newest,
        _length([(max(first, newest), last) for first, last in spans if last > newest]) if newest else 0,
        _nodes(window for window in windows if not _is_hole(window)),
        _nodes(holes),
        any(window.epoch == SETTLED for window in windows),
        len(one.pods),
        deaf_pods(one),
        _sample(admitted, Direction.EGRESS, heard),
        _sample(admitted, Direction.INGRESS, heard),
    )


def deaf_pods(one: NetworkNeighbors) -> tuple[PodLife, ...]:
    """Its pods that lived while it was recorded and were never heard, by name."""
    return tuple(life for life in one.pods if not life.heard)


def is_unheard_cronjob(one: NetworkNeighbors) -> bool:
    """Whether it is a CronJob no run of which was heard: whether one ran meanwhile or not."""
    is_heard = any(window.last > window.first and not _is_hole(window) for window in one.windows)
    return one.workload.kind == "CronJob" and not (is_heard or one.neighbors or any(life.heard for life in one.pods))


def completeness_document(found: Completeness) -> dict[str, Any]:
    """As it stands in a document's status; chances in parts per million."""
    again = {"newIfAgain": found.again, "newIfAgainLimit": found.again_limit} if found.heard else {}
    return again | {
        "heard": found.heard,
        "notHeard": found.not_heard,
        "newest": found.newest,
        "quiet": found.quiet,
        "nodes": list(found.nodes),
        "deafNodes": list(found.deaf_nodes),
        "heardAtMost": found.is_at_most,
        "pods": found.pods,
        "podsNotHeard": [life.name for life in found.deaf_pods],
        "egress": _unseen_document(found.egress),
        "ingress": _unseen_document(found.ingress),
    }


def _unseen_document(found: Unseen) -> dict[str, Any]:
    document = {"connections": found.connections, "metOnce": found.once}
    if found.connections:
        document |= {"unseenPerMillion": found.chance, "unseenLimitPerMillion": found.limit}
    return document


def _sample(neighbors: Iterable[Neighbor], direction: Direction, heard: int) -> Unseen:
    drawn = (one.counts for one in neighbors if one.key.direction is direction and _is_drawn(one.counts))
    return unseen((counts.answered, (counts.last - counts.first) * MOMENTS <= heard) for counts in drawn)


# Sockets that were open before were not drawn while somebody listened, and each recording counts them again: their
# neighbors are known, and say nothing of those that are not. What a document tells without a time was not counted.
def _is_drawn(counts: Counts) -> bool:
    return counts.first > 0 and Mark.EXISTING not in counts.marks


def _is_hole(window: Window) -> bool:
    return window.epoch != SETTLED and dict(window.losses).get(NOT_HEARD, 0) > 0


# A hole is one node's: what other nodes heard meanwhile was heard.
def _heard(windows: list[Window]) -> list[Span]:
    found: list[Span] = []
    for node in {window.node for window in windows}:
        here = [window for window in windows if window.node == node]
        holes = _union((window.first, window.last) for window in here if _is_hole(window))
        heard = _union((window.first, window.last) for window in here if not _is_hole(window))
        found += _without(heard, holes)
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
