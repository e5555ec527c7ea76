"""What ``--since`` leaves of an account: the same account of a shorter time. Pure."""

from __future__ import annotations

from dataclasses import replace

from ..model import NetworkNeighbors, PodLife, Window
from .windows import NOT_HEARD, SETTLED


def recent(one: NetworkNeighbors, since: int) -> NetworkNeighbors:
    """What was seen at ``since`` (ms) or after, and when it was heard. What bears no time may be new, and stays."""
    return replace(
        one,
        neighbors=tuple(neighbor for neighbor in one.neighbors if not 0 < neighbor.counts.last < since),
        windows=tuple(_cut(window, since) for window in one.windows if not 0 < window.last < since),
        pods=tuple(_as_of(life, since) for life in one.pods if life.lived >= since),
        accounted=_span(one.accounted, since),
        since=max(since, one.since),
    )


# How much of a sum's time that was not heard lies before that is not known, so none of it is claimed.
def _cut(window: Window, since: int) -> Window:
    if not window.last or window.first >= since:
        return window
    kept = tuple(loss for loss in window.losses if window.epoch != SETTLED or loss[0] != NOT_HEARD)
    return replace(window, first=since, losses=kept)


def _span(accounted: tuple[int, int], since: int) -> tuple[int, int]:
    first, last = accounted
    return (max(first, since), last) if last >= since else (0, 0)


def _as_of(life: PodLife, since: int) -> PodLife:
    return life if life.heard >= since else replace(life, heard=0)
