"""The rule that would have admitted a flow, as it stands in a policy."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from ...model import Direction, Neighbor, NeighborKey, NetworkNeighbors, Peer, PeerKind, Selector
from ...neighbors.document import is_expressible
from ..rules import Rule, rule_peer
from .facts import NAMESPACE_NAME


def missing_rule(neighbor: Neighbor) -> dict[str, Any]:
    """An item of the workload's ``spec.ingress`` or ``spec.egress``; empty where a rule has no words for the peer."""
    key = neighbor.key
    if key.peer.kind is PeerKind.OWN_NODE and key.direction is Direction.EGRESS:
        key = replace(key, peer=replace(key.peer, kind=PeerKind.NODE))
    return _rule(key)


def missing_at_peer(one: NetworkNeighbors, neighbor: Neighbor, namespace: str) -> dict[str, Any]:
    """The same for a policy of the neighbor's pods, which are in ``namespace``; no selector is about hostNetwork."""
    if one.host_network:
        return {}
    home = one.workload.namespace
    elsewhere = None if home == namespace else Selector(((NAMESPACE_NAME, home),))
    peer = Peer(PeerKind.WORKLOAD, "", one.selector, elsewhere)
    return _rule(NeighborKey(other(neighbor.key.direction), peer, neighbor.key.port))


def other(direction: Direction) -> Direction:
    return Direction.INGRESS if direction is Direction.EGRESS else Direction.EGRESS


def _rule(key: NeighborKey) -> dict[str, Any]:
    if not is_expressible(key):
        return {}
    return Rule((key.port,), (rule_peer(key.peer),)).document(key.direction)
