"""What flows tell of the cluster, as Kubernetes objects: the inventory then names what it does not know from a file.

A workload's selector stands in no flow. The labels that all its pods share, without those that change, take its place.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from itertools import pairwise
from typing import Any

from ..neighbors.inventory import Inventory
from ..neighbors.labels import Labels, stable
from .ends import End, Ends, Place, PodFacts

_VERSIONS = {
    **dict.fromkeys(("Deployment", "StatefulSet", "DaemonSet", "ReplicaSet"), "apps/v1"),
    **dict.fromkeys(("Job", "CronJob"), "batch/v1"),
    "Rollout": "argoproj.io/v1alpha1",
    "CloneSet": "apps.kruise.io/v1alpha1",
    "DeploymentConfig": "apps.openshift.io/v1",
}
_API_PORTS = (6443, 443)
"""Of the ports seen at the API server's addresses the first of these is its own: others there are other servers'."""

_GENERATED = re.compile("(.+)-[bcdfghjklmnpqrstvwxz2456789]{8,10}-[bcdfghjklmnpqrstvwxz2456789]{5}")
"""The letters of generated names (k8s.io/apimachinery, util/rand)."""

_Object = dict[str, Any]
_Owner = tuple[str, str, str]


def observe(inventory: Inventory, ends: Ends) -> None:
    """Adds to the inventory what the flows tell and it lacks."""
    pods = [pod for pod in ends.pods.values() if not _is_known(inventory, pod)]
    shared = _shared_labels(inventory, pods)
    for owner, labels in sorted(shared.items()):
        if labels and not inventory.has_controller(owner[1], owner[0], owner[2]):
            inventory.upsert(_controller(owner, labels), 0)
    for at, is_end, pod in _lives(pods):
        obj = _pod(pod, _labels_of(pod, shared))
        if is_end:
            inventory.remove(obj, at)
        else:
            inventory.upsert(obj, at)
    others = [end for end in ends.by_key.values() if end.pod is None]
    for obj in (*_nodes(inventory, others), *_api_server(inventory, others), *_services(inventory, others)):
        inventory.upsert(obj, 0)
    inside = [end.address for end in others if end.place is Place.INSIDE]
    if inside:
        spec = {"cidrs": sorted({f"{one}/{128 if ':' in one else 32}" for one in inside})}
        inventory.upsert({"kind": "ServiceCIDR", "metadata": {"name": "imported"}, "spec": spec}, 0)


def uid_of(inventory: Inventory, pod: PodFacts) -> str:
    """The UID by which the inventory knows a pod; empty for one that it does not."""
    found = inventory.pod_named(pod.namespace, pod.name, _span(pod)[1])
    return found.uid if found else ""


def _is_known(inventory: Inventory, pod: PodFacts) -> bool:
    found = inventory.pod_named(pod.namespace, pod.name, _span(pod)[1])
    return found is not None and any(end.address in found.addresses for end in pod.ends)


def _span(pod: PodFacts) -> tuple[int, int]:
    firsts = [end.first for end in pod.ends if end.first]
    return min(firsts, default=1), max((end.last or end.first for end in pod.ends), default=1)


# By namespace, kind and name of an owner: the lasting labels that all its pods have, or its template's, where known.
def _shared_labels(inventory: Inventory, pods: list[PodFacts]) -> dict[_Owner, Labels]:
    shared: dict[_Owner, set[tuple[str, str]]] = {}
    for pod in pods:
        owner = _owner(pod)
        if owner is None or not pod.labels:
            continue
        labels = set(stable(pod.labels))
        shared[owner] = shared[owner] & labels if owner in shared else labels
    found = {owner: tuple(sorted(labels)) for owner, labels in shared.items()}
    for controller in inventory.controllers():
        workload = controller.workload
        if controller.template:
            found[workload.namespace, workload.kind, workload.name] = controller.template
    return found


def _labels_of(pod: PodFacts, shared: Mapping[_Owner, Labels]) -> Labels:
    owner = _owner(pod)
    return pod.labels or (shared.get(owner, ()) if owner else ())


# Of a pod on a node that told nothing only the name is left: Deployments name their pods NAME-HASH-SUFFIX.
def _owner(pod: PodFacts) -> _Owner | None:
    kind, name = pod.workload
    if not kind and (found := _GENERATED.fullmatch(pod.name)):
        kind, name = "Deployment", found[1]
    return (pod.namespace, kind, name) if kind and kind != "Pod" else None


@dataclass(slots=True)
class _Tenants:
    pods: list[tuple[int, PodFacts]] = field(default_factory=list)


# When pods begin and end, in order: an address that another pod has later was given up by then.
def _lives(pods: list[PodFacts]) -> Iterator[tuple[int, bool, PodFacts]]:
    tenants: dict[str, _Tenants] = {}
    moments: list[tuple[int, bool, str, str, PodFacts]] = []
    for pod in pods:
        begin = _span(pod)[0]
        moments.append((begin, False, pod.namespace, pod.name, pod))
        for end in pod.ends:
            tenants.setdefault(end.address, _Tenants()).pods.append((end.first or begin, pod))
    for one in tenants.values():
        ordered = sorted(one.pods, key=lambda item: (item[0], item[1].namespace, item[1].name))
        for (_, pod), (taken, _) in pairwise(ordered):
            moments.append((taken, True, pod.namespace, pod.name, pod))
    moments.sort(key=lambda item: (item[0], not item[1], item[2], item[3]))
    for at, is_end, _, _, pod in moments:
        yield at, is_end, pod


def _pod(pod: PodFacts, labels: Labels) -> _Object:
    owner = _owner(pod)
    metadata: _Object = {
        "namespace": pod.namespace,
        "name": pod.name,
        "uid": f"imported/{pod.namespace}/{pod.name}",
        "labels": dict(labels),
        "creationTimestamp": datetime.fromtimestamp(_span(pod)[0] / 1000, UTC).isoformat(),
    }
    if owner:
        reference = {"kind": owner[1], "apiVersion": _version(owner[1]), "name": owner[2], "controller": True}
        metadata["ownerReferences"] = [reference]
    addresses = [{"ip": address} for address in dict.fromkeys(end.address for end in pod.ends)]
    return {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": metadata,
        "spec": {"nodeName": pod.node},
        "status": {"podIPs": addresses},
    }


def _version(kind: str) -> str:
    return _VERSIONS.get(kind, "v1")


def _controller(owner: _Owner, labels: Labels) -> _Object:
    namespace, kind, name = owner
    template = {"metadata": {"labels": dict(labels)}}
    spec: _Object = {"template": template}
    if kind == "CronJob":
        spec = {"jobTemplate": {"spec": spec}}
    elif kind != "Job":
        spec["selector"] = dict(labels) if kind == "ReplicationController" else {"matchLabels": dict(labels)}
    metadata = {"namespace": namespace, "name": name}
    return {"apiVersion": _version(kind), "kind": kind, "metadata": metadata, "spec": spec}


# An address of a node is told by its own name on that node, and as a remote node's on others.
def _nodes(inventory: Inventory, ends: list[End]) -> Iterator[_Object]:
    names = {end.address: end.node for end in ends if end.place is Place.NODE and end.node}
    addresses: dict[str, set[str]] = {}
    for end in ends:
        if end.place is Place.NODE and not inventory.node_at(end.address):
            addresses.setdefault(names.get(end.address, end.address), set()).add(end.address)
    for name, found in sorted(addresses.items()):
        listed = [{"address": address} for address in sorted(found)]
        yield {"apiVersion": "v1", "kind": "Node", "metadata": {"name": name}, "status": {"addresses": listed}}


def _api_server(inventory: Inventory, ends: list[End]) -> Iterator[_Object]:
    found = [end for end in ends if end.place is Place.API_SERVER]
    if not found or inventory.service("default", "kubernetes", 0):
        return
    seen = {port for end in found for protocol, port in end.ports if protocol == "tcp"}
    port = next((one for one in _API_PORTS if one in seen), _API_PORTS[0])
    metadata = {"namespace": "default", "name": "kubernetes"}
    ports = [{"name": "https", "port": 443, "targetPort": port, "protocol": "TCP"}]
    yield {"apiVersion": "v1", "kind": "Service", "metadata": metadata, "spec": {"ports": ports}}
    for family in ("IPv4", "IPv6"):
        addresses = sorted({end.address for end in found if (":" in end.address) == (family == "IPv6")})
        if addresses:
            labels = {"kubernetes.io/service-name": "kubernetes"}
            yield {
                "apiVersion": "discovery.k8s.io/v1",
                "kind": "EndpointSlice",
                "metadata": metadata | {"name": f"kubernetes-{family.lower()}", "labels": labels},
                "addressType": family,
                "ports": [{"name": "https", "port": port, "protocol": "TCP"}],
                "endpoints": [{"addresses": [address]} for address in addresses],
            }


# Of a Service that never answered nobody said what is behind it.
def _services(inventory: Inventory, ends: list[End]) -> Iterator[_Object]:
    found: dict[tuple[str, str], list[End]] = {}
    for end in ends:
        if end.service[1] and not inventory.services_at(end.address, end.last or end.first):
            found.setdefault(end.service, []).append(end)
    for (namespace, name), group in sorted(found.items()):
        if inventory.service(namespace, name, 0):
            continue
        pairs = sorted({(protocol.upper(), port) for end in group for protocol, port in end.ports if port})
        ports = [{"name": f"{protocol}-{port}", "port": port, "protocol": protocol} for protocol, port in pairs]
        spec = {"clusterIPs": sorted({end.address for end in group}), "ports": ports}
        metadata = {"namespace": namespace, "name": name}
        yield {"apiVersion": "v1", "kind": "Service", "metadata": metadata, "spec": spec}
