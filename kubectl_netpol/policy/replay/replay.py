"""Judges everything that was recorded by a set of policies, both ends of each flow."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass, field

from ...model import Direction, Mark, Neighbor, NetworkNeighbors, PeerKind, Port, Protocol, Workload
from ..evaluation.values import NetworkPolicy, Reason, Side
from .api_server import SEEN_AS, View, may_pass, other_views
from .doubts import Doubt, doubts
from .ends import OFFLINE, End, Pods, World, is_own_node, others
from .facts import Answer, anything
from .gate import Gate, Gates
from .missing import missing_at_peer, missing_rule, other
from .resolver import Ends
from .values import Broken, Replay, Unjudged

_ICMP = Doubt("what the enforcer does with ICMP, of which policies say nothing", is_live=False)
_API_SERVER = Doubt(SEEN_AS, is_live=False)
_REASONS_SHOWN = 6


def replay(
    accounts: Iterable[NetworkNeighbors],
    policies: Sequence[NetworkPolicy],
    world: World = OFFLINE,
    only: Collection[Workload] | None = None,
) -> Replay:
    """What the policies would do to the recorded flows of these workloads, or of those among them that ``only`` names.

    Both ends of a flow are judged: egress at its source, ingress at its destination. A flow that both ends recorded is
    told at the end that denies it; of one that only one end recorded, that one's account has both. What a workload's
    pods are is told by all accounts, so hand in more than what is to be judged. Nothing is guessed: what depends on
    something that is not known is ``unjudged``.
    """
    kept = sorted(accounts, key=lambda one: one.workload)
    judge = _Judge(kept, policies, world)
    chosen = [one for one in kept if only is None or one.workload in only]
    judge.told = {one.workload.full_path for one in chosen}
    for one in chosen:
        judge.account(one)
    return judge.found()


@dataclass(slots=True)
class _Tally:
    judged: int = 0
    unanswered: int = 0
    uncovered: int = 0
    one_sided: int = 0
    broken: list[Broken] = field(default_factory=list)
    unjudged: list[Unjudged] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class _Point:
    """One end's view of a flow: whose policies are asked, and in which direction; ``views`` is how else it is seen."""

    ends: tuple[Pods, ...]
    peers: tuple[End, ...]
    direction: Direction
    at_peer: bool = False
    views: Sequence[View] = ()


class _Judge:
    def __init__(self, accounts: Sequence[NetworkNeighbors], policies: Sequence[NetworkPolicy], world: World) -> None:
        self._world = world
        self._ends = Ends(accounts, world)
        self._gates = Gates(policies, self._ends.outside)
        self._isolates_anyone = {
            direction: any(policy.rules(direction) is not None for policy in policies) for direction in Direction
        }
        self._mirrors: dict[str, dict[tuple[Direction, str, Port], bool]] = {}
        self._doubts: dict[tuple[int, int, Direction, Port], list[Doubt]] = {}
        self._tally = _Tally()
        self.told: set[str] = set()

    def found(self) -> Replay:
        tally = self._tally
        return Replay(
            tuple(tally.broken),
            tuple(tally.unjudged),
            tally.judged,
            tally.unanswered,
            tally.uncovered,
            tally.one_sided,
        )

    def account(self, one: NetworkNeighbors) -> None:
        ends = self._ends.of_workload(one)
        own = one.workload.namespace
        for neighbor in one.neighbors:
            key = neighbor.key
            if Mark.SECONDARY_INTERFACE in neighbor.counts.marks:
                self._tally.uncovered += neighbor.is_answered
                continue
            peers = self._ends.of_peer(own, key.peer)
            if len(ends) == len(peers) == 1 and self._is_clear(ends[0], peers[0], key.direction, key.port):
                self._tally.judged += neighbor.is_answered
                continue
            views = other_views(self._ends, one, key)
            is_denied = self._is_denied(one, neighbor, _Point(ends, peers, key.direction, views=views))
            if self._isolates_anyone[other(key.direction)]:
                is_denied = self._at_peer(one, neighbor, ends, peers) or is_denied
            if neighbor.is_answered:
                self._tally.judged += 1
            else:
                self._tally.unanswered += is_denied

    # The common case, told quickly: each end is of one kind, and both admit the flow.
    def _is_clear(self, end: Pods, peer: End, direction: Direction, port: Port) -> bool:
        if port.protocol is Protocol.ICMP:
            return False
        server = peer if direction is Direction.EGRESS else end
        gate = self._gates.at(end, direction)
        if not (gate.is_open or gate.admits(peer, port, server)):
            return False
        if not isinstance(peer, Pods):
            return True
        if not peer.namespace or peer.host_network:
            return False
        gate = self._gates.at(peer, other(direction))
        return gate.is_open or bool(gate.admits(end, port, server))

    def _at_peer(
        self, one: NetworkNeighbors, neighbor: Neighbor, ends: tuple[Pods, ...], peers: tuple[End, ...]
    ) -> bool:
        pods = tuple(peer for peer in peers if isinstance(peer, Pods))
        placed = tuple(peer for peer in pods if peer.namespace)
        if len(placed) < len(pods):
            self._tally.one_sided += neighbor.is_answered
        if not placed:
            return False
        return self._is_denied(one, neighbor, _Point(placed, ends, other(neighbor.key.direction), at_peer=True))

    def _is_denied(self, one: NetworkNeighbors, neighbor: Neighbor, point: _Point) -> bool:
        """Whether it is denied there, for some of the pods at least; puts what has to be told into the tally."""
        port = neighbor.key.port
        is_own_node = neighbor.key.peer.kind is PeerKind.OWN_NODE and point.direction is Direction.INGRESS
        if is_own_node:  # "Traffic is allowed to a pod if ... the traffic source is the pod's local node"
            return False
        answers: list[Answer] = []
        for end in point.ends:
            gate = None if end.host_network else self._gates.at(end, point.direction)
            if gate is None or gate.is_open:
                answers.append(True)
            elif port.protocol is Protocol.ICMP or not point.peers:
                answers.append(None)
            else:
                answers += [_answer(gate, end, peer, point, port) for peer in others(end, point.peers)]
        if False in answers:
            if neighbor.is_answered:
                self._break(one, neighbor, point, answers)
            return True
        if None in answers and neighbor.is_answered:
            self._leave(one, neighbor, point)
        return False

    def _break(self, one: NetworkNeighbors, neighbor: Neighbor, point: _Point, answers: list[Answer]) -> None:
        if point.at_peer and self._is_told_there(one, neighbor, point):
            return
        first = next(end for end in point.ends if not self._passes(end, point, neighbor.key.port))
        gate = self._gates.at(first, point.direction)
        side = Side(point.direction, Reason.NO_RULE, gate.sure)
        rule = missing_at_peer(one, neighbor, first.namespace) if point.at_peer else missing_rule(neighbor)
        is_partial = any(answer is not False for answer in answers)
        is_unheard = point.at_peer and self._is_unheard_there(one, neighbor, point)
        broken = Broken(one.workload, neighbor, side, first.name, point.at_peer, is_partial, rule, is_unheard)
        self._tally.broken.append(broken)

    def _passes(self, end: Pods, point: _Point, port: Port) -> bool:
        if end.host_network:
            return True
        gate = self._gates.at(end, point.direction)
        peers = others(end, point.peers)
        return gate.is_open or all(_answer(gate, end, peer, point, port) is not False for peer in peers)

    def _leave(self, one: NetworkNeighbors, neighbor: Neighbor, point: _Point) -> None:
        if point.at_peer and self._is_told_there(one, neighbor, point):
            return
        found: list[Doubt] = []
        policies: tuple[NetworkPolicy, ...] = ()
        for end in point.ends:
            if not end.host_network and not self._gates.at(end, point.direction).is_open:
                gate = self._gates.at(end, point.direction)
                policies = policies or gate.sure + gate.perhaps
                found += self._doubts_at(end, neighbor, point)
        unique = sorted(set(found))
        reasons = tuple(doubt.text for doubt in unique[:_REASONS_SHOWN])
        is_live = not self._world.is_live and any(doubt.is_live for doubt in unique)
        self._tally.unjudged.append(
            Unjudged(one.workload, neighbor, point.direction, point.ends[0].name, policies, reasons, is_live)
        )

    def _doubts_at(self, end: Pods, neighbor: Neighbor, point: _Point) -> list[Doubt]:
        port = neighbor.key.port
        if port.protocol is Protocol.ICMP:
            return [_ICMP]
        if not point.peers:
            return [Doubt(f"who {neighbor.key.peer.name or 'the peer'} is")]
        found: list[Doubt] = []
        gate = self._gates.at(end, point.direction)
        for peer in others(end, point.peers):
            key = (id(end), id(peer), point.direction, port)
            if key not in self._doubts:
                server = peer if point.direction is Direction.EGRESS else end
                self._doubts[key] = doubts(gate, end, peer, server, point.direction, port)
            found += self._doubts[key]
            if point.views and _admits(gate, end, peer, point.direction, port) is False:
                found.append(_API_SERVER)
            if point.direction is Direction.INGRESS and is_own_node(end, peer) is None:
                found.append(Doubt("whether it came from the pod's own node", is_live=not self._world.is_live))
        return found

    # The other end recorded it as well, and its account is looked at: there it is told, as its own.
    def _is_told_there(self, one: NetworkNeighbors, neighbor: Neighbor, point: _Point) -> bool:
        return neighbor.key.peer.name in self.told and bool(self._is_answered_there(one, neighbor, point))

    # Of what --since left out of the other account nothing is known; a hostNetwork pod is heard there as its node.
    def _is_unheard_there(self, one: NetworkNeighbors, neighbor: Neighbor, point: _Point) -> bool:
        account = self._ends.account(neighbor.key.peer.name)
        if account is None or account.since or one.host_network:
            return False
        return self._is_answered_there(one, neighbor, point) is None

    # Whether the other end's account has it as answered; None where it does not have it at all.
    def _is_answered_there(self, one: NetworkNeighbors, neighbor: Neighbor, point: _Point) -> bool | None:
        path = neighbor.key.peer.name
        found = self._mirrors.get(path)
        if found is None:
            account = self._ends.account(path)
            rows = account.neighbors if account else ()
            found = self._mirrors[path] = {}
            for row in rows:
                key = (row.key.direction, row.key.peer.name, row.key.port)
                found[key] = row.is_answered or found.get(key, False)
        return found.get((point.direction, one.workload.full_path, neighbor.key.port))


# What is denied as it was recorded may be admitted as the enforcer sees it.
def _answer(gate: Gate, end: Pods, peer: End, point: _Point, port: Port) -> Answer:
    found = _admits(gate, end, peer, point.direction, port)
    return None if found is False and any(may_pass(gate, view) for view in point.views) else found


# Of pods in their nodes' network, those on the pod's own node are admitted whatever the rules say.
def _admits(gate: Gate, end: Pods, peer: End, direction: Direction, port: Port) -> Answer:
    if direction is Direction.EGRESS:
        return gate.admits(peer, port, peer)
    return anything((gate.admits(peer, port, end), is_own_node(end, peer)))
