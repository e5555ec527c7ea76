"""Reads kubectl's dialect of JSONPath, as client-go's util/jsonpath/parser.go does, with its messages.

No library on PyPI speaks it: it has ``range`` and ``end``, text around its braces, and differs from RFC 9535 in what
``[]``, ``..`` and a missing key mean. ``parse`` is what ``jsonpath`` calls.
"""

from __future__ import annotations

import re

from .go_text import GoSyntaxError, parse_float, parse_int, unquote
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

_KEY = re.compile(r"'([^']*)'")
_SLICE = re.compile(r"(-?[0-9]*)(:-?[0-9]*)?(:-?[0-9]*)?")
_COMPARISON = re.compile(r"([^!<>=]+)([!<>=]+)(.+)")
_TERMINATORS = frozenset(" \t\r\n.,[]$@{}")
_DEEPEST = 100
_END = ""


def parse(text: str) -> Sequence:
    """The template's nodes: texts, and a ``Sequence`` for each pair of braces. Raises TemplateError."""
    return _Parser(text, 0).parse()


def _action(text: str, depth: int) -> Sequence:
    if depth > _DEEPEST:
        raise TemplateError("the template is nested too deeply")
    node = _Parser("{" + text + "}", depth).parse().nodes[0]
    return node if isinstance(node, Sequence) else Sequence([node])


class _Parser:
    def __init__(self, text: str, depth: int) -> None:
        self._text, self._depth = text, depth
        self._start = self._place = 0

    def parse(self) -> Sequence:
        root = Sequence()
        while self._place < len(self._text):
            brace = self._text.find("{", self._place)
            self._place = len(self._text) if brace < 0 else brace
            if text := self._taken():
                root.nodes.append(Text(text))
            if brace >= 0:
                self._place += 1
                root.nodes.append(self._inside())
        return root

    def _next(self) -> str:
        found = self._peek()
        self._place += len(found)
        return found

    def _peek(self) -> str:
        return self._text[self._place : self._place + 1]

    def _taken(self) -> str:
        text, self._start = self._text[self._start : self._place], self._place
        return text

    def _inside(self) -> Sequence:
        found = Sequence()
        while True:
            self._start = self._place
            if self._text.startswith("[?(", self._place):
                found.nodes.append(self._filter())
            elif self._text.startswith("..", self._place):
                self._recursive(found.nodes)
            else:
                first = self._next()
                if first == "}":
                    self._start = self._place
                    return found
                self._step(first, found.nodes)

    def _step(self, first: str, nodes: list[Node]) -> None:
        if first in (_END, "\r", "\n"):
            raise TemplateError("unclosed action")
        if first in " @$":  # the current object is what the next node takes anyway
            return
        if first == "[":
            nodes.extend(self._array())
        elif first in "\"'":
            nodes.append(self._quote(first))
        elif first == ".":
            nodes.append(self._field())
        elif first in "+-" or first.isdecimal():
            nodes.append(self._number())
        elif _is_letter(first):
            nodes.append(self._word())
        else:
            raise TemplateError(f"unrecognized character in action: U+{ord(first):04X} '{first}'")

    def _word(self) -> Node:
        while self._peek() not in _TERMINATORS and self._peek() != _END:
            self._place += 1
        name = self._taken()
        return Literal(name == "true") if name in ("true", "false") else Word(name)

    def _recursive(self, nodes: list[Node]) -> None:
        if nodes and isinstance(nodes[-1], Recursive):
            raise TemplateError("invalid multiple recursive descent")
        self._place += 2
        nodes.append(Recursive())
        if _is_letter(self._peek()):
            nodes.append(self._field())

    def _number(self) -> Node:
        while self._peek() == "." or self._peek().isdecimal():
            self._place += 1
        text = self._taken()
        value = parse_int(text)
        number = parse_float(text) if value is None else value
        if number is None:
            raise TemplateError(f"cannot parse number {text}")
        return Literal(number)

    def _array(self) -> list[Node]:
        while (one := self._next()) != "]":
            if one in (_END, "\n"):
                raise TemplateError("unterminated array")
        text = self._taken()[1:-1]
        parts = text.split(",")
        if len(parts) > 1:
            return [Union(tuple(_action(f"[{part.strip(' ')}]", self._depth + 1) for part in parts))]
        if key := _KEY.fullmatch(text):
            return _action(f".{key[1]}", self._depth + 1).nodes
        return [_slice(":" if text == "*" else text)]

    def _filter(self) -> Filter:
        self._place += len("[?(")
        self._start = self._place
        self._end_of_filter()
        if self._next() != "]":
            raise TemplateError("unclosed array expect ]")
        text = self._taken()[:-2]
        deeper = self._depth + 1
        if not (found := _COMPARISON.fullmatch(text)):
            return Filter(_action(text, deeper), Sequence(), "exists")
        return Filter(_action(found[1], deeper), _action(found[3], deeper), found[2])

    def _end_of_filter(self) -> None:
        quote, begun, ended = "", False, False
        while True:
            one = self._next()
            if one in (_END, "\n"):
                raise TemplateError("unterminated filter")
            if one in "\"'" and not begun:
                begun, quote = True, one
            elif one == quote and self._text[self._place - 2] != "\\":
                ended = True
            elif one == ")" and begun == ended:
                return

    def _quote(self, quote: str) -> Text:
        while True:
            one = self._next()
            if one in (_END, "\n"):
                raise TemplateError("unterminated quoted string")
            if one == quote and self._text[self._place - 2] != "\\":
                break
        text = self._taken()
        try:
            return Text(unquote(text))
        except GoSyntaxError as error:
            raise TemplateError(f"unquote string {text} error invalid syntax") from error

    def _field(self) -> Field | Wildcard:
        self._start = self._place
        while self._peek() not in _TERMINATORS and self._peek() != _END:
            self._place += 2 if self._peek() == "\\" else 1
        self._place = min(self._place, len(self._text))
        name = self._taken()
        return Wildcard() if name == "*" else Field(name.replace("\\", ""))


def _is_letter(one: str) -> bool:
    return one == "_" or one.isalpha() or one.isdecimal()


def _slice(text: str) -> Slice:
    found = _SLICE.fullmatch(text)
    if not found:
        raise TemplateError(f"invalid array index {text}")
    start = _bound(found[1] or "") if found[1] else Bound()
    end = Bound(start.value + 1, True, True) if found[2] is None else _bound(found[2][1:])
    step = Bound() if found[3] is None else _bound(found[3][1:])
    return Slice(start, end, step)


def _bound(text: str) -> Bound:
    if not text:
        return Bound()
    value = parse_int(text)
    if value is None:
        raise TemplateError(f"array index {text} is not a number")
    return Bound(value, True)
