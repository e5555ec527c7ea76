"""What the evaluator says of random policies is what a real enforcer does to packets. EVALUATION_SEED repeats a run."""

from __future__ import annotations

import json
import os
import random
import secrets
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Any

import pytest

from kubectl_netpol.model import Port, Protocol
from kubectl_netpol.policy.evaluation.evaluate import Evaluator
from kubectl_netpol.policy.evaluation.reading import read_policy
from kubectl_netpol.policy.evaluation.values import AddressEnd, End, Flow, PodEnd
from tests.evaluation.cases import World, random_labels, random_policies

from .cluster import Cluster
from .layout import NODES, OUTSIDE, OUTSIDE_PORT
from .probing import SERVER, Probe, settled

pytestmark = [
    pytest.mark.cluster,
    pytest.mark.network("calico", reason="Cilium's ipBlocks never select pods or nodes; docs/check.md tells"),
]

ROUNDS = 12
NAMESPACES = ("red", "green", "blue")
PORTS = (8001, 8002, 8003)
PATIENCE = 6.0
"""Seconds for Felix to enforce what was applied. It takes a fraction of one where the machine is not busy."""


@dataclass(frozen=True, slots=True)
class Ends:
    """The pods, by their address, and everything that a flow may end at."""

    cluster: Cluster
    pods: dict[str, PodEnd]
    others: tuple[End, ...]

    def world(self) -> World:
        return World(tuple(self.pods.values()), OUTSIDE, PORTS, ("first", "second"), (Protocol.TCP, Protocol.UDP))

    def flows(self, chance: random.Random, count: int) -> dict[Probe, Flow]:
        """Random flows that a pod begins, with the probe that tries each."""
        found: dict[Probe, Flow] = {}
        ends = [*self.pods.values(), *self.others]
        while len(found) < count:
            source, destination = chance.choice(list(self.pods.values())), chance.choice(ends)
            address = destination.addresses[0] if isinstance(destination, PodEnd) else destination.address
            if (":" in address) != (":" in source.addresses[0]):
                continue
            port = Port(chance.choice((Protocol.TCP, Protocol.UDP)), chance.choice(PORTS))
            if address in OUTSIDE:
                port = Port(Protocol.TCP, OUTSIDE_PORT)
            probe = Probe(source.namespace, source.name, address, port.port, str(port.protocol))
            found[probe] = Flow(source, destination, port)
        return found


@pytest.fixture(scope="module")
def chance() -> random.Random:
    seed = os.environ.get("EVALUATION_SEED") or secrets.token_hex(4)
    print(f"EVALUATION_SEED={seed}")
    return random.Random(seed)


@pytest.fixture(scope="module")
def ends(cluster: Cluster, chance: random.Random) -> Iterator[Ends]:
    """Six pods with random labels on both nodes, and one in its node's network; both families."""
    names = [f"evaluation-{one}" for one in NAMESPACES]
    cluster.kubectl("delete", "namespace", *names, "--ignore-not-found", timeout=120)
    documents = [_namespace(name, dict(random_labels(chance))) for name in names]
    documents += [_pod(name, node.name, dict(random_labels(chance)), chance) for name in names for node in NODES]
    documents.append(_pod(names[0], NODES[0].name, {"app": "a"}, chance, host_network=True))
    cluster.kubectl("create", "-f", "-", stdin=json.dumps({"apiVersion": "v1", "kind": "List", "items": documents}))
    for name in names:
        cluster.kubectl("-n", name, "wait", "pods", "--all", "--for=condition=Ready", "--timeout=90s", timeout=100)
    pods = [pod for name in names for pod in _read(cluster, name)]
    others: tuple[End, ...] = tuple(map(AddressEnd, OUTSIDE))
    others += tuple(AddressEnd(address, node.name) for node in NODES for address in (node.ipv4, node.ipv6))
    yield Ends(cluster, {one.addresses[0]: one for pod in pods for one in _by_family(pod)}, others)
    cluster.kubectl("delete", "namespace", *names, "--wait=false")


def _namespace(name: str, labels: dict[str, str]) -> dict[str, Any]:
    return {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": name, "labels": labels}}


def _pod(
    namespace: str, node: str, labels: dict[str, str], chance: random.Random, host_network: bool = False
) -> dict[str, Any]:
    names = zip(("first", "second"), chance.sample(PORTS, 2), ("TCP", "UDP"), strict=True)
    ports = [{"name": name, "containerPort": number, "protocol": protocol} for name, number, protocol in names]
    container = {
        "name": "main",
        "image": "cluster.test/python:3",
        "command": ["python3", "-c", SERVER, *map(str, PORTS)],
        "readinessProbe": {"tcpSocket": {"port": PORTS[0]}, "periodSeconds": 1},
        "ports": [] if host_network else ports,
    }
    spec = {
        "nodeName": node,
        "terminationGracePeriodSeconds": 0,
        "containers": [container],
        "hostNetwork": host_network,
    }
    name = f"host-{node}" if host_network else f"pod-{node}"
    metadata = {"name": name, "namespace": namespace, "labels": labels}
    return {"apiVersion": "v1", "kind": "Pod", "metadata": metadata, "spec": spec}


def _read(cluster: Cluster, namespace: str) -> Iterator[PodEnd]:
    labels = json.loads(cluster.kubectl("get", "namespace", namespace, "-o", "json"))["metadata"]["labels"]
    for pod in json.loads(cluster.kubectl("-n", namespace, "get", "pods", "-o", "json"))["items"]:
        spec, metadata = pod["spec"], pod["metadata"]
        ports = [
            (port["name"], Protocol(port["protocol"]), port["containerPort"])
            for port in spec["containers"][0].get("ports", ())
        ]
        yield PodEnd(
            namespace,
            metadata["name"],
            tuple(sorted(metadata.get("labels", {}).items())),
            tuple(sorted(labels.items())),
            tuple(one["ip"] for one in pod["status"]["podIPs"]),
            spec["nodeName"],
            spec.get("hostNetwork", False),
            tuple(ports),
        )


# A flow has one family, and a block selects a pod by the address that the flow has.
def _by_family(pod: PodEnd) -> Iterator[PodEnd]:
    for address in pod.addresses:
        yield replace(pod, addresses=(address,))


def test_felix_does_to_packets_what_the_evaluator_says(ends: Ends, chance: random.Random) -> None:
    said: Counter[bool] = Counter()
    for number in range(ROUNDS):
        policies = random_policies(chance, ends.world(), chance.randint(2, 6))
        flows = ends.flows(chance, 150)
        evaluator = Evaluator([read_policy(policy) for policy in policies])
        expected = {probe: evaluator.judge(flow).is_allowed for probe, flow in flows.items()}
        said.update(expected.values())
        ends.cluster.kubectl(
            "create", "-f", "-", stdin=json.dumps({"apiVersion": "v1", "kind": "List", "items": policies})
        )
        try:
            wrong = settled(ends.cluster, expected, PATIENCE)
        finally:
            for name in {one["metadata"]["namespace"] for one in policies}:
                ends.cluster.kubectl("-n", name, "delete", "networkpolicies", "--all")
        told = [(probe, flows[probe], evaluator.judge(flows[probe])) for probe in wrong]
        assert told == [], (number, policies)
    assert min(said[True], said[False]) > ROUNDS * 20, f"too one-sided to mean much: {said}"
