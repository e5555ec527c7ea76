"""A second opinion about who talks to whom: what the nodes' own connection tracking says, by way of conntrack.

It shares no code with the product. It sees both the address that was asked for and the one that answered.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from dataclasses import dataclass
from ipaddress import ip_address

from .cluster import Cluster
from .layout import HUB_MACHINE, NODES
from .processes import run_in

_LINE = re.compile(
    r"^(?P<protocol>tcp|udp) .*?src=(?P<client>\S+) dst=(?P<asked>\S+) sport=\d+ dport=(?P<asked_port>\d+).*?"
    r"src=(?P<server>\S+) dst=(?P<seen_client>\S+) sport=(?P<port>\d+) dport=\d+"
)
_KINDS = "deployments,statefulsets,daemonsets,cronjobs"


@dataclass(frozen=True, slots=True, order=True)
class Talk:
    """One workload or address calls another; ``port`` is the one on the wire of the end that is a pod."""

    client: str
    server: str
    protocol: str
    port: int


@dataclass(frozen=True, slots=True)
class People:
    """Who has which address: pods' workloads (``shop/deployment/web``) with their nodes, Services, nodes."""

    workloads: dict[str, str]
    hosts: dict[str, str]
    services: frozenset[str]
    nodes: frozenset[str]


def meet(cluster: Cluster) -> People:
    """Who is there now. Pods of the host's network have no address of their own and are left out."""
    paths = {}
    for item in json.loads(cluster.kubectl("get", _KINDS, "-A", "-o", "json"))["items"]:
        place = (item["metadata"]["namespace"], item["metadata"]["name"])
        paths[place] = f"{place[0]}/{item['kind'].lower()}/{place[1]}"
    workloads: dict[str, str] = {}
    hosts: dict[str, str] = {}
    for pod in json.loads(cluster.kubectl("get", "pods", "-A", "-o", "json"))["items"]:
        labels, spec = pod["metadata"].get("labels", {}), pod["spec"]
        path = paths.get((pod["metadata"]["namespace"], labels.get("app", "coredns")))
        if path is None or spec.get("hostNetwork"):
            continue
        for address in pod["status"].get("podIPs", ()):
            workloads[address["ip"]], hosts[address["ip"]] = path, spec["nodeName"]
    services = json.loads(cluster.kubectl("get", "services", "-A", "-o", "json"))["items"]
    addresses = frozenset(address for service in services for address in service["spec"].get("clusterIPs", ()))
    return People(workloads, hosts, addresses, frozenset(a for node in NODES for a in (node.ipv4, node.ipv6)))


def listen(people: People) -> set[Talk]:
    """What the nodes' connection tracking holds now (TCP: for two minutes after the end)."""
    return {
        talk
        for node in NODES
        for family in ("ipv4", "ipv6")
        for line in run_in(node.name, "conntrack", "-L", "-f", family).splitlines()
        if (match := _LINE.match(line))
        for talk in _talks(match, people)
    }


def _talks(match: re.Match[str], people: People) -> Iterator[Talk]:
    protocol = match["protocol"].upper()
    client, asked, server, seen_client = (
        str(ip_address(match[name])) for name in ("client", "asked", "server", "seen_client")
    )
    if server == asked and asked in people.services:  # kube-proxy did not know the Service yet, so nobody answered
        return
    caller, callee = people.workloads.get(client), people.workloads.get(server)
    if caller and asked in people.services and not callee:  # the API server's Service: the CNIs differ on what they see
        yield Talk(caller, asked, protocol, int(match["asked_port"]))
        yield Talk(caller, server, protocol, int(match["port"]))
    elif caller and asked not in people.services and asked not in people.workloads:
        yield Talk(caller, asked, protocol, int(match["asked_port"]))
    elif caller and callee:
        yield Talk(caller, callee, protocol, int(match["port"]))
    if callee and seen_client in people.nodes and seen_client not in _own_node(people.hosts[server]):
        yield Talk(seen_client, callee, protocol, int(match["port"]))


def _own_node(name: str) -> set[str]:
    # The hub is no node, but what it sends to pods is the control plane's.
    return {a for node in NODES if node.name == name for a in (node.ipv4, node.ipv6)} | {HUB_MACHINE.ipv4}
