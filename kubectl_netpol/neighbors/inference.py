"""A pod that lived and died while nobody watched the API server: whose it was, told by its name.

The agent says its UID, namespace and name. Kubernetes makes pods' names from their controllers' names, and those that
are known say which of them it can have been. One that fits nothing known stands for itself, without labels.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass

from .owners import Controller, Controllers
from .pods import OwnerReference, Pod

_LETTERS = "bcdfghjklmnpqrstvwxz2456789"
"""Of generated names (k8s.io/apimachinery, util/rand)."""

_SUFFIX, _LONGEST_BASE = 5, 58
"""A generated name is a base, cut to 58 characters, and five letters (apiserver, storage/names)."""

_GENERATED = re.compile(rf"(.+)-[{_LETTERS}]{{5}}")
_DIRECT = ("Job", "ReplicaSet", "ReplicationController", "DaemonSet")
_INDEXED = re.compile(r"(.+)-\d+")
_RUN = re.compile(r"(.+)-\d{8,}(-\d+)?")
_REVISION = re.compile(rf"(.+)-[{_LETTERS}]{{8,10}}")
_ORDINAL = re.compile(r"(.+)-(0|[1-9]\d*)")
_CUT_RUN = re.compile(r"-(\d*|\d{8,}-(\d+-?)?)")
_CUT_REVISION = re.compile(rf"-[{_LETTERS}]{{0,10}}-?")


@dataclass(frozen=True, slots=True)
class Unwatched:
    """A pod as the agent knew it; ``begin`` and ``end`` (ms) are when it was first and last heard of."""

    uid: str
    namespace: str
    name: str
    addresses: tuple[str, ...]
    node: str
    begin: int
    end: int


def joined(a: Unwatched, b: Unwatched) -> Unwatched:
    """What two agents' lives, or two of its namespaces, say of one pod."""
    place = max((a.namespace, a.name), (b.namespace, b.name))
    addresses = tuple(sorted({*a.addresses, *b.addresses}))
    return Unwatched(a.uid, *place, addresses, max(a.node, b.node), min(a.begin, b.begin), max(a.end, b.end))


def infer_pod(seen: Unwatched, controllers: Controllers) -> Pod:
    """The pod, with the owner that its name tells and the labels of that owner's template; or without both."""
    found = infer_controller(controllers, seen.namespace, seen.name)
    workload = found.workload if found and found.workload.kind != "Pod" else None
    owner = OwnerReference(workload.kind, workload.api_version, workload.name, "") if workload else None
    return Pod(
        seen.uid,
        seen.namespace,
        seen.name,
        found.template if found else (),
        owner,
        seen.addresses,
        (),
        False,
        seen.node,
        found.ports if found else (),
        seen.begin,
        seen.end,
        inferred=True,
    )


def infer_controller(controllers: Controllers, namespace: str, name: str) -> Controller | None:
    """Of the known controllers that name their pods so the one with the longest name; None if there is no such one."""
    found = [one for kind, base in _candidates(name) if (one := controllers.by_name.get((kind, namespace, base)))]
    if len(name) == _LONGEST_BASE + _SUFFIX:
        prefix = name[:_LONGEST_BASE]
        found += [
            one for one in controllers.by_name.values() if one.workload.namespace == namespace and _fits(one, prefix)
        ]
    longest = max((len(one.workload.name) for one in found), default=0)
    best = {one.workload: one for one in found if len(one.workload.name) == longest}
    return next(iter(best.values())) if len(best) == 1 else None


# What a pod's name says when nothing of it was cut off: (kind, name) of each controller that may have made it.
def _candidates(name: str) -> Iterator[tuple[str, str]]:
    yield "Pod", name
    if ordinal := _ORDINAL.fullmatch(name):
        yield "StatefulSet", ordinal[1]
    generated = _GENERATED.fullmatch(name)
    if not generated:
        return
    base = generated[1]
    for kind in _DIRECT:
        yield kind, base
    for kind, pattern in (("Job", _INDEXED), ("CronJob", _RUN), ("Deployment", _REVISION)):
        if match := pattern.fullmatch(base):
            yield kind, match[1]


# Whether the first 58 characters of a longer base may be this controller's.
def _fits(controller: Controller, prefix: str) -> bool:
    kind, name = controller.workload.kind, controller.workload.name
    if len(name) >= len(prefix):
        return name.startswith(prefix) and kind in (*_DIRECT, "Deployment")
    if not prefix.startswith(name):
        return False
    rest = prefix[len(name) :]
    match kind:
        case "CronJob":
            return _CUT_RUN.fullmatch(rest) is not None
        case "Deployment":
            return _CUT_REVISION.fullmatch(rest) is not None
    return kind in _DIRECT and rest == "-"
