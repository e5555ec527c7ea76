"""The numbers of ports, cut where something else begins to be admitted."""

from __future__ import annotations

from bisect import bisect_right
from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from typing import Generic, TypeVar

from ...policy.evaluation.values import PolicyPort

_LOWEST = 1  # "a port from 1 to 65535"

Groups = tuple[int, ...]
"""Groups of grants by their numbers, sorted, each once."""

T = TypeVar("T")


class Stretches(Generic[T]):
    """Stretches of the numbers of one protocol's ports. All over a stretch grants of the same groups are in force.

    ``ports`` are the grants' ports, each with its group's number. A port with a name is at every number, as its
    ``first`` and ``last`` say. Of each stretch it keeps what ``admitted_by`` makes of its groups.
    """

    __slots__ = ("_admitted", "_starts")

    def __init__(self, ports: Iterable[tuple[PolicyPort, int]], admitted_by: Callable[[Groups], T]) -> None:
        begins_and_ends: dict[int, Counter[int]] = {_LOWEST: Counter()}
        for port, group in ports:
            begins_and_ends.setdefault(max(port.first, _LOWEST), Counter())[group] += 1
            begins_and_ends.setdefault(port.last + 1, Counter())[group] -= 1
        self._starts: list[int] = []
        self._admitted: list[T] = []
        here: Groups | None = None
        open_now: Counter[int] = Counter()
        for start, changes in sorted(begins_and_ends.items()):
            open_now += changes  # which leaves out what comes to nothing
            before, here = here, tuple(sorted(open_now))
            if here != before:
                self._starts.append(start)
                self._admitted.append(admitted_by(here))

    def at(self, port: PolicyPort) -> Sequence[T]:
        """What is admitted at the port's numbers, stretch by stretch."""
        begin = bisect_right(self._starts, max(port.first, _LOWEST)) - 1
        return self._admitted[begin : bisect_right(self._starts, port.last)]
