"""What one agent said of itself: when it began, what it lost, and which of its records came."""

from __future__ import annotations

from ..wire import LOSSES, StatusRecord


class Epoch:
    """One agent's life. Counters of several status records are joined by the greater, so their order is no matter."""

    __slots__ = ("_seen", "last", "losses", "name", "node", "problems", "since")

    def __init__(self, name: str) -> None:
        self.name = name
        self.since = 0
        self.last = 0
        self.node = ""
        self.losses: dict[str, int] = {}
        self.problems: set[str] = set()
        self._seen: set[int] = set()

    def take(self, seq: int, time: int) -> bool:
        """Whether the record of this sequence number is new."""
        if seq in self._seen:
            return False
        self._seen.add(seq)
        self.last = max(self.last, time)
        return True

    def note(self, record: StatusRecord) -> None:
        self.since = min(self.since or record.since, record.since)
        self.node = max(self.node, record.node)
        self.problems.update(record.problems)
        for name in LOSSES:
            self.losses[name] = max(record.losses.get(name, 0), self.losses.get(name, 0))

    @property
    def missing(self) -> int:
        """How many records between the first and the last that came did not."""
        return max(self._seen) - min(self._seen) + 1 - len(self._seen) if self._seen else 0
