"""Finds who stands at the ends of recorded flows: by the recordings, and by the world beside them."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from functools import lru_cache
from ipaddress import ip_address

from ...model import NetworkNeighbors, Peer, PeerKind, Selector
from ...neighbors.labels import selector_text
from ...neighbors.ranges import is_link_local
from ..evaluation.values import PodEnd
from .ends import End, Place, Pods, World
from .facts import NAMESPACE_NAME, Extent, Facts, facts_of, namespace_facts, recorded_facts, selects

# What a document calls internal is somewhere in the cluster: it does not say whether a pod, a node or a Service has it.
_UNTOLD = frozenset({PeerKind.WORKLOAD, PeerKind.SERVICE})


def recorded_namespaces(accounts: Iterable[NetworkNeighbors]) -> set[str]:
    """The namespaces of which something was recorded: those of the workloads, and of the pods that they talked to."""
    found = set()
    for one in accounts:
        found.add(one.workload.namespace)
        for peer in (neighbor.key.peer for neighbor in one.neighbors):
            if peer.namespace_selector is not None:
                found.add(_named_by(peer.namespace_selector))
    return found - {""}


class Ends:
    """Finds who stands at the ends of recorded flows. ``outside`` are the addresses that were recorded as no pod's."""

    def __init__(self, accounts: Iterable[NetworkNeighbors], world: World) -> None:
        self._world = world
        self._accounts: dict[str, NetworkNeighbors] = {}
        self.outside: set[str] = set()
        for one in accounts:
            self._accounts.setdefault(one.workload.full_path, one)
            self.outside.update(
                neighbor.key.peer.address for neighbor in one.neighbors if _is_no_pod(neighbor.key.peer)
            )
        self._workloads: dict[str, tuple[Pods, ...]] = {}
        self._peers: dict[tuple[str, Peer], tuple[End, ...]] = {}
        self._namespaces: dict[str, Facts] = {}
        self._alive: dict[str, tuple[Pods, ...]] = {}
        self._pods: dict[str, list[tuple[str, PodEnd]]] = {}
        for path, pods in world.pods.items():
            for pod in pods:
                for address in () if pod.host_network else pod.addresses:  # which is its node's
                    self._pods.setdefault(address, []).append((path, pod))

    def account(self, path: str) -> NetworkNeighbors | None:
        """The account of the workload with that full path."""
        return self._accounts.get(path)

    def of_workload(self, one: NetworkNeighbors) -> tuple[Pods, ...]:
        """The pods of a recorded workload: those that live, or what was recorded of them."""
        path = one.workload.full_path
        found = self._workloads.get(path)
        if found is None:
            found = self._workloads[path] = self._living(path) or (self._recorded(path, one),)
        return found

    def of_peer(self, own: str, peer: Peer) -> tuple[End, ...]:
        """Who a peer of a workload in the namespace ``own`` is; nobody for one that only a cluster could resolve."""
        key = (own, peer)
        found = self._peers.get(key)
        if found is None:
            found = self._peers[key] = self._of_peer(own, peer)
        return found

    def _of_peer(self, own: str, peer: Peer) -> tuple[End, ...]:
        if peer.kind is PeerKind.UNKNOWN:
            return (_unknown(_place_name(peer), peer.address, peer.block),)
        if peer.kind in _UNTOLD and (peer.address or peer.block):
            return self.holders(peer.address) or (self._untold(_place_name(peer), peer.address, peer.block),)
        if peer.address or peer.block:
            return (Place(_place_name(peer), peer.address, peer.block, peer.kind),)
        if found := self.named(peer.name):
            return found
        if peer.pod_selector is None and peer.namespace_selector is None:
            return ()
        return self._living_ones(own, peer) or (self._selected(own, peer),)

    def named(self, path: str) -> tuple[Pods, ...]:
        """The pods of the workload with that full path, recorded or living; none of one that is neither."""
        account = self._accounts.get(path)
        return self.of_workload(account) if account else self._living(path)

    def _living(self, path: str) -> tuple[Pods, ...]:
        found = self._alive.get(path)
        if found is None:
            found = self._alive[path] = self._alike(path)
        return found

    # A workload's pods are many and alike, but for their addresses: so they are judged once, with the addresses of all.
    def _alike(self, path: str) -> tuple[Pods, ...]:
        alike: dict[tuple[object, ...], list[PodEnd]] = {}
        for pod in self._world.pods.get(path, ()):
            alike.setdefault((pod.labels, pod.ports, pod.host_network), []).append(pod)
        return tuple(
            replace(
                self.one(path, group[0]),
                addresses=tuple(one for pod in group for one in pod.addresses) or None,
                nodes=frozenset(pod.node for pod in group) - {""},
                is_one=len(group) == 1,
                pod="",
            )
            for group in alike.values()
        )

    # Others' documents do not name a peer's workload: whom its selectors select is then who it may have been.
    def _living_ones(self, own: str, peer: Peer) -> tuple[Pods, ...]:
        if peer.name:
            return ()
        found: list[Pods] = []
        for path in self._world.pods:
            for pods in self._living(path):
                is_there = (
                    pods.namespace == own
                    if peer.namespace_selector is None
                    else selects(peer.namespace_selector, pods.namespace_labels)
                )
                if is_there and not pods.host_network and selects(peer.pod_selector or Selector(), pods.labels):
                    found.append(pods)
        return tuple(found)

    def one(self, path: str, pod: PodEnd) -> Pods:
        """A living pod by itself; ``path`` is its workload's."""
        labels = Facts(dict(pod.labels), Extent.WHOLE)
        namespace = self._namespace(pod.namespace)
        return Pods(
            path,
            pod.namespace,
            labels,
            namespace,
            pod.addresses or None,
            pod.ports,
            pod.host_network,
            frozenset({pod.node}) - {""},
            is_one=True,
            pod=f"{pod.namespace}/{pod.name}",
        )

    def holders(self, address: str) -> tuple[End, ...]:
        """The living pod, with this address only, or the node that has an address; nobody where no world tells."""
        found = [replace(self.one(path, pod), addresses=(address,)) for path, pod in self._pods.get(address, ())]
        node = self._world.nodes.get(address, "")
        if found or not node:
            return tuple(found)
        return (Place(f"node/{node} ({address})", address, kind=PeerKind.NODE, node=node),)

    def _untold(self, name: str, address: str, block: str) -> Pods:
        return _unknown(name, address, block, is_untold=not address or not self._world.pods)

    def at(self, name: str, address: str, is_client: bool) -> tuple[End, ...]:
        """Who has an address now, which need not have been recorded; ``is_client``: connections come from it.

        What no pod and no node has may still be a Service's, which leads to pods, and nothing comes from those. Where
        no world tells of pods it may be a pod's. So it is told to be outside only where it was recorded as no pod's,
        is link-local or a public IPv4 address, or is a client in a world whose pods are known.
        """
        if found := self.holders(address):
            return tuple(replace(one, name=name) if isinstance(one, Place) else one for one in found)
        is_outside = address in self.outside or is_link_local(address) or _is_public(address)
        if is_outside or (is_client and self._world.pods):
            return (Place(name, address),)
        return (self._untold(name, address, ""),)

    def _recorded(self, path: str, one: NetworkNeighbors) -> Pods:
        namespace = one.workload.namespace
        labels = recorded_facts(one)
        return Pods(path, namespace, labels, self._namespace(namespace), host_network=one.host_network)

    def _selected(self, own: str, peer: Peer) -> Pods:
        namespace = own if peer.namespace_selector is None else _named_by(peer.namespace_selector)
        labels = facts_of((), peer.pod_selector or Selector())
        facts = self._namespace(namespace) if namespace else facts_of((), peer.namespace_selector)
        return Pods(peer.name or _selector_name(peer), namespace, labels, facts)

    def _namespace(self, name: str) -> Facts:
        found = self._namespaces.get(name)
        if found is None:
            found = self._namespaces[name] = namespace_facts(name, self._world.namespaces.get(name))
        return found


def _is_no_pod(peer: Peer) -> bool:
    return bool(peer.address) and peer.kind is not PeerKind.UNKNOWN and peer.kind not in _UNTOLD


# Pods and Services have public IPv6 addresses as a rule in some clouds.
def _is_public(address: str) -> bool:
    parsed = ip_address(address)
    return parsed.version == 4 and parsed.is_global


def _unknown(name: str, address: str, block: str, is_untold: bool = False) -> Pods:
    addresses = (address,) if address else None
    return Pods(name, "", Facts(), Facts(), addresses, block="" if address else block, is_untold=is_untold)


def _place_name(peer: Peer) -> str:
    at = peer.address or peer.block
    return f"{peer.name} ({at})" if peer.name and peer.name != at else at


@lru_cache(maxsize=1 << 12)
def _named_by(selector: Selector) -> str:
    return dict(selector.match_labels).get(NAMESPACE_NAME, "")


def _selector_name(peer: Peer) -> str:
    pods = selector_text(peer.pod_selector) if peer.pod_selector else "all"
    place = f" in namespaces with {selector_text(peer.namespace_selector)}" if peer.namespace_selector else ""
    return f"pods with {pods}{place}"
