"""The two ends of a flow as far as they are known, and the world beside the recordings."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from ...model import PeerKind
from ...neighbors.labels import Labels
from ...neighbors.pods import NamedPorts
from ..evaluation.values import PodEnd
from .facts import Answer, Facts


@dataclass(frozen=True, slots=True)
class World:
    """What is known beside the recordings.

    ``namespaces``: those whose labels are all known. ``pods``: the living pods by their workload's full path
    (``shop/deployment/api``). ``nodes``: the nodes' names by each of their addresses. All are empty offline.
    """

    namespaces: Mapping[str, Labels] = field(default_factory=dict)
    pods: Mapping[str, tuple[PodEnd, ...]] = field(default_factory=dict)
    nodes: Mapping[str, str] = field(default_factory=dict)

    @property
    def is_live(self) -> bool:
        return bool(self.pods or self.namespaces)


OFFLINE = World()


@dataclass(frozen=True, slots=True, eq=False)
class Pods:
    """Pods that are alike: all of a workload as recordings tell of them, or one or more that live.

    ``namespace`` is empty where it is not known, and so are ``nodes``, on which they are; ``addresses`` (which a new
    pod has not yet) and ``ports`` (the named ones) are None. ``is_one``: it is one living pod that no other is like;
    ``pod`` is its path, where that one is meant. ``name`` is for people. Compared by identity.

    Of an end of which nothing is known but its address, or the ``block`` that has it, ``is_untold`` says that nobody
    looked whose it was: it may be a node's as well, and of an address a cluster may tell.
    """

    name: str
    namespace: str
    labels: Facts
    namespace_labels: Facts
    addresses: tuple[str, ...] | None = None
    ports: NamedPorts | None = None
    host_network: bool = False
    nodes: frozenset[str] = frozenset()
    is_one: bool = False
    pod: str = ""
    block: str = ""
    is_untold: bool = False

    @property
    def is_unknown(self) -> bool:
        """Whether nothing but an address or a block is known of it, which may be a pod's, a Service's or nobody's."""
        return not self.namespace and bool(self.addresses or self.block)

    @property
    def is_findable(self) -> bool:
        """Whether a cluster may tell whose address it is."""
        return self.is_untold and not self.block


@dataclass(frozen=True, slots=True, eq=False)
class Place:
    """An end that is no pod: an ``address``, or a ``block`` of them. An OWN_NODE is that of the other end.

    ``node`` is whose address it is, where a cluster told that.
    """

    name: str
    address: str = ""
    block: str = ""
    kind: PeerKind = PeerKind.EXTERNAL
    node: str = ""


End = Pods | Place


def others(pods: Pods, peers: Sequence[End]) -> Sequence[End]:
    """The peers without the pods themselves, where these are one pod, which has no flows with itself to be judged.

    Where nobody else is there, a flow within the workload was of pods of which one is gone: it stands for both.
    """
    if not pods.is_one:
        return peers
    return [peer for peer in peers if peer is not pods] or peers


def is_own_node(pods: Pods, peer: End) -> Answer:
    """Whether a peer is, to each of the pods, the node that it is on; None where it is to some, or may be."""
    if isinstance(peer, Place):
        if peer.kind is PeerKind.OWN_NODE or not peer.node:
            return peer.kind is PeerKind.OWN_NODE
        nodes = frozenset({peer.node})
    elif peer.host_network:
        nodes = peer.nodes
    else:
        return None if peer.is_untold else False
    if len(nodes | pods.nodes) == 1 and nodes == pods.nodes:
        return True
    return None if not nodes or not pods.nodes or nodes & pods.nodes else False
