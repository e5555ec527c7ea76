"""What one agent said of itself: when it began, what it lost, and which of its records came."""

from __future__ import annotations

from ..wire import LOSSES, StatusRecord


class Epoch:
    """One agent's life. Counters of several status records are joined by the greater, so their order is no matter."""

    __slots__ = (
        "_count",
        "_first",
        "_floor",
        "_newest",
        "_seen",
        "last",
        "losses",
        "name",
        "node",
        "problems",
        "since",
    )

    def __init__(self, name: str) -> None:
        self.name = name
        self.since = 0
        self.last = 0
        self.node = ""
        self.losses: dict[str, int] = {}
        self.problems: set[str] = set()
        self._seen: set[int] = set()
        self._floor = self._count = self._newest = 0
        self._first = -1

    def take(self, seq: int, time: int) -> bool:
        """Whether the record of this sequence number is new."""
        if seq in self._seen or 0 < seq <= self._floor:
            return False
        self._note_sequence(seq)
        self.last = max(self.last, time)
        return True

    # All up to the floor have come, and need no place of their own: a recording of days would fill the memory.
    def _note_sequence(self, seq: int) -> None:
        self._seen.add(seq)
        self._count += 1
        self._first = seq if self._first < 0 else min(self._first, seq)
        self._newest = max(self._newest, seq)
        while self._floor + 1 in self._seen:
            self._floor += 1
            self._seen.discard(self._floor)

    def note(self, record: StatusRecord) -> None:
        self.since = min(self.since or record.since, record.since)
        self.node = max(self.node, record.node)
        self.problems.update(record.problems)
        for name in LOSSES:
            self.losses[name] = max(record.losses.get(name, 0), self.losses.get(name, 0))

    @property
    def missing(self) -> int:
        """How many records between the first and the last that came did not."""
        return self._newest - self._first + 1 - self._count if self._count else 0
