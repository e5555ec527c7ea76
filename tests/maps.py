"""Accounts to draw maps of: a small shop, one whose names are hostile, and a cluster of 300 workloads."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass, field
from random import Random

from kubectl_netpol.graph.build import build, judge
from kubectl_netpol.graph.values import Coverage, Graph, Verdict
from kubectl_netpol.model import (
    Counts,
    Direction,
    Neighbor,
    NeighborKey,
    NetworkNeighbors,
    Peer,
    PeerKind,
    Port,
    Protocol,
    Selector,
    Workload,
)

START = 1_700_000_000_000
HOSTILE = (
    "</script><script>window.pwned=1</script>",
    "<img src=x onerror=window.pwned=1>",
    "\"' onmouseover=window.pwned=1 x='",
    "<!--<script>",
    "${window.pwned=1}{{data}}{{script}}",
    "\u202ereversed\x1b[31m\x00",
    "--></style><svg onload=window.pwned=1>",
    "__proto__",
)


def no_servers(_: str) -> None:
    """The lookup of somebody who knows no servers."""


def at(address: str, kind: PeerKind = PeerKind.EXTERNAL, name: str = "") -> Peer:
    return Peer(kind, name, address=address)


def workload(path: str) -> Workload:
    """``shop/statefulset/db``, or ``shop/db`` for a Deployment."""
    namespace, *kind, name = path.split("/")
    return Workload(
        namespace, {"statefulset": "StatefulSet", "cronjob": "CronJob"}.get("".join(kind), "Deployment"), name
    )


@dataclass
class Traffic:
    """Collects accounts; what two workloads say to each other is told by both."""

    rows: dict[Workload, dict[NeighborKey, Counts]] = field(default_factory=lambda: defaultdict(dict))

    def add(self, client, server, port: int, attempts: int = 10, answered: int = 10, protocol="TCP", names=()) -> None:
        counts = Counts(attempts, answered, 0, START, START + 90_000)
        wire = Port(Protocol(protocol), port)
        told = counts if not names else Counts(attempts, answered, 0, START, START + 90_000, names=names)
        peer = server if isinstance(server, Peer) else _peer(server, client)
        self.rows[client][NeighborKey(Direction.EGRESS, peer, wire)] = told
        if isinstance(server, Workload):
            self.rows[server][NeighborKey(Direction.INGRESS, _peer(client, server), wire)] = counts

    def accounts(self) -> list[NetworkNeighbors]:
        return [
            NetworkNeighbors(one, _selector(one), tuple(Neighbor(key, counts) for key, counts in told.items()))
            for one, told in self.rows.items()
        ]

    def graph(self) -> Graph:
        return build(self.accounts(), no_servers)


def shop() -> Traffic:
    traffic = Traffic()
    names = ("edge/gateway", "shop/web", "shop/api", "shop/statefulset/db", "shop/cache", "shop/legacy")
    gateway, web, api, db, cache, legacy = map(workload, names)
    report, dns, statsd = map(workload, ("shop/cronjob/report", "kube-system/coredns", "monitoring/statsd"))
    traffic.add(gateway, web, 8443, 40, 40)
    traffic.add(web, api, 8080, 20, 20)
    traffic.add(web, cache, 6379, 44, 44)
    traffic.add(api, db, 5432, 1, 1)
    traffic.add(report, db, 5432, 2, 2)
    traffic.add(api, statsd, 8125, protocol="UDP")
    traffic.add(legacy, api, 9090, 10, 0)
    for one in (gateway, web, api, report):
        traffic.add(one, dns, 53, 30, 30, protocol="UDP")
    traffic.add(api, dns, 53, 2, 2)
    traffic.add(api, at("142.250.1.104"), 443, names=("api.github.com.",))
    traffic.add(api, at("203.0.113.9"), 443, names=("payments.example.com.",))
    traffic.add(web, at("10.244.0.99", PeerKind.UNKNOWN), 80, 7, 0)
    traffic.add(dns, at("10.96.0.1", PeerKind.API_SERVER, "default/kubernetes"), 443)
    return traffic


def hostile() -> Traffic:
    """Each hostile text as a workload's name, a namespace's, a DNS name and a node's."""
    traffic = Traffic()
    for number, text in enumerate(HOSTILE):
        own, other = Workload(text, text, text), Workload("shop", "Deployment", f"peer-{number}")
        traffic.add(own, other, 80)
        traffic.add(own, at(f"203.0.113.{number}"), 443, names=(text,))
        traffic.add(own, at(f"10.0.0.{number}", PeerKind.NODE, text), 10250)
    return traffic


_TEAMS = (
    *("analytics", "auth", "billing", "catalog", "cms", "email", "fraud", "gateway", "inventory", "ml-serving"),
    *("ml-training", "notifications", "ops", "orders", "payments", "returns", "search", "shipping", "shop", "users"),
)
_ROLES = (
    *("frontend", "web", "api", "statefulset/db", "statefulset/cache", "statefulset/queue", "worker", "scheduler"),
    *("indexer", "proxy", "exporter", "sync", "admin", "cronjob/report", "consumer"),
)
_WITHIN = (
    *(("frontend", "web", 8080), ("web", "api", 8080), ("api", "db", 5432), ("api", "cache", 6379)),
    *(("worker", "queue", 5672), ("api", "queue", 5672), ("consumer", "queue", 5672), ("worker", "db", 5432)),
    *(("scheduler", "queue", 5672), ("indexer", "db", 5432), ("report", "db", 5432), ("proxy", "frontend", 8443)),
    *(("admin", "api", 8080), ("sync", "db", 5432)),
)
_SERVERS = ("api.stripe.com", "api.github.com", "s3.eu-central-1.amazonaws.com", "smtp.sendgrid.net", "hooks.slack.com")


def cluster() -> Traffic:
    """300 workloads in 20 namespaces, and what they share: DNS, metrics, a gateway, servers outside."""
    traffic, random = Traffic(), Random(1)
    dns, metrics, statsd = map(
        workload, ("kube-system/coredns", "monitoring/statefulset/prometheus", "monitoring/statsd")
    )
    teams = {team: {role.split("/")[-1]: workload(f"{team}/{role}") for role in _ROLES} for team in _TEAMS}
    for team, own in teams.items():
        for one in own.values():
            traffic.add(one, dns, 53, 30, 30, protocol="UDP")
            traffic.add(metrics, one, 9090)
            if random.random() < 0.5:
                traffic.add(one, statsd, 8125, protocol="UDP")
        for client, server, port in _WITHIN:
            traffic.add(own[client], own[server], port, 10, 0 if client == "sync" else 10)
        for _ in range(3):
            other = teams[random.choice([one for one in _TEAMS if one != team])]
            traffic.add(random.choice(list(own.values())), other["api"], 8080, 5, random.choice((0, 5, 5, 5)))
        number = random.randrange(len(_SERVERS))
        traffic.add(own["api"], at(f"203.0.113.{number}"), 443, names=(f"{_SERVERS[number]}.",))
    return traffic


def judged(graph: Graph) -> Graph:
    """With policies that isolate the databases and whatever begins with an a, and deny port 9090."""
    verdicts = {edge.key: Verdict.DENIED if edge.key.port.port == 9090 else Verdict.ALLOWED for edge in graph.edges}
    coverage = {
        place.key: Coverage(place.key.name == "db" or place.key.name[0] == "a", place.key.name[0] == "a")
        for place in graph.places
        if place.is_recorded
    }
    return judge(graph, verdicts, coverage)


def _selector(one: Workload) -> Selector:
    return Selector((("app", one.name),))


def _peer(one: Workload, home: Workload) -> Peer:
    other = one.namespace != home.namespace
    namespaces = Selector((("kubernetes.io/metadata.name", one.namespace),)) if other else None
    return Peer(PeerKind.WORKLOAD, f"{one.namespace}/{one.kind.lower()}/{one.name}", _selector(one), namespaces)
