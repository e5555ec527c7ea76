"""A world from a cluster's objects, as an API server lists them or a file holds them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from ...neighbors.inventory import Inventory
from ...neighbors.labels import Labels
from ...neighbors.reading import each_object, read_object
from ..evaluation.values import PodEnd
from .ends import World


def world_of(objects: Iterable[Mapping[str, Any]], at: int) -> World:
    """What pods, namespaces, the owners of pods and nodes tell at ``at`` (ms since the Unix epoch).

    Pods tell their nodes' addresses, too. Pods that have finished are left out. Raises InputError for an object of a
    wrong shape.
    """
    inventory = Inventory()
    namespaces: dict[str, Labels] = {}
    inventory.observe(_noted(objects, namespaces), at)
    pods: dict[str, list[PodEnd]] = {}
    for pod in sorted(inventory.pods(), key=lambda one: (one.namespace, one.name, one.uid)):
        if pod.end and pod.end <= at:
            continue
        told = namespaces.get(pod.namespace, ())
        end = PodEnd(pod.namespace, pod.name, pod.labels, told, pod.addresses, pod.node, pod.host_network, pod.ports)
        pods.setdefault(inventory.owned(pod).workload.full_path, []).append(end)
    nodes = {address: _node(inventory, address) for address in inventory.node_addresses()}
    return World(namespaces, {path: tuple(found) for path, found in pods.items()}, nodes)


def _node(inventory: Inventory, address: str) -> str:
    return inventory.node_at(address) or inventory.bridge_at(address)


def _noted(objects: Iterable[Mapping[str, Any]], namespaces: dict[str, Labels]) -> Iterable[Mapping[str, Any]]:
    for one in each_object(objects):
        metadata, _ = read_object(one)
        if (metadata.kind, metadata.api_version) == ("Namespace", "v1"):
            namespaces[metadata.name] = metadata.labels
        yield one
