"""Which pods and CronJobs in scope a recording never heard: pure.

Only while the cluster's objects are at hand can that be told: a recording keeps its nodes and times, and no pods.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable
from dataclasses import dataclass

from ..model import Workload
from ..neighbors.inventory import Inventory
from ..neighbors.pods import Pod
from .plan import is_in_scope
from .scope import Wanted


@dataclass(frozen=True, slots=True)
class Absent:
    """Of one workload ``pods`` of ``all`` that lived meanwhile were not heard."""

    workload: Workload
    pods: tuple[Pod, ...]
    all: int


def absent_pods(inventory: Inventory, wanted: Wanted, heard: Collection[str], span: tuple[int, int]) -> list[Absent]:
    """By workload: the pods that had an address within ``span`` (ms) and whose UIDs are not among ``heard``.

    Pods in their node's network are left out: they are never heard.
    """
    begin, end = span
    alive: dict[Workload, list[Pod]] = {}
    for pod in inventory.pods():
        is_here = pod.begin <= end and (not pod.end or pod.end > begin)
        if is_here and pod.addresses and not pod.host_network and is_in_scope(inventory, wanted, pod):
            alive.setdefault(inventory.owned(pod).workload, []).append(pod)
    found = []
    for workload, pods in sorted(alive.items()):
        missing = sorted((pod for pod in pods if pod.uid not in heard), key=lambda pod: (pod.name, pod.uid))
        if missing:
            found.append(Absent(workload, tuple(missing), len(pods)))
    return found


def absent_cronjobs(inventory: Inventory, wanted: Wanted, heard: Iterable[Workload]) -> list[Workload]:
    """The CronJobs in scope no run of which was heard."""
    cronjobs = (one for one in inventory.controllers() if one.workload.kind == "CronJob")
    there = {one.workload for one in cronjobs if wanted(one.workload, dict(one.template))}
    return sorted(there - set(heard))
