"""Did a one-way UDP flow arrive? Only where its receiver is captured as well can that be known.

"Between two captured pods it counts only if the receiver's interface saw it too." The step of ``fold`` that looks
across namespaces.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace

from ..model import Counts, Mark
from .resolution import Row


class Hearing:
    """Who was captured when, and what UDP came in there."""

    def __init__(self, node_addresses: Iterable[str]) -> None:
        self._nodes = frozenset(node_addresses)
        self._captured: dict[str, list[tuple[int, int]]] = {}
        self._heard: dict[tuple[str, int], set[str]] = {}

    def capture(self, address: str, since: int, until: int) -> None:
        """The address's namespace was heard from ``since`` to ``until`` (ms)."""
        self._captured.setdefault(address, []).append((since, until))

    def hear(self, heard: Iterable[tuple[str, int, str]]) -> None:
        """UDP came in: receiver, port and sender."""
        for receiver, port, sender in heard:
            self._heard.setdefault((receiver, port), set()).add(sender)

    def judge(self, row: Row) -> Counts:
        """The row's counts with what its receivers say: answered where one heard it, UNHEARD where all were
        captured at that time and none did. A sender may have been masqueraded as a node."""
        if not row.receivers:
            return row.counts
        if any(self._came_in(receiver, row.local) for receiver in row.receivers):
            return replace(row.counts, answered=max(0, row.counts.attempts - row.counts.refused))
        if all(self._was_captured(address, row.counts.last) for address, _ in row.receivers):
            return replace(row.counts, marks=row.counts.marks | {Mark.UNHEARD})
        return row.counts

    def _came_in(self, receiver: tuple[str, int], sender: str) -> bool:
        senders = self._heard.get(receiver)
        return senders is not None and (sender in senders or not self._nodes.isdisjoint(senders))

    def _was_captured(self, address: str, at: int) -> bool:
        return any(since <= at <= until for since, until in self._captured.get(address, ()))
