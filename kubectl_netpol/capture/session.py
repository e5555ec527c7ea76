"""A session: what was asked for, as it stands in an annotation of each of its Jobs, and nowhere else.

Whoever can write Jobs can write that annotation, so it is parsed as strictly as any stranger's words.
"""

from __future__ import annotations

import json
import re
import secrets
from dataclasses import asdict, dataclass
from typing import Any

_ALPHABET = "bcdfghjkmnpqrstvwxz23456789"
_NAME = re.compile(r"[a-z0-9]([-a-z0-9]{0,18}[a-z0-9])?")
_LARGEST = 1 << 16
_LONGEST_TEXT = 4096
_MOST_WORDS = 1000
BOUNDS = (
    f"{_MOST_WORDS} words or nodes, {_LONGEST_TEXT} characters of a selector, and {_LARGEST >> 10} KiB of all of it"
)
"""What ``decode`` takes at most, for people: who makes a session looks whether it comes back from it."""


@dataclass(frozen=True, slots=True)
class Session:
    """``namespace`` is empty for all; ``selection`` are TYPE/NAME words; ``begun`` and ``ends`` in ms, 0 for open."""

    name: str
    namespace: str
    selection: tuple[str, ...] = ()
    labels: str = ""
    nodes: tuple[str, ...] = ()
    begun: int = 0
    ends: int = 0
    detached: bool = False
    interval: float = 2.0


def new_name() -> str:
    """A short random name that can be typed."""
    return "".join(secrets.choice(_ALPHABET) for _ in range(6))


def encode(session: Session) -> str:
    """The annotation's text."""
    return json.dumps(asdict(session), separators=(",", ":"), sort_keys=True)


def decode(text: object) -> Session | None:
    """The session that an annotation's text tells of; None for anything else."""
    if not isinstance(text, str) or len(text) > _LARGEST:
        return None
    try:
        value = json.loads(text)
        return _session(value)
    except (ValueError, TypeError, KeyError, RecursionError):
        return None


def _session(value: dict[str, Any]) -> Session:
    name = _text(value["name"])
    if not _NAME.fullmatch(name):
        raise ValueError("no name of a session")
    interval = value["interval"]
    if type(interval) not in (int, float) or not 0 < interval < 1e6:
        raise ValueError("no interval")
    return Session(
        name,
        _text(value["namespace"]),
        _texts(value["selection"]),
        _text(value["labels"]),
        _texts(value["nodes"]),
        _moment(value["begun"]),
        _moment(value["ends"]),
        value["detached"] is True,
        float(interval),
    )


def _text(value: object) -> str:
    if not isinstance(value, str) or len(value) > _LONGEST_TEXT:
        raise TypeError("no text")
    return value


def _texts(value: object) -> tuple[str, ...]:
    if not isinstance(value, list) or len(value) > _MOST_WORDS:
        raise TypeError("no list")
    return tuple(map(_text, value))


def _moment(value: object) -> int:
    if type(value) is not int or not 0 <= value < 1 << 53:
        raise TypeError("no time")
    return value
