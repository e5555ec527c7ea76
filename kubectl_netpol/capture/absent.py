"""Which pods and CronJobs in scope a recording did not hear: pure.

Only while the cluster's objects are at hand can that be told, so it is kept with the recording.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator
from dataclasses import replace

from ..model import PodLife, Selector, Workload
from ..neighbors.inventory import Inventory
from ..neighbors.labels import stable
from ..neighbors.pods import Pod
from ..neighbors.recording import Recording
from .plan import is_in_scope
from .scope import Wanted

_SECOND = 1000
"""The API's times are cut off to one (ms)."""


def absent(
    inventory: Inventory, wanted: Wanted, heard: Collection[str], span: tuple[int, int]
) -> dict[Workload, Recording]:
    """For each workload in scope of which something was not heard a recording that tells what, and holds no flow.

    That are pods that had an address within ``span`` (ms) and whose UIDs are not among ``heard``, and CronJobs none of
    whose pods are. Pods in their node's network never can be heard, and are not missed. Where another object owns a
    CronJob, its pods are that one's, and it is not missed itself.
    """
    found: dict[Workload, Recording] = {}
    lives: dict[Workload, dict[str, PodLife]] = {}
    not_missed: set[Workload] = set()
    for pod in inventory.pods():
        workload = inventory.owned(pod).workload
        if pod.uid in heard or pod.host_network:
            not_missed.add(workload)
        elif _is_missed(pod, span) and is_in_scope(inventory, wanted, pod):
            found.setdefault(workload, _silent(inventory, pod))
            lives.setdefault(workload, {})[pod.name] = PodLife(pod.name, pod.node, min(pod.end or span[1], span[1]))
    for one in _cronjobs(inventory, wanted, span[1]):
        if one.workload not in not_missed:
            found.setdefault(one.workload, one)
    return {workload: replace(one, pods=lives.get(workload, {})) for workload, one in found.items()}


def _is_missed(pod: Pod, span: tuple[int, int]) -> bool:
    begin, end = span
    is_here = pod.begin + _SECOND <= end and (not pod.end or pod.end > begin)
    return is_here and bool(pod.addresses)


def _silent(inventory: Inventory, pod: Pod) -> Recording:
    owned = inventory.owned(pod)
    return Recording(owned.workload, owned.selector, stable(pod.labels), False, {}, {})


def _cronjobs(inventory: Inventory, wanted: Wanted, end: int) -> Iterator[Recording]:
    for one in inventory.controllers():
        is_one = one.workload.kind == "CronJob" and one.owner is None and not one.host_network and one.created <= end
        if is_one and wanted(one.workload, dict(one.template)):
            labels = stable(one.template)
            yield Recording(one.workload, Selector(labels), labels, False, {}, {})
