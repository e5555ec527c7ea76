"""The test cluster is what it claims to be: a Kubernetes with two nodes that enforces policies and leaves nothing."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from . import cgroups, kernel_objects
from .build import KUBERNETES
from .cluster import Cluster, find, remains, stop
from .conftest import Probes, Session
from .layout import API_PORT, BINARIES, HUB, NODES, OUTSIDE_PORT, SOURCE
from .processes import run_in, wait_until
from .traces import look, namespaces_of, processes_in

pytestmark = pytest.mark.cluster

ADMIT_N1 = """
apiVersion: networking.k8s.io/v1
kind: NetworkPolicy
metadata: {name: admit-one, namespace: probes}
spec:
  podSelector: {matchLabels: {app: server}}
  policyTypes: [Ingress]
  ingress: [{from: [{podSelector: {matchLabels: {admitted: "yes"}}}], ports: [{port: http}]}]
"""


def ciliums_objects() -> frozenset[kernel_objects.Object]:
    named = kernel_objects.names(kernel_objects.present())
    return frozenset(each for each, name in named.items() if name.startswith(("cil_", "cilium_", "tail_")))


def test_both_nodes_are_ready_and_have_addresses_of_both_families(cluster: Cluster) -> None:
    nodes = json.loads(cluster.kubectl("get", "nodes", "-o", "json"))["items"]
    found = {
        node["metadata"]["name"]: [
            entry["address"] for entry in node["status"]["addresses"] if entry["type"] == "InternalIP"
        ]
        for node in nodes
        if {"type": "Ready", "status": "True"}.items()
        <= next(entry for entry in node["status"]["conditions"] if entry["type"] == "Ready").items()
    }
    assert found == {node.name: [node.ipv4, node.ipv6] for node in NODES}
    assert {node["status"]["nodeInfo"]["kubeletVersion"] for node in nodes} == {f"v{KUBERNETES}"}


@pytest.mark.network("calico", reason="with Cilium there is no kube-proxy")
def test_kube_proxy_works_in_the_mode_that_was_asked_for(cluster: Cluster) -> None:
    ask = "import urllib.request as r; print(r.urlopen('http://127.0.0.1:10249/proxyMode').read().decode())"
    assert [run_in(node.name, "python3", "-c", ask).strip() for node in NODES] == [cluster.network.proxy_mode] * 2


@pytest.mark.network("cilium", reason="it is about Cilium in kube-proxy's place")
def test_cilium_stands_in_kube_proxys_place(cluster: Cluster) -> None:
    for node in NODES:
        status = json.loads(run_in(node.name, str(BINARIES / "cilium-dbg"), "status", "-o", "json"))
        assert status["kube-proxy-replacement"]["mode"] == "True"
        assert status["kube-proxy-replacement"]["features"]["socketLB"]["enabled"]
        assert cgroups.processes(node.name, "daemons", "kube-proxy") == []
    assert "cil_sock4_conne" in kernel_objects.names(ciliums_objects()).values()


@pytest.mark.parametrize("family", ["ipv4", "ipv6"])
@pytest.mark.parametrize(("client", "server"), [("n1", "n1"), ("n1", "n2"), ("n2", "n1")])
def test_pods_reach_each_other_under_their_own_addresses(probes: Probes, client: str, server: str, family: str) -> None:
    target, source = probes.servers[server], probes.clients[client]
    assert probes.ask(client, getattr(target, family)) == f"{target.name} saw {getattr(source, family)}"


def test_a_service_has_a_name_and_leads_to_its_pods(probes: Probes) -> None:
    service = json.loads(probes.cluster.kubectl("-n", "probes", "get", "service", "server", "-o", "json"))
    resolve = "import socket; print(sorted({a[4][0] for a in socket.getaddrinfo('server.probes', 80)}))"
    assert probes.python("n1", resolve) == str(sorted(service["spec"]["clusterIPs"]))
    names = {pod.name for pod in probes.servers.values()}
    for address in ("server", *service["spec"]["clusterIPs"]):
        answer = probes.ask("n2", address, 80)
        assert answer and answer.split()[0] in names


@pytest.mark.parametrize("name", ["payments.example.com", "payments6.example.com"])
def test_the_outside_world_answers_by_its_name(probes: Probes, name: str) -> None:
    answer = probes.ask("n1", name, OUTSIDE_PORT)
    assert answer and answer.startswith("outside saw ")


@pytest.mark.parametrize("family", ["ipv4", "ipv6"])
@pytest.mark.parametrize("server", ["n1", "n2"])
def test_a_network_policy_is_enforced(probes: Probes, server: str, family: str) -> None:
    address = getattr(probes.servers[server], family)
    admitted = probes.clients["n1"].name
    probes.cluster.kubectl("-n", "probes", "label", "pod", admitted, "admitted=yes", "--overwrite")
    assert probes.ask("n2", address)
    probes.cluster.kubectl("apply", "-f", "-", stdin=ADMIT_N1)
    try:
        wait_until(lambda: probes.ask("n2", address) is None, 10, "the policy denies the client that it does not admit")
        wait_until(lambda: probes.ask("n1", address), 40, "the policy admits the client with the label")
    finally:
        probes.cluster.kubectl("-n", "probes", "delete", "networkpolicy", "admit-one")
    wait_until(lambda: probes.ask("n2", address), 10, "without the policy all connect again")


def test_nothing_leads_out_of_the_cluster(cluster: Cluster) -> None:
    interfaces = {line.split()[0].split("@")[0] for line in run_in(HUB, "ip", "-brief", "link").splitlines()}
    assert interfaces == {"lo", "bridge0", *(f"to-{node.name}" for node in NODES)}
    assert run_in(HUB, "ip", "route", "show", "default") == run_in(HUB, "ip", "-6", "route", "show", "default") == ""


def test_the_api_is_reached_on_loopback_only(cluster: Cluster) -> None:
    listening = [
        row.split()[1]
        for table in ("tcp", "tcp6")
        for row in Path(f"/proc/net/{table}").read_text().splitlines()[1:]
        if row.split()[1].endswith(f":{API_PORT:04X}") and row.split()[3] == "0A"
    ]
    assert listening == [f"{int.from_bytes(bytes((127, 0, 0, 1)), sys.byteorder):08X}:{API_PORT:04X}"]


@pytest.mark.parametrize(("machine", "name"), [("hub", "kube-apiserver"), ("n1", "kubelet")])
def test_a_daemon_that_is_stopped_and_started_serves_again(cluster: Cluster, machine: str, name: str) -> None:
    daemon = cluster.daemon(machine, name)
    before = daemon.number()
    daemon.stop()
    assert daemon.number() is None
    daemon.start()
    assert daemon.number() not in (None, before)
    wait_until(lambda: cluster.agrees("get", "--raw", "/readyz"), 30, "the API server is ready")
    wait_until(lambda: cluster.agrees("get", "--raw", "/api/v1/nodes/n1/proxy/healthz"), 30, "the kubelet answers")


def test_a_second_start_finds_the_cluster_running(cluster: Cluster) -> None:
    command = [sys.executable, "-m", "tests.cluster", "start", "--network", cluster.network.name]
    if cluster.network.proxy_mode:
        command += ["--proxy-mode", cluster.network.proxy_mode]
    daemon = cluster.daemon("hub", "kube-apiserver")
    before = daemon.number()
    done = subprocess.run(command, cwd=SOURCE.parents[1], capture_output=True, text=True, check=True)
    kubeconfig, path = done.stdout.splitlines()
    assert kubeconfig == f"export KUBECONFIG={cluster.kubeconfig}"
    assert path == f'export PATH="{BINARIES}:{Path(sys.executable).parent}:$PATH"'
    assert find() == cluster
    assert daemon.number() == before


def test_a_stopped_cluster_leaves_nothing(session: Session) -> None:
    before = session.before
    if before is None:
        pytest.skip("the cluster was running before the tests and is left running: make cluster-down")
    of_cilium = ciliums_objects() - session.objects
    assert bool(of_cilium) == (session.cluster.network.name == "cilium")
    namespaces = namespaces_of(cgroups.processes()) - namespaces_of([os.getpid()])
    assert len(namespaces) >= 6
    stop()
    assert remains() == []
    assert processes_in(namespaces) == []
    assert find() is None
    stop()
    wait_until(lambda: not of_cilium & kernel_objects.present(), 20, "Cilium's programs and maps are gone")
    assert look() == before
