"""Reading what a command is about from the cache: the recordings in scope, summed up."""

from __future__ import annotations

import os

from ..cache.store import LOCAL, Store, exists
from ..errors import NetpolError
from ..model import NetworkNeighbors, Workload
from ..neighbors.recording import summarise
from .options import Scope
from .refusal import Present, refuse_missing
from .selection import Selection, select
from .since import newest, outside, seen_within

_RECORD = "record first: kubectl netpol record --help"


def read(scope: Scope, selection: Selection, command: str, keeps_unseen: bool = False) -> list[NetworkNeighbors]:
    """The selected workloads in scope, sorted, without those of which nothing was seen within ``--since``.

    ``keeps_unseen``: with them, where something was seen of others. ``command`` is what a hint proposes to type. Raises
    NetpolError when one that was named is not recorded.
    """
    if not exists(scope.directory):
        refuse_missing(selection, Present((), (), (), lambda: advice(scope)), scope, command)
        return []
    with Store.open(scope.directory) as store:
        refuse_missing(selection, _present(store, scope), scope, command)
        found = _selected(store, scope, selection, scope.since)
    return seen_within(found, keeps_unseen) if scope.since else found


def read_everything(scope: Scope) -> list[NetworkNeighbors]:
    """All that was recorded of the cluster, whatever the scope chooses."""
    if not exists(scope.directory):
        return []
    with Store.open(scope.directory) as store:
        return [summarise(recording) for recording in store.read(scope.cluster, lambda _: True)]


def absence(scope: Scope, selection: Selection) -> NetpolError:
    """Why nothing was read, and what to do about it."""
    problem = f"no recordings found in {scope.place}"
    if not exists(scope.directory):
        return NetpolError(problem, advice(scope))
    with Store.open(scope.directory) as store:
        present = _present(store, scope)
        recorded = _selected(store, scope, selection, 0)
    if scope.since and recorded:
        return outside(newest(recorded), scope)
    if not any(map(selection.includes, present.here)):
        named = f" of type {', '.join(map(str, selection.wanted))}" if selection.wanted else ""
        return NetpolError(f"no recordings{named} found in {scope.place}", advice(scope))
    return NetpolError(f"{problem} with pods of the labels {scope.labels}", "leave -l out to see all of them")


def advice(scope: Scope) -> str:
    """What to do when nothing of that is recorded in scope."""
    if not exists(scope.directory):
        if scope.is_local and os.geteuid() != 0:
            return "what was recorded with sudo is in root's cache: sudo the same command, or name it with --cache-dir"
        return _RECORD
    with Store.open(scope.directory) as store:
        present = _present(store, scope)
    if scope.namespace and present.anywhere:
        return f"look in all namespaces with -A, or {_RECORD}"
    if present.local:
        is_here = any(_is_in(scope, workload) for workload in present.local)
        return f"there are recordings of this machine: add --local{'' if is_here else ' -A'}"
    return _RECORD


def _present(store: Store, scope: Scope) -> Present:
    anywhere = store.workloads(scope.cluster)
    here = tuple(workload for workload in anywhere if _is_in(scope, workload))
    local = () if scope.is_local else store.workloads(LOCAL)
    return Present(here, anywhere, local, lambda: advice(scope))


def _selected(store: Store, scope: Scope, selection: Selection, since: int) -> list[NetworkNeighbors]:
    kept = store.read(scope.cluster, lambda workload: _is_in(scope, workload) and selection.includes(workload))
    return select((summarise(recording, since) for recording in kept), selection, scope.labels)


def _is_in(scope: Scope, workload: Workload) -> bool:
    return scope.namespace in ("", workload.namespace)
