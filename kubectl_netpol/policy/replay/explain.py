"""The way to a decision in plain sentences: each policy, rule and peer, and why it matched or did not."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from ...model import Direction, PeerKind, Port, Protocol
from ..evaluation.values import NetworkPolicy, PolicyPort, PolicyRule
from ..rules import SIDES
from .api_server import SEEN_AS, View, may_pass
from .caveats import OWN_NODE, caveats
from .doubts import doubts
from .ends import End, Place, Pods, is_own_node
from .facts import Answer, anything, everything, selects
from .gate import Gate, Gates
from .passage import admits_port, admits_ports, is_peer
from .wording import WORDS, about_peer, describe_peer, selected, why_not

_NODES = frozenset({PeerKind.NODE, PeerKind.OWN_NODE, PeerKind.API_SERVER, PeerKind.NODE_LOCAL})


@dataclass(frozen=True, slots=True)
class Line:
    """A sentence; ``depth`` says what it is part of."""

    depth: int
    text: str


@dataclass(frozen=True, slots=True)
class Walk:
    """One side of the flow, and what is said there: allowed, denied, or None for what cannot be told.

    With ``is_own_node_allowed`` that is said of all but the traffic from a pod's own node, which is allowed.
    """

    direction: Direction
    place: str
    answer: Answer
    lines: tuple[Line, ...]
    is_own_node_allowed: bool = False


@dataclass(frozen=True, slots=True)
class Explanation:
    """The whole flow. ``caveats``: what the API leaves to enforcers, and what they do with this flow."""

    source: str
    destination: str
    port: Port
    walks: tuple[Walk, ...]
    caveats: tuple[str, ...]

    @property
    def answer(self) -> Answer:
        return everything(walk.answer for walk in self.walks)

    @property
    def is_own_node_allowed(self) -> bool:
        """Whether that is the answer for all but the traffic from a pod's own node, which is allowed."""
        return any(walk.is_own_node_allowed for walk in self.walks) and all(
            walk.answer or walk.is_own_node_allowed for walk in self.walks
        )


def explain(
    policies: Sequence[NetworkPolicy],
    outside: set[str],
    source: End,
    destination: End,
    port: Port,
    views: Sequence[View] = (),
) -> Explanation:
    """Why a connection from one end to the other, at the other's ``port``, is allowed or not.

    ``outside`` are addresses that are known to be no pod's; ``views`` is how else an enforcer may see the destination.
    """
    walker = _Walker(policies, outside, destination, port, views)
    walks = (
        walker.walk(source, destination, Direction.EGRESS),
        walker.walk(destination, source, Direction.INGRESS),
    )
    answer = everything(walk.answer for walk in walks)
    known = tuple(caveats(answer, source, destination, walker.leans_on_blocks))
    return Explanation(source.name, destination.name, port, walks, known)


class _Walker:
    def __init__(
        self, policies: Sequence[NetworkPolicy], outside: set[str], server: End, port: Port, views: Sequence[View]
    ) -> None:
        self._policies = policies
        self._gates = Gates(policies, outside)
        self._outside = outside
        self._server = server
        self._port = port
        self._views = views
        self.leans_on_blocks = False

    def walk(self, end: End, peer: End, direction: Direction) -> Walk:
        if isinstance(end, Place):
            text = f"{end.name} is no pod: no policy reaches it"
            return Walk(direction, end.name, True, (Line(0, text),))
        if end.host_network:
            text = "its pods are in their node's network (hostNetwork): no policy reaches them"
            return Walk(direction, end.name, True, (Line(0, text),))
        if not end.namespace:
            return self._unplaced(end, direction)
        lines = [line for policy in self._policies for line in self._policy(policy, end, peer, direction)]
        if isinstance(peer, Pods) and end.pod and end.pod == peer.pod and not self._gates.at(end, direction).is_open:
            return Walk(direction, end.name, True, (*lines, Line(0, "allowed: a pod cannot block access to itself")))
        own_node = is_own_node(end, peer) if direction is Direction.INGRESS else False
        if own_node and not self._gates.at(end, direction).is_open:
            return Walk(direction, end.name, True, (*lines, Line(0, f"allowed: {OWN_NODE}")))
        answer, text = self._decision(end, peer, direction)
        is_part = own_node is None and not answer and not _is_untold(peer)
        told = [Line(0, f"from the pod's own node it is allowed: {OWN_NODE}; from others")] if is_part else []
        depth = len(told)
        return Walk(direction, end.name, answer, (*lines, *told, Line(depth, text)), is_part)

    # Which policies select it is not known, unless there are none.
    def _unplaced(self, end: Pods, direction: Direction) -> Walk:
        if all(policy.rules(direction) is None for policy in self._policies):
            text = f"allowed: no policy isolates anybody for {direction}"
            return Walk(direction, end.name, True, (Line(0, text),))
        what = "whose address it is" if end.is_unknown else "its namespace"
        hint = " (--live tells)" if end.is_findable else ""
        text = f"{what} is not known, nor which policies select it: this side is not judged{hint}"
        return Walk(direction, end.name, None, (Line(0, text),))

    def _decision(self, end: Pods, peer: End, direction: Direction) -> tuple[Answer, str]:
        gate = self._gates.at(end, direction)
        if gate.is_open:
            return True, f"allowed: no policy isolates it for {direction}, so all {direction} is allowed"
        if self._port.protocol is Protocol.ICMP:
            return (
                None,
                "cannot be told: policies speak of TCP, UDP and SCTP; what ICMP may do is the enforcer's matter",
            )
        self.leans_on_blocks |= isinstance(peer, Place) and peer.kind in _NODES  # only a block can admit those
        answer = gate.admits(peer, self._port, self._server)
        if answer:
            return True, "allowed: one rule that admits it is enough"
        if answer is False:
            return self._denial(gate, peer, direction)
        found = doubts(gate, end, peer, self._server, direction, self._port)
        hint = " (--live tells)" if any(one.is_live for one in found) else ""
        return None, f"cannot be told: it depends on {', '.join(one.text for one in found)}{hint}"

    # What no rule admits may be something else than it seems.
    def _denial(self, gate: Gate, peer: End, direction: Direction) -> tuple[Answer, str]:
        if direction is Direction.EGRESS and any(may_pass(gate, one) for one in self._views):
            return None, f"cannot be told: its other address is admitted, this one is not; it depends on {SEEN_AS}"
        if direction is Direction.INGRESS and _is_untold(peer):
            return None, f"cannot be told: no rule admits it, but it may be the pod's own node, and {OWN_NODE}"
        return False, "denied: it is isolated, and no rule of any of the policies admits it"

    def _policy(self, policy: NetworkPolicy, end: Pods, peer: End, direction: Direction) -> Iterator[Line]:
        if policy.namespace != end.namespace:
            return
        answer = selects(policy.selector, end.labels)
        if policy.rules(direction) is None:
            if answer:
                yield Line(0, f"{policy.path} selects it, and says nothing of {direction}")
            return
        asked = selected(policy.selector, "every pod")
        if answer is False:
            yield Line(
                0, f"{policy.path} does not select it: it selects {asked}, and {why_not(policy.selector, end.labels)}"
            )
            return
        isolates = "isolates it" if answer else f"may isolate it ({why_not(policy.selector, end.labels)})"
        yield Line(0, f"{policy.path} {isolates}: it selects {asked}")
        rules = policy.rules(direction) or ()
        if not rules:
            yield Line(1, f"it has no {direction} rule, and admits nothing")
        for number, rule in enumerate(rules, 1):
            yield from self._rule(policy, number, rule, peer, direction)

    def _rule(
        self, policy: NetworkPolicy, number: int, rule: PolicyRule, peer: End, direction: Direction
    ) -> Iterator[Line]:
        at_port = admits_ports(rule, self._port, self._server)
        peers = [(one, is_peer(one, policy.namespace, peer, self._outside)) for one in rule.peers]
        whom = not rule.peers or anything(answer for _, answer in peers)
        answer = everything((at_port, whom))
        verdict = {True: "admits it", False: "does not admit it", None: "may admit it"}[answer]
        yield Line(1, f"{direction} rule {number} {verdict}")
        if not rule.ports:
            yield Line(2, "ports: yes, it names none, which is every port")
        for port in rule.ports:
            yield Line(2, f"port {port}: {self._about_port(port)}")
        if not rule.peers:
            yield Line(2, f"{SIDES[direction]}: yes, it names nobody, which is everybody")
        for one, found in peers:
            self.leans_on_blocks |= bool(one.cidr) and found is not False and isinstance(peer, Pods)
            about = about_peer(one, found, peer, policy.namespace)
            yield Line(2, f"{SIDES[direction]} {describe_peer(one, policy.namespace)}: {about}")

    def _about_port(self, one: PolicyPort) -> str:
        answer = admits_port(one, self._port, self._server)
        if not one.name or (answer is False and one.protocol is not self._port.protocol):
            return WORDS[answer]
        if isinstance(self._server, Place):
            return f"no, {self._server.name} is no pod, and only pods' ports have names"
        if self._server.ports is None:
            return f"cannot be told, what {self._server.name} calls {one.name} was not recorded (--live tells)"
        return f"{WORDS[answer]}, by the names that {self._server.name} has for its ports"


def _is_untold(end: End) -> bool:
    return isinstance(end, Pods) and end.is_untold
