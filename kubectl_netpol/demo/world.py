"""The demo's small world: a shop of seven workloads and a piece of the outside, on one private machine.

``WORKLOADS`` and ``SERVICES`` are at once what is built (namespaces, addresses, translations) and what the inventory
says. ``World`` makes the traffic; ``script`` tells the story.
"""

from __future__ import annotations

import socket
from datetime import UTC, datetime, timedelta
from pathlib import Path

import dns.exception
import dns.message
import dns.query
import yaml

from .machine import NODE_IPV4, NODE_IPV6, Machine
from .objects import Application, ClusterService, NamedPort, Node, ServicePort, inventory, target_port
from .pod import PAYLOAD, Attempt, Pod
from .servers import Answer
from .translation import Service

NODE = Node("demo-node", (NODE_IPV4, NODE_IPV6), ("10.244.0.0/24", "fd00:10:244::/64"))
GATEWAY = Application("edge", "gateway", (("10.244.0.2", "fd00:10:244::2"),))
WEB = Application(
    "shop",
    "web",
    (("10.244.0.10", "fd00:10:244::10"), ("10.244.0.11", "fd00:10:244::11")),
    (NamedPort("http", 3000),),
)
API = Application("shop", "api", (("10.244.0.20", "fd00:10:244::20"),), (NamedPort("http-api", 8080),))
CACHE = Application("shop", "cache", (("10.244.0.30", "fd00:10:244::30"),), (NamedPort("redis", 6379),))
DB = Application("shop", "db", (("10.244.0.40",),), (NamedPort("postgres", 5432),), "StatefulSet")
LEGACY = Application("shop", "legacy", (("10.244.0.50",),))
KUBE_DNS = Application(
    "kube-system",
    "kube-dns",
    (("10.244.0.60",),),
    (NamedPort("dns", 53, "UDP"), NamedPort("dns-tcp", 53)),
    labels=(("k8s-app", "kube-dns"),),
)
STATSD = Application("monitoring", "statsd", (("10.244.0.70",),), (NamedPort("metrics", 8125, "UDP"),))
WORKLOADS = (GATEWAY, WEB, API, CACHE, DB, LEGACY, KUBE_DNS, STATSD)

API_SERVICE = ClusterService(API, "10.96.0.20", (ServicePort("http", 80, "http-api"),))
DNS_SERVICE = ClusterService(
    KUBE_DNS, "10.96.0.10", (ServicePort("dns", 53, "dns", "UDP"), ServicePort("dns-tcp", 53, "dns-tcp"))
)
STATSD_SERVICE = ClusterService(STATSD, "10.96.0.25", (ServicePort("metrics", 8125, "metrics", "UDP"),))
DB_SERVICE = ClusterService(DB, "None", (ServicePort("postgres", 5432, "postgres"),))
CACHE_SERVICE = ClusterService(CACHE, "None", (ServicePort("redis", 6379, "redis"),))
SERVICES = (API_SERVICE, DNS_SERVICE, STATSD_SERVICE, DB_SERVICE, CACHE_SERVICE)

OUTSIDE_ADDRESS = "142.250.1.104"
OUTSIDE_NAME = "api.github.com."
GONE_ADDRESS = "10.244.0.99"
CLOSED_PORT = 9090
_AGE = timedelta(hours=1)


class World:
    """The shop, running; to be made inside a private machine. ``talk`` is one round of everybody's traffic."""

    def __init__(self, machine: Machine) -> None:
        self.machine = machine
        self._pods = {application.name: _add_pods(machine, application) for application in WORKLOADS}
        self._outside = machine.add_pod("outside", (OUTSIDE_ADDRESS,))
        self._outside.listen_tcp(443)
        machine.swallow(f"{GONE_ADDRESS}/32")
        for service in SERVICES:
            _translate(machine, service)
        self._pool: socket.socket | None = None
        self._pending: list[socket.socket] = []

    def open_pool(self) -> None:
        """api connects to its database, and stays connected: nothing of it but data is seen afterwards."""
        self._pool = self._pods["api"][0].open_tcp(DB.pods[0][0], 5432)
        self._query_database()

    def talk(self) -> None:
        """Everybody says once what they have to say; takes well below a second."""
        for connection in self._pending:
            connection.close()
        self._pending = []
        self._query_database()
        self._talk_to_web()
        for pod in self._pods["web"]:
            self._talk_as_web(pod)
        self._talk_as_api(self._pods["api"][0])
        _expect(self._pods["legacy"][0].try_tcp(API.pods[0][0], CLOSED_PORT), Attempt.REFUSED)

    def _query_database(self) -> None:
        if self._pool is not None:
            self._pool.sendall(PAYLOAD)
            self._pool.recv(len(PAYLOAD))

    def _talk_to_web(self) -> None:
        for addresses in WEB.pods:
            _expect(self._pods["gateway"][0].try_tcp(addresses[0], 3000), Attempt.ANSWERED)
            with socket.create_connection((addresses[0], 3000), 2):  # the node's kubelet, which probes its pods
                pass

    def _talk_as_web(self, pod: Pod) -> None:
        resolve(pod, "api.shop.svc.cluster.local.", "A")
        _expect(pod.try_tcp(API_SERVICE.cluster_ip, 80), Attempt.ANSWERED)
        cached = CACHE.pods[0][1 if self.machine.has_ipv6 else 0]
        _expect(pod.try_tcp(cached, 6379), Attempt.ANSWERED)
        pod.send_udp(STATSD_SERVICE.cluster_ip, 8125, b"web.requests:1|c")
        self._pending.append(pod.begin_tcp(GONE_ADDRESS, 9200))

    def _talk_as_api(self, pod: Pod) -> None:
        for kind in ("A", "AAAA"):
            resolve(pod, OUTSIDE_NAME, kind)
        resolve(pod, "many.example.com.", "A")
        _expect(pod.try_tcp(OUTSIDE_ADDRESS, 443), Attempt.ANSWERED)
        pod.send_udp(STATSD_SERVICE.cluster_ip, 8125, b"api.orders:1|c")


def write_inventory(place: Path, has_ipv6: bool = True, now: datetime | None = None) -> None:
    """The world's objects, as ``kubectl get ... -A -o yaml`` would print them; everything was started an hour ago."""
    started = (now or datetime.now(UTC)) - _AGE
    shown = WORKLOADS if has_ipv6 else tuple(_without_ipv6(application) for application in WORKLOADS)
    document = inventory(NODE, shown, SERVICES, started)
    place.write_text(yaml.safe_dump(document, sort_keys=False), encoding="utf-8")


def resolve(pod: Pod, name: str, kind: str) -> dns.message.Message:
    """Ask the cluster's DNS from a pod: by UDP, and again by TCP when the answer is too long for it."""
    query = dns.message.make_query(name, kind)
    server = DNS_SERVICE.cluster_ip
    with pod.open_udp(server, 53) as line:
        line.setblocking(False)
        reply = dns.query.udp(query, server, timeout=5, sock=line)
    if reply.flags & dns.flags.TC:
        with pod.open_tcp(server, 53) as connection:
            connection.setblocking(False)
            reply = dns.query.tcp(query, server, timeout=5, sock=connection)
    return reply


def _without_ipv6(application: Application) -> Application:
    kept = tuple(tuple(address for address in pod if ":" not in address) for pod in application.pods)
    return Application(
        application.namespace, application.name, kept, application.ports, application.kind, application.labels
    )


def _add_pods(machine: Machine, application: Application) -> list[Pod]:
    made = []
    for name, addresses in zip(application.pod_names, application.pods, strict=True):
        pod = machine.add_pod(name, addresses)
        for port in application.ports:
            answer = Answer.DNS if port.port == 53 else Answer.SINK if port.port == 8125 else Answer.ECHO
            (pod.listen_udp if port.protocol == "UDP" else pod.listen_tcp)(port.port, answer)
        made.append(pod)
    return made


def _translate(machine: Machine, service: ClusterService) -> None:
    if service.cluster_ip == "None":
        return
    for port in service.ports:
        number = target_port(service.application, port)
        targets = tuple((addresses[0], number) for addresses in service.application.pods)
        name = service.application.name
        machine.add_service(Service(name, service.cluster_ip, port.protocol.lower(), port.port, targets))


def _expect(seen: Attempt, wanted: Attempt) -> None:
    if seen is not wanted:
        raise RuntimeError(f"the demo's own traffic went wrong: {seen} instead of {wanted}")
