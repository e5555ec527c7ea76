"""The workloads that a session was about, in an annotation of its Jobs: what is deleted meanwhile is still known by it.

Whoever can write Jobs can write that annotation: it is read as objects of the API are, and what is odd is left out.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Iterator
from typing import Any

from ..errors import InputError
from ..model import Selector, Workload
from ..neighbors.inventory import Inventory
from ..neighbors.labels import is_label_key, is_label_value, stable
from ..neighbors.owners import Controller, read_controller
from ..neighbors.pods import OwnerReference
from ..neighbors.reading import read_object
from ..wire import is_pod_name
from .loose import tables
from .plan import wanted_pods
from .scope import Wanted, labels_of

_LARGEST = 64 << 10
"""Of all annotations together an object may have 256 KiB, and each node's Job has this one."""

_NAMERS = ("Deployment", "CronJob")
"""The names of their ReplicaSets' and Jobs' pods tell their own."""

_KIND = re.compile("[A-Za-z][A-Za-z0-9]{0,62}")


def remember(inventory: Inventory, wanted: Wanted) -> tuple[str, int]:
    """The annotation's text, and how many workloads there was no room for."""
    kept: list[str] = []
    room, left_out = _LARGEST - 2, 0
    for one in (*_controllers(inventory, wanted), *_pods(inventory, wanted)):
        text = json.dumps(_object(one), separators=(",", ":"))
        if len(text) + 1 > room:
            left_out += 1
            continue
        kept.append(text)
        room -= len(text) + 1
    return f"[{','.join(kept)}]", left_out


def recall(text: object) -> list[Controller]:
    """What such an annotation tells of; nothing for anything else."""
    if not isinstance(text, str) or len(text) > _LARGEST:
        return []
    try:
        return list(_read(tables(json.loads(text))))
    except (ValueError, RecursionError):
        return []


def _read(objects: Iterable[Any]) -> Iterator[Controller]:
    for one in objects:
        try:
            found = read_controller(*read_object(one))
        except InputError:
            continue
        if _is_proper(found):
            yield found


def _is_proper(one: Controller) -> bool:
    labels = (*one.template, *one.selector.match_labels)
    is_named = _KIND.fullmatch(one.workload.kind) and is_pod_name(one.workload.namespace, one.workload.name)
    return bool(is_named) and all(is_label_key(key) and is_label_value(value) for key, value in labels)


def _controllers(inventory: Inventory, wanted: Wanted) -> Iterator[Controller]:
    for one in inventory.controllers():
        is_told = one.owner is not None and one.owner.kind in _NAMERS
        if not is_told and wanted(_above(one), labels_of(one.selector, one.template)):
            yield one


def _above(one: Controller) -> Workload:
    if one.owner is None:
        return one.workload
    return Workload(one.workload.namespace, one.owner.kind, one.owner.name, one.owner.api_version)


# A pod that nobody owns stands for itself, and its labels are its own.
def _pods(inventory: Inventory, wanted: Wanted) -> Iterator[Controller]:
    for pod in wanted_pods(inventory, wanted):
        if pod.owner is None and not pod.host_network:
            yield Controller(inventory.owned(pod).workload, None, Selector(), stable(pod.labels))


def _object(one: Controller) -> dict[str, Any]:
    metadata: dict[str, Any] = {"namespace": one.workload.namespace, "name": one.workload.name}
    if one.owner:
        metadata["ownerReferences"] = [_reference(one.owner)]
    spec: dict[str, Any] = {"template": {"metadata": {"labels": dict(one.template)}}}
    if not one.selector.is_empty:
        spec["selector"] = _selector(one.selector)
    if one.workload.kind == "CronJob":
        spec = {"jobTemplate": {"spec": spec}}
    return {"apiVersion": one.workload.api_version, "kind": one.workload.kind, "metadata": metadata, "spec": spec}


def _reference(owner: OwnerReference) -> dict[str, Any]:
    return {
        "apiVersion": owner.api_version,
        "kind": owner.kind,
        "name": owner.name,
        "uid": owner.uid,
        "controller": True,
    }


def _selector(selector: Selector) -> dict[str, Any]:
    expressions = [
        {"key": one.key, "operator": one.operator, "values": list(one.values)} for one in selector.match_expressions
    ]
    return {"matchLabels": dict(selector.match_labels), "matchExpressions": expressions}
