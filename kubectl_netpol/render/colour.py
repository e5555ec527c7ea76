"""YAML in a terminal's colours: keys, texts, comments. Only ``render.yaml``'s own form is known here.

What is coloured is already escaped, one line at a time; without the colours it is the same text.
"""

from __future__ import annotations

import re

_KEY, _TEXT, _COMMENT, _DIM, _END = "\x1b[34;1m", "\x1b[32m", "\x1b[90m", "\x1b[2m", "\x1b[0m"
_SINGLE, _DOUBLE = r"'(?:[^']|'')*'", r'"(?:[^"\\]|\\.)*"'
_LINE = re.compile(
    rf"(?P<start> *(?:- )*(?:\? )?)(?P<key>{_SINGLE}|{_DOUBLE}|[^\s'\"#][^\s:#]*(?=:))?(?P<colon>:)?"
    rf"(?P<space> ?)(?P<value>{_SINGLE}|{_DOUBLE}|[^\s'\"#]\S*)?(?P<comment>  #.*)?"
)


def colour_yaml(text: str) -> str:
    """The same documents with colours; a line that is of another form stays as it is."""
    return "".join(_line(line) for line in text.splitlines(keepends=True))


def _line(line: str) -> str:
    body = line.rstrip("\n")
    if body == "---":
        return _in(_DIM, body) + line[len(body) :]
    found = _LINE.fullmatch(body)
    if not found:
        return line
    key, colon, value, comment = found["key"] or "", found["colon"] or "", found["value"] or "", found["comment"] or ""
    shown = _in(_KEY if colon else _TEXT, key) + colon + found["space"] + _in(_TEXT, value)
    return found["start"] + shown + _in(_COMMENT, comment) + line[len(body) :]


def _in(colour: str, text: str) -> str:
    return f"{colour}{text}{_END}" if text else ""
