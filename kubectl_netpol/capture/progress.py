"""What can be shown of a recording while it runs: filled in by ``live``, shown by ``cli``."""

from __future__ import annotations

from dataclasses import dataclass, field

from ..neighbors.recording import Recording


@dataclass(slots=True)
class Progress:
    """What can be shown of a recording while it runs; times are of time.monotonic, 0 for not yet or never.

    ``is_stable``: it ends because no new neighbor was seen for as long as was asked.
    """

    begun: float = 0.0
    ends: float = 0.0
    nodes: int = 0
    heard: int = 0
    failed: int = 0
    pods: int = 0
    workloads: int = 0
    neighbors: int = 0
    newest: float = 0.0
    recent: int = 0
    losses: int = 0
    is_ending: bool = False
    is_stable: bool = False
    _births: list[tuple[float, int]] = field(default_factory=list)
    _known: set[int] = field(default_factory=set)

    def count(self, heard: list[Recording], now: float) -> None:
        """Notes what has been heard by now; ``recent`` are the neighbors of the last minute."""
        found = {hash((one.workload, key)) for one in heard for key in one.flows}
        if news := len(found - self._known):
            self.newest = now
            self._births.append((now, news))
        self._births = [(at, count) for at, count in self._births if at > now - 60]
        self.recent = sum(count for _, count in self._births)
        self._known, self.neighbors, self.workloads = found, len(found), len(heard)
