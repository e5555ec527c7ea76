"""Reads fields of an API object whose absence, or whose odd type, is no error: it reads as empty."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime


def table(value: object) -> Mapping[str, object]:
    return value if isinstance(value, dict) else {}


def tables(value: object) -> Sequence[Mapping[str, object]]:
    """The mappings of a list."""
    return [one for one in value if isinstance(one, dict)] if isinstance(value, list) else []


def text(value: object) -> str:
    return value if isinstance(value, str) else ""


def number(value: object) -> int:
    return value if type(value) is int else 0


def moment(value: object) -> int:
    """An RFC 3339 time in ms since the Unix epoch; 0 for anything else."""
    try:
        return max(0, int(datetime.fromisoformat(text(value)).timestamp() * 1000))
    except (ValueError, OverflowError):
        return 0
