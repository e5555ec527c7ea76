"""``neighbors --watch``: what a recording that runs elsewhere adds to the cache, as it comes.

As kubectl's own watches do it, what is new is appended. Counters change with each save, and would say nothing: a
neighbor is told again only when more is known of it than before.
"""

from __future__ import annotations

import time
from collections.abc import Iterator
from typing import NoReturn

from ..cache.store import stamp
from ..model import Neighbor, NeighborKey, NetworkNeighbors, Workload
from ..neighbors.document import to_document
from ..render.document import to_json, to_name, to_yaml
from ..render.table import GrowingTable
from . import streams
from .losses import Losses
from .neighbor_columns import Columns
from .options import Scope
from .recordings import absence, read
from .selection import Selection

_SECONDS = 1.0
_COMMAND = "kubectl netpol neighbors"
_Known = tuple[bool, bool, frozenset[str], tuple[str, ...]]
_Change = tuple[NetworkNeighbors, list[Neighbor]]


def watch_neighbors(
    scope: Scope, selection: Selection, output: str, with_list: bool, with_headers: bool = True
) -> NoReturn:
    """Prints until it is interrupted; ``with_list``: what is there already comes first. ``with_headers``: the table's.

    Raises NetpolError when a workload that was named is not recorded.
    """
    printer = _Printer(output, not scope.namespace, with_headers)
    news, losses = News(), Losses()
    seen = _state(scope)
    found = read(scope, selection, _COMMAND)
    first = list(news.take(found))
    if with_list:
        printer.show(first)
    losses.tell(found)
    if not found:
        why = absence(scope, selection)
        streams.say(f"{why.message[:1].upper()}{why.message[1:]}; waiting for one.")
    while True:
        time.sleep(_SECONDS)
        scope = scope.as_known_now()
        now = _state(scope)
        if now != seen:
            seen = now
            found = read(scope, selection, _COMMAND)
            printer.show(list(news.take(found)))
            losses.tell(found)


# The identity too: it is noted after the recordings have moved to it, and nothing need be written to them then.
def _state(scope: Scope) -> tuple[str, tuple[int, ...]]:
    return scope.cluster, stamp(scope.directory)


class News:
    """Remembers what was known of each neighbor."""

    def __init__(self) -> None:
        self._known: dict[tuple[Workload, NeighborKey], _Known] = {}
        self._met: set[Workload] = set()

    def take(self, found: list[NetworkNeighbors]) -> Iterator[_Change]:
        """The workloads of which something is new, each with its neighbors that are new or better known."""
        for one in found:
            changed = [neighbor for neighbor in one.neighbors if self._is_new(one.workload, neighbor)]
            if changed or one.workload not in self._met:
                yield one, changed
            self._met.add(one.workload)

    def _is_new(self, workload: Workload, neighbor: Neighbor) -> bool:
        counts = neighbor.counts
        told = (counts.answered > 0, counts.refused > 0, frozenset(map(str, counts.marks)), counts.names)
        key = (workload, neighbor.key)
        is_new = self._known.get(key) != told
        self._known[key] = told
        return is_new


class _Printer:
    def __init__(self, output: str, with_namespace: bool, with_headers: bool) -> None:
        self._output = output
        self._columns = Columns(with_namespace, output == "wide")
        self._table = GrowingTable(self._columns.headers, with_headers)
        self._is_first = True

    def show(self, changes: list[_Change]) -> None:
        if not changes:
            return
        streams.data_now("".join(self._texts(changes)))
        self._is_first = False

    def _texts(self, changes: list[_Change]) -> Iterator[str]:
        for one, _ in changes:
            if self._output == "yaml":
                yield ("" if self._is_first else "---\n") + to_yaml([to_document(one)])
                self._is_first = False
            elif self._output == "json":
                yield to_json(to_document(one))
            elif self._output == "name":
                yield _name(one)
        if self._output in ("table", "wide"):
            yield self._rows(changes)

    def _rows(self, changes: list[_Change]) -> str:
        now = int(time.time() * 1000)
        rows = [self._columns.row(one, neighbor, now) for one, changed in changes for neighbor in changed]
        return self._table.add(rows)


def _name(one: NetworkNeighbors) -> str:
    """``deployment.apps/web``, a line of its own."""
    workload = one.workload
    metadata = {"name": workload.name}
    return to_name({"apiVersion": workload.api_version, "kind": workload.kind, "metadata": metadata}) + "\n"
