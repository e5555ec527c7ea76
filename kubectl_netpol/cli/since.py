"""What ``--since`` leaves out, and how that is told: never as if it had not been recorded."""

from __future__ import annotations

import time
from collections.abc import Iterable

from ..errors import NetpolError
from ..model import NetworkNeighbors
from ..neighbors.completeness import is_never_heard
from ..policy.listing import some_of
from ..render.age import age
from ..render.text import counted
from . import streams
from .options import Scope

_SHOWN = 10


def seen_within(found: list[NetworkNeighbors], keeps_unseen: bool = False) -> list[NetworkNeighbors]:
    """Those with neighbors, of accounts that hold only what ``--since`` includes; tells of how many have none.

    Where there are some, those that were never heard stay with them: that has to be said. With ``keeps_unseen`` all do.
    """
    if keeps_unseen and any(one.neighbors for one in found):
        return found
    kept = [one for one in found if _stays(one)]
    if not any(one.neighbors for one in kept):
        return []
    if left := [one.workload.full_path for one in found if not _stays(one)]:
        are_left = f"{counted(len(left), 'workload')} left out ({some_of(left, _SHOWN)})"
        streams.note(f"{are_left}: nothing of that was seen within --since")
    return kept


def _stays(one: NetworkNeighbors) -> bool:
    return bool(one.neighbors) or is_never_heard(one)


def newest(found: Iterable[NetworkNeighbors]) -> int:
    """When anything of these was last seen (ms), 0 where that is not known."""
    return max((neighbor.counts.last for one in found for neighbor in one.neighbors), default=0)


def outside(last: int, scope: Scope) -> NetpolError:
    """That ``--since`` excludes all there is; ``last`` is when something was last seen (ms), 0 where nothing was."""
    when = f": the last was {age(int(time.time() * 1000) - last)} ago" if last else ""
    return NetpolError(
        f"nothing of that in {scope.source} was seen within --since{when}", "leave --since out, or make it longer"
    )
