"""Which place a peer is: a recorded workload, another object, an outside server by its name, or a bare address.

Two accounts of one flow, the client's and the server's, have to lead to the same two places.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Protocol

from ..model import NetworkNeighbors, Peer, PeerKind, Selector, Workload
from ..neighbors.labels import selector_text
from .values import Group, GroupKind, Key

_NAMESPACE_LABEL = "kubernetes.io/metadata.name"
_GROUPS = {
    PeerKind.NODE: Group(GroupKind.CLUSTER),
    PeerKind.API_SERVER: Group(GroupKind.CLUSTER),
    PeerKind.NODE_LOCAL: Group(GroupKind.CLUSTER),
    PeerKind.EXTERNAL: Group(GroupKind.OUTSIDE),
}
_ADDRESSED = {
    PeerKind.OWN_NODE: PeerKind.NODE,
    PeerKind.WORKLOAD: PeerKind.UNKNOWN,
    PeerKind.SERVICE: PeerKind.UNKNOWN,
}


class Block(Protocol):
    """A known server's block: a ``name`` for people, and the ``server``; either may be empty."""

    @property
    def name(self) -> str: ...
    @property
    def server(self) -> str: ...


Lookup = Callable[[str], Block | None]
"""The most specific known block that holds an address (canonical text), or None."""


def workload_key(workload: Workload) -> Key:
    """The place of a workload."""
    return Key(PeerKind.WORKLOAD, workload.namespace, workload.kind.lower(), workload.name)


def group_of(key: Key) -> Group:
    """The group in which a place stands."""
    if key.namespace:
        return Group(GroupKind.NAMESPACE, key.namespace)
    return _GROUPS.get(key.kind, Group(GroupKind.UNKNOWN))


def server_text(block: Block) -> str:
    """``github-workflows (github.com)``, or the part that there is."""
    if block.name and block.server:
        return f"{block.name} ({block.server})"
    return block.name or block.server or "known server"


class Keys:
    """Names places. Knows all accounts, since one workload's DNS answer names an address for all of them."""

    def __init__(self, accounts: Iterable[NetworkNeighbors], lookup: Lookup) -> None:
        self._lookup = lookup
        self._selected: dict[tuple[str, Selector], list[Key]] = {}
        self._names: dict[str, set[str]] = {}
        for one in accounts:
            self._selected.setdefault((one.workload.namespace, one.selector), []).append(workload_key(one.workload))
            for neighbor in one.neighbors:
                if neighbor.key.peer.address and neighbor.counts.names:
                    self._names.setdefault(neighbor.key.peer.address, set()).update(neighbor.counts.names)

    def key(self, peer: Peer, home: str) -> Key:
        """The place of a peer that a workload of the namespace ``home`` met."""
        if peer.address or peer.block:
            return self._addressed(peer)
        namespace, _, path = peer.name.partition("/")
        kind, _, name = path.partition("/")
        if name and peer.kind in (PeerKind.WORKLOAD, PeerKind.SERVICE):
            return Key(peer.kind, namespace, kind, name)
        if peer.pod_selector is None and peer.namespace_selector is None:
            return Key(peer.kind, "", "", peer.name or str(peer.kind))
        return self._selecting(peer, home)

    def server(self, address: str) -> str:
        """The known server that holds an address, as text; empty where none does."""
        block = self._lookup(address) if address else None
        return server_text(block) if block else ""

    # A node is one place, whichever of its addresses was met, and whether it is the pod's own. An address that a
    # document calls internal is somewhere in the cluster, and nobody knows whose.
    def _addressed(self, peer: Peer) -> Key:
        kind = _ADDRESSED.get(peer.kind, peer.kind)
        if kind is PeerKind.EXTERNAL:
            return Key(PeerKind.EXTERNAL, "", "", self._outside(peer))
        return Key(kind, "", "", peer.name or peer.address or peer.block)

    def _outside(self, peer: Peer) -> str:
        named = min(self._names.get(peer.address, ()), default="").removesuffix(".")
        return self.server(peer.address) or named or peer.name or peer.address or peer.block

    def _selecting(self, peer: Peer, home: str) -> Key:
        namespace, told = home, ""
        if peer.namespace_selector is not None:
            labels = dict(peer.namespace_selector.match_labels)
            alone = set(labels) == {_NAMESPACE_LABEL} and not peer.namespace_selector.match_expressions
            namespace = labels[_NAMESPACE_LABEL] if alone else ""
            told = "" if alone else f" in namespaces with {selector_text(peer.namespace_selector)}"
        found = self._selected.get((namespace, peer.pod_selector), []) if peer.pod_selector is not None else []
        if len(found) == 1:
            return found[0]
        pods = selector_text(peer.pod_selector) if peer.pod_selector is not None else "<all>"
        return Key(PeerKind.WORKLOAD, namespace, "pods", pods + told)
