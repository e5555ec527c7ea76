"""Which workloads a command line names: ``deploy/web sts/db``, ``deploy web api``, ``deploy,sts``, or all of them."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from ..errors import InputError
from ..model import NetworkNeighbors, Workload
from .kinds import is_kind
from .labels import matches, parse_labels

_HINT = "write TYPE/NAME, as in deploy/web, or TYPE NAME"


@dataclass(frozen=True, slots=True)
class Wanted:
    """One workload, or all of a kind where ``name`` is empty."""

    kind: str
    name: str = ""

    def names(self, workload: Workload) -> bool:
        return is_kind(workload, self.kind) and self.name in ("", workload.name)

    def __str__(self) -> str:
        return f"{self.kind}/{self.name}" if self.name else self.kind


@dataclass(frozen=True, slots=True)
class Selection:
    """What was named; nothing named is everything."""

    wanted: tuple[Wanted, ...] = ()

    @property
    def is_one(self) -> bool:
        """Whether exactly one object was asked for by its name, so that it is printed alone and not as a List."""
        return len(self.wanted) == 1 and bool(self.wanted[0].name)

    def includes(self, workload: Workload) -> bool:
        return not self.wanted or any(wanted.names(workload) for wanted in self.wanted)


def parse_selection(arguments: Sequence[str]) -> Selection:
    """The selection that kubectl would read from these arguments. Raises InputError for a mixture of forms."""
    if not arguments:
        return Selection()
    if any("/" in argument for argument in arguments):
        return Selection(tuple(dict.fromkeys(_pair(argument) for argument in arguments)))
    kinds = arguments[0].split(",")
    if not all(kinds):
        raise InputError(f"{arguments[0]!r} names no type", _HINT)
    names = arguments[1:] or ("",)
    if not all(arguments[1:]):
        raise InputError("a name is empty", _HINT)
    return Selection(tuple(dict.fromkeys(Wanted(kind, name) for kind in kinds for name in names)))


def without_repeats(arguments: Sequence[str]) -> tuple[str, ...]:
    """The same arguments, with each object named once. A TYPE may be spelt as one of its NAMEs is."""
    if any("/" in argument for argument in arguments):
        return tuple(dict.fromkeys(arguments))
    return (*arguments[:1], *dict.fromkeys(arguments[1:]))


def select(summaries: Iterable[NetworkNeighbors], selection: Selection, labels: str) -> list[NetworkNeighbors]:
    """Those that the selection and the labels include."""
    requirements = parse_labels(labels)
    return [
        one
        for one in summaries
        if selection.includes(one.workload)
        and matches(requirements, dict(one.selector.match_labels) | dict(one.labels))
    ]


def _pair(argument: str) -> Wanted:
    kind, slash, name = argument.partition("/")
    if not (kind and slash and name) or "/" in name or "," in kind:
        raise InputError(f"{argument!r} is not TYPE/NAME", _HINT)
    return Wanted(kind, name)
