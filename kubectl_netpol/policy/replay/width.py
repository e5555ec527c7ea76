"""How much more policies admit than was recorded, and what their selectors select."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from ipaddress import collapse_addresses

from ...model import Direction, NetworkNeighbors, Peer, Port
from ...neighbors.labels import selector_text
from ..evaluation.values import NetworkPolicy, PolicyPeer, PolicyPort, PolicyRule
from ..listing import some_of
from .ends import OFFLINE, End, Pods, World
from .facts import Answer, selects
from .met import Met, addresses, by_number, identity, names_of, ports_of
from .passage import admits_port, admits_ports, is_peer, network
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


def widths(
    accounts: Iterable[NetworkNeighbors],
    policies: Sequence[NetworkPolicy],
    world: World = OFFLINE,
    includes_unanswered: bool = False,
) -> tuple[Width, ...]:
    """Whatever is admitted and was never recorded as answered, by rule, and whom selectors select besides, or none.

    Accounts and the living pods of ``world`` are all that is known to be there: more may be. What is not known of pods
    is taken for the best. ``includes_unanswered``: what was never answered counts as what was.
    """
    kept = sorted(accounts, key=lambda one: one.workload)
    ends = Ends(kept, world)
    known = _known(kept, ends, world)
    by_namespace: dict[str, list[_Found]] = {}
    for path, pods in known.items():
        for one in pods:
            by_namespace.setdefault(one.namespace, []).append((path, one, ends.account(path)))
    looker = _Looker(by_namespace, known, ends, includes_unanswered)
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

    def __init__(
        self, here: _Known, known: Mapping[str, tuple[Pods, ...]], ends: Ends, includes_unanswered: bool
    ) -> None:
        self._here = here
        self._known = known
        self._ends = ends
        self._includes_unanswered = includes_unanswered
        self._unnamed: dict[tuple[str, Peer], frozenset[str]] = {}

    def policy(self, policy: NetworkPolicy) -> Iterator[Width]:
        answers = [(one, selects(policy.selector, one[1].labels)) for one in self._here.get(policy.namespace, ())]
        selected = [(one, answer) for one, answer in answers if answer is not False]
        found = [one for one, _ in selected if not one[1].host_network]
        for text in _selection(policy, selected):
            yield Width(policy.path, "", 0, text)
        for direction in Direction:
            rules = policy.rules(direction)
            met = list(self._met(found, direction)) if rules else []
            for number, rule in enumerate(rules or (), 1):
                for text in self._rule(policy, rule, met):
                    yield Width(policy.path, str(direction), number, text)

    def _met(self, found: Iterable[_Found], direction: Direction) -> Iterator[Met]:
        for path, pods, account in {one[0]: one for one in found}.values():
            home = path.partition("/")[0]
            for neighbor in account.neighbors if account else ():
                peer, is_met = neighbor.key.peer, neighbor.is_answered or self._includes_unanswered
                if is_met and neighbor.key.direction is direction:
                    yield Met(neighbor, self._ends.of_peer(home, peer), pods, self._may_stand_for(home, peer))

    # Others' documents do not name a peer's workload.
    def _may_stand_for(self, home: str, peer: Peer) -> frozenset[str]:
        if peer.name or (peer.pod_selector is None and peer.namespace_selector is None):
            return frozenset()
        found = self._unnamed.get((home, peer))
        if found is None:
            asked = PolicyPeer(pods=peer.pod_selector, namespaces=peer.namespace_selector)
            found = frozenset(
                path
                for path, pods in self._known.items()
                if any(is_peer(asked, home, one, self._ends.outside) is not False for one in pods)
            )
            self._unnamed[home, peer] = found
        return found

    def _rule(self, policy: NetworkPolicy, rule: PolicyRule, met: Sequence[Met]) -> Iterator[str]:
        used = [one for one in met if self._is_admitted(policy, rule, one)]
        if not used:
            yield "nothing that it admits was ever answered"
        if not rule.ports:
            yield f"every port is admitted; seen: {some_of(ports_of(used)) or 'none'}"
        for port in rule.ports:
            yield from _of_port(port, used)
        if not rule.peers:
            yield f"everybody is admitted; seen: {some_of(names_of(used)) or 'nobody'}"
        for peer in rule.peers:
            of_it = [item for item in used if any(self._may_be(policy, peer, one) for one in item.peers)]
            seen = {one.name: one for item in of_it for one in item.peers if self._may_be(policy, peer, one)}
            yield from self._peer(policy, peer, seen, frozenset(path for item in of_it for path in item.paths))
        if rule.peers and rule.ports:
            yield from self._pairs(policy, rule, used)

    # A rule admits each of its peers at each of its ports. Those that were never seen at all are told of by themselves.
    def _pairs(self, policy: NetworkPolicy, rule: PolicyRule, used: Sequence[Met]) -> Iterator[str]:
        seen: set[tuple[str, Port]] = set()
        servers: dict[str, End] = {}
        names: dict[str, str] = {}
        for one in used:
            for peer in one.peers:
                if any(self._may_be(policy, item, peer) for item in rule.peers):
                    name = identity(peer)
                    seen.add((name, one.neighbor.key.port))
                    servers[name] = one.server(peer)
                    names.setdefault(name, peer.name)
        ports = sorted({port for _, port in seen})
        admitted = [
            (name, port)
            for name, server in sorted(servers.items())
            for port in ports
            if admits_ports(rule, port, server) is not False
        ]
        unseen = [pair for pair in admitted if pair not in seen]
        if unseen:
            told = [f"{names[name]} at {port.protocol} {port.port}" for name, port in unseen]
            yield (
                f"pairs of its peers and ports: {len(admitted)} are admitted, {len(admitted) - len(unseen)} seen; "
                f"never {some_of(told)}"
            )

    def _peer(
        self, policy: NetworkPolicy, peer: PolicyPeer, seen: Mapping[str, End], unnamed: frozenset[str]
    ) -> Iterator[str]:
        what = describe_peer(peer, policy.namespace)
        if peer.cidr:
            yield from _of_block(peer, what, seen)
            return
        answers = {path: [self._is(policy, peer, one) for one in pods] for path, pods in self._known.items()}
        selected = [path for path, found in answers.items() if True in found]
        if besides := [path for path in selected if path not in seen and path not in unnamed]:
            yield f"{what}: also {some_of(besides)}, never seen there"
        elif not selected and any(None in found for found in answers.values()):
            yield f"{what}: whom it selects is not known without a cluster"
        elif not selected:
            yield f"{what}: none that is known" + ("" if seen else ", and none was seen")

    def _is_admitted(self, policy: NetworkPolicy, rule: PolicyRule, one: Met) -> bool:
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


def _selection(policy: NetworkPolicy, selected: Sequence[tuple[_Found, Answer]]) -> Iterator[str]:
    """What is odd in whom a policy selects; ``selected``: those whom it does, or may, select."""
    asked = selector_text(policy.selector)
    paths = sorted({path for (path, pods, _), answer in selected if answer and not pods.host_network})
    if len(paths) > 1:
        yield f"it selects the pods of {len(paths)} workloads: {some_of(paths)}"
    elif paths:
        return
    elif not selected:
        yield f"its podSelector {asked} selects none of the pods that are known there"
    elif all(pods.host_network for (_, pods, _), _ in selected):
        yield f"its podSelector {asked} selects only pods in their node's network, which no policy reaches"
    else:
        yield f"its podSelector {asked}: whom it selects is not known without a cluster"


def _of_port(port: PolicyPort, used: Sequence[Met]) -> Iterator[str]:
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
    inside = sorted({address for one in seen.values() for address in addresses(one, peer)}, key=by_number)
    holes = collapse_addresses(map(network, peer.excepted))  # type: ignore[type-var]  # of one family; may overlap
    size = network(peer.cidr).num_addresses - sum(one.num_addresses for one in holes)
    if not seen:
        yield f"{what}: never seen"
    elif size > len(inside):
        named = f": {some_of(inside)}" if inside else ""
        yield f"{what}: {size:,} addresses are admitted, {len(inside)} seen{named}"
