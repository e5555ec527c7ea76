"""Durations as people and Go write them: ``90s``, ``1h30m``, ``7d``, ``2w``."""

from __future__ import annotations

import re

_PART = re.compile(r"(\d+(?:\.\d+)?)(ms|s|m|h|d|w)")
_WHOLE = re.compile(r"(?:\d+(?:\.\d+)?(?:ms|s|m|h|d|w))+")
_MILLISECONDS = {"ms": 1, "s": 1000, "m": 60_000, "h": 3_600_000, "d": 86_400_000, "w": 604_800_000}
_LONGEST = 1000 * 366 * 86_400_000


def parse_duration(text: str) -> int:
    """The duration in milliseconds. Raises ValueError for what is none, or longer than a thousand years."""
    if len(text) > 64 or not text.isascii() or not _WHOLE.fullmatch(text):
        raise ValueError("not a duration")
    total = round(sum(float(number) * _MILLISECONDS[unit] for number, unit in _PART.findall(text)))
    if total > _LONGEST:
        raise ValueError("too long")
    return total
