"""Reading what a command is about from files, with no cluster and no cache."""

from __future__ import annotations

import sys
from collections.abc import Iterable, Sequence

from ..errors import InputError, NetpolError
from ..files.sources import STDIN, each_document
from ..model import NetworkNeighbors
from ..neighbors.collection import read_all
from ..neighbors.recent import recent
from . import streams
from .options import Scope
from .refusal import Present, refuse_missing
from .selection import Selection, select
from .since import newest, outside, seen_within


def read_files(
    names: Sequence[str], scope: Scope, selection: Selection, command: str, keeps_unseen: bool = False
) -> list[NetworkNeighbors]:
    """The selected workloads of all documents that ``names`` hold, sorted; ``command`` is what a hint proposes.

    ``keeps_unseen``: also those of which nothing was seen within ``--since``, as long as something was of others.
    Raises NetpolError when a document is wrong, when one that was named is not there, or nothing is.
    """
    return choose(read_everything(names), scope, selection, command, keeps_unseen)


def read_everything(names: Sequence[str]) -> list[NetworkNeighbors]:
    """The workloads of all documents, sorted. Raises InputError when a document is wrong, or there is none."""
    everything = read_all(each_document(names, sys.stdin.buffer))
    if not everything:
        raise InputError(f"{', '.join(map(_place, names))}: holds no NetworkNeighbors", "a List without items has none")
    return everything


def choose(
    everything: Sequence[NetworkNeighbors],
    scope: Scope,
    selection: Selection,
    command: str,
    keeps_unseen: bool = False,
) -> list[NetworkNeighbors]:
    """Those of them that are selected. Raises NetpolError as ``read_files`` does."""
    present = [one for one in everything if _is_in(scope, one)]
    if not present:
        raise NetpolError(f"the input holds no workload of the {scope.place}", "leave -n out to take all namespaces")
    refuse_missing(selection, _present(present, everything), scope, command)
    kept = select(present, selection, scope.labels)
    if not kept:
        raise NetpolError("the input holds no such workload", "leave TYPE/NAME and -l out to take all of them")
    return _within(kept, scope, keeps_unseen) if scope.since else kept


def _place(name: str) -> str:
    return STDIN if name == "-" else name


def _present(here: Iterable[NetworkNeighbors], everything: Iterable[NetworkNeighbors]) -> Present:
    return Present([one.workload for one in here], [one.workload for one in everything], (), lambda: "")


def _within(found: list[NetworkNeighbors], scope: Scope, keeps_unseen: bool) -> list[NetworkNeighbors]:
    kept = seen_within([_since(one, scope.since) for one in found], keeps_unseen)
    if not kept:
        raise outside(newest(found), scope)
    return kept


def _is_in(scope: Scope, one: NetworkNeighbors) -> bool:
    return scope.namespace in ("", one.workload.namespace)


def _since(one: NetworkNeighbors, since: int) -> NetworkNeighbors:
    if any(not neighbor.counts.last for neighbor in one.neighbors):
        streams.note(
            f"{one.workload.described}: the input says of some neighbors not "
            "when they were seen: they are taken whatever --since says"
        )
    return recent(one, since)
