"""What a jsonpath template is made of, as ``jsonpath_parser`` reads it and ``jsonpath`` evaluates it."""

from __future__ import annotations

from dataclasses import dataclass, field

from ..errors import InputError


class TemplateError(InputError):
    """A template that cannot be read, or that asks of a document what it cannot give."""


@dataclass(frozen=True, slots=True)
class Text:
    """Text that stands outside braces, or in quotes within them."""

    text: str


@dataclass(frozen=True, slots=True)
class Literal:
    """A number or a truth, to compare with."""

    value: int | float | bool


@dataclass(frozen=True, slots=True)
class Field:
    """``.name`` or ``['name']``."""

    name: str


@dataclass(frozen=True, slots=True)
class Bound:
    """One of a slice's three numbers; ``is_derived`` where ``[3]`` stands for ``[3:4]``."""

    value: int = 0
    is_known: bool = False
    is_derived: bool = False


@dataclass(frozen=True, slots=True)
class Slice:
    """``[start:end:step]``, ``[index]`` or ``[*]``."""

    start: Bound
    end: Bound
    step: Bound


@dataclass(frozen=True, slots=True)
class Wildcard:
    """``.*``"""


@dataclass(frozen=True, slots=True)
class Recursive:
    """``..``"""


@dataclass(frozen=True, slots=True)
class Word:
    """``range``, ``end``, or what is refused."""

    name: str


@dataclass(slots=True)
class Sequence:
    """What stands within one pair of braces; each node takes what the one before it gave."""

    nodes: list[Node] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class Union:
    """``[0,2]`` or ``['a','b']``."""

    parts: tuple[Sequence, ...]


@dataclass(frozen=True, slots=True)
class Filter:
    """``[?(left operator right)]``; the operator is ``exists`` where only the left side stands."""

    left: Sequence
    right: Sequence
    operator: str


Node = Text | Literal | Field | Slice | Wildcard | Recursive | Word | Sequence | Union | Filter
