"""What recordings lost is told wherever they are shown."""

from __future__ import annotations

from collections.abc import Iterable

from ..model import NetworkNeighbors, Workload
from . import streams


class Losses:
    """Tells of each workload once what its recording lost, and again only when it is something else."""

    def __init__(self) -> None:
        self._told: dict[Workload, list[str]] = {}

    def tell(self, found: Iterable[NetworkNeighbors]) -> None:
        for one in found:
            lost = sorted({name for window in one.windows for name, count in window.losses if count})
            if lost and self._told.get(one.workload) != lost:
                self._told[one.workload] = lost
                place = one.workload.described
                streams.note(f"{place}: the recording is lossy ({', '.join(lost)}): flows may be missing")


def tell_losses(found: Iterable[NetworkNeighbors]) -> None:
    """A note for each workload whose recording is lossy."""
    Losses().tell(found)
