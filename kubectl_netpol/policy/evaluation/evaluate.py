"""Judges flows by a set of policies. Each branch has the API's own sentence above it."""

from __future__ import annotations

from collections.abc import Iterable

from ...model import Direction, Port, Protocol, Selector
from ...neighbors.labels import Labels, matches
from ...neighbors.pods import named_port
from .blocks import AddressSet
from .values import (
    AddressEnd,
    Admission,
    End,
    Flow,
    NetworkPolicy,
    PodEnd,
    PolicyPort,
    PolicyRule,
    Reason,
    Side,
    Verdict,
)

_NAMED = frozenset({Protocol.TCP, Protocol.UDP, Protocol.SCTP})


class Evaluator:
    """Some policies, ready to judge many flows: what selectors select is found out once for each kind of pod."""

    def __init__(self, policies: Iterable[NetworkPolicy]) -> None:
        self._by_namespace: dict[str, list[NetworkPolicy]] = {}
        for policy in policies:
            self._by_namespace.setdefault(policy.namespace, []).append(policy)
        self._isolating: dict[tuple[str, Labels, Direction], tuple[NetworkPolicy, ...]] = {}
        self._rules: dict[tuple[int, Direction], list[_Rule]] = {}

    def judge(self, flow: Flow) -> Verdict:
        """What the policies do to a flow that begins now. Replies belong to it: "reply traffic ... is implicitly
        allowed" for a connection that is."""
        return Verdict(self.side(flow, Direction.EGRESS), self.side(flow, Direction.INGRESS))

    def side(self, flow: Flow, direction: Direction) -> Side:
        """What is said at the flow's source (egress) or destination (ingress)."""
        end, peer = flow.source, flow.destination
        if direction is Direction.INGRESS:
            end, peer = peer, end
        if isinstance(end, AddressEnd):
            return Side(direction, Reason.NO_POD)
        policies = () if end.host_network else self.isolating(end, direction)
        if reason := _without_rules(end, peer, direction, policies, flow.port):
            return Side(direction, reason, policies)
        admission = self._admission(policies, flow, direction, peer)
        return Side(direction, Reason.RULE if admission else Reason.NO_RULE, policies, admission)

    # "the ingress rules for each are combined additively": any rule of any of them.
    def _admission(
        self, policies: tuple[NetworkPolicy, ...], flow: Flow, direction: Direction, peer: End
    ) -> Admission | None:
        for policy in policies:
            for rule in self._compiled(policy, direction):
                if rule.admits(peer, flow.destination, flow.port):
                    return Admission(policy, rule.number)
        return None

    def isolating(self, pod: PodEnd, direction: Direction) -> tuple[NetworkPolicy, ...]:
        """The policies that isolate a pod in that direction.

        "A pod is isolated for ingress if there is any NetworkPolicy that both selects the pod and has "Ingress" in its
        policyTypes".
        """
        key = (pod.namespace, pod.labels, direction)
        found = self._isolating.get(key)
        if found is None:
            found = self._isolating[key] = tuple(
                policy
                for policy in self._by_namespace.get(pod.namespace, ())
                if policy.rules(direction) is not None and matches(policy.selector, pod.labels)
            )
        return found

    def _compiled(self, policy: NetworkPolicy, direction: Direction) -> list[_Rule]:
        key = (id(policy), direction)
        found = self._rules.get(key)
        if found is None:
            rules = policy.rules(direction) or ()
            found = self._rules[key] = [_Rule(number, rule, policy.namespace) for number, rule in enumerate(rules)]
        return found


def _without_rules(
    end: PodEnd, peer: End, direction: Direction, policies: tuple[NetworkPolicy, ...], port: Port
) -> Reason | None:
    """What is said of a pod before any rule is looked at, or None."""
    # "NetworkPolicy behaviour for hostNetwork pods is undefined, but it should be limited to 2 possibilities", of which
    # "the most common implementation": "Traffic to/from hostNetwork pods is treated the same as all other traffic
    # to/from the node IP."
    if end.host_network:
        return Reason.HOST_NETWORK
    # "By default, a pod is non-isolated for egress; all outbound connections are allowed." Ingress likewise.
    if not policies:
        return Reason.NOT_ISOLATED
    # "Other pods that are allowed (exception: a pod cannot block access to itself)"
    if end == peer:
        return Reason.ITSELF
    # "Traffic is allowed to a pod if ... OR if the traffic source is the pod's local node". Of egress the API says
    # nothing like it. The documentation does ("traffic to and from the node where a Pod is running is always allowed"),
    # but not every enforcer admits it: who needs it, needs a rule.
    if direction is Direction.INGRESS and _is_own_node(end, peer):
        return Reason.OWN_NODE
    # "NetworkPolicy is defined for layer 4 connections (TCP, UDP, and optionally SCTP). For all the other protocols,
    # the behaviour may vary across network plugins."
    if port.protocol not in _NAMED:
        return Reason.NOT_SAID
    return None


class _Rule:
    """A rule that remembers which pods its selectors select."""

    __slots__ = ("_blocks", "_known", "_namespace", "_peers", "_ports", "_single", "_takes_all", "number")

    def __init__(self, number: int, rule: PolicyRule, namespace: str) -> None:
        self.number = number
        self._namespace = namespace
        # "If this field is empty or missing, this rule matches all sources (traffic not restricted by source)."
        self._takes_all = not rule.peers
        self._peers = [peer for peer in rule.peers if not peer.cidr]
        self._blocks = AddressSet((peer.cidr, peer.excepted) for peer in rule.peers if peer.cidr)
        # "If this field is empty or missing, this rule matches all ports (traffic not restricted by port)."
        self._ports = tuple(port for port in rule.ports if port.name or port.first != port.last) if rule.ports else None
        self._single = {(port.protocol, port.first) for port in rule.ports if not port.name and port.first == port.last}
        self._known: dict[tuple[str, Labels, Labels], bool] = {}

    def admits(self, peer: End, server: End, port: Port) -> bool:
        return self._has_port(port, server) and (self._takes_all or self._has_peer(peer))

    def _has_port(self, port: Port, server: End) -> bool:
        if self._ports is None or (port.protocol, port.port) in self._single:
            return True
        return any(one.protocol is port.protocol and _is_port(one, port, server) for one in self._ports)

    def _has_peer(self, peer: End) -> bool:
        if isinstance(peer, AddressEnd):
            return peer.address in self._blocks
        if not peer.host_network and self._peers and self._selects(peer):
            return True
        # "This selects particular IP CIDR ranges": a pod's address may lie in them, although they "should be
        # cluster-external IPs".
        return any(address in self._blocks for address in peer.addresses)

    def _selects(self, pod: PodEnd) -> bool:
        key = (pod.namespace, pod.labels, pod.namespace_labels)
        found = self._known.get(key)
        if found is None:
            found = self._known[key] = any(
                _is_namespace(peer.namespaces, pod, self._namespace)
                # "Otherwise it selects all pods in the namespaces selected by namespaceSelector."
                and (peer.pods is None or matches(peer.pods, pod.labels))
                for peer in self._peers
            )
        return found


# "If namespaceSelector is also set, then the NetworkPolicyPeer as a whole selects the pods matching podSelector in the
# Namespaces selected by NamespaceSelector. Otherwise it selects the pods matching podSelector in the policy's own
# namespace."
def _is_namespace(selector: Selector | None, pod: PodEnd, own: str) -> bool:
    return pod.namespace == own if selector is None else matches(selector, pod.namespace_labels)


# "This can either be a numerical or named port on a pod." The pod is the one that serves, whichever side is judged; an
# address that is no pod's has no names.
def _is_port(one: PolicyPort, port: Port, server: End) -> bool:
    if not one.name:
        return one.first <= port.port <= one.last
    return isinstance(server, PodEnd) and named_port(server.ports, one.name, port.protocol) == port.port


def _is_own_node(pod: PodEnd, peer: End) -> bool:
    is_node = isinstance(peer, AddressEnd) or peer.host_network
    return is_node and bool(pod.node) and peer.node == pod.node
