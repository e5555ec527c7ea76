"""What recordings lost, and whom they did not hear, is told wherever they are shown."""

from __future__ import annotations

from collections.abc import Iterable

from ..model import NetworkNeighbors, Workload
from . import streams
from .silences import silences


class Losses:
    """Tells of each workload once what its recording lost, and again only when it is something else; so of silences."""

    def __init__(self) -> None:
        self._told: dict[Workload, list[str]] = {}
        self._silences: set[str] = set()

    def tell(self, found: Iterable[NetworkNeighbors]) -> None:
        accounts = list(found)
        for one in accounts:
            lost = sorted({name for window in one.windows for name, count in window.losses if count})
            if lost and self._told.get(one.workload) != lost:
                self._told[one.workload] = lost
                place = one.workload.described
                streams.note(f"{place}: the recording is lossy ({', '.join(lost)}): flows may be missing")
        for sentence in silences(accounts):
            if sentence not in self._silences:
                self._silences.add(sentence)
                streams.note(sentence)


def tell_losses(found: Iterable[NetworkNeighbors]) -> None:
    """A note for each workload whose recording is lossy, and on what was not heard."""
    Losses().tell(found)
