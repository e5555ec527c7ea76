"""Sessions whose world changes while they run: workloads that are deleted, and somebody else who stops them."""

from __future__ import annotations

import json
import os
import re
import signal
from collections.abc import Iterator
from contextlib import suppress
from datetime import datetime
from pathlib import Path

import pytest

from . import cgroups
from .cluster import Cluster
from .layout import SOURCE
from .namespaces import make
from .nodes import by_name, manifest
from .processes import wait_until
from .product import Product, until

pytestmark = pytest.mark.cluster
NAMESPACE = "passing"
API = ("-n", NAMESPACE)
CALLERS = "app in (caller,lone)"
MANIFEST = SOURCE / "manifests/passing.yaml"


@pytest.fixture(scope="module")
def passing(cluster: Cluster) -> Iterator[Cluster]:
    make(cluster, NAMESPACE)
    yield cluster
    cluster.kubectl("delete", "namespace", NAMESPACE, "--wait=false")


@pytest.fixture
def product(passing: Cluster, tmp_path: Path) -> Iterator[Product]:
    apply(passing)
    yield Product(passing, tmp_path / "cache")
    passing.kubectl(*API, "delete", "jobs", "-l", "app.kubernetes.io/name=kubectl-netpol", "--wait=false")


def apply(cluster: Cluster) -> None:
    cluster.kubectl(*API, "apply", "-f", str(MANIFEST))
    ready = ("wait", "--for=condition=Ready", "pod", "-l", CALLERS, "--timeout=60s")
    cluster.kubectl(*API, *ready, timeout=70)


def delete(cluster: Cluster) -> None:
    cluster.kubectl(*API, "delete", "-f", str(MANIFEST), timeout=70)
    wait_until(lambda: not cluster.get("pods", *API, "-l", CALLERS)["items"], 60, "the pods are gone")


BOTH = {f"{NAMESPACE}/deployment/caller", f"{NAMESPACE}/pod/lone"}


def callers(product: Product) -> set[str]:
    return {row.workload for row in product.rows() if row.direction == "egress"}


def await_callers(product: Product, name: str) -> None:
    """Waits until the session's agents have told of both callers, as a collection into another cache shows."""
    other = Product(product.cluster, product.cache.with_name("meanwhile"))

    def are_told() -> bool:
        other.run("collect", name, *API)
        return callers(other) >= BOTH

    wait_until(are_told, 60, "both callers are told of")


@pytest.mark.parametrize("selection", [(), ("deploy/caller", "pod/lone"), ("-l", "tier=caller")], ids=" ".join)
def test_what_is_deleted_before_its_records_are_collected_is_still_its_workloads(
    product: Product, selection: tuple[str, ...]
) -> None:
    name = product.run("record", *API, *selection, "--detach", "--duration", "10m")[0].strip()
    await_callers(product, name)
    delete(product.cluster)
    product.run("collect", name)
    assert callers(product) == BOTH
    _, said = product.run("stop", name)
    assert "workloads unknown" not in said
    assert product.remains(NAMESPACE) == []
    for path, label in (("deploy/caller", "app: caller"), ("pod/lone", "app: lone")):
        policy, _ = product.run("generate", path, *API)
        assert label in policy


def test_a_workload_that_came_and_went_meanwhile_is_kept_by_its_pods_name(product: Product) -> None:
    kubectl = product.cluster.kubectl
    delete(product.cluster)
    kubectl(*API, "run", "stays", "--image=cluster.test/python:3", "--labels=tier=caller", "--", "sleep", "600")
    kubectl(*API, "wait", "--for=condition=Ready", "pod/stays", "--timeout=60s", timeout=70)
    try:
        name = product.run("record", *API, "-l", "tier=caller", "-A", "--detach", "--duration", "10m")[0].strip()
        apply(product.cluster)
        pods = kubectl(*API, "get", "pods", "-l", "app=caller", "-o", "name").split()
        await_callers(product, name)
        delete(product.cluster)
        _, said = product.run("stop", name)
    finally:
        kubectl(*API, "delete", "pod", "stays", "--ignore-not-found", "--grace-period=0", "--force")
    kept = {f"{NAMESPACE}/{pod}" for pod in (*pods, "pod/lone")}
    assert kept <= callers(product)
    assert "gone, and their workloads unknown, so kept by pod and without a policy: " in said
    assert product.remains(NAMESPACE) == []


def test_who_watches_a_session_that_somebody_else_stops_comes_to_an_end(product: Product) -> None:
    with product.watching("record", *API, "--duration", "5m") as watching:
        name = product.await_heard(NAMESPACE, "n1", "n2")
        wait_until(lambda: callers(product) == BOTH, 60, "both callers are recorded")
        other = Product(product.cluster, product.cache.with_name("other"))
        other.run("stop", name, *API)
        stdout, said = watching.communicate(timeout=60)
    assert watching.returncode == 0, said
    assert f"session {name} was stopped by somebody else; what it heard until then is kept" in said
    assert "begins anew" not in said
    assert "was not heard for" not in said
    assert re.search("^next: kubectl netpol generate", said, re.MULTILINE)
    assert stdout == ""
    assert callers(product) == callers(other) == BOTH
    wait_until(lambda: product.remains(NAMESPACE) == [], 30, "nothing is left")


def test_a_capture_that_is_deleted_by_hand_begins_anew_while_others_go_on(product: Product) -> None:
    with product.watching("record", *API, "--node", "n1", "--node", "n2", "--duration", "40s") as watching:
        product.await_heard(NAMESPACE, "n1", "n2")
        [job] = [one for one in product.remains(NAMESPACE) if one.startswith("job") and one.endswith("-n1")]
        product.cluster.kubectl(*API, "delete", job, "--wait=false")
        _, said = watching.communicate(timeout=120)
    assert watching.returncode == 0, said
    assert "n1: its Job is gone; its capture begins anew" in said
    assert product.remains(NAMESPACE) == []


def test_ctrl_c_while_it_detaches_leaves_nothing_running(product: Product) -> None:
    with product.start("record", *API, "--detach", "--duration", "10m") as process:
        wait_until(lambda: product.remains(NAMESPACE), 30, "a Job is made")
        process.send_signal(signal.SIGINT)
        stdout, said = process.communicate(timeout=60)
    assert process.returncode == 130, said
    assert re.search(r"stopped: session \w+ is removed, and what it heard until now is kept", said)
    assert stdout == ""
    wait_until(lambda: product.remains(NAMESPACE) == [], 60, "its pods, which were told to end, are gone")


def agents(product: Product, session: str, node: str) -> dict[str, str]:
    """The names of the session's pods there, by their phase."""
    ours = ("-l", f"kubectl-netpol/session={session}", f"--field-selector=spec.nodeName={node}")
    pods = product.cluster.get("pods", *API, *ours)["items"]
    return {pod["status"]["phase"]: pod["metadata"]["name"] for pod in pods}


def finished(cluster: Cluster, name: str) -> float:
    """When that pod's container ended, in seconds since the Unix epoch."""
    path = "jsonpath={.status.containerStatuses[0].state.terminated.finishedAt}"
    return datetime.fromisoformat(cluster.kubectl(*API, "get", "pod", name, "-o", path)).timestamp()


def kill_agent(node: str) -> None:
    """The only one there, and its container with it."""
    found = []
    for number in cgroups.processes(node, "kubepods"):
        with suppress(OSError):  # others come and go
            if b"\0kubectl_netpol.agent\0" in Path(f"/proc/{number}/cmdline").read_bytes():
                found.append(number)
    [agent] = found
    os.kill(agent, signal.SIGKILL)


def test_an_agent_that_is_killed_while_nobody_watches_loses_what_it_had_not_said_and_ends_in_time(
    product: Product,
) -> None:
    cluster = product.cluster
    resolver = cluster.get("pods", "-n", "kube-system", "-l", "k8s-app=kube-dns")["items"][0]["status"]["podIP"]

    def call(port: int) -> None:
        cluster.kubectl(*API, "exec", "deploy/caller", "--", "nc", "-z", "-w", "1", resolver, str(port))

    def says(name: str, what: str) -> bool:
        return bool(re.search(what, cluster.kubectl(*API, "logs", f"pod/{name}")))

    def is_told() -> bool:
        return says(agents(product, name, "n1")["Running"], rf"tcp \S+ {re.escape(resolver)} 53\b")

    def is_replaced() -> bool:
        found = agents(product, name, "n1")  # both at once: until its end is noted the first one counts as running
        return set(found) == {"Failed", "Running"} and says(found["Running"], "{") and says(found["Failed"], "{")

    name = product.run("record", *API, "--detach", "--duration", "60s")[0].strip()
    [begun] = [one["begun"] / 1000 for one in product.sessions(NAMESPACE) if one["name"] == name]
    call(53)
    wait_until(is_told, 40, "the call is told")
    kill_agent("n1")
    wait_until(is_replaced, 60, "another pod takes its place and speaks")
    call(8181)
    wait_until(lambda: set(agents(product, name, "n1")) == {"Failed", "Succeeded"}, 100, "its time is over")
    ended = finished(cluster, agents(product, name, "n1")["Succeeded"])
    assert ended - begun < 60 + 6 + 10  # a tenth of the duration, and what an agent takes to end
    _, said = product.run("collect", name)
    assert re.search(r"n1 was not heard for \d+ s, which is marked", said)
    called = [row for row in product.rows() if row.workload == f"{NAMESPACE}/deployment/caller"]
    assert {53, 8181} <= {row.port for row in called if row.protocol == "TCP"}
    _, said = product.run("stop", name)
    assert "last words" not in said
    assert product.remains(NAMESPACE) == []


def test_a_watched_sessions_deadline_is_moved_before_it_comes(product: Product) -> None:
    def deadlines() -> list[int]:
        return [job["spec"]["activeDeadlineSeconds"] for job in product.cluster.get("jobs", *API)["items"]]

    with product.start("record", *API, "--duration", "75s") as process:
        wait_until(lambda: deadlines() == [300, 300], 30, "both Jobs are made")
        wait_until(lambda: min(deadlines(), default=0) >= 300 + 55, 80, "both are renewed")
        _, said = process.communicate(timeout=120)
    assert process.returncode == 0, said
    assert "deadline" not in said
    assert "watching 2 pods" in said
    assert product.remains(NAMESPACE) == []


def test_sessions_are_looked_for_where_kubectl_would_look_and_by_name_everywhere(product: Product) -> None:
    name = product.run("record", *API, "--detach", "--duration", "10m")[0].strip()
    elsewhere = product.run("collect", exit_code=1)[1]
    assert elsewhere.startswith("error: no sessions found in namespace default\nhint: see others with: ")
    assert product.run("sessions")[1].startswith("No sessions found in default namespace.")
    for words in (API, ("-A",), (name,), (name, *API)):
        assert f"session {name}: 2 nodes; it goes on" in product.run("collect", *words)[1]
    wrong = product.run("stop", name, "-n", "default", exit_code=1)[1]
    assert f'session "{name}" not found in namespace default' in wrong
    assert product.remains(NAMESPACE)
    product.run("stop", "-A")
    assert product.remains(NAMESPACE) == []


@pytest.mark.network("calico", reason="another network keeps objects of its own for a node, which stay behind")
def test_a_node_that_joins_meanwhile_is_captured(product: Product) -> None:
    """Its kubelet was stopped and its Node object removed: to the API server it is new when it comes."""
    cluster, node = product.cluster, by_name("n2")
    before = cluster.get("node", node.name)
    annotations = {name: value for name, value in before["metadata"]["annotations"].items() if "projectcalico" in name}
    kubelet = cluster.daemon(node.name, "kubelet")
    try:
        cluster.kubectl(*API, "delete", "pod", "lone")
        kubelet.stop()
        cluster.kubectl("delete", "node", node.name)
        with product.watching("record", *API, "--duration", "5m") as process:
            name = product.await_heard(NAMESPACE, "n1")
            cluster.kubectl("create", "-f", "-", stdin=json.dumps(manifest(node, annotations)))
            kubelet.start()
            apply(cluster)
            said = until(process, "2/2 nodes")
            await_callers(product, name)
            process.send_signal(signal.SIGINT)
            process.communicate(timeout=120)
    finally:
        if not cluster.agrees("get", "node", node.name):
            cluster.kubectl("create", "-f", "-", stdin=json.dumps(manifest(node, annotations)))
        kubelet.start()
        cluster.kubectl("wait", "--for=condition=Ready", f"node/{node.name}", "--timeout=60s", timeout=70)
    assert process.returncode == 0, said
    assert said.startswith(f"recording namespace {NAMESPACE} (1 workload, 1 pod) on 1 node (n1)")
    assert callers(product) == BOTH
    assert product.remains(NAMESPACE) == []
