"""What policies say of a map, from what they say of its accounts' rows. Who judges them is not known here."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable

from ..model import Direction, NeighborKey, NetworkNeighbors, Workload
from .keys import workload_key
from .values import Coverage, EdgeKey, Graph, Key, Verdict

Row = tuple[Workload, NeighborKey]
"""One row of one workload's account."""


def verdicts(graph: Graph, denied: Collection[Row], untold: Collection[Row] = ()) -> dict[EdgeKey, Verdict]:
    """The verdict of each edge: denied if any of its rows is, else untold if of any of them nothing could be told."""
    found = {}
    for edge in graph.edges:
        rows = [(one.workload, one.neighbor.key) for one in edge.accounts]
        if any(row in denied for row in rows):
            found[edge.key] = Verdict.DENIED
        else:
            found[edge.key] = Verdict.UNTOLD if any(row in untold for row in rows) else Verdict.ALLOWED
    return found


def coverage(
    accounts: Iterable[NetworkNeighbors], isolates: Callable[[NetworkNeighbors, Direction], bool]
) -> dict[Key, Coverage]:
    """In which directions each recorded workload is isolated, as ``isolates`` answers."""
    return {
        workload_key(one.workload): Coverage(isolates(one, Direction.INGRESS), isolates(one, Direction.EGRESS))
        for one in accounts
    }
