"""A policy as policy.networking.k8s.io/v1alpha2 ClusterNetworkPolicy in the Baseline tier.

The API's words: the Baseline tier "can be overridden by the v1.NetworkPolicy", which "always makes a final decision for
selected pods": a namespace's own policies win. Its rules accept or deny in order, so what is admitted stands in
policies of their own before one that denies the rest: where two workloads select one pod, it may do what either may, as
with NetworkPolicies. A direction has at most 25 rules, a rule 25 peers and 25 ports, a peer 25 networks; more are
split. Ingress has no words for addresses: what is no pod is neither accepted nor denied.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import product
from typing import Any

from ..model import Direction, Port, Selector
from ..neighbors.attribution import NAMESPACE_NAME
from ..neighbors.document import selector_document
from .comments import Comment
from .generate import Policy
from .notes import Note, listed
from .rules import SIDES, Rule, RulePeer, chunks, grouped

API_VERSION = "policy.networking.k8s.io/v1alpha2"
KIND = "ClusterNetworkPolicy"
MOST = 25
ACCEPT_PRIORITY, DENY_PRIORITY = 500, 1000
"""A lower number comes first; an administrator's own may stand before, between and, but for the last, behind."""

_EVERYONE: Mapping[Direction, list[dict[str, Any]]] = {
    Direction.INGRESS: [{"namespaces": {}}],
    Direction.EGRESS: [{"namespaces": {}}, {"networks": ["0.0.0.0/0", "::/0"]}],
}
_Rules = dict[Direction, Sequence[dict[str, Any]]]


def to_cluster_policies(policy: Policy) -> tuple[list[Policy], list[Note]]:
    """The documents of one policy, those that accept before the one that denies, and notes on what they leave out."""
    told = dict(_texts(policy))
    accepted = {direction: list(_accepting(policy, direction)) for direction in policy.directions}
    objects = list(_objects(accepted))
    name = f"{policy.workload.namespace}.{policy.document['metadata']['name']}"
    documents = [
        _policy(policy, name if number == 1 else f"{name}.{number}", ACCEPT_PRIORITY, rules, told)
        for number, rules in enumerate(objects, 1)
    ]
    denied: _Rules = {direction: [_rule(direction, "Deny", _EVERYONE[direction])] for direction in policy.directions}
    documents.append(_policy(policy, f"{name}.deny", DENY_PRIORITY, denied, told))
    return documents, list(_notes(policy))


def _objects(accepted: Mapping[Direction, list[dict[str, Any]]]) -> Iterator[_Rules]:
    for start in range(0, max(map(len, accepted.values()), default=0), MOST):
        yield {direction: found[start : start + MOST] for direction, found in accepted.items()}


def _policy(policy: Policy, name: str, priority: int, rules: _Rules, told: Mapping[str, str]) -> Policy:
    metadata = {key: value for key, value in policy.document["metadata"].items() if key != "namespace"}
    spec: dict[str, Any] = {
        "tier": "Baseline",
        "priority": priority,
        "subject": {"pods": _pods(policy.selector, None, policy.workload.namespace)},
    }
    spec |= {str(direction): list(found) for direction, found in rules.items() if found}
    document = {"apiVersion": API_VERSION, "kind": KIND, "metadata": metadata | {"name": name}, "spec": spec}
    comments = tuple(_comments(rules, told))
    return Policy(policy.workload, document, policy.references, comments, policy.selector)


def _accepting(policy: Policy, direction: Direction) -> Iterator[dict[str, Any]]:
    for rule in _grouped(policy, direction):
        peers = _peers(rule.peers, policy.workload.namespace, direction)
        for some, ports in product(chunks(peers, MOST), chunks(rule.ports, MOST)):
            yield _rule(direction, "Accept", list(some)) | {"protocols": list(map(_protocol, ports))}


def _grouped(policy: Policy, direction: Direction) -> tuple[Rule, ...]:
    found = (one for one in policy.admitted if one.neighbor.key.direction is direction)
    return grouped((one.peer, one.neighbor.key.port) for one in found)


def _rule(direction: Direction, action: str, peers: list[dict[str, Any]]) -> dict[str, Any]:
    return {"action": action, SIDES[direction]: peers}


def _protocol(port: Port) -> dict[str, Any]:
    return {str(port.protocol).lower(): {"destinationPort": {"number": port.port}}}


def _peers(peers: Iterable[RulePeer], namespace: str, direction: Direction) -> list[dict[str, Any]]:
    found = list(peers)
    selected = [_selected(peer, namespace) for peer in found if not peer.cidr]
    cidrs = [peer.cidr for peer in found if peer.cidr and direction is Direction.EGRESS]
    return [*selected, *({"networks": list(some)} for some in chunks(cidrs, MOST))]


def _selected(peer: RulePeer, namespace: str) -> dict[str, Any]:
    if peer.pods is None and peer.namespaces is not None:
        return {"namespaces": selector_document(peer.namespaces)}
    return {"pods": _pods(peer.pods or Selector(), peer.namespaces, namespace)}


def _pods(pods: Selector, namespaces: Selector | None, namespace: str) -> dict[str, Any]:
    chosen = Selector(((NAMESPACE_NAME, namespace),)) if namespaces is None else namespaces
    return {"namespaceSelector": selector_document(chosen), "podSelector": selector_document(pods)}


def _notes(policy: Policy) -> Iterator[Note]:
    if Direction.INGRESS not in policy.directions:
        return
    came = [one for one in policy.admitted if one.neighbor.key.direction is Direction.INGRESS and one.peer.cidr]
    if came:
        found = listed([one.neighbor for one in came])
        yield Note(policy.workload, f"{found}: {KIND} has no words for addresses that come in, and leaves them open")
    else:
        text = f"{KIND} denies ingress from pods only: it has no words for addresses that come in"
        yield Note(policy.workload, text)


# What is known of a peer, by how the document tells it.
def _texts(policy: Policy) -> Iterator[tuple[str, str]]:
    for peer, text in policy.texts.items():
        yield peer.cidr or repr(_selected(peer, policy.workload.namespace)), text


def _comments(rules: _Rules, told: Mapping[str, str]) -> Iterator[Comment]:
    for direction, found in rules.items():
        for number, rule in enumerate(found):
            for position, peer in enumerate(rule[SIDES[direction]]):
                path = ("spec", str(direction), number, SIDES[direction], position)
                if repr(peer) in told:
                    yield Comment(path, told[repr(peer)])
                for index, cidr in enumerate(peer.get("networks", ())):
                    if cidr in told:
                        yield Comment((*path, "networks", index), told[cidr])
