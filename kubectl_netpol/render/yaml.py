"""Plain values as YAML: block style, sorted keys, ASCII, no anchors. The same input gives the same bytes everywhere.

A writer of its own because PyYAML leaves texts bare that Kubernetes' reader takes for something else (``y`` is a truth
to it and ``1e3`` a number), and takes fourteen times as long for a policy and 20 ms to import (measured).
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

Path = tuple[str | int, ...]
Tree = dict[Any, Any]
_NONE: Tree = {}

_BARE = re.compile(r"[A-Za-z0-9_./]([A-Za-z0-9_./:@+-]*[A-Za-z0-9_./@+-])?")
_PRINTABLE = re.compile(r"[ -~]*")
_WORDS = frozenset({"y", "n", "yes", "no", "on", "off", "true", "false", "null"})
# Whatever YAML 1.1 or 1.2 may read as a number or a date, sexagesimal numbers and infinity among them.
_NUMBER = re.compile(
    r"0[xX][0-9a-fA-F_]+|0[oObB][0-9_]+|[0-9_.,:]+([eE][-+]?[0-9_.]+)?|\.[a-zA-Z]+|[0-9]{4}-[0-9]{1,2}-[0-9].*"
)
_LONG_KEY = 1000
_LONG_COMMENT = 300
_IPV4 = re.compile(r"[0-9]{1,3}(\.[0-9]{1,3}){3}(/[0-9]{1,2})?")


def dump(value: Mapping[str, Any], comments: Iterable[tuple[Path, str]] = ()) -> str:
    """One document, with its final line feed, of mappings, lists, texts, whole numbers, truths and nulls.

    ``comments`` stand at the end of the line where their path leads; whatever they hold, they stay on it.
    Raises TypeError for any other value.
    """
    if not value:
        return "{}\n"
    return "\n".join(_mapping(value, "", _tree(comments))) + "\n"


def _tree(comments: Iterable[tuple[Path, str]]) -> Tree:
    root: Tree = {}
    for path, text in comments:
        place = root
        for step in path:
            place = place.setdefault(step, {})
        place[None] = "  # " + _comment(text)
    return root


# One line of ASCII: no line feed, of YAML 1.1 or 1.2, no control character, nothing that turns a terminal around.
def _comment(text: str) -> str:
    shown = text if len(text) <= _LONG_COMMENT else text[:_LONG_COMMENT] + "..."
    return "".join(one if " " <= one <= "~" else one.encode("unicode_escape").decode("ascii") for one in shown)


def _mapping(value: Mapping[str, Any], pad: str, tree: Tree) -> Iterator[str]:
    for key in sorted(value):
        item, below = value[key], tree.get(key, _NONE)
        if item and isinstance(item, Mapping):
            yield _head(key, pad) + below.get(None, "")
            yield from _mapping(item, pad + "  ", below)
        elif item and isinstance(item, list | tuple):
            yield _head(key, pad) + below.get(None, "")
            yield from _sequence(item, pad, below)
        else:
            yield f"{_head(key, pad)} {_scalar(item)}{below.get(None, '')}"


# A key that is longer than readers look ahead (1024) has to be told as one.
def _head(key: str, pad: str) -> str:
    name = _text(key)
    return f"{pad}{name}:" if len(name) < _LONG_KEY else f"{pad}? {name}\n{pad}:"


def _sequence(value: list[Any] | tuple[Any, ...], pad: str, tree: Tree) -> Iterator[str]:
    for position, item in enumerate(value):
        below = tree.get(position, _NONE)
        if item and isinstance(item, Mapping | list | tuple):
            inner = pad + "  "
            lines = _mapping(item, inner, below) if isinstance(item, Mapping) else _sequence(item, inner, below)
            yield f"{pad}- {next(lines)[len(inner) :]}{below.get(None, '')}"
            yield from lines
        else:
            yield f"{pad}- {_scalar(item)}{below.get(None, '')}"


def _scalar(value: Any) -> str:
    if isinstance(value, str):
        return _text(value)
    if value is None:
        return "null"
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, int):
        return str(value)
    if isinstance(value, Mapping):
        return "{}"
    if isinstance(value, list | tuple):
        return "[]"
    raise TypeError(f"a document holds a {type(value).__name__}")


def _text(text: str) -> str:
    if _BARE.fullmatch(text) and not _is_doubtful(text):
        return str(text)
    if _PRINTABLE.fullmatch(text):
        return "'" + text.replace("'", "''") + "'"
    return '"' + "".join(map(_escaped, text)) + '"'


def _is_doubtful(text: str) -> bool:
    return text.lower() in _WORDS or (_NUMBER.fullmatch(text) is not None and not _IPV4.fullmatch(text))


def _escaped(character: str) -> str:
    if character in '"\\':
        return f"\\{character}"
    if " " <= character <= "~":
        return character
    return f"\\u{ord(character):04x}" if ord(character) < 0x10000 else f"\\U{ord(character):08x}"
