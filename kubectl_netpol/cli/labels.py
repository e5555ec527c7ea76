"""Label selectors as ``kubectl -l`` takes them, matched against labels.

The grammar is that of k8s.io/apimachinery/pkg/labels: requirements joined by commas, each one of ``key``, ``!key``,
``key=value``, ``key==value``, ``key!=value``, ``key in (a,b)``, ``key notin (a,b)``, ``key>1``, ``key<1``.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping

from ..errors import InputError
from ..model import Requirement
from ..neighbors.labels import meets

_TOKEN = re.compile(r"\s*(==|!=|[=!<>(),]|[^\s=!<>(),]+)")
_KEY = re.compile(r"([a-z0-9]([-a-z0-9.]{0,251}[a-z0-9])?/)?[A-Za-z0-9]([-A-Za-z0-9_.]{0,61}[A-Za-z0-9])?")
_VALUE = re.compile(r"([A-Za-z0-9]([-A-Za-z0-9_.]{0,61}[A-Za-z0-9])?)?")
_SIGNS = {"=": "In", "==": "In", "!=": "NotIn", ">": "Gt", "<": "Lt"}
_MARKS = frozenset("=!<>(),") | {"==", "!="}


def parse_labels(text: str) -> tuple[Requirement, ...]:
    """The requirements of a selector, all of which must hold. Raises InputError for what kubectl would not take."""
    reader = _Reader(text)
    requirements = []
    while reader.peek() is not None:
        requirements.append(_requirement(reader))
        if reader.peek() is not None:
            reader.expect(",")
            if reader.peek() is None:
                raise reader.trouble("it ends with a comma")
    return tuple(requirements)


def matches(requirements: Iterable[Requirement], labels: Mapping[str, str]) -> bool:
    """Whether labels meet every requirement; a key that is absent meets NotIn and DoesNotExist only."""
    return all(_meets(requirement, labels.get(requirement.key)) for requirement in requirements)


class _Reader:
    def __init__(self, text: str) -> None:
        self._text = text
        self._tokens = _TOKEN.findall(text)
        self._next = 0

    def peek(self) -> str | None:
        return self._tokens[self._next] if self._next < len(self._tokens) else None

    def take(self) -> str | None:
        token = self.peek()
        self._next += 1
        return token

    def expect(self, token: str) -> None:
        found = self.take()
        if found != token:
            raise self.trouble(f"expected {token!r}, found {found or 'its end'!r}")

    def trouble(self, why: str) -> InputError:
        hint = "write it as kubectl does: -l app=web,tier!=test or -l 'app in (web,api),!canary'"
        return InputError(f"unable to parse the label selector {self._text!r}: {why}", hint)


def _requirement(reader: _Reader) -> Requirement:
    if reader.peek() == "!":
        reader.take()
        return Requirement(_key(reader), "DoesNotExist")
    key = _key(reader)
    sign = reader.peek()
    if sign is None or sign == ",":
        return Requirement(key, "Exists")
    reader.take()
    if sign in ("in", "notin"):
        return Requirement(key, "In" if sign == "in" else "NotIn", _set(reader))
    if sign not in _SIGNS:
        raise reader.trouble(f"found {sign!r} after {key!r}")
    value = _value(reader)
    if sign in "<>" and not re.fullmatch(r"-?\d{1,18}", value):
        raise reader.trouble(f"{sign!r} compares whole numbers, not {value!r}")
    return Requirement(key, _SIGNS[sign], (value,))


def _key(reader: _Reader) -> str:
    key = reader.take()
    if key is None or not _KEY.fullmatch(key):
        raise reader.trouble(f"{key or 'its end'!r} is no label's key")
    return key


def _value(reader: _Reader) -> str:
    if reader.peek() in (None, ",", ")"):
        return ""
    value = reader.take() or ""
    if value in _MARKS or not _VALUE.fullmatch(value):
        raise reader.trouble(f"{value!r} is no label's value")
    return value


def _set(reader: _Reader) -> tuple[str, ...]:
    reader.expect("(")
    values = [_value(reader)]
    while reader.peek() == ",":
        reader.take()
        values.append(_value(reader))
    reader.expect(")")
    return tuple(sorted(set(values)))


def _meets(requirement: Requirement, value: str | None) -> bool:
    if requirement.operator not in ("Gt", "Lt"):
        return meets(requirement, value)
    if value is None or not re.fullmatch(r"-?\d{1,18}", value):
        return False
    bound = int(requirement.values[0])
    return int(value) > bound if requirement.operator == "Gt" else int(value) < bound
