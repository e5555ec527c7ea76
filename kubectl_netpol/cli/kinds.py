"""Kubernetes' spellings of a TYPE: ``deploy``, ``deployments``, ``deployments.apps``, ``rollout.argoproj.io``."""

from __future__ import annotations

from collections.abc import Iterable

from ..model import Workload

_SHORT_NAMES = {
    "deploy": ("deployment", "apps"),
    "sts": ("statefulset", "apps"),
    "ds": ("daemonset", "apps"),
    "rs": ("replicaset", "apps"),
    "cj": ("cronjob", "batch"),
    "po": ("pod", ""),
    "rc": ("replicationcontroller", ""),
}


_OWN = tuple(
    Workload("", kind, "", api_version)
    for api_version, kinds in {
        "apps/v1": ("Deployment", "StatefulSet", "DaemonSet", "ReplicaSet"),
        "batch/v1": ("CronJob", "Job"),
        "v1": ("Pod", "ReplicationController"),
    }.items()
    for kind in kinds
)


def is_known_kind(spelling: str, workloads: Iterable[Workload]) -> bool:
    """Whether TYPE is one of Kubernetes' own kinds of workloads, or that of one of these."""
    return any(is_kind(workload, spelling) for workload in (*_OWN, *workloads))


def own_kind(spelling: str) -> str:
    """Which of Kubernetes' own kinds of workloads TYPE names, such as ``daemonset``; the spelling itself if none."""
    return next((one.kind.lower() for one in _OWN if is_kind(one, spelling)), spelling)


def short_names(workload: Workload) -> list[str]:
    """kubectl's short spellings of the workload's kind."""
    group = workload.api_version.rpartition("/")[0]
    return [short for short, kind in _SHORT_NAMES.items() if kind == (workload.kind.lower(), group)]


def is_kind(workload: Workload, spelling: str) -> bool:
    """Whether TYPE, in any spelling that kubectl takes, names the workload's kind."""
    name, _, qualifier = spelling.lower().partition(".")
    group, _, version = workload.api_version.rpartition("/")
    if name in _SHORT_NAMES:
        return (workload.kind.lower(), group) == _SHORT_NAMES[name] and qualifier in _qualifiers(group, version)
    return name in _names(workload.kind.lower()) and qualifier in _qualifiers(group, version)


def _names(kind: str) -> frozenset[str]:
    plurals = {f"{kind}s", f"{kind}es"}
    if kind.endswith("y"):
        plurals.add(f"{kind[:-1]}ies")
    return frozenset({kind, *plurals})


def _qualifiers(group: str, version: str) -> frozenset[str]:
    return frozenset({"", group.lower(), f"{version}.{group}".lower()})
