"""Which pods and CronJobs were not heard while they were recorded: said wherever recordings are shown."""

from __future__ import annotations

from collections.abc import Iterable

from ..model import NetworkNeighbors
from ..neighbors.completeness import deaf_pods, is_unheard_cronjob, lately
from ..policy.listing import some_of
from ..render.text import counted

_SHOWN = 5


def silences(accounts: Iterable[NetworkNeighbors]) -> list[str]:
    """What ``unheard_pods`` says, and ``no run was heard of shop/cronjob/report``."""
    found = list(accounts)
    cronjobs = [one.workload.full_path for one in found if is_unheard_cronjob(one)]
    return unheard_pods(found) + ([f"no run was heard of {some_of(cronjobs, _SHOWN)}"] if cronjobs else [])


def unheard_pods(accounts: Iterable[NetworkNeighbors]) -> list[str]:
    """``not heard: 1 of 2 pods of shop/statefulset/web (web-1 on n1)`` for the first few workloads.

    Documents name all of them, under ``status``.
    """
    deaf = [one for one in accounts if deaf_pods(one)]
    sentences = [f"not heard: {_pods(one)}" for one in deaf[:_SHOWN]]
    if len(deaf) > _SHOWN:
        sentences.append(f"not heard: pods of {counted(len(deaf) - _SHOWN, 'workload')} more")
    return sentences


def _pods(one: NetworkNeighbors) -> str:
    deaf = deaf_pods(one)
    names = [life.name + (f" on {life.node}" if life.node else "") for life in deaf]
    part = f"{len(deaf)} of {counted(len(lately(one)), 'pod')}"
    return f"{part} of {one.workload.full_path} ({some_of(names, _SHOWN)})"
