"""YAML as a tree that remembers where it stood, read strictly from the parser's events.

``documents`` reads KnownServers from it and ``edits`` finds in it where to cut. There is no loading: tags, anchors
and aliases are refused before anything is built, so neither objects nor bombs can come out of a file.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from typing import Any, NamedTuple

import yaml
from yaml.resolver import Resolver

from ..errors import InputError

DEPTH_LIMIT = 40
"""No Kubernetes object nests deeper."""

_Parser: Any = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
_SEQUENCE_END: Any = yaml.SequenceEndEvent
_MAPPING_END: Any = yaml.MappingEndEvent
_RESOLVERS: dict[str, list[tuple[str, Any]]] = Resolver.yaml_implicit_resolvers
_ESCAPE = re.compile(r"\\(?:u([dD][89abAB]..)\\u([dD][c-fC-F]..)|.)", re.DOTALL)


class Scalar(NamedTuple):
    """``start`` and ``end`` are character positions in the text, ``line`` counts from 0."""

    text: str
    plain: bool
    start: int
    end: int
    line: int


class Sequence(NamedTuple):
    items: list[Any]
    flow: bool
    start: int
    end: int
    line: int


class Mapping(NamedTuple):
    pairs: dict[str, Any]
    flow: bool
    start: int
    end: int
    line: int


Node = Scalar | Sequence | Mapping


class TreeError(InputError):
    """What is wrong and on which line (from 0); the reader above adds the file and the document."""

    def __init__(self, line: int, message: str, hint: str = "") -> None:
        super().__init__(message, hint)
        self.line = line


def read_trees(text: str) -> Iterator[Node]:
    """Each document of a text as a tree; an empty document is an empty plain scalar. Raises TreeError."""
    text = _join_surrogates(text)
    parser = None
    try:
        parser = _Parser(text)
        yield from _documents(parser)
    except yaml.YAMLError as error:
        raise _broken(text, error) from error
    finally:
        if parser is not None:
            parser.dispose()


# JSON may spell one character as two escapes, which YAML does not know; positions after it are then off, and an edit
# there is refused.
def _join_surrogates(text: str) -> str:
    if not text.startswith("{") or not any(match[1] for match in _ESCAPE.finditer(text)):
        return text
    try:
        json.loads(text)
    except (ValueError, RecursionError):
        return text
    return _ESCAPE.sub(_joined, text)


def _joined(match: re.Match[str]) -> str:
    if not match[1]:
        return match[0]
    return f"\\U{0x10000 + ((int(match[1], 16) & 0x3FF) << 10) + (int(match[2], 16) & 0x3FF):08x}"


def _documents(parser: Any) -> Iterator[Node]:
    while not isinstance(event := parser.get_event(), yaml.StreamEndEvent):
        if isinstance(event, yaml.DocumentStartEvent):
            yield _node(parser, parser.get_event(), 0)


def _node(parser: Any, event: Any, depth: int) -> Node:
    kind = type(event)
    mark = event.start_mark
    if kind is yaml.AliasEvent or event.anchor is not None:
        raise TreeError(mark.line, "YAML anchors and aliases are not accepted", "write the value out")
    if event.tag is not None:
        raise TreeError(mark.line, f"the YAML tag {event.tag!r:.60} is not accepted", "remove it")
    if kind is yaml.ScalarEvent:
        return Scalar(event.value, event.implicit[0], mark.index, event.end_mark.index, mark.line)
    if depth == DEPTH_LIMIT:
        raise TreeError(mark.line, f"it is nested deeper than {DEPTH_LIMIT} levels")
    if kind is yaml.SequenceStartEvent:
        return _sequence(parser, event, depth)
    return _mapping(parser, event, depth)


def _sequence(parser: Any, start: Any, depth: int) -> Sequence:
    items: list[Node] = []
    while type(event := parser.get_event()) is not _SEQUENCE_END:
        items.append(_node(parser, event, depth + 1))
    mark = start.start_mark
    return Sequence(items, start.flow_style, mark.index, event.end_mark.index, mark.line)


def _mapping(parser: Any, start: Any, depth: int) -> Mapping:
    pairs: dict[str, Node] = {}
    while type(event := parser.get_event()) is not _MAPPING_END:
        key = _node(parser, event, depth + 1)
        if not isinstance(key, Scalar):
            raise TreeError(key.line, "a field's name is no text")
        if key.text in pairs:
            raise TreeError(key.line, f"the field {key.text!r:.60} stands there twice")
        pairs[key.text] = _node(parser, parser.get_event(), depth + 1)
    mark = start.start_mark
    return Mapping(pairs, start.flow_style, mark.index, event.end_mark.index, mark.line)


def _broken(text: str, error: yaml.YAMLError) -> TreeError:
    mark = getattr(error, "problem_mark", None)
    position = getattr(error, "position", None)
    line = mark.line if mark is not None else text.count("\n", 0, position or 0)
    problem = getattr(error, "problem", None) or getattr(error, "reason", None) or "not readable"
    return TreeError(line, f"this is no YAML: {problem}")


def is_null(node: Node) -> bool:
    return isinstance(node, Scalar) and node.plain and node.text in {"", "~", "null", "Null", "NULL"}


def is_string(node: Scalar) -> bool:
    """Whether YAML 1.1 reads it as text: quoted, or plain and no number, truth value, date or null."""
    candidates = _RESOLVERS.get(node.text[:1], []) if node.plain else []
    return not any(pattern.match(node.text) for _, pattern in candidates)
