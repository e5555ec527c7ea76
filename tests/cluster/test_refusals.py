"""What the cluster refuses, before a recording and in the midst of it: told with its remedy, and nothing lost by it."""

from __future__ import annotations

import json
import re
import signal
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from kubectl_netpol.cluster.rights import roles_to_record

from .cluster import Cluster
from .namespaces import make
from .processes import wait_until
from .product import Product

pytestmark = [
    pytest.mark.cluster,
    pytest.mark.network("calico", reason="quotas and rights are the API server's matter, not the network's"),
]
NAMESPACE, USER = "narrow", "jane"
HERE = ("-n", NAMESPACE)
POD = """
apiVersion: v1
kind: Pod
metadata: {{name: talker-{node}, namespace: narrow, labels: {{app: talker}}}}
spec:
  nodeName: {node}
  terminationGracePeriodSeconds: 0
  containers:
  - name: main
    image: cluster.test/python:3
    command: [bash, -c, "while true; do nc -z -w 1 kubernetes.default 443; sleep 0.2; done"]
"""


@pytest.fixture(scope="module")
def narrow(cluster: Cluster) -> Iterator[Cluster]:
    make(cluster, NAMESPACE)
    for node in ("n1", "n2"):
        cluster.kubectl("create", "-f", "-", stdin=POD.format(node=node))
    ready = ("wait", "--for=condition=Ready", "pod", "-l", "app=talker", "--timeout=60s")
    cluster.kubectl(*HERE, *ready, timeout=70)
    yield cluster
    cluster.kubectl("delete", "namespace", NAMESPACE, "--wait=false")


@pytest.fixture
def product(narrow: Cluster, tmp_path: Path) -> Product:
    return Product(narrow, tmp_path / "cache")


@pytest.fixture
def quota(narrow: Cluster) -> Iterator[Any]:
    """Makes a ResourceQuota with that hard limit, and waits until it is counted."""

    def make(hard: str) -> None:
        narrow.kubectl(*HERE, "create", "quota", "small", f"--hard={hard}")
        wait_until(lambda: narrow.get("quota", "small", *HERE)["status"].get("used"), 20, "the quota is counted")

    yield make
    narrow.kubectl(*HERE, "delete", "quota", "small", "--ignore-not-found")


@pytest.mark.parametrize("hard", ["pods=2", "count/jobs.batch=0", "requests.cpu=5m"])
def test_a_quota_without_room_is_told_before_anything_is_made(product: Product, quota: Any, hard: str) -> None:
    quota(hard)
    _, said = product.run("record", *HERE, "--duration", "5s", exit_code=1)
    assert f"error: a quota of namespace {NAMESPACE} leaves no room for the capture" in said
    assert "exceeded quota: small" in said
    assert said.count("hint: raise it, or use another namespace: --capture-namespace NAMESPACE") == 1
    assert product.cluster.get("jobs", *HERE)["items"] == []


def test_a_quota_with_room_for_one_node_is_told_and_does_not_stop_that_one(product: Product, quota: Any) -> None:
    quota("pods=3")
    _, said = product.run("record", *HERE, "--duration", "5s", exit_code=1)
    assert "error: not captured, and marked as not heard: n" in said
    assert "exceeded quota: small" in said.splitlines()[-2]
    assert said.splitlines()[-1] == "hint: raise it, or use another namespace: --capture-namespace NAMESPACE"
    assert len([row for row in product.rows() if row.direction == "egress"]) >= 1
    assert product.remains(NAMESPACE) == []


@pytest.fixture
def roles(narrow: Cluster) -> Iterator[None]:
    """What doctor prints, bound to the user."""
    subject = [{"kind": "User", "apiGroup": "rbac.authorization.k8s.io", "name": USER}]
    made: list[dict[str, Any]] = []
    for role in roles_to_record(NAMESPACE):
        reference = {"apiGroup": "rbac.authorization.k8s.io", "kind": role["kind"], "name": role["metadata"]["name"]}
        binding = role | {"kind": f"{role['kind']}Binding", "roleRef": reference, "subjects": subject}
        made += [role, {name: value for name, value in binding.items() if name != "rules"}]
    everything = json.dumps({"apiVersion": "v1", "kind": "List", "items": made})
    narrow.kubectl("apply", "-f", "-", stdin=everything)
    bound = (("create", "jobs.batch", *HERE), ("list", "pods", "-A"))
    wait_until(lambda: all(may(narrow, *words) for words in bound), 20, "what was bound is granted")
    yield
    narrow.kubectl("delete", "--ignore-not-found", "-f", "-", stdin=everything)


def may(cluster: Cluster, *words: str) -> bool:
    """Whether the API server lets the user do that: verb, resource and where."""
    return cluster.agrees("auth", "can-i", *words, "--as", USER)


def withdraw(cluster: Cluster, verb: str) -> None:
    """Takes that verb on Jobs away from the user, or, with an empty one, all that they may do in the namespace."""
    if not verb:
        cluster.kubectl(*HERE, "delete", "rolebinding", "kubectl-netpol-record")
        return
    _, role = roles_to_record(NAMESPACE)
    for rule in role["rules"]:
        if "jobs" in rule["resources"]:
            rule["verbs"].remove(verb)
    cluster.kubectl("apply", "-f", "-", stdin=json.dumps(role))


@pytest.mark.parametrize("verb", ["", "delete"], ids=["all", "delete"])
def test_rights_that_are_withdrawn_meanwhile_are_told_and_what_was_said_waits_for_another_user(
    product: Product, roles: None, verb: str
) -> None:
    with product.start("record", *HERE, "--as", USER) as process:
        wait_until(lambda: '"n1", "n2"' in heard(product), 100, "both nodes are heard")
        time.sleep(4)
        withdraw(product.cluster, verb)
        wait_until(lambda: not may(product.cluster, "delete", "jobs.batch", *HERE), 20, "what was withdrawn is refused")
        time.sleep(6)
        process.send_signal(signal.SIGINT)
        began = time.monotonic()
        _, said = process.communicate(timeout=120)
    assert time.monotonic() - began < 40
    jobs = product.cluster.get("jobs", *HERE)["items"]
    name = jobs[0]["metadata"]["labels"]["kubectl-netpol/session"]
    print(said)
    assert process.returncode == 1
    assert "Traceback" not in said
    assert re.search(f'note: n1: its Job could not be removed: .*User "{USER}" cannot delete', said)
    assert f"error: session {name} is not removed: 2 of its 2 Jobs could not be" in said
    assert f"kubectl netpol stop {name} --as {USER}" in said
    assert "once the node answers" not in said
    assert {row.workload for row in product.rows() if row.direction == "egress"} == {
        f"{NAMESPACE}/pod/talker-n1",
        f"{NAMESPACE}/pod/talker-n2",
    }
    before = attempts(product)
    began = time.monotonic()
    _, said = product.run("stop", name, *HERE, "--as", USER, exit_code=1)
    assert time.monotonic() - began < 20
    assert f"hint: give an admin what is needed: kubectl netpol doctor --print-rbac -n {NAMESPACE}" in said
    assert f"error: you may not {'delete jobs.batch' if verb else ''}" in said
    marks = [
        job["metadata"]["annotations"].get("kubectl-netpol/stopped")
        for job in product.cluster.get("jobs", *HERE)["items"]
    ]
    assert marks == [None, None]
    _, said = product.run("stop", name)
    assert "is over and removed" in said
    assert all(attempts(product)[pod] > count for pod, count in before.items())
    assert product.remains(NAMESPACE) == []


def heard(product: Product) -> str:
    told = product.run("sessions", *HERE, "-o", "json")[0]
    return " ".join(json.dumps(one["heard"]) for one in json.loads(told)["items"])


def attempts(product: Product) -> dict[str, int]:
    """By pod, how often it called."""
    return {
        one.workload.name: sum(neighbor.counts.answered for neighbor in one.answered) for one in product.summaries()
    }
