"""Whom a default-deny would cut off although nobody ever heard it: asked of the cluster, told before it happens."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from ..apply.guard_objects import GUARD_LABEL
from ..capture.job import SESSION_LABEL
from ..capture.loose import table
from ..capture.preflight import check_rights
from ..cluster.api import now
from ..cluster.lists import Pages
from ..cluster.resources import CONTROLLERS, POD
from ..cluster.rights import Right
from ..model import NetworkNeighbors
from ..neighbors.inventory import Inventory
from ..policy.default_deny import NAME, cuts_off
from ..policy.generate import Policy
from . import streams
from .connection import Connection, need_kubeconfig

_WHY = "name the workloads that a default-deny cuts off"


def tell_unheard(connection: Connection, accounts: Iterable[NetworkNeighbors], policies: Sequence[Policy]) -> None:
    """A note for each workload in the namespaces of these policies that is not in the accounts, nor a Job of ours.

    Raises NetpolError where the cluster does not let itself be asked.
    """
    need_kubeconfig(connection)
    api = connection.open()
    known = {(one.workload.namespace, one.workload.path) for one in accounts}
    denies = {one.workload.namespace: one for one in policies if one.document["metadata"]["name"] == NAME}
    for namespace in sorted(denies):
        check_rights(
            api,
            [Right("list", resource, _WHY, namespace) for resource in (POD, *CONTROLLERS)],
            connection.command("doctor", "--print-rbac", "-n", namespace),
        )
        inventory = Inventory()
        objects = [one for resource in (*CONTROLLERS, POD) for one in Pages(api, resource, namespace)]
        inventory.observe([one for one in objects if not _is_ours(one)], now(api))
        on_nodes = {inventory.owned(pod).workload for pod in inventory.pods() if pod.host_network and not pod.end}
        on_nodes |= {one.workload for one in inventory.controllers() if one.host_network}
        unheard = [one for one in sorted(inventory.workloads()) if (one.namespace, one.path) not in known]
        for one in unheard:
            if one in on_nodes:
                text = f"{NAME} does not reach it: its pods are in their node's network (hostNetwork)"
            else:
                text = f"never heard, and {cuts_off(denies[namespace])}; record it first if it is to work on"
            streams.note(f"{one.described}: {text}")


def _is_ours(found: Mapping[str, Any]) -> bool:
    labels = table(table(found.get("metadata")).get("labels"))
    return GUARD_LABEL in labels or SESSION_LABEL in labels
