"""Ages as kubectl prints them, at most two units, coarser the older; and times of day."""

from __future__ import annotations

import time

_DAY = 24 * 3600


def age(milliseconds: int) -> str:
    """``47s``, ``5m30s``, ``3h20m``, ``12d``: the rules of Kubernetes' duration.HumanDuration.

    A time in the future, by two clocks that differ, is ``0s``.
    """
    seconds = max(0, milliseconds // 1000)
    for limit, unit, name, smaller, smaller_name in _STEPS:
        if seconds < limit:
            rest = seconds % unit // smaller if smaller else 0
            return f"{seconds // unit}{name}" + (f"{rest}{smaller_name}" if rest else "")
    return f"{seconds // (365 * _DAY)}y"


def clock(milliseconds: int) -> str:
    """A moment (ms since the Unix epoch) as the clock on the wall here shows it: ``10:45:06``."""
    return time.strftime("%H:%M:%S", time.localtime(milliseconds / 1000))


_STEPS = (
    (120, 1, "s", 0, ""),
    (600, 60, "m", 1, "s"),
    (3 * 3600, 60, "m", 0, ""),
    (8 * 3600, 3600, "h", 60, "m"),
    (2 * _DAY, 3600, "h", 0, ""),
    (8 * _DAY, _DAY, "d", 3600, "h"),
    (2 * 365 * _DAY, _DAY, "d", 0, ""),
    (8 * 365 * _DAY, 365 * _DAY, "y", _DAY, "d"),
)
