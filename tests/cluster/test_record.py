"""``record`` on a real cluster: it hears what is true and nothing else, and leaves nothing behind."""

from __future__ import annotations

import json
import re
import signal
import time
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from typing import Any

import pytest
import yaml

from .cluster import Cluster
from .conftest import NAMESPACES, NETWORK
from .layout import NODES, SOURCE
from .namespaces import make
from .networks import choose
from .processes import run_in, wait_until
from .product import Product, Row, until

pytestmark = pytest.mark.cluster
TRUTH: dict[str, Any] = yaml.safe_load((SOURCE / "truth.yaml").read_text())
A_MINUTE = "90s"
"""Long enough for the CronJob, which runs once in each, and for its pod to start."""


@pytest.fixture
def product(application: Cluster, tmp_path: Path) -> Product:
    return Product(application, tmp_path / "cache")


def expected(cluster: Cluster) -> set[Row]:
    """truth.yaml as rows, for where the browser's pod happens to be."""
    rows: set[Row] = set()
    for one in TRUTH["connections"]:
        protocol = one.get("protocol", "TCP")
        rows.add(Row(one["from"], "egress", one["to"], protocol, one["port"]))
        rows.add(Row(one["to"], "ingress", one["from"], protocol, one["port"]))
    dns = TRUTH["dns"]
    rows |= {Row(client, "egress", dns["server"], dns["protocol"], dns["port"]) for client in dns["clients"]}
    own = host_of_browser(cluster)
    for one in TRUTH["egress"]:
        addresses = one.get("addresses") or [one.get("external") or one["address"]]
        if not one.get("node-port"):
            rows |= {Row(one["from"], "egress", address, "TCP", one["port"]) for address in addresses}
        elif NETWORK != "cilium" and one["node"] != own:
            rows.add(Row(one["from"], "egress", one["address"], "TCP", one["port"]))
    if NETWORK != "cilium":
        rows |= {Row(one["to"], "ingress", one["address"], "TCP", one["port"]) for one in TRUTH["ingress"]}
    return rows


def host_of_browser(cluster: Cluster) -> str:
    pods = json.loads(cluster.kubectl("-n", "visitors", "get", "pods", "-l", "app=browser", "-o", "json"))["items"]
    return str(pods[0]["spec"]["nodeName"])


def ours(rows: set[Row]) -> set[Row]:
    return {row for row in rows if row.workload.split("/")[0] in NAMESPACES}


@pytest.fixture
def nftables(cluster: Cluster) -> Iterator[None]:
    """The running cluster with kube-proxy in its other mode."""
    other = replace(cluster, network=choose("calico", "nftables"))
    try:
        switch(cluster, other)
        yield
    finally:
        switch(other, cluster)


def switch(before: Cluster, after: Cluster) -> None:
    for node in NODES:
        before.daemon(node.name, "kube-proxy").stop()
        after.daemon(node.name, "kube-proxy").start()
    ask = "import urllib.request as r; print(r.urlopen('http://127.0.0.1:10249/proxyMode').read().decode())"
    for node in NODES:
        said = partial(run_in, node.name, "python3", "-c", ask, check=False)
        wait_until(lambda said=said: said().strip() == after.network.proxy_mode, 30, "kube-proxy has its mode")
    time.sleep(3)  # until its rules stand; nothing tells


@pytest.mark.network("calico", reason="there is no kube-proxy")
def test_with_nftables_the_same_neighbors_are_recorded(product: Product, nftables: None) -> None:
    test_recorded_neighbors_are_the_true_ones(product)


def test_recorded_neighbors_are_the_true_ones(product: Product) -> None:
    _, said = product.run("record", "-A", "--duration", A_MINUTE)
    found = ours(product.rows())
    assert sorted(found - expected(product.cluster)) == []
    assert sorted(expected(product.cluster) - found) == []
    names = {
        (neighbor.key.peer.address, name)
        for one in product.summaries()
        for neighbor in one.answered
        for name in neighbor.counts.names
    }
    assert {(one["external"], *one["names"]) for one in TRUTH["egress"] if "names" in one} <= names
    assert "recording all namespaces" in said.splitlines()[0]
    assert not [one for one in product.summaries() if any(window.losses for window in one.windows)]
    assert not [life for one in product.summaries() for life in one.pods if not life.heard]
    assert product.remains() == []
    workloads = {f"{one.workload.namespace}/{one.workload.path}" for one in product.summaries()}
    assert not workloads & set(TRUTH["not_recorded"])


def test_a_detached_session_is_collected_again_and_again_and_a_cronjobs_pods_are_known(product: Product) -> None:
    session, said = product.run("record", "-A", "--detach", "--duration", "10m")
    name = session.strip()
    assert re.fullmatch("[a-z0-9]{6}", name)
    assert f"kubectl netpol collect {name}" in said
    table, _ = product.run("sessions")
    assert [line.split()[0] for line in table.splitlines()] == ["NAME", name]
    assert product.run("sessions", "-o", "name") == (f"{name}\n", "")

    def complete() -> bool:
        product.run("collect", name, "-q")
        return ours(product.rows()) == expected(product.cluster)

    wait_until(complete, 180, "every true neighbor was collected")
    first = counted(product)
    product.run("collect", name, "-q")
    assert all(first[row] <= count for row, count in counted(product).items() if row in first)
    assert product.remains()
    _, said = product.run("stop", name)
    assert "is over and removed" in said
    assert product.remains() == []
    assert product.run("sessions")[1].startswith("No sessions found in default namespace.\n")
    last = counted(product)
    _, said = product.run("stop", name, exit_code=1)
    assert f'session "{name}" not found' in said
    assert counted(product) == last
    # The server itself is heard in the same epochs: what one side counted twice would be twice as much. The agents on
    # its node and on the client's begin and end at other moments.
    fewer, more = sorted(last[row] for row in CALL)
    assert 3 < fewer <= more <= max(fewer + 3, 1.3 * fewer)


CALL = (
    Row("shop/deployment/api", "egress", "shop/statefulset/db", "TCP", 5432),
    Row("shop/statefulset/db", "ingress", "shop/deployment/api", "TCP", 5432),
)


def counted(product: Product) -> dict[Row, int]:
    """How many connections of each neighbor were answered."""
    found: dict[Row, int] = {}
    for one in product.summaries():
        for neighbor in one.answered:
            peer = neighbor.key.peer
            place = f"{one.workload.namespace}/{one.workload.path}"
            port = neighbor.key.port
            row = Row(place, str(neighbor.key.direction), peer.address or peer.name, str(port.protocol), port.port)
            found[row] = found.get(row, 0) + neighbor.counts.answered
    return found


def test_what_is_asked_for_is_what_is_recorded(product: Product) -> None:
    _, said = product.run("record", "deploy/operator", "-n", "shop", "--duration", "5s")
    assert said.startswith("recording deploy/operator in namespace shop (1 workload, 1 pod) on 1 node (")
    assert {f"{one.workload.namespace}/{one.workload.path}" for one in product.summaries()} == {
        "shop/deployment/operator"
    }
    _, said = product.run("record", "-n", "shop", "-l", "app=db", "--duration", "5s")
    assert {one.workload.name for one in product.summaries()} == {"operator", "db"}
    assert product.remains() == []


def test_ctrl_c_keeps_everything_and_a_second_one_leaves_at_once(product: Product) -> None:
    with product.watching("record", "-n", "shop") as process:
        product.await_heard("shop", *(node.name for node in NODES))
        await_call(product.cluster)
        process.send_signal(signal.SIGINT)
        _, said = process.communicate(timeout=60)
    assert process.returncode == 0
    assert "stopping: collecting the last records" in said
    assert set(CALL) <= product.rows()
    assert product.remains() == []
    with product.watching("record", "-n", "visitors") as process:
        product.await_heard("visitors", host_of_browser(product.cluster))
        process.send_signal(signal.SIGINT)
        until(process, "stopping: collecting the last records")  # of two at once it might hear one
        process.send_signal(signal.SIGINT)
        _, said = process.communicate(timeout=60)
    assert process.returncode == 130
    found = re.search(r"to do it now: kubectl netpol stop (\w+)", said)
    assert found
    with product.start("stop", found[1], "-n", "visitors") as process:
        _, said = process.communicate(timeout=120)
    # The first Ctrl-C may have been enough: its last requests were under way.
    assert process.returncode == 0 or f'session "{found[1]}" not found' in said, said
    wait_until(lambda: product.remains("visitors") == [], 60, "nothing is left")


def await_call(cluster: Cluster) -> None:
    """Waits until api has called db once more, by its own word."""
    since = datetime.fromtimestamp(int(time.time()) + 1, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")  # the API takes seconds
    words = ("-n", "shop", "logs", "-l", "app=api", "--tail=-1", "--since-time", since)
    wait_until(lambda: "tcp://db-0.db:5432 ok" in cluster.kubectl(*words), 30, "api calls db")


def test_a_recording_ends_when_nothing_new_is_seen(product: Product) -> None:
    began = time.monotonic()
    _, said = product.run("record", "sts/db", "-n", "shop", "--until-stable", "8s", "--duration", "10m")
    assert "until nothing new was seen for 8 s, for 600 s at most" in said.splitlines()[0]
    assert time.monotonic() - began < 120
    assert CALL[1] in product.rows()


def captured(names: list[str]) -> set[str]:
    """The nodes of Jobs and their pods, by their names such as ``job.batch/netpol-k7m2px-n1``."""
    return {found[1] for name in names if (found := re.search(r"-(n\d)(?:-[a-z0-9]+)?$", name))}


LATE = """
apiVersion: v1
kind: Pod
metadata: {{name: {name}, namespace: late}}
spec:
  nodeName: {node}
  terminationGracePeriodSeconds: 0
  containers:
  - name: main
    image: cluster.test/python:3
    command: [bash, -c, "while true; do nc -z -w 1 kubernetes.default 443; sleep 0.2; done"]
"""


def test_pods_that_come_to_other_nodes_are_followed(product: Product) -> None:
    kubectl = product.cluster.kubectl
    make(product.cluster, "late")
    try:
        kubectl("create", "-f", "-", stdin=LATE.format(name="first", node="n1"))
        with product.watching("record", "-n", "late", "--duration", "10m") as process:
            product.await_heard("late", "n1")
            assert captured(product.remains("late")) == {"n1"}
            kubectl("create", "-f", "-", stdin=LATE.format(name="second", node="n2"))
            both = {"late/pod/first", "late/pod/second"}
            wait_until(lambda: {row.workload for row in product.rows()} == both, 100, "both are recorded")
            process.send_signal(signal.SIGINT)
            _, said = process.communicate(timeout=120)
        assert process.returncode == 0, said
        assert {row.workload for row in product.rows()} == both
        assert product.remains("late") == []
    finally:
        kubectl("delete", "namespace", "late", "--wait=false")


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (["deploy/nope", "-n", "shop"], '"deploy/nope" not found in namespace shop'),
        (["deploy/web", "-n", "visitors"], "it is in namespace shop"),
        (["ds/node-exporter", "-n", "monitoring"], "hostNetwork"),
        (["-A", "--node", "n9"], 'node "n9" not found'),
        (["-A", "--capture-namespace", "nope"], "namespace nope is not there"),
        (["-A", "--capture-namespace", "a b?c"], "'a b?c' is no name of a namespace"),
        (["-n", "nope"], "nothing to record: there are no pods of namespace nope"),
        (["-n", "shop", "-l", "app=nope", "--detach", "--duration", "1h"], "nothing to record"),
        (["-A", "--user", "nope"], "the kubeconfig has no user 'nope'"),
        (["-A", "--detach"], "--detach --duration 1h"),
        (["things/x", "-n", "shop"], 'no resource type "things"'),
        (["-A", "--context", "nope"], "no context 'nope'"),
        (["-A", "--as-group", "some"], "--as-group needs --as"),
    ],
)
def test_what_cannot_be_recorded_is_told_in_one_line(product: Product, arguments: list[str], told: str) -> None:
    _, said = product.run("record", *arguments, exit_code=1)
    assert told in said
    assert said.count("error: ") == 1
    assert "Traceback" not in said
    assert product.remains() == []


def test_an_image_that_is_not_there_is_named_and_nothing_stays(product: Product) -> None:
    options = ("--image", "cluster.test/nope:1", "--image-pull-policy", "Never")
    _, said = product.run("record", "-n", "shop", *options, exit_code=1)
    assert "error: no node could be captured; n1: ErrImageNeverPull" in said
    assert product.remains() == []


def test_pod_security_is_asked_before_anything_is_made(product: Product) -> None:
    make(product.cluster, "strict", {"pod-security.kubernetes.io/enforce": "restricted"})
    try:
        _, said = product.run("record", "-n", "shop", "--capture-namespace", "strict", exit_code=1)
        assert "error: Pod Security does not admit the capture pods in namespace strict" in said
        assert "kubectl label namespace strict pod-security.kubernetes.io/enforce=privileged --overwrite" in said
        assert product.remains() == []
    finally:
        product.cluster.kubectl("delete", "namespace", "strict", "--wait=false")


def test_a_dry_run_makes_nothing_and_the_client_one_contacts_nobody(product: Product) -> None:
    told, _ = product.run("record", "-n", "shop", "--dry-run=server")
    assert re.fullmatch(r"(job\.batch/netpol-\w+-n\d created \(server dry run\)\n){2}", told)
    job, said = product.run(
        "record", "-n", "shop", "--dry-run=client", "-o", "yaml", "--node", "n1", "--context", "nope"
    )
    assert said == ""
    product.cluster.kubectl("create", "--dry-run=server", "--validate=strict", "-f", "-", stdin=job)
    assert product.remains() == []


def test_the_capture_pod_has_the_rights_that_it_uses_and_no_more(product: Product) -> None:
    told, _ = product.run("record", "-n", "shop", "--dry-run=server", "-o", "json", "--node", "n1")
    pod = json.loads(told)["spec"]["template"]["spec"]
    security = pod["containers"][0]["securityContext"]
    assert security["capabilities"]["drop"] == ["ALL"]
    assert security["readOnlyRootFilesystem"] is True
    assert security["allowPrivilegeEscalation"] is False
    assert "privileged" not in security
    assert security["seccompProfile"] == {"type": "RuntimeDefault"}
    assert pod["automountServiceAccountToken"] is False
    assert "volumes" not in pod
    assert pod["nodeName"] == "n1"
