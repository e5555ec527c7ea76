"""Values that change with time: what held at a given moment."""

from __future__ import annotations

from bisect import bisect_right
from dataclasses import dataclass, field
from typing import Generic, TypeVar

Value = TypeVar("Value")


@dataclass(slots=True)
class Timeline(Generic[Value]):
    """The versions of one object. The first holds for all the time before it, too: nothing older is known.

    ``starts`` are the times (ms) at which another value came into force; None stands for deleted.
    """

    starts: list[int] = field(default_factory=list)
    values: list[Value | None] = field(default_factory=list)

    def put(self, value: Value | None, at: int) -> bool:
        """From ``at`` on, ``value`` holds; whether that changed anything."""
        if self.values and self.values[-1] == value:
            return False
        if not self.values and value is None:
            return False
        self.starts.append(max(at, self.starts[-1]) if self.starts else at)
        self.values.append(value)
        return True

    def at(self, moment: int) -> Value | None:
        """What held then; the first value for a moment before it."""
        if not self.values:
            return None
        return self.values[max(0, bisect_right(self.starts, moment) - 1)]

    @property
    def changes(self) -> list[int]:
        """When another value came into force than the one before."""
        return self.starts[1:]
