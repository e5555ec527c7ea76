"""When a workload was heard, and when it was not: windows, and how two of them become one. Pure."""

from __future__ import annotations

from dataclasses import replace

from ..model import Window

SETTLED = ""
"""The epoch into which old epochs are summed; no agent's epoch is empty."""

NOT_HEARD = "not_heard"
"""The loss of a window that is a hole: how long (ms) a node with pods of the workload was not heard."""


def is_hole(window: Window) -> bool:
    """Whether it tells of a time in which its node was not heard."""
    return window.epoch != SETTLED and dict(window.losses).get(NOT_HEARD, 0) > 0


def is_heard(window: Window) -> bool:
    """Whether it tells of a time in which its node was heard."""
    return window.last > window.first and not is_hole(window)


def earlier(a: int, b: int) -> int:
    """The earlier of two moments (ms), of which 0 is none."""
    return min(a, b) if a and b else a or b


def join_windows(a: Window, b: Window) -> Window:
    """Two accounts of one epoch's window as one: the span of both, the greater of each loss."""
    losses = dict(a.losses)
    for name, count in b.losses:
        losses[name] = max(count, losses.get(name, 0))
    first, last = earlier(a.first, b.first), max(a.last, b.last)
    return Window(a.epoch, first, last, max(a.node, b.node), tuple(sorted(losses.items())))


def add_windows(a: Window, b: Window) -> Window:
    """Two windows of different epochs as one of the epoch SETTLED: the span of what was heard, the sum of each loss."""
    a, b = _without_hole(a), _without_hole(b)
    losses = dict(a.losses)
    for name, count in b.losses:
        losses[name] = count + losses.get(name, 0)
    node = a.node if a.node == b.node else ""
    return Window(SETTLED, earlier(a.first, b.first), max(a.last, b.last), node, tuple(sorted(losses.items())))


# The time of a hole is a loss, and would count as heard within a sum's span.
def _without_hole(window: Window) -> Window:
    return replace(window, first=0, last=0) if is_hole(window) else window
