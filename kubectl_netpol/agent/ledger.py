"""What the kernel has counted so far, what of it is news, and how it is told on the wire."""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Iterable, Iterator

from kubectl_netpol.wire import Marks

from . import layout
from .namespaces import CapturedNamespace

MAX_GONE = 20000
"""Entries of vanished namespaces that are kept for repetition."""

MAX_GONE_NAMESPACES = 4096

_UNMARKED = Marks(0)
_CHUNK = 200
"""Flows a record holds: a line stays below 32 KiB."""


class Clock:
    """Wall-clock milliseconds of the kernel's monotonic times. A stepped clock is followed, small drift is not."""

    def __init__(self) -> None:
        self._offset = self._measure()

    @staticmethod
    def _measure() -> int:
        return time.time_ns() - time.monotonic_ns()

    def now(self) -> int:
        """Milliseconds since the Unix epoch; follows the wall clock when it was set."""
        measured = self._measure()
        if abs(measured - self._offset) > 100_000_000:
            self._offset = measured
        return (time.monotonic_ns() + self._offset) // 1_000_000

    def wall(self, monotonic: int) -> int:
        return (monotonic + self._offset) // 1_000_000


class Ledger:
    """Raw entries by namespace, so that an entry costs little while nobody asks for it."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._entries: dict[bytes, dict[bytes, bytes]] = {}
        self._changed: dict[bytes, set[bytes]] = {}
        self._gone: deque[tuple[bytes, int]] = deque()
        self._gone_entries = 0
        self.forgotten = 0

    def take(self, pairs: Iterable[tuple[bytes, bytes]]) -> None:
        """Takes in the kernel's (key, value) pairs; those that differ from before are news."""
        entries = self._entries
        for key, value in pairs:
            table = entries.setdefault(key[:4], {})
            if table.get(key) != value:
                table[key] = value
                self._changed.setdefault(key[:4], set()).add(key)

    @property
    def size(self) -> int:
        """How many flows there are, of all namespaces."""
        return sum(map(len, self._entries.values()))

    def keys(self, scope: int) -> list[bytes]:
        return list(self._entries.get(_prefix(scope), ()))

    def counted(self, scope: int) -> dict[str, int]:
        """Answered so far, by flow text, of one namespace."""
        table = self._entries.get(_prefix(scope), {})
        return {
            layout.flow_text(layout.parse_key(key)): layout.parse_value(value).answered for key, value in table.items()
        }

    def let_go(self, scope: int) -> None:
        """Notes that a namespace vanished: its entries are repeated until ``forget`` finds too many of them."""
        prefix = _prefix(scope)
        self._gone.append((prefix, len(self._entries.get(prefix, ()))))
        self._gone_entries += self._gone[-1][1]

    def forget(self) -> list[int]:
        """Forgets the oldest of the vanished namespaces that are too many; returns their scopes.

        To be called when everything was told, and before newly vanished ones are noted: they have news.
        """
        forgotten = []
        while self._gone_entries > MAX_GONE or len(self._gone) > MAX_GONE_NAMESPACES:
            oldest, size = self._gone.popleft()
            self._gone_entries -= size
            self.forgotten += size
            self._entries.pop(oldest, None)
            self._changed.pop(oldest, None)
            forgotten.append(int.from_bytes(oldest, "little"))
        return forgotten

    def news(self, namespace: CapturedNamespace) -> Iterator[dict[str, list[int]]]:
        """The flows of a namespace that changed since the last call, in portions for one record each."""
        changed = self._changed.pop(_prefix(namespace.scope), set())
        existing = set(namespace.existing) if namespace.has_existing_news else set()
        if existing:
            changed |= self._entries.get(_prefix(namespace.scope), {}).keys()
        namespace.has_existing_news = False
        yield from self._tell(namespace, sorted(changed), existing)

    def everything(self, namespace: CapturedNamespace) -> Iterator[dict[str, list[int]]]:
        """All flows of a namespace, also those that were there before the capture."""
        self._changed.pop(_prefix(namespace.scope), None)
        keys = sorted(self._entries.get(_prefix(namespace.scope), ()))
        yield from self._tell(namespace, keys, set(namespace.existing))

    def _tell(
        self, namespace: CapturedNamespace, keys: list[bytes], existing: set[str]
    ) -> Iterator[dict[str, list[int]]]:
        portion: dict[str, list[int]] = {}
        table = self._entries.get(_prefix(namespace.scope), {})
        for key in keys:
            parsed = layout.parse_key(key)
            text = layout.flow_text(parsed)
            if namespace.broadcasts and layout.address_text(parsed.peer) in namespace.broadcasts:
                continue
            portion[text] = self._counters(namespace, text, layout.parse_value(table[key]))
            existing.discard(text)
            if len(portion) >= _CHUNK:
                yield portion
                portion = {}
        for text in sorted(existing):
            count, marks, seen = namespace.existing[text]
            portion[text] = [count, count, 0, seen, seen, int(marks)]
            if len(portion) >= _CHUNK:
                yield portion
                portion = {}
        if portion:
            yield portion

    def _counters(self, namespace: CapturedNamespace, text: str, value: layout.Value) -> list[int]:
        first, last = self._clock.wall(value.first), self._clock.wall(value.last)
        existing, marks, seen = namespace.existing.get(text, (0, _UNMARKED, first))
        if namespace.primary and value.interface not in (namespace.primary, *namespace.former):
            marks |= Marks.SECONDARY_INTERFACE
        attempts, answered = value.attempts + existing, value.answered + existing
        return [attempts, answered, value.refused, min(first, seen), last, int(marks)]


def _prefix(scope: int) -> bytes:
    return scope.to_bytes(4, "little")
