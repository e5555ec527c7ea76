"""YAML and JSON as plain values, document by document, read strictly from the parser's events.

``sources`` hands streams in. There is no loader: tags, anchors and aliases are refused before anything is built, so
that neither objects nor bombs come out of a file, and a field that stands twice is an error and not a choice.
Reading takes less time than ``yaml.CSafeLoader`` needs for the same (``make bench``).
"""

from __future__ import annotations

import io
import json
from collections.abc import Callable, Iterator
from functools import lru_cache
from typing import Any, BinaryIO, NamedTuple

import yaml
from yaml.constructor import SafeConstructor
from yaml.resolver import Resolver

from ..errors import InputError

SIZE_LIMIT = 256 << 20
"""Bytes of one file or stream: about 25,000 documents of 30 entries."""
DEPTH_LIMIT = 40
"""No Kubernetes object nests deeper."""

_Parser: Any = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
_SCALAR: Any = yaml.ScalarEvent
_MAPPING: Any = yaml.MappingStartEvent
_MAPPING_END: Any = yaml.MappingEndEvent
_SEQUENCE_END: Any = yaml.SequenceEndEvent
_RESOLVERS: dict[str, list[tuple[str, Any]]] = Resolver.yaml_implicit_resolvers
_MERGE = "tag:yaml.org,2002:merge"
_TYPES = {
    f"tag:yaml.org,2002:{name}": getattr(SafeConstructor, f"construct_yaml_{name}")
    for name in ("null", "bool", "int", "float")
}
_SPACE = b" \t\r\n"
_MARK = b"\xef\xbb\xbf"
NEIGHBORS = "networkneighbors"
POLICIES = "networkpolicies"
"""The resource that a file holds, as a hint asks kubectl for it again."""


class Document(NamedTuple):
    """A document's plain value, and what a message says first: ``neighbors.yaml: document 3:``."""

    place: str
    value: Any


def read_documents(stream: BinaryIO, source: str, resource: str = NEIGHBORS) -> Iterator[Document]:
    """The documents of a stream, without the empty ones; ``source`` is its name in messages.

    ``resource`` is what it holds: a hint tells how kubectl writes it.
    YAML is read as it comes, JSON (one value, or several one after the other) at once. Raises InputError, which names
    the document and the line, for what is neither, and for more than SIZE_LIMIT.
    """
    bounded = _Bounded(stream, source)
    start = bounded.read(4096)
    if start.removeprefix(_MARK).lstrip(_SPACE)[:1] in (b"{", b"["):
        text = start + bounded.read()
        values = _json_values(text)
        if values is not None:
            yield from (_document(source, number, value) for number, value in enumerate(values, 1))
            return
        start, bounded = b"", _Bounded(io.BytesIO(text), source)
    for number, value in _Reader(_Chained(start, bounded), source, resource).documents():
        if value is not None:
            yield _document(source, number, value)


def _document(source: str, number: int, value: Any) -> Document:
    return Document(f"{source}: document {number}:", value)


# None for what is no JSON: flow style in YAML looks like it, and the YAML reader tells better what is wrong.
def _json_values(text: bytes) -> list[Any] | None:
    decoder = json.JSONDecoder(object_pairs_hook=_without_doubles)
    values, position = [], 0
    try:
        whole = text.decode("utf-8-sig").rstrip()
        while position < len(whole):
            value, position = decoder.raw_decode(whole, position)
            values.append(value)
            while whole[position : position + 1].isspace():
                position += 1
    except (ValueError, RecursionError):
        return None
    return values if all(_depth_fits(value, DEPTH_LIMIT) for value in values) else None


def _without_doubles(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    mapping = dict(pairs)
    if len(mapping) != len(pairs):
        raise ValueError("a field stands twice")
    return mapping


def _depth_fits(value: Any, left: int) -> bool:
    if isinstance(value, dict):
        return left > 0 and all(_depth_fits(item, left - 1) for item in value.values())
    if isinstance(value, list):
        return left > 0 and all(_depth_fits(item, left - 1) for item in value)
    return True


class _Bounded:
    """A stream that gives at most SIZE_LIMIT bytes."""

    def __init__(self, stream: BinaryIO, source: str) -> None:
        self._stream = stream
        self._source = source
        self._left = SIZE_LIMIT

    def read(self, size: int = -1) -> bytes:
        content = self._stream.read(self._left + 1 if size < 0 else min(size, self._left + 1))
        self._left -= len(content)
        if self._left < 0:
            raise InputError(f"{self._source}: larger than {SIZE_LIMIT >> 20} MiB", "split it into several files")
        return content


class _Chained:
    """What was read already, and then the rest."""

    def __init__(self, start: bytes, rest: _Bounded) -> None:
        self._start = start
        self._rest = rest

    def read(self, size: int = -1) -> bytes:
        if self._start:
            cut = len(self._start) if size < 0 else size
            content, self._start = self._start[:cut], self._start[cut:]
            return content
        return self._rest.read(size)


class _Reader:
    def __init__(self, stream: _Chained, source: str, resource: str) -> None:
        self._stream = stream
        self._source = source
        self._hint = f"mend it there, or write the file again: kubectl get {resource} -A -o yaml > FILE"
        self._number = 0
        self._line = 0
        self._event: Callable[[], Any]

    def documents(self) -> Iterator[tuple[int, Any]]:
        parser = None
        try:
            parser = _Parser(self._stream)
            self._event = parser.get_event
            while type(event := self._event()) is not yaml.StreamEndEvent:
                if type(event) is yaml.DocumentStartEvent:
                    self._number += 1
                    yield self._number, self._node(self._event(), 0)
        except yaml.YAMLError as error:
            raise self._broken(error) from error
        finally:
            if parser is not None:
                parser.dispose()

    def _node(self, event: Any, depth: int) -> Any:
        kind = type(event)
        if kind is yaml.AliasEvent or event.anchor is not None:
            raise self._error(event, "YAML anchors and aliases are not accepted", "write the value out")
        if event.tag is not None:
            raise self._error(event, f"the YAML tag {event.tag!r:.60} is not accepted", "remove it")
        if kind is _SCALAR:
            return self._plain(event) if event.implicit[0] else event.value
        if depth == DEPTH_LIMIT:
            raise self._error(event, f"it is nested deeper than {DEPTH_LIMIT} levels", self._hint)
        return self._mapping(depth + 1) if kind is _MAPPING else self._sequence(depth + 1)

    def _sequence(self, depth: int) -> list[Any]:
        items: list[Any] = []
        while type(event := self._event()) is not _SEQUENCE_END:
            items.append(self._node(event, depth))
        return items

    def _mapping(self, depth: int) -> dict[str, Any]:
        pairs: dict[str, Any] = {}
        while type(event := self._event()) is not _MAPPING_END:
            if type(event) is not _SCALAR:
                raise self._error(event, "a field's name is no text", self._hint)
            self._node(event, depth)
            name = event.value
            if name in pairs:
                raise self._error(event, f"the field {name!r:.60} stands there twice", "leave one of them out")
            pairs[name] = self._node(self._event(), depth)
        return pairs

    def _plain(self, event: Any) -> Any:
        try:
            return _resolve(event.value)
        except ValueError as error:
            raise self._error(event, f"{event.value!r:.40} is neither text nor a value", "quote it") from error

    def _error(self, event: Any, problem: str, hint: str) -> InputError:
        line = event.start_mark.line + 1
        return InputError(f"{self._source}: document {self._number}, line {line}: {problem}", hint)

    def _broken(self, error: yaml.YAMLError) -> InputError:
        mark = getattr(error, "problem_mark", None)
        line = f", line {mark.line + 1}" if mark is not None else ""
        problem = getattr(error, "problem", None) or getattr(error, "reason", None) or "not readable"
        return InputError(f"{self._source}: document {max(1, self._number)}{line}: no YAML: {problem}", self._hint)


@lru_cache(maxsize=1 << 12)
def _resolve(text: str) -> Any:
    """What YAML 1.1 takes a plain scalar for; dates stay text, as they are in Kubernetes' objects."""
    for tag, pattern in (*_RESOLVERS.get(text[:1], ()), *_RESOLVERS.get(None, ())):  # type: ignore[call-overload]
        if pattern.match(text):
            if tag == _MERGE:
                raise ValueError("merge keys are aliases by another name")
            construct = _TYPES.get(tag)
            return construct(SafeConstructor(), yaml.ScalarNode(tag, text)) if construct else text
    return text
