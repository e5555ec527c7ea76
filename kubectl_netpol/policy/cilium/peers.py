"""What Cilium calls a peer: endpoints by their labels, entities, names and blocks of addresses outside the cluster.

Cilium's words: "Only connections destined for outside of the cluster and not targeting the host will be subject to
CIDR rules", so that pods are named by selectors, and nodes and the API server as entities.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from ...model import Direction, Neighbor, PeerKind, Requirement, Selector
from ...neighbors.attribution import NAMESPACE_NAME
from ...neighbors.document import selector_document
from ..generate import Admitted
from ..questions import DNS_PORT
from ..rules import Lookup, RulePeer, place
from .names import fqdns

ENDPOINTS, ENTITIES, FQDNS, CIDR = "Endpoints", "Entities", "FQDNs", "CIDR"
PARTS = (ENDPOINTS, ENTITIES, FQDNS, CIDR)
"""The ends of ``toEndpoints`` and its like, in the order in which a policy has them."""

NODES = ("host", "remote-node")
API_SERVER = "kube-apiserver"

_SOURCE = "k8s:"
_NAMESPACE = "io.kubernetes.pod.namespace"
_NAMESPACE_LABELS = "io.cilium.k8s.namespace.labels."
_POSITIVE = frozenset({"In", "Exists"})
_NOBODY = RulePeer()
_EVERY_NAMESPACE = Requirement(_NAMESPACE, "Exists")

# The default of Cilium's option "labels" (pkg/labelsfilter): each is the beginning of a key that tells no pods apart.
_IGNORED = re.compile(
    r"io\.kubernetes(?!\.pod\.namespace)|kubernetes\.io|k8s\.io|.*beta\.kubernetes\.io|topology\.kubernetes\.io"
    r"|statefulset\.kubernetes\.io/pod-name|apps\.kubernetes\.io/pod-index"
    r"|batch\.kubernetes\.io/(job-completion-index|controller-uid)"
    r"|pod-template-(generation|hash)|controller-(revision-hash|uid)|annotation|etcd_node"
)


@dataclass(frozen=True, slots=True)
class Member:
    """One entry of a rule's ``to...`` or ``from...``: a text, or selectors for endpoints."""

    part: str
    text: str = ""
    peer: RulePeer = _NOBODY

    def place(self) -> tuple[Any, ...]:
        """Its order among members of the same part."""
        return place(self.peer) if self.part in (ENDPOINTS, CIDR) else (self.text,)


WORLD = Member(ENTITIES, "world")
"""Every address outside the cluster, of both families."""


def members(one: Admitted, lookup: Lookup, by_name: bool) -> tuple[Member, ...]:
    """What stands in Cilium's rules for a neighbor. ``by_name``: outside addresses by the names that led to them."""
    neighbor, peer = one.neighbor, one.neighbor.key.peer
    if peer.kind is PeerKind.API_SERVER:
        return (Member(ENTITIES, API_SERVER),)
    if peer.kind is PeerKind.NODE and peer.address:
        return tuple(Member(ENTITIES, name) for name in NODES)
    if peer.kind is PeerKind.NODE_LOCAL:
        return (Member(ENTITIES, "host"), Member(CIDR, peer=one.peer))
    if by_name and (names := names_of(neighbor, lookup)):
        return tuple(Member(FQDNS, name) for name in names)
    return (Member(CIDR if one.peer.cidr else ENDPOINTS, peer=one.peer),)


def names_of(neighbor: Neighbor, lookup: Lookup) -> tuple[str, ...]:
    """The names by which an outside address can be admitted.

    None for what is known by its block, for what comes in, and for a DNS server: no answer leads to it.
    """
    peer, port = neighbor.key.peer, neighbor.key.port.port
    is_outside = peer.kind is PeerKind.EXTERNAL and bool(peer.address) and port != DNS_PORT
    if not is_outside or neighbor.key.direction is Direction.INGRESS or lookup(peer.address) is not None:
        return ()
    return fqdns(neighbor.counts.names)


def member_document(member: Member) -> Any:
    """The member as it stands in a policy."""
    if member.part == FQDNS:
        return {"matchName": member.text}
    if member.part == CIDR:
        return member.peer.cidr
    if member.part == ENTITIES:
        return member.text
    return _endpoints(member.peer)


def own_selector(selector: Selector) -> dict[str, Any]:
    """Labels with the source that Cilium gives to those of pods, so that no other's of the same name are meant."""
    return selector_document(_prefixed(selector))


# "If omitted, we limit the scope to the namespace the policy lives in." What is not there is also not there on nodes
# and outside, so that a selector that only denies labels has to say that it means pods.
def _endpoints(peer: RulePeer) -> dict[str, Any]:
    pods, namespaces = peer.pods or Selector(), peer.namespaces
    if namespaces is None:
        return own_selector(pods)
    labels = tuple((_namespace_key(key), value) for key, value in namespaces.match_labels)
    expressions = tuple(
        Requirement(_namespace_key(one.key), one.operator, one.values) for one in namespaces.match_expressions
    )
    if not labels and not any(one.operator in _POSITIVE for one in expressions):
        expressions = (_EVERY_NAMESPACE, *expressions)
    both = Selector((*pods.match_labels, *labels), (*pods.match_expressions, *expressions))
    return own_selector(both)


def _namespace_key(key: str) -> str:
    return _NAMESPACE if key == NAMESPACE_NAME else f"{_NAMESPACE_LABELS}{key}"


def _prefixed(selector: Selector) -> Selector:
    return Selector(
        tuple((f"{_SOURCE}{key}", value) for key, value in selector.match_labels),
        tuple(Requirement(f"{_SOURCE}{one.key}", one.operator, one.values) for one in selector.match_expressions),
    )


def ignored_labels(selectors: Iterable[Selector | None]) -> tuple[str, ...]:
    """The keys by which Cilium, unless it is set up otherwise, tells no pods apart: sorted, each once."""
    keys = {
        key
        for one in selectors
        if one is not None
        for key in (*(key for key, _ in one.match_labels), *(each.key for each in one.match_expressions))
    }
    return tuple(sorted(key for key in keys if _IGNORED.match(key)))
