"""JSON as Go's encoding/json writes it, which ``jsonpath`` prints: sorted keys, its numbers and its escapes. Pure."""

from __future__ import annotations

import json
from collections.abc import Iterable
from decimal import Decimal
from typing import Any

_encode = json.JSONEncoder(ensure_ascii=False).encode


def to_json(value: Any) -> str:
    """One line, as encoding/json's Marshal gives it; what would move a terminal's cursor is escaped besides."""
    return _plain(_written(value, ""))


def to_indented_json(value: Any) -> str:
    """The same over several lines, indented by four spaces."""
    return _plain(_written(value, "\n"))


# A line feed and the margin stand before each item, or nothing where all is one line.
def _written(value: Any, margin: str) -> str:
    if isinstance(value, dict):
        colon = ": " if margin else ":"
        items = (f"{_encode(key)}{colon}{_written(value[key], _deeper(margin))}" for key in sorted(value))
        return _enclosed("{}", items, margin)
    if isinstance(value, list | tuple):
        return _enclosed("[]", (_written(one, _deeper(margin)) for one in value), margin)
    return _number(value) if isinstance(value, float) else _encode(value)


def _deeper(margin: str) -> str:
    return f"{margin}    " if margin else ""


def _enclosed(brackets: str, items: Iterable[str], margin: str) -> str:
    inner = _deeper(margin)
    text = f",{inner}".join(items)
    return f"{brackets[0]}{inner}{text}{margin}{brackets[1]}" if text else brackets


# Go's floatEncoder: the shortest digits, with an exponent below 1e-6 and from 1e21 on, of as few digits as it has.
def _number(value: float) -> str:
    if value == 0 or 1e-6 <= abs(value) < 1e21:
        return f"{Decimal(repr(value)):f}".removesuffix(".0")
    mantissa, _, exponent = repr(value).partition("e")
    return f"{mantissa}e{int(exponent):+d}" if exponent else mantissa  # neither for what is no number


def _plain(text: str) -> str:
    return "".join(one if _is_plain(one) else f"\\u{ord(one):04x}" for one in text)


# What has no short escape in JSON is left: no character beyond U+FFFF turns a terminal around.
def _is_plain(one: str) -> bool:
    return one == "\n" or (one not in "<>&" and (one.isprintable() or ord(one) > 0xFFFF))
