"""Names in a sentence: the first few of them, and how many more there are."""

from __future__ import annotations

from collections.abc import Sequence


def some_of(names: Sequence[str], most: int = 4) -> str:
    """``a, b``, or of more than ``most`` names ``a, b and 3 more``."""
    more = f" and {len(names) - most} more" if len(names) > most else ""
    return ", ".join(names[:most]) + more
