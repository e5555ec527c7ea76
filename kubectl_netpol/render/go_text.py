"""Go's own way with texts and numbers, which a template shows: strconv's quotes and numbers, ``%v``."""

from __future__ import annotations

import re
from decimal import Decimal
from math import isfinite
from typing import Any

_INT = re.compile(r"[+-]?[0-9]{1,19}")
_FLOAT = re.compile(r"[+-]?([0-9]+\.?[0-9]*|\.[0-9]+)")
_SIMPLE = {"a": 7, "b": 8, "f": 12, "n": 10, "r": 13, "t": 9, "v": 11, "\\": 92}
_NUMBERED = {"x": 2, "u": 4, "U": 8}
_LIMIT = 1 << 63


class GoSyntaxError(ValueError):
    """strconv.ErrSyntax."""


def parse_int(text: str) -> int | None:
    """strconv.Atoi; None for what it refuses."""
    if not _INT.fullmatch(text):
        return None
    value = int(text)
    return value if -_LIMIT <= value < _LIMIT else None


def parse_float(text: str) -> float | None:
    """strconv.ParseFloat of digits and dots; None for what it refuses."""
    value = float(text) if _FLOAT.fullmatch(text) else None
    return None if value == float("inf") else value


def unquote(text: str) -> str:
    r"""The text in its quotes, ``"a\n"`` or ``'a\n'``, as strconv.UnquoteChar reads it. Raises GoSyntaxError."""
    quote, inner = text[:1], text[1:-1]
    if len(text) < 2 or text[-1] != quote:
        raise GoSyntaxError
    found, place = bytearray(), 0
    while place < len(inner):
        if inner[place] == quote:
            raise GoSyntaxError
        if inner[place] != "\\":
            found += inner[place].encode("utf-8", "surrogateescape")
            place += 1
        else:
            more, place = _escape(inner, place + 1, quote)
            found += more
    return found.decode("utf-8", "surrogateescape")


def _escape(text: str, place: int, quote: str) -> tuple[bytes, int]:
    letter = text[place : place + 1]
    if letter in _SIMPLE:
        return bytes([_SIMPLE[letter]]), place + 1
    if letter and letter == quote:
        return letter.encode(), place + 1
    if letter in _NUMBERED:
        length, base, place = _NUMBERED[letter], 16, place + 1
    else:
        length, base = 3, 8
    digits = text[place : place + length]
    if not re.fullmatch(r"[0-9a-fA-F]+" if base == 16 else r"[0-7]+", digits) or len(digits) < length:
        raise GoSyntaxError
    value = int(digits, base)
    if letter in ("u", "U"):
        if value > 0x10FFFF or 0xD800 <= value < 0xE000:
            raise GoSyntaxError
        return chr(value).encode(), place + length
    if value > 255:
        raise GoSyntaxError
    return bytes([value]), place + length


def show(value: Any) -> str:
    """``fmt.Sprint``: ``map[a:1 b:[x y]]``, ``<nil>``."""
    if value is None:
        return "<nil>"
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, float):
        return _float(value)
    if isinstance(value, dict):
        return f"map[{' '.join(f'{key}:{show(value[key])}' for key in sorted(value))}]"
    if isinstance(value, list | tuple):
        return f"[{' '.join(map(show, value))}]"
    return str(value)


# %v takes the shortest digits, and an exponent below -4 or from 6 on (strconv's %g).
def _float(value: float) -> str:
    if value == 0 or 1e-4 <= abs(value) < 1e6 or not isfinite(value):
        return repr(value).removesuffix(".0")
    _, digits, exponent = Decimal(repr(value)).normalize().as_tuple()
    first, *others = map(str, digits)
    mantissa = f"{first}.{''.join(others)}" if others else first
    return f"{'-' if value < 0 else ''}{mantissa}e{int(exponent) + len(others):+03d}"


def type_name(value: Any) -> str:
    """What Go calls the type of a value that came from JSON."""
    names = {dict: "map[string]interface {}", list: "[]interface {}", str: "string", bool: "bool", int: "int64"}
    return names.get(type(value), "float64")
