"""Other kinds of policies: taken by the API server by the projects' own definitions, and done by Cilium."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

from .cluster import Cluster
from .conftest import Probes
from .layout import NODES, OUTSIDE_PORT
from .policy_types import install
from .processes import ClusterError, wait_until
from .product import Product

pytestmark = pytest.mark.cluster

KINDS = ("NetworkPolicy", "CiliumNetworkPolicy", "ClusterNetworkPolicy")
KUBELET_PORT = 10250
RECORDED, UNRECORDED = "payments.example.com", "other.example.com"


@pytest.fixture(scope="module")
def types(cluster: Cluster) -> Cluster:
    install(cluster)
    return cluster


@pytest.fixture(scope="module")
def recorded(application: Cluster, types: Cluster, tmp_path_factory: pytest.TempPathFactory) -> Product:
    """The sample application, recorded for a while."""
    product = Product(application, tmp_path_factory.mktemp("kinds") / "cache")
    product.run("record", "-A", "--duration", "25s")
    return product


def dry_run(cluster: Cluster, text: str) -> list[str]:
    """What the API server would make of it, by name. ClusterError with its complaint where it takes something not."""
    return cluster.kubectl("apply", "--dry-run=server", "-o", "name", "-f", "-", stdin=text).split()


@pytest.mark.parametrize("kind", KINDS)
def test_policies_of_the_sample_application_are_taken_by_the_api_server(recorded: Product, kind: str) -> None:
    arguments = ("generate", "--all", "-n", "shop", "--kind", kind, "--policy-types", "Ingress,Egress")
    text, _ = recorded.run(*arguments)
    names, _ = recorded.run(*arguments, "-o", "name")
    assert dry_run(recorded.cluster, text) == names.split()
    workloads = {one["metadata"]["labels"]["kubescape.io/workload-name"] for one in yaml.safe_load_all(text)}
    assert workloads >= {"web", "api", "db", "operator", "log-shipper"}


def test_the_sample_applications_peers_have_ciliums_words(recorded: Product) -> None:
    text, _ = recorded.run("generate", "--all", "-A", "--kind", "CiliumNetworkPolicy")
    rules = {
        one["metadata"]["name"]: one["spec"]["egress"] for one in yaml.safe_load_all(text) if "egress" in one["spec"]
    }
    assert {"kube-apiserver"} == {name for rule in rules["deployment-operator"] for name in rule.get("toEntities", ())}
    names = [one["matchName"] for rule in rules["deployment-api"] for one in rule.get("toFQDNs", ())]
    assert names == [RECORDED, "payments6.example.com"]
    exporter = [rule for rule in rules["deployment-metrics"] if "toEntities" in rule]
    assert [rule["toEntities"] for rule in exporter] == [["host", "remote-node"]]
    assert not any("toCIDR" in rule for found in rules.values() for rule in found)


def large() -> dict[str, Any]:
    """More of everything than one rule, or one object, of some kind can hold."""

    def entry(ports: list[tuple[str, int]], **peer: Any) -> dict[str, Any]:
        told = [{"port": port, "protocol": protocol} for protocol, port in ports]
        return {"type": "external", "ports": told} | peer

    namespaces = {"matchExpressions": [{"key": "team", "operator": "NotIn", "values": ["a", "b"]}]}
    pods = {"matchExpressions": [{"key": "tier", "operator": "Exists"}], "matchLabels": {"app": "x"}}
    many = [("TCP", 1000 + number) for number in range(60)] + [("SCTP", 3868), ("UDP", 514)]
    egress = [entry([("TCP", 2000 + number)], ipAddress=f"203.0.113.{number}") for number in range(40)]
    egress += [entry([("TCP", 443)], ipAddress=f"198.51.100.{number}") for number in range(60)]
    egress += [entry(many, ipAddress="2001:db8::1"), entry(many, podSelector=pods, namespaceSelector=namespaces)]
    egress += [entry([("TCP", 5432)], podSelector=pods), entry([("TCP", 80)], ipAddresses=["*", "192.0.2.0/24"])]
    egress += [entry([("UDP", 53)], podSelector={"matchLabels": {"k8s-app": "dns"}}, namespaceSelector=namespaces)]
    egress += [entry([("TCP", 8443)], ipAddress="192.0.2.7", dns=f"{'a' * 60}.example.com.")]
    ingress = [entry([("TCP", 8080)], namespaceSelector={"matchLabels": {"kubernetes.io/metadata.name": "x"}})]
    ingress += [entry([("TCP", 8080)], ipAddress="192.0.2.9")]
    labels = {"kind": "Deployment", "name": "x" * 60, "namespace": "default", "api-group": "apps", "api-version": "v1"}
    return {
        "apiVersion": "spdx.softwarecomposition.kubescape.io/v1beta1",
        "kind": "NetworkNeighbors",
        "metadata": {
            "name": "x",
            "namespace": "default",
            "labels": {f"kubescape.io/workload-{key}": value for key, value in labels.items()},
        },
        "spec": {"matchLabels": {"app": "x"}, "ingress": ingress, "egress": egress},
    }


@pytest.mark.parametrize("kind", KINDS)
def test_what_is_too_much_for_one_rule_is_split_and_taken(types: Cluster, tmp_path: Path, kind: str) -> None:
    path = tmp_path / "large.json"
    path.write_text(json.dumps(large()))
    text, _ = Product(types, tmp_path / "cache").run("generate", "-f", str(path), "--kind", kind)
    assert len(dry_run(types, text)) == len(list(yaml.safe_load_all(text)))


@pytest.mark.parametrize(("kind", "path"), [("CiliumNetworkPolicy", "toPorts"), ("ClusterNetworkPolicy", "protocols")])
def test_the_definitions_refuse_what_is_not_theirs(types: Cluster, tmp_path: Path, kind: str, path: str) -> None:
    source = tmp_path / "large.json"
    source.write_text(json.dumps(large()))
    text, _ = Product(types, tmp_path / "cache").run("generate", "-f", str(source), "--kind", kind)
    with pytest.raises(ClusterError, match=r"unknown field|Invalid value"):
        dry_run(types, text.replace(path, f"{path}s"))


@pytest.fixture
def client(probes: Probes, tmp_path: Path) -> Iterator[Product]:
    """The probes' clients, which have no policy, recorded while one of them reaches what it may reach later."""
    product = Product(probes.cluster, tmp_path / "cache")
    with product.start("record", "daemonset/client", "-n", "probes", "--duration", "40s") as process:
        wait_until(lambda: process.poll() is not None or not _go_on(probes), 180, "the recording is over")
        assert process.wait() == 0
    yield product
    probes.cluster.kubectl("-n", "probes", "delete", "cnp,networkpolicy", "--all", "--ignore-not-found")


def _go_on(probes: Probes) -> bool:
    for host, port in ((RECORDED, OUTSIDE_PORT), ("server", 80), (NODES[1].ipv4, KUBELET_PORT)):
        assert connects(probes, host, port)
    return True


def connects(probes: Probes, host: str, port: int) -> bool:
    """Whether a client on the first node gets a connection; a name that is refused gives none."""
    code = (
        "import socket\n"
        f"try:\n    socket.create_connection(({host!r}, {port}), timeout=2).close()\n"
        "except (TimeoutError, socket.gaierror) as error:\n    print(type(error).__name__)\n"
        "else:\n    print('connected')"
    )
    return probes.python("n1", code) == "connected"


@pytest.mark.network("cilium", reason="it is about Cilium's own kind of policy")
def test_under_cilium_a_recorded_name_connects_and_another_does_not(client: Product, probes: Probes) -> None:
    _, notes = client.run("generate", "daemonset/client", "-n", "probes")
    node = f"node/{NODES[1].name} TCP/{KUBELET_PORT}"
    assert f"to {node}: the cluster seems to run Cilium" in notes
    assert "use --kind CiliumNetworkPolicy" in notes
    text, _ = client.run("generate", "daemonset/client", "-n", "probes", "--kind", "CiliumNetworkPolicy")
    assert connects(probes, UNRECORDED, OUTSIDE_PORT)
    client.cluster.kubectl("apply", "-f", "-", stdin=text)
    wait_until(lambda: not connects(probes, UNRECORDED, OUTSIDE_PORT), 20, "the name that was not recorded is denied")
    for host, port in (
        (RECORDED, OUTSIDE_PORT),
        ("server", 80),
        ("server.probes.svc", 80),
        (NODES[1].ipv4, KUBELET_PORT),
    ):
        wait_until(lambda host=host, port=port: connects(probes, host, port), 20, f"{host} connects")
    assert not connects(probes, UNRECORDED, OUTSIDE_PORT)
    assert not connects(probes, "203.0.113.10", OUTSIDE_PORT)
    assert not connects(probes, RECORDED, OUTSIDE_PORT + 1)
