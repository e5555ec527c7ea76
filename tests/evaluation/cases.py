"""Random policies over a small world, in which labels, ports and blocks meet often enough to matter."""

from __future__ import annotations

import random
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from ipaddress import ip_network
from typing import Any

from kubectl_netpol.model import Port, Protocol
from kubectl_netpol.policy.evaluation.values import AddressEnd, End, Flow, PodEnd

PROTOCOLS = (Protocol.TCP, Protocol.UDP, Protocol.SCTP)
_KEYS = ("app", "tier", "team")
_VALUES = ("a", "b", "c")


@dataclass(frozen=True, slots=True)
class World:
    """What flows go between. ``ports`` are the numbers that are tried, ``names`` those that a policy may use."""

    pods: tuple[PodEnd, ...]
    outside: tuple[str, ...]
    ports: tuple[int, ...]
    names: tuple[str, ...]
    protocols: tuple[Protocol, ...] = PROTOCOLS

    @property
    def namespaces(self) -> list[str]:
        return sorted({pod.namespace for pod in self.pods})

    @property
    def addresses(self) -> list[str]:
        return [*(address for pod in self.pods for address in pod.addresses), *self.outside]


def random_world(chance: random.Random) -> World:
    """Three namespaces with labels, nine pods with named ports, four addresses outside; both families."""
    pods = []
    for number in range(3):
        namespace, labels = f"ns-{number}", random_labels(chance)
        labels = (*labels, ("kubernetes.io/metadata.name", namespace))
        for index in range(3):
            family = chance.choice(("10.1.{}.{}", "fd00::{}:{}"))
            ports = tuple(_named_ports(chance))
            address = (family.format(number, index + 1),)
            pods.append(
                PodEnd(namespace, f"pod-{index}", random_labels(chance), tuple(sorted(labels)), address, ports=ports)
            )
    return World(
        tuple(pods), ("192.0.2.7", "192.0.2.200", "10.1.9.9", "2001:db8::1"), (80, 81, 443, 8080), ("web", "api")
    )


def random_policies(chance: random.Random, world: World, count: int) -> list[dict[str, Any]]:
    """Valid NetworkPolicies as documents."""
    return [_policy(chance, world, number) for number in range(count)]


def random_flows(chance: random.Random, world: World, count: int) -> list[Flow]:
    """Flows between two different ends, of which one at least is a pod."""
    ends: list[End] = [*world.pods, *map(AddressEnd, world.outside)]
    found: list[Flow] = []
    while len(found) < count:
        source, destination = chance.sample(ends, 2)
        if isinstance(source, PodEnd) or isinstance(destination, PodEnd):
            port = Port(chance.choice(world.protocols), chance.choice(world.ports))
            found.append(Flow(source, destination, port))
    return found


# No number has two names, since cyclonus is told one name of a port.
def _named_ports(chance: random.Random) -> Iterator[tuple[str, Protocol, int]]:
    for protocol in PROTOCOLS:
        for name, number in zip(("web", "api"), chance.sample((80, 81, 443), 2), strict=True):
            yield name, protocol, number


def random_labels(chance: random.Random) -> tuple[tuple[str, str], ...]:
    """Up to three labels of a small vocabulary, sorted."""
    return tuple(sorted((key, chance.choice(_VALUES)) for key in chance.sample(_KEYS, chance.randint(0, len(_KEYS)))))


def _policy(chance: random.Random, world: World, number: int) -> dict[str, Any]:
    spec: dict[str, Any] = {"podSelector": _selector(chance)}
    for direction, side in (("ingress", "from"), ("egress", "to")):
        if chance.random() < 0.7:
            spec[direction] = [_rule(chance, world, side) for _ in range(chance.randint(0, 3))]
    types = chance.choice((None, ["Ingress"], ["Egress"], ["Ingress", "Egress"]))
    if types:
        spec["policyTypes"] = types
    metadata = {"name": f"policy-{number}", "namespace": chance.choice(world.namespaces)}
    return {"apiVersion": "networking.k8s.io/v1", "kind": "NetworkPolicy", "metadata": metadata, "spec": spec}


def _rule(chance: random.Random, world: World, side: str) -> dict[str, Any]:
    rule: dict[str, Any] = {}
    if chance.random() < 0.85:
        rule[side] = [_peer(chance, world) for _ in range(chance.randint(0, 3))]
    if chance.random() < 0.7:
        rule["ports"] = [_port(chance, world) for _ in range(chance.randint(0, 2))]
    return rule


def _peer(chance: random.Random, world: World) -> dict[str, Any]:
    if chance.random() < 0.3:
        return {"ipBlock": _block(chance, world.addresses)}
    peer: dict[str, Any] = {}
    if chance.random() < 0.6:
        peer["namespaceSelector"] = _selector(chance)
    if chance.random() < 0.7 or not peer:
        peer["podSelector"] = _selector(chance)
    return peer


def _block(chance: random.Random, addresses: Sequence[str]) -> dict[str, Any]:
    address = chance.choice(addresses)
    prefix = chance.choice((0, 8, 24, 31, 32) if ":" not in address else (0, 16, 64, 127, 128))
    whole = ip_network(f"{address}/{prefix}", strict=False)
    block: dict[str, Any] = {"cidr": str(whole)}
    if chance.random() < 0.5:
        inner = [one for one in addresses if (":" in one) == (":" in address)]
        hole = ip_network(f"{chance.choice(inner)}/{max(prefix, chance.choice((25, 32)))}", strict=False)
        if hole.prefixlen > prefix and hole.subnet_of(whole):  # type: ignore[arg-type]
            block["except"] = [str(hole)]
    return block


def _port(chance: random.Random, world: World) -> dict[str, Any]:
    port: dict[str, Any] = {}
    if chance.random() < 0.8:
        port["protocol"] = str(chance.choice(world.protocols))
    match chance.randint(0, 4):
        case 0:
            pass
        case 1 if world.names:
            port["port"] = chance.choice(world.names)
        case 2:
            port["port"] = chance.choice(world.ports)
            port["endPort"] = port["port"] + chance.choice((0, 1, 500))
        case _:
            port["port"] = chance.choice(world.ports)
    return port


def _selector(chance: random.Random) -> dict[str, Any]:
    selector: dict[str, Any] = {}
    if chance.random() < 0.5:
        selector["matchLabels"] = dict(chance.sample([(k, v) for k in _KEYS for v in _VALUES], chance.randint(0, 2)))
    if chance.random() < 0.35:
        selector["matchExpressions"] = [_requirement(chance) for _ in range(chance.randint(1, 2))]
    return selector


def _requirement(chance: random.Random) -> dict[str, Any]:
    operator = chance.choice(("In", "NotIn", "Exists", "DoesNotExist"))
    requirement: dict[str, Any] = {"key": chance.choice(_KEYS), "operator": operator}
    if operator in ("In", "NotIn"):
        requirement["values"] = chance.sample(_VALUES, chance.randint(1, 2))
    return requirement
