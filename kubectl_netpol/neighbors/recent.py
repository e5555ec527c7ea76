"""What ``--since`` leaves of an account: the same account of a shorter time. Pure."""

from __future__ import annotations

from dataclasses import replace

from ..model import NetworkNeighbors, PodLife, Window


def recent(one: NetworkNeighbors, since: int) -> NetworkNeighbors:
    """What was seen at ``since`` (ms) or after, and when it was heard. What bears no time may be new, and stays."""
    return replace(
        one,
        neighbors=tuple(neighbor for neighbor in one.neighbors if not 0 < neighbor.counts.last < since),
        windows=tuple(_cut(window, since) for window in one.windows if not 0 < window.last < since),
        pods=tuple(_as_of(life, since) for life in one.pods if life.lived >= since),
        since=max(since, one.since),
    )


def _cut(window: Window, since: int) -> Window:
    return replace(window, first=max(window.first, since)) if window.last else window


def _as_of(life: PodLife, since: int) -> PodLife:
    return life if life.heard >= since else replace(life, heard=0)
