"""Finds what may select some labels among many selectors, without a look at each of them."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator
from typing import Generic, TypeVar

from ...model import Selector
from .facts import Facts

Item = TypeVar("Item")


class SelectorIndex(Generic[Item]):
    """Items by the label that the fewest of their selectors ask for; those whose selector names none are beside it."""

    __slots__ = ("_others", "_tables")

    def __init__(self, items: Iterable[tuple[Selector | None, Item]]) -> None:
        kept = list(items)
        counts = Counter(pair for selector, _ in kept if selector for pair in selector.match_labels)
        self._others: list[Item] = []
        self._tables: dict[str, dict[str, list[Item]]] = {}
        for selector, item in kept:
            if selector is None or not selector.match_labels:
                self._others.append(item)
            else:
                key, value = min(selector.match_labels, key=lambda pair: (counts[pair], pair))
                self._tables.setdefault(key, {}).setdefault(value, []).append(item)

    def candidates(self, facts: Facts) -> Iterator[Item]:
        """All items whose selector may select what the facts are about, and some more."""
        yield from self._others
        for key, table in self._tables.items():
            value = facts.known.get(key)
            if value is not None:
                yield from table.get(value, ())
            elif facts.is_open(key):
                for items in table.values():
                    yield from items
