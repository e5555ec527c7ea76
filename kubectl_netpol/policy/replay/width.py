"""How much more policies admit than was recorded, and what their selectors select."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from ipaddress import collapse_addresses, ip_address

from ...model import Direction, Neighbor, NetworkNeighbors, Port
from ...neighbors.labels import selector_text
from ..evaluation.values import NetworkPolicy, PolicyPeer, PolicyPort, PolicyRule
from ..listing import some_of
from .ends import OFFLINE, End, Place, Pods, World
from .facts import Answer, selects
from .passage import address_set, admits_port, admits_ports, is_peer, network
from .resolver import Ends
from .wording import describe_peer


@dataclass(frozen=True, slots=True, order=True)
class Width:
    """A finding on a policy: of its ``rule`` in ``direction`` (from 1), or of itself, where that is 0 and empty."""

    policy: str
    direction: str
    rule: int
    text: str


_Found = tuple[str, Pods, NetworkNeighbors | None]
_Known = Mapping[str, list[_Found]]


@dataclass(frozen=True, slots=True)
class _Met:
    """A recorded flow of pods that a policy selects, by its other end."""

    neighbor: Neighbor
    peers: tuple[End, ...]
    own: Pods

    def server(self, peer: End) -> End:
        return peer if self.neighbor.key.direction is Direction.EGRESS else self.own


def widths(
    accounts: Iterable[NetworkNeighbors], policies: Sequence[NetworkPolicy], world: World = OFFLINE
) -> tuple[Width, ...]:
    """Whatever is admitted and was never recorded as answered, by rule, and whom selectors select besides, or none.

    Accounts and the living pods of ``world`` are all that is known to be there: more may be.
    """
    kept = sorted(accounts, key=lambda one: one.workload)
    ends = Ends(kept, world)
    known = _known(kept, ends, world)
    by_namespace: dict[str, list[_Found]] = {}
    for path, pods in known.items():
        for one in pods:
            by_namespace.setdefault(one.namespace, []).append((path, one, ends.account(path)))
    looker = _Looker(by_namespace, known, ends)
    return tuple(width for policy in policies for width in looker.policy(policy))


def _known(accounts: Sequence[NetworkNeighbors], ends: Ends, world: World) -> dict[str, tuple[Pods, ...]]:
    """Whose pods are known, recorded or living, or as peers of those that were recorded."""
    found = {path: ends.named(path) for path in {*(one.workload.full_path for one in accounts), *world.pods}}
    for one in accounts:
        for neighbor in one.neighbors:
            peer = neighbor.key.peer
            if peer.pod_selector is not None and peer.name and peer.name not in found:
                pods = ends.of_peer(one.workload.namespace, peer)
                found[peer.name] = tuple(pod for pod in pods if isinstance(pod, Pods))
    return dict(sorted(found.items()))


class _Looker:
    """Looks at one policy after the other; ``here`` are the known pods by namespace, ``known`` by their path."""

    def __init__(self, here: _Known, known: Mapping[str, tuple[Pods, ...]], ends: Ends) -> None:
        self._here = here
        self._known = known
        self._ends = ends

    def policy(self, policy: NetworkPolicy) -> Iterator[Width]:
        found = [one for one in self._here.get(policy.namespace, ()) if selects(policy.selector, one[1].labels)]
        paths = sorted({path for path, _, _ in found})
        if not paths:
            asked = selector_text(policy.selector)
            yield Width(policy.path, "", 0, f"its podSelector {asked} selects none of the pods that are known there")
        elif len(paths) > 1:
            yield Width(policy.path, "", 0, f"it selects the pods of {len(paths)} workloads: {some_of(paths)}")
        for direction in Direction:
            rules = policy.rules(direction)
            met = list(self._met(found, direction)) if rules else []
            for number, rule in enumerate(rules or (), 1):
                for text in self._rule(policy, rule, met):
                    yield Width(policy.path, str(direction), number, text)

    def _met(self, found: Iterable[_Found], direction: Direction) -> Iterator[_Met]:
        for path, pods, account in {one[0]: one for one in found}.values():
            for neighbor in account.answered if account else ():
                if neighbor.key.direction is direction:
                    yield _Met(neighbor, self._ends.of_peer(path.partition("/")[0], neighbor.key.peer), pods)

    def _rule(self, policy: NetworkPolicy, rule: PolicyRule, met: Sequence[_Met]) -> Iterator[str]:
        used = [one for one in met if self._is_admitted(policy, rule, one)]
        if not used:
            yield "nothing that it admits was ever recorded"
        if not rule.ports:
            yield f"every port is admitted; seen: {some_of(_ports(used)) or 'none'}"
        for port in rule.ports:
            yield from _of_port(port, used)
        if not rule.peers:
            yield f"everybody is admitted; seen: {some_of(_names(used)) or 'nobody'}"
        for peer in rule.peers:
            seen = {one.name: one for item in used for one in item.peers if self._may_be(policy, peer, one)}
            yield from self._peer(policy, peer, seen)
        if rule.peers and rule.ports:
            yield from self._pairs(policy, rule, used)

    # A rule admits each of its peers at each of its ports. Those that were never seen at all are told of by themselves.
    def _pairs(self, policy: NetworkPolicy, rule: PolicyRule, used: Sequence[_Met]) -> Iterator[str]:
        seen: set[tuple[str, Port]] = set()
        servers: dict[str, End] = {}
        for one in used:
            for peer in one.peers:
                if any(self._may_be(policy, item, peer) for item in rule.peers):
                    seen.add((peer.name, one.neighbor.key.port))
                    servers[peer.name] = one.server(peer)
        ports = sorted({port for _, port in seen})
        admitted = [
            (name, port)
            for name, server in sorted(servers.items())
            for port in ports
            if admits_ports(rule, port, server) is not False
        ]
        if unseen := [f"{name} at {port.protocol} {port.port}" for name, port in admitted if (name, port) not in seen]:
            yield (
                f"pairs of its peers and ports: {len(admitted)} are admitted, {len(admitted) - len(unseen)} seen; "
                f"never {some_of(unseen)}"
            )

    def _peer(self, policy: NetworkPolicy, peer: PolicyPeer, seen: Mapping[str, End]) -> Iterator[str]:
        what = describe_peer(peer, policy.namespace)
        if peer.cidr:
            yield from _of_block(peer, what, seen)
            return
        answers = {path: [self._is(policy, peer, one) for one in pods] for path, pods in self._known.items()}
        selected = [path for path, found in answers.items() if True in found]
        if besides := [path for path in selected if path not in seen]:
            yield f"{what}: also {some_of(besides)}, never seen there"
        elif not selected and any(None in found for found in answers.values()):
            yield f"{what}: whom it selects is not known without a cluster"
        elif not selected:
            yield f"{what}: none that is known" + ("" if seen else ", and none was seen")

    def _is_admitted(self, policy: NetworkPolicy, rule: PolicyRule, one: _Met) -> bool:
        return any(
            admits_ports(rule, one.neighbor.key.port, one.server(peer)) is not False
            and (not rule.peers or any(self._may_be(policy, item, peer) for item in rule.peers))
            for peer in one.peers
        )

    def _is(self, policy: NetworkPolicy, peer: PolicyPeer, end: End) -> Answer:
        return is_peer(peer, policy.namespace, end, self._ends.outside)

    # What is not known of labels is taken for the best; a pod of which no address is known is in no block.
    def _may_be(self, policy: NetworkPolicy, peer: PolicyPeer, end: End) -> bool:
        answer = self._is(policy, peer, end)
        return answer is True or (answer is None and not peer.cidr)


def _of_port(port: PolicyPort, used: Sequence[_Met]) -> Iterator[str]:
    seen = {
        one.neighbor.key.port
        for one in used
        for peer in one.peers
        if admits_port(port, one.neighbor.key.port, one.server(peer)) is not False
    }
    if used and not seen:
        yield f"port {port} was never seen"
    elif used and not port.name and port.first != port.last:
        yield f"port {port}: {port.last - port.first + 1:,} ports are admitted, {len(seen)} seen"


def _of_block(peer: PolicyPeer, what: str, seen: Mapping[str, End]) -> Iterator[str]:
    inside = sorted({address for one in seen.values() for address in _addresses(one, peer)}, key=_number)
    holes = collapse_addresses(map(network, peer.excepted))  # type: ignore[type-var]  # of one family; may overlap
    size = network(peer.cidr).num_addresses - sum(one.num_addresses for one in holes)
    if not seen:
        yield f"{what}: never seen"
    elif size > len(inside):
        named = f": {some_of(inside)}" if inside else ""
        yield f"{what}: {size:,} addresses are admitted, {len(inside)} seen{named}"


# Those by which it was met: of a workload's pods nobody knows which.
def _addresses(one: End, block: PolicyPeer) -> Iterable[str]:
    if isinstance(one, Place):
        return filter(None, (one.address,))
    is_met_by_address = one.is_unknown or one.pod
    return [text for text in one.addresses or () if is_met_by_address and text in address_set(block)]


def _number(text: str) -> tuple[int, int]:
    parsed = ip_address(text)
    return parsed.version, int(parsed)


def _ports(used: Iterable[_Met]) -> list[str]:
    found: set[Port] = {one.neighbor.key.port for one in used}
    return [f"{port.protocol} {port.port}" for port in sorted(found)]


def _names(used: Iterable[_Met]) -> list[str]:
    return sorted({peer.name for one in used for peer in one.peers})
