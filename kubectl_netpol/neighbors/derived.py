"""What ``inventory`` computes from the whole of its objects, once per revision."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass

from .pods import Pod
from .ranges import Ranges, surrounding
from .serving import Name, Serving
from .topology import Topology


@dataclass(frozen=True, slots=True)
class Derived:
    """Indexes over all objects ever seen: nodes' names by address, Services by node port, pods by namespace."""

    revision: int
    nodes_at: dict[str, str]
    node_ports: dict[int, set[Name]]
    ranges: Ranges
    by_namespace: dict[str, list[Pod]]


def derive(revision: int, pods: Collection[Pod], serving: Serving, topology: Topology) -> Derived:
    """All of it anew."""
    by_namespace: dict[str, list[Pod]] = {}
    for pod in pods:
        by_namespace.setdefault(pod.namespace, []).append(pod)
    nodes_at = _hosts(pods) | topology.named()
    return Derived(revision, nodes_at, _node_ports(serving), _ranges(serving, topology), by_namespace)


def _hosts(pods: Collection[Pod]) -> dict[str, str]:
    return {
        address: pod.node
        for pod in pods
        if pod.node
        for address in (pod.host_addresses + pod.addresses if pod.host_network else pod.host_addresses)
    }


def _node_ports(serving: Serving) -> dict[int, set[Name]]:
    found: dict[int, set[Name]] = {}
    for name, service in serving.ever():
        for port in service.ports:
            if port.node_port:
                found.setdefault(port.node_port, set()).add(name)
    return found


def _ranges(serving: Serving, topology: Topology) -> Ranges:
    addresses = {address for _, one in serving.ever() for address in one.cluster_addresses}
    return Ranges(topology.ranges() + surrounding(addresses))
