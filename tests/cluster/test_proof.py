"""The test that the project is for: what was recorded goes on, what was not is denied, by a real enforcer's word.

The sample application is recorded while it runs; its policies and default deny are applied, and it is recorded again.
`make proof` and `make proof-cilium` run this alone and show the tables. PROOF_SEED repeats a run's probes.
"""

from __future__ import annotations

import json
import os
import random
import secrets
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from tabulate import tabulate

from . import container_logs
from .cluster import Cluster
from .conftest import NAMESPACES, NETWORK
from .layout import API_SERVICE, CLUSTER_DNS, HUB_MACHINE, NODES, OUTSIDE, OUTSIDE_PORT
from .probing import Probe, try_all
from .processes import wait_until
from .product import Product, Row
from .test_record import A_MINUTE, TRUTH, expected, ours

pytestmark = pytest.mark.cluster

PROBES = 400
PORTS = (22, 3100, 5432, 8080, 9000, 9100)
"""Of pods: all that the application serves by TCP, and one that nobody does."""

MINUTES = "150s"
"""For which the application goes on with the policies, and is recorded again."""

_ENFORCED_SECONDS = 5.0


@dataclass(frozen=True, slots=True)
class AppPod:
    """A pod of the application, or of the cluster's DNS."""

    namespace: str
    name: str
    workload: str
    addresses: tuple[str, ...]
    node: str
    uid: str


@dataclass(slots=True)
class Table:
    """What ``make proof`` shows."""

    rows: list[tuple[str, object]] = field(default_factory=list)

    def show(self, capsys: pytest.CaptureFixture[str]) -> None:
        with capsys.disabled():
            print(f"\n{tabulate(self.rows, tablefmt='plain')}")


@pytest.fixture
def enforced(application: Cluster) -> Iterator[None]:
    """Afterwards the application is as open as before."""
    yield
    kinds = ["networkpolicies", *(["ciliumnetworkpolicies"] if NETWORK == "cilium" else [])]
    for namespace in NAMESPACES:
        for kind in kinds:
            application.kubectl("-n", namespace, "delete", kind, "--all")


@dataclass(slots=True)
class Proof:
    """What was recorded before the policies and with them, what became of the calls and of the probes since."""

    before: Product
    after: Product
    told: set[str]
    failed: list[tuple[str, str]]
    passed: list[Probe]
    table: Table

    @property
    def lost(self) -> set[Row]:
        """Neighbors that are not there any more, or that are new."""
        return ours(self.before.rows()) ^ ours(self.after.rows())


def prove(cluster: Cluster, kind: str, folder: Path) -> Proof:
    """Records, applies, records again while all calls go on, and probes."""
    before, after, table = Product(cluster, folder / "before"), Product(cluster, folder / "after"), Table()
    before.run("record", "-A", "--duration", A_MINUTE)
    assert ours(before.rows()) == expected(cluster)
    probes = unrecorded(cluster, kind)
    without = [probe for probe, passes in try_all(cluster, probes).items() if passes]
    assert len(without) > 0.95 * len(probes), sorted(set(probes) - set(without))
    told = enforce(before, kind)
    since = datetime.now(UTC)
    after.run("record", "-A", "--duration", MINUTES)
    passed = [probe for probe, passes in try_all(cluster, without).items() if passes]
    done, failed = calls(cluster, since)
    again = ours(before.rows()) & ours(after.rows())
    table.rows = [
        ("policies of that kind", f"{count(cluster, kind)} {kind}"),
        ("the application's own calls since, succeeded", done),
        ("the application's own calls since, failed", len(failed)),
        ("recorded neighbors, and recorded again with the policies", f"{len(ours(before.rows()))}, {len(again)}"),
        ("probes that were not recorded, and pass without policies", f"{len(without)} of {len(probes)}"),
        ("of these, denied with the policies", f"{len(without) - len(passed)} of {len(without)}"),
    ]
    assert done > 1000
    return Proof(before, after, told, failed, passed, table)


@pytest.mark.network("calico", reason="with Cilium there are two kinds of policies to prove")
def test_what_was_recorded_goes_on_and_what_was_not_is_denied(
    application: Cluster, enforced: None, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    proof = prove(application, "NetworkPolicy", tmp_path)
    broken = json.loads(proof.before.run("check", "-A", "--live", "-o", "json")[0])
    proof.table.rows.append(("recorded flows that the replay calls broken", len(broken["broken"])))
    proof.table.show(capsys)
    assert proof.told == set()
    assert proof.failed == []
    assert sorted(proof.lost) == []
    assert proof.passed == []
    assert broken["broken"] == []
    admits_a_known_block_and_nothing_else(proof.before, tmp_path / "known.yaml")


def admits_a_known_block_and_nothing_else(product: Product, file: Path) -> None:
    """With a KnownServer of payments' block, its neighbor is admitted too, to the workload that calls payments."""
    payments, neighbor = OUTSIDE[:2]
    probes = {
        pod.workload: Probe(pod.namespace, pod.name, neighbor, OUTSIDE_PORT)
        for pod in pods(product.cluster, "shop")
        if pod.workload in ("shop/deployment/api", "shop/deployment/web")
    }
    assert not any(try_all(product.cluster, probes.values()).values())
    options = ("--known-servers", str(file))
    product.run(
        "known-servers",
        "add",
        "payments",
        "--ip-block",
        f"{payments}/24",
        "--name",
        "payments",
        "--server",
        "payments.example.com",
        *options,
    )
    enforce(product, "NetworkPolicy", *options)
    api, web = probes["shop/deployment/api"], probes["shop/deployment/web"]
    wait_until(lambda: try_all(product.cluster, [api])[api], 30, "the enforcer admits payments' block")
    assert try_all(product.cluster, [api, web]) == {api: True, web: False}


@pytest.mark.network("cilium", reason="it is about Cilium's own kind, and what NetworkPolicies cannot say there")
@pytest.mark.parametrize("kind", ["NetworkPolicy", "CiliumNetworkPolicy"])
def test_with_cilium_what_was_recorded_goes_on_as_far_as_it_was_said(
    application: Cluster, enforced: None, tmp_path: Path, capsys: pytest.CaptureFixture[str], kind: str
) -> None:
    proof = prove(application, kind, tmp_path)
    broken = {pod.workload for pod in pods(application) for name, _ in proof.failed if name == pod.name}
    proof.table.rows.append(
        ("workloads that may not go on, of which generate said so", ", ".join(sorted(proof.told)) or "none")
    )
    proof.table.show(capsys)
    assert proof.passed == []
    assert broken <= proof.told
    assert {row.workload for row in proof.lost} <= proof.told
    if kind == "NetworkPolicy":
        # This API server is no node of its cluster, and so an address like others to Cilium; generate cannot know that.
        assert proof.told == {"shop/deployment/operator", "monitoring/deployment/metrics"}
        assert broken == {"monitoring/deployment/metrics"}
    else:
        assert proof.told == set()
        follows_names(application)


def follows_names(cluster: Cluster) -> None:
    """A name that was recorded connects, and one that was not does not, from the same pod."""
    [pod, *_] = [one for one in pods(cluster, "shop") if one.workload == "shop/deployment/api"]
    assert connects(cluster, pod, "payments.example.com")
    assert not connects(cluster, pod, "other.example.com")


def connects(cluster: Cluster, pod: AppPod, name: str) -> bool:
    code = f"import socket; socket.create_connection(({name!r}, {OUTSIDE_PORT}), 2)"
    return cluster.agrees("-n", pod.namespace, "exec", pod.name, "--", "python3", "-c", code)


DENY: dict[str, Any] = {"podSelector": {}, "policyTypes": ["Ingress", "Egress"]}


def enforce(product: Product, kind: str, *words: str) -> set[str]:
    """Applies the policies of the application with default deny; the workloads that these cannot do justice to."""
    told: set[str] = set()
    for namespace in NAMESPACES:
        options = ["--all", "-n", namespace, "--policy-types", "Ingress,Egress", *words]
        if kind == "NetworkPolicy":
            _, said = product.run("generate", *options, "--default-deny", "--apply", "--yes")
        else:
            text, said = product.run("generate", *options, "--kind", kind)
            product.cluster.kubectl("apply", "-f", "-", stdin=text)
            last = {"name": "default-deny", "namespace": namespace}
            deny = {"apiVersion": "networking.k8s.io/v1", "kind": "NetworkPolicy", "metadata": last, "spec": DENY}
            product.cluster.kubectl("apply", "-f", "-", stdin=json.dumps(deny))
        told |= {
            f"{namespace}/{line.split()[1]}" for line in said.splitlines() if "use --kind CiliumNetworkPolicy" in line
        }
    time.sleep(_ENFORCED_SECONDS)
    return told


def count(cluster: Cluster, kind: str) -> int:
    return len(cluster.kubectl("get", kind.lower(), "-A", "-o", "name").split())


def calls(cluster: Cluster, since: datetime) -> tuple[int, list[tuple[str, str]]]:
    """How many of the application's calls succeeded since then, and of those that failed the pod and what it said."""
    done, failed = 0, list[tuple[str, str]]()
    for pod in pods(cluster):
        for line in container_logs.read(pod.node, f"{pod.namespace}_{pod.name}_{pod.uid}", since):
            done += line.endswith(" ok")
            if " failed: " in line:
                failed.append((pod.name, line))
    return done, failed


def pods(cluster: Cluster, *namespaces: str) -> list[AppPod]:
    """The pods that have a network of their own and stay."""
    found = []
    for namespace in namespaces or NAMESPACES:
        for pod in json.loads(cluster.kubectl("-n", namespace, "get", "pods", "-o", "json"))["items"]:
            owner = pod["metadata"]["ownerReferences"][0]
            if owner["kind"] == "Job" or pod["spec"].get("hostNetwork"):
                continue
            kind, name = owner["kind"].lower(), owner["name"]
            if kind == "replicaset":
                kind, name = "deployment", name.rpartition("-")[0]
            addresses = tuple(one["ip"] for one in pod["status"]["podIPs"])
            own, node, workload = pod["metadata"], pod["spec"]["nodeName"], f"{namespace}/{kind}/{name}"
            found.append(AppPod(namespace, own["name"], workload, addresses, node, own["uid"]))
    return found


def unrecorded(cluster: Cluster, kind: str) -> list[Probe]:
    """Connections that nobody has made, from every pod: to pods, nodes, Services, the API server and the outside."""
    seed = os.environ.get("PROOF_SEED") or secrets.token_hex(4)
    print(f"PROOF_SEED={seed}")
    dns = pods(cluster, "kube-system")
    places = {address: pod.workload for pod in (*pods(cluster), *dns) for address in pod.addresses}
    places |= {CLUSTER_DNS: TRUTH["dns"]["server"]}
    allowed = {(row.workload, row.peer, row.protocol, row.port) for row in expected(cluster)}
    found = [
        probe
        for pod in pods(cluster)
        for probe in _from(pod, places)
        if (pod.workload, places.get(probe.address, probe.address), probe.protocol, probe.port) not in allowed
        and not _is_by_node_port(pod, probe)
        and not (kind == "CiliumNetworkPolicy" and _is_by_entity(pod, probe))
        and not (kind == "NetworkPolicy" and _is_dns(probe))
    ]
    return random.Random(seed).sample(found, PROBES)


def _from(pod: AppPod, places: dict[str, str]) -> Iterator[Probe]:
    targets = [(address, port) for address in places if address not in (*pod.addresses, CLUSTER_DNS) for port in PORTS]
    targets += [(address, port) for address in OUTSIDE for port in (OUTSIDE_PORT, 9999)]
    targets += [(address, port) for node in NODES for address in (node.ipv4, node.ipv6) for port in (9100, 10250)]
    targets += [(API_SERVICE[0], 443), (HUB_MACHINE.ipv4, 6443), (CLUSTER_DNS, 53)]
    targets += [(node.ipv4, 30080) for node in NODES]
    for address, port in targets:
        yield Probe(pod.namespace, pod.name, address, port)
    yield Probe(pod.namespace, pod.name, CLUSTER_DNS, 53, "UDP")


# On a client's own node (with Cilium on every node) the node's port is translated first, and the packet goes to a pod
# that it may talk to: one that was recorded, or itself.
def _is_by_node_port(pod: AppPod, probe: Probe) -> bool:
    clients = {row["from"] for row in TRUTH["connections"] if row["to"] == "shop/deployment/web"}
    return probe.port == 30080 and pod.workload in clients | {"shop/deployment/web"}


# Cilium's word for a node is that for all nodes, by all their addresses.
def _is_by_entity(pod: AppPod, probe: Probe) -> bool:
    return pod.workload == "monitoring/deployment/metrics" and probe.port == 9100


# --default-deny leaves every pod of the namespace the DNS server that was recorded.
def _is_dns(probe: Probe) -> bool:
    return (probe.address, probe.port, probe.protocol) == (CLUSTER_DNS, 53, "UDP")
