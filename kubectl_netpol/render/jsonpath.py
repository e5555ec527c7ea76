"""``-o jsonpath=...``: a template filled from a document, as client-go's util/jsonpath/jsonpath.go does it. Pure.

Where Go takes a map's entries in an order that changes from run to run, they come by their keys here. What documents
hold is escaped, so that no name moves a terminal's cursor; the template's own text is printed as it is.
"""

from __future__ import annotations

import operator
from collections.abc import Callable, Iterable
from typing import Any

from .go_json import to_indented_json, to_json
from .go_text import show, type_name
from .jsonpath_nodes import (
    Bound,
    Field,
    Filter,
    Literal,
    Node,
    Recursive,
    Sequence,
    Slice,
    TemplateError,
    Text,
    Union,
    Wildcard,
    Word,
)
from .jsonpath_parser import parse
from .text import escape

Values = list[Any]
_NOTHING = object()
"""Go's zero reflect.Value, which is not null: what a range over nothing walks with."""

_ORDER: dict[str, Callable[[Any, Any], bool]] = {
    "<": operator.lt,
    ">": operator.gt,
    "<=": operator.le,
    ">=": operator.ge,
    "==": operator.eq,
    "!=": operator.ne,
}


class _Own(str):
    """Text of the template itself, which needs no escape."""

    __slots__ = ()


class Template:
    """A template that was read; ``TemplateError`` for one that cannot be."""

    def __init__(self, text: str) -> None:
        self._root = parse(text)

    def fill(self, document: Any) -> str:
        """The text that kubectl would print, without a line feed of its own. Raises TemplateError."""
        return "".join(" ".join(map(_printed, found)) for found in self.find(document))

    def fill_as_json(self, document: Any) -> str:
        """As ``jsonpath-as-json``: each result as a JSON list."""
        return "".join(to_indented_json(list(found)) + "\n" for found in self.find(document))

    def find(self, document: Any) -> list[Values]:
        """What each node of the template found, in their order. A key that is missing finds nothing."""
        return _Walk(self._root.nodes).find(document, 0)


class _Walk:
    """One run over a document, which has to remember where ranges begin and end."""

    def __init__(self, nodes: list[Node]) -> None:
        self._nodes = nodes
        self._begun = self._within = self._ended = 0
        self._last_end = -1

    def find(self, document: Any, place: int) -> list[Values]:
        current, found = [_NOTHING if document is None else document], []
        while place < len(self._nodes):
            results = self._evaluate(current, self._nodes[place])
            if 0 < self._ended <= self._within:
                self._ended -= 1
                self._last_end = place
                break
            if self._begun:
                self._begun -= 1
                self._within += 1
                found += self._each(results, place + 1)
                self._within -= 1
                place = max(place, self._last_end)
            else:
                found.append(results)
            place += 1
        return found

    def _each(self, results: Values, place: int) -> list[Values]:
        if not results:
            self.find(None, place)
            return []
        return [one for value in results for one in self.find(value, place)]

    def _evaluate(self, values: Values, node: Node) -> Values:
        match node:
            case Sequence(nodes):
                for one in nodes:
                    values = self._evaluate(values, one)
            case Union(parts):
                values = [one for part in parts for one in self._evaluate(values, part)]
            case Filter():
                values = self._filtered(values, node)
            case Word(name):
                values = self._word(values, name)
            case _:
                values = _found(values, node)
        return values

    def _word(self, values: Values, name: str) -> Values:
        if name == "range":
            self._begun += 1
            return values
        if name != "end":
            raise TemplateError(f"unrecognized identifier {name}")
        if not self._within:
            raise TemplateError("not in range, nothing to end")
        self._ended += 1
        return []

    def _filtered(self, values: Values, node: Filter) -> Values:
        found: Values = []
        for value in values:
            if not isinstance(value, list):
                raise TemplateError(f"{escape(_shown(value))} is not array or slice and cannot be filtered")
            found += [item for item in value if self._passes(item, node)]
        return found

    def _passes(self, item: Any, node: Filter) -> bool:
        if node.operator == "exists":
            try:
                return bool(self._evaluate([item], node.left))
            except TemplateError:
                return True  # as in kubectl: what was found before the error counts
        sides = []
        for side in (node.left, node.right):
            found = self._evaluate([item], side)
            if not found:
                return False
            if len(found) > 1:
                raise TemplateError("can only compare one element at a time")
            sides.append(found[0])
        if node.operator not in _ORDER:
            raise TemplateError(f"unrecognized filter operator {node.operator}")
        return _compared(node.operator, *sides)


def _found(values: Values, node: Text | Literal | Field | Slice | Wildcard | Recursive) -> Values:
    match node:
        case Text(text):
            return [_Own(text)]
        case Literal(value):
            return [value for _ in values]
        case Field(name):
            return [one[name] for one in values if isinstance(one, dict) and name in one]
        case Slice():
            return _sliced(values, node)
        case Wildcard():
            return [item for one in values for item in _items(one)]
    return _descended(values)


def _sliced(values: Values, node: Slice) -> Values:
    found: Values = []
    for value in values:
        if value is None:
            continue
        if not isinstance(value, list):
            raise TemplateError(f"{type_name(value)} is not array or slice")
        start, end = _limits(node, len(value))
        if start == end:
            return found
        if node.step.is_known and node.step.value <= 0:
            raise TemplateError("step must be > 0")
        found += value[start : end : node.step.value if node.step.is_known else 1]
    return found


def _limits(node: Slice, length: int) -> tuple[int, int]:
    start = node.start.value + (length if node.start.value < 0 else 0) if node.start.is_known else 0
    end = _end(node.end, length)
    if start == end:
        return start, end
    if not 0 <= start < length:
        raise TemplateError(f"array index out of bounds: index {start}, length {length}")
    if not 0 <= end <= length:
        raise TemplateError(f"array index out of bounds: index {end - 1}, length {length}")
    if start > end:
        raise TemplateError(f"starting index {start} is greater than ending index {end}")
    return start, end


def _end(bound: Bound, length: int) -> int:
    if not bound.is_known:
        return length
    return bound.value + (length if bound.value < 0 or (bound.value == 0 and bound.is_derived) else 0)


def _items(value: Any) -> Iterable[Any]:
    if isinstance(value, dict):
        return [value[key] for key in sorted(value)]
    if isinstance(value, str):
        return list(value.encode("utf-8", "surrogateescape"))  # Go's strings are bytes
    return value if isinstance(value, list) else ()


def _descended(values: Values) -> Values:
    found: Values = []
    for value in values:
        items = list(_items(value))
        if items:
            found += [value, *_descended(items)]
    return found


def _compared(sign: str, left: Any, right: Any) -> bool:
    kinds = {_kind(left), _kind(right)}
    if "" in kinds or (kinds == {"bool"} and sign not in ("==", "!=")):
        raise TemplateError("invalid type for comparison")
    if len(kinds) > 1:
        raise TemplateError("incompatible types for comparison")
    return bool(_ORDER[sign](left, right))


def _kind(value: Any) -> str:
    for kind in (bool, int, float, str):
        if isinstance(value, kind):
            return kind.__name__
    return ""


def _printed(value: Any) -> str:
    if isinstance(value, _Own):
        return value
    if isinstance(value, dict | list):
        return to_json(value)
    return "null" if value is None else escape(_shown(value))


def _shown(value: Any) -> str:
    return "<no value>" if value is _NOTHING else show(value)
