"""Why an answer cannot be told: what it depends on that nobody recorded."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator
from dataclasses import dataclass

from ...model import Direction, Port, Selector
from ..evaluation.values import NetworkPolicy, PolicyPeer, PolicyRule
from .ends import End, Place, Pods
from .facts import Extent, Facts, meets, requirements, selects
from .gate import Gate
from .passage import admits_port, admits_ports, is_peer


@dataclass(frozen=True, slots=True, order=True)
class Doubt:
    """Something that is not known; ``is_live`` where a cluster would tell."""

    text: str
    is_live: bool = True


def doubts(gate: Gate, end: Pods, peer: End, server: End, direction: Direction, port: Port) -> list[Doubt]:
    """All that the answer at the gate of ``end`` depends on, sorted, each once."""
    found: set[Doubt] = set()
    for policy in gate.perhaps:
        found.update(_labels(policy.selector, end.labels, end.name))
    for policy in (*gate.sure, *gate.perhaps):
        for rule in policy.rules(direction) or ():
            found.update(_of_rule(policy, rule, peer, server, port, gate.outside))
    return sorted(found)


def _of_rule(
    policy: NetworkPolicy, rule: PolicyRule, peer: End, server: End, port: Port, outside: Collection[str]
) -> Iterator[Doubt]:
    at_port = admits_ports(rule, port, server)
    if at_port is False:
        return
    answers = [(one, is_peer(one, policy.namespace, peer, outside)) for one in rule.peers]
    if rule.peers and all(answer is False for _, answer in answers):
        return
    if at_port is None:
        yield from _ports(rule, port, server)
    if any(answer for _, answer in answers):
        return
    for one, answer in answers:
        if answer is None:
            yield from _of_peer(one, peer)


def _ports(rule: PolicyRule, port: Port, server: End) -> Iterator[Doubt]:
    if not port.port:
        yield Doubt("the port, which the recording does not name", is_live=False)
    for one in rule.ports:
        if port.port and one.name and admits_port(one, port, server) is None:
            yield Doubt(f"the port that {server.name} calls {one.name}")


def _of_peer(one: PolicyPeer, peer: End) -> Iterator[Doubt]:
    if isinstance(peer, Place) or (one.cidr and peer.block):
        yield Doubt(f"which part of {peer.block} it was", is_live=False)
    elif peer.is_unknown:
        yield Doubt(f"whose address {peer.name} was", is_live=peer.is_findable)
    elif one.cidr and peer.addresses:
        yield Doubt(f"which address of {peer.name} it was: {one.cidr} holds some of them", is_live=False)
    elif one.cidr:
        is_living = peer.labels.extent is Extent.WHOLE  # and has none yet
        yield Doubt(f"whether an address of {peer.name} lies in {one.cidr}", is_live=not is_living)
    else:
        if one.pods is not None:
            yield from _labels(one.pods, peer.labels, peer.name)
        if one.namespaces is not None:
            place = f"namespace {peer.namespace}" if peer.namespace else f"the namespace of {peer.name}"
            yield from _labels(one.namespaces, peer.namespace_labels, place)
        elif not peer.namespace:
            yield Doubt(f"the namespace of {peer.name}")


def _labels(selector: Selector, facts: Facts, whose: str) -> Iterable[Doubt]:
    if selects(selector, facts) is not None:
        return ()
    keys = {one.key for one in requirements(selector) if meets(one, facts) is None}
    return [Doubt(f"the label {key} of {whose}{_apart(key, facts)}") for key in sorted(keys)]


def _apart(key: str, facts: Facts) -> str:
    return ", whose pods differ in it" if key in facts.differing else ""
