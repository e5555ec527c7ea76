"""Random worlds through ``record --local`` to ``neighbors -o json``: each workload's neighbors are what it talked to.

The world is made of ``demo.objects``; whoever makes the traffic notes who is whose neighbor, the product aside.
"""

from __future__ import annotations

import random
import time
from dataclasses import dataclass, field
from pathlib import Path

import pytest
from test_matrix import CLOSED_PORTS, GONE, SCTP_PORTS, TCP_PORTS, seeded
from test_record_local import Recording, make_pods, told, wait_attached
from truth import ABORT, ATTACHMENTS, INIT_ACK, Truth

from kubectl_netpol.demo.machine import Machine
from kubectl_netpol.demo.objects import Application, ClusterService, NamedPort, ServicePort
from kubectl_netpol.demo.pod import Attempt, Pod
from kubectl_netpol.demo.servers import Answer
from kubectl_netpol.demo.translation import Service

OUTSIDE = ("142.250.1.104", "2001:db8:1::104")
NAMESPACES = ("shop", "data", "monitoring")
UDP_PORTS = (5000, 8125, 30000, 61000)
NAMED, SERVICE_PORT, CLUSTER_IPS = 8443, 443, "10.96.0."
Neighbors = set[tuple[str, str]]


@dataclass
class World:
    """Workloads with their pods, what listens where, and who became whose neighbor: (who, TCP-80) by direction."""

    machine: Machine
    chance: random.Random
    applications: tuple[Application, ...]
    pods: dict[str, list[Pod]]
    outside: Pod
    truth: Truth
    tcp: dict[str, list[int]] = field(default_factory=dict)
    udp: dict[str, dict[int, Answer]] = field(default_factory=dict)
    egress: dict[str, Neighbors] = field(default_factory=dict)
    ingress: dict[str, Neighbors] = field(default_factory=dict)

    def serve(self) -> None:
        """All pods of a workload listen at the same ports, at one of them always: where its Service leads."""
        for application in self.applications:
            name = application.name
            self.tcp[name] = [NAMED, *self.chance.sample(TCP_PORTS, 3)]
            self.udp[name] = {port: self.chance.choice((Answer.ECHO, Answer.SINK)) for port in UDP_PORTS[:3]}
            for pod in self.pods[name]:
                listen(pod, self.tcp[name], self.udp[name])
        listen(self.outside, [443], {})

    def note(self, client: str, server: str, port: str) -> None:
        self.egress.setdefault(client, set()).add((f"app={server}", port))
        self.ingress.setdefault(server, set()).add((f"app={client}", port))

    def pair(self) -> tuple[str, Pod, str, Pod]:
        """A pod and another one, of the same workload or not."""
        everyone = [(name, pod) for name, pods in self.pods.items() for pod in pods]
        (client, first), (server, second) = self.chance.sample(everyone, 2)
        return client, first, server, second

    def open_before(self) -> None:
        for _ in range(self.chance.randint(2, 6)):
            client, first, server, second = self.pair()
            port = self.chance.choice(self.tcp[server])
            self.truth.hold_tcp(first, second, self.chance.choice(second.addresses), port)
            self.note(client, server, f"TCP-{port}")

    def act(self) -> None:
        """One random thing that a pod does."""
        actions = (self.do_tcp, self.do_udp, self.do_sctp, self.do_lost, self.do_service, self.do_outside)
        self.chance.choices(actions, (5, 4, 2, 1, 3, 1))[0](*self.pair())

    def do_tcp(self, client: str, first: Pod, server: str, second: Pod) -> None:
        port = self.chance.choice((*TCP_PORTS, *CLOSED_PORTS))
        attempt = first.try_tcp(self.chance.choice(second.addresses), port)
        assert attempt is (Attempt.ANSWERED if port in self.tcp[server] else Attempt.REFUSED)
        if attempt is Attempt.ANSWERED:
            self.note(client, server, f"TCP-{port}")

    def do_udp(self, client: str, first: Pod, server: str, second: Pod) -> None:
        port = self.chance.choice(UDP_PORTS)
        answer = self.udp[server].get(port)
        self.truth.udp(first, second, self.chance.choice(second.addresses), port, answer)
        if answer:
            self.note(client, server, f"UDP-{port}")

    def do_sctp(self, client: str, first: Pod, server: str, second: Pod) -> None:
        port, reply = self.chance.choice(SCTP_PORTS), self.chance.choice((INIT_ACK, ABORT, None))
        self.truth.sctp(first, second, self.chance.choice(second.addresses), port, reply)
        if reply == INIT_ACK:
            self.note(client, server, f"SCTP-{port}")

    def do_lost(self, _client: str, first: Pod, _server: str, _second: Pod) -> None:
        address = self.chance.choice(GONE[: 1 + self.machine.has_ipv6])
        self.truth.lost_tcp(first, address, self.chance.choice(TCP_PORTS))

    def do_service(self, client: str, first: Pod, server: str, _second: Pod) -> None:
        """The Service's port is another one than the pods'; which pod answers is the node's choice."""
        if client == server:
            return  # it might lead back to the pod itself
        assert first.try_tcp(cluster_ip(self.applications, server), SERVICE_PORT) is Attempt.ANSWERED
        self.note(client, server, f"TCP-{NAMED}")

    def do_outside(self, client: str, first: Pod, _server: str, _second: Pod) -> None:
        address = self.chance.choice(self.outside.addresses)
        assert first.try_tcp(address, 443) is Attempt.ANSWERED
        self.egress.setdefault(client, set()).add((address, "TCP-443"))


def listen(pod: Pod, tcp: list[int], udp: dict[int, Answer]) -> None:
    for port in tcp:
        pod.listen_tcp(port)
    for port, answer in udp.items():
        pod.listen_udp(port, answer)


def cluster_ip(applications: tuple[Application, ...], name: str) -> str:
    return CLUSTER_IPS + str(1 + [one.name for one in applications].index(name))


def invent(chance: random.Random) -> tuple[Application, ...]:
    """Three to five workloads of one to three pods, in random namespaces."""
    numbers, made = iter(range(2, 250)), []
    for name in ("web", "api", "db", "queue", "cache")[: chance.randint(3, 5)]:
        several = [next(numbers) for _ in range(chance.randint(1, 3))]
        pods = tuple((f"10.244.0.{number}", f"fd00:10:244::{number:x}") for number in several)
        kind = chance.choice(("Deployment", "StatefulSet"))
        made.append(Application(chance.choice(NAMESPACES), name, pods, (NamedPort("main", NAMED),), kind))
    return tuple(made)


def add_services(machine: Machine, world: World) -> tuple[ClusterService, ...]:
    services = []
    for application in world.applications:
        address = cluster_ip(world.applications, application.name)
        targets = tuple((pod.address, NAMED) for pod in world.pods[application.name])
        machine.add_service(Service(application.name, address, "tcp", SERVICE_PORT, targets))
        services.append(ClusterService(application, address, (ServicePort("main", SERVICE_PORT, "main"),)))
    return tuple(services)


@pytest.mark.kernel(timeout=120)
@ATTACHMENTS
@pytest.mark.parametrize("seed", ["3", "any"])
def test_every_workloads_neighbors_are_those_it_talked_to(machine: Machine, attach: str, seed: str, tmp_path: Path):
    chance = seeded(seed)
    for address in GONE[: 1 + machine.has_ipv6]:
        machine.swallow(f"{address}/{128 if ':' in address else 32}")
    applications = invent(chance)
    pods, outside = make_pods(machine, *applications), machine.add_pod("outside", OUTSIDE)
    world = World(machine, chance, applications, pods, outside, Truth(machine))
    world.serve()
    recording = Recording(tmp_path, attach)
    recording.write(applications, add_services(machine, world))
    world.open_before()
    recording.start()
    wait_attached(pods, attach)
    time.sleep(1.5)  # sockets of before are read by a process of their own
    for _ in range(100):
        world.act()
    recording.stop()
    found = recording.neighbors()
    expected = {f"{one.namespace}/{one.kind.lower()}-{one.name}": one.name for one in applications}
    assert set(found) <= set(expected)
    assert min(sum(map(len, world.egress.values())), sum(map(len, world.ingress.values()))) > len(applications)
    for name, workload in expected.items():
        for direction, truth in (("egress", world.egress), ("ingress", world.ingress)):
            seen = told(found[name], direction) if name in found else set()
            assert (name, direction, seen) == (name, direction, truth.get(workload, set()))
