"""Reading what a command is about from the cache: the recordings in scope, summed up."""

from __future__ import annotations

import os

from ..cache.store import LOCAL, Store, exists
from ..model import NetworkNeighbors, Workload
from ..neighbors.recording import summarise
from .options import Scope
from .selection import Selection, refuse_missing, select


def read(scope: Scope, selection: Selection, command: str) -> list[NetworkNeighbors]:
    """The selected workloads in scope, sorted; ``command`` is what a hint proposes to type.

    Raises NetpolError when one that was named is not recorded.
    """
    if not exists(scope.directory):
        refuse_missing(selection, (), scope.place, command)
        return []
    with Store.open(scope.directory) as store:
        recorded = [workload for workload in store.workloads(scope.cluster) if _is_in(scope, workload)]
        refuse_missing(selection, recorded, scope.place, command)
        kept = store.read(scope.cluster, lambda workload: _is_in(scope, workload) and selection.includes(workload))
    summaries = (summarise(recording, scope.since) for recording in kept)
    heard = [one for one in summaries if one.windows or one.neighbors or not scope.since]
    return select(heard, selection, scope.labels)


def advice(scope: Scope) -> str:
    """What to do when nothing is recorded in scope."""
    if not scope.is_local and exists(scope.directory):
        with Store.open(scope.directory) as store:
            if store.workloads(LOCAL):
                return "there are recordings of this machine: add --local"
    if scope.is_local and os.geteuid() != 0 and not exists(scope.directory):
        return "what was recorded with sudo is in root's cache: sudo the same command, or name it with --cache-dir"
    if scope.namespace:
        return "look in all namespaces with -A, or record first: kubectl netpol record --help"
    return "record first: kubectl netpol record --help"


def _is_in(scope: Scope, workload: Workload) -> bool:
    return scope.namespace in ("", workload.namespace)
