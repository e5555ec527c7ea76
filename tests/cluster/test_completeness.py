"""What a recording of a real cluster says of whom it did not hear, and what later ones make of that."""

from __future__ import annotations

import json
import signal
from collections.abc import Iterator
from pathlib import Path

import pytest

from .cluster import Cluster
from .namespaces import make
from .processes import wait_until
from .product import Product

pytestmark = pytest.mark.cluster

OBJECTS = """
apiVersion: apps/v1
kind: DaemonSet
metadata: {name: beacon, namespace: replicas}
spec:
  selector: {matchLabels: {app: beacon}}
  template:
    metadata: {labels: {app: beacon}}
    spec:
      terminationGracePeriodSeconds: 0
      containers:
      - name: main
        image: cluster.test/python:3
        command: [bash, -c, "while true; do nc -z -w 1 kubernetes.default 443; sleep 0.2; done"]
---
apiVersion: batch/v1
kind: CronJob
metadata: {name: yearly, namespace: replicas}
spec:
  schedule: "0 0 1 1 *"
  jobTemplate:
    spec:
      template:
        metadata: {labels: {app: yearly}}
        spec:
          restartPolicy: Never
          containers:
          - name: main
            image: cluster.test/python:3
            command: [bash, -c, "nc -z -w 1 kubernetes.default 443; sleep 3"]
"""
NO_RUN = "note: no run was heard of replicas/cronjob/yearly"


@pytest.fixture
def product(cluster: Cluster, tmp_path: Path) -> Iterator[Product]:
    make(cluster, "replicas")
    try:
        cluster.kubectl("create", "-f", "-", stdin=OBJECTS)
        wait_until(lambda: len(running(cluster)) == 2, 60, "a pod runs on each node")
        yield Product(cluster, tmp_path / "cache")
    finally:
        cluster.kubectl("delete", "namespace", "replicas", "--wait=false")


def running(cluster: Cluster) -> dict[str, str]:
    """The DaemonSet's running pods by node."""
    found = json.loads(cluster.kubectl("-n", "replicas", "get", "pods", "-l", "app=beacon", "-o", "json"))["items"]
    return {one["spec"]["nodeName"]: one["metadata"]["name"] for one in found if one["status"]["phase"] == "Running"}


def summary(product: Product) -> tuple[dict[str, str], list[str]]:
    """How many of its pods were heard, by workload, and the notes."""
    table, said = product.run("neighbors", "-n", "replicas", "-o", "summary")
    head, *rows = (line.split() for line in table.splitlines())
    return {row[0]: row[head.index("PODS")] for row in rows}, said.splitlines()


def test_pods_and_cronjobs_that_were_not_heard_are_kept_until_they_are(product: Product) -> None:
    silence = f"note: not heard: 1 of 2 pods of replicas/daemonset/beacon ({running(product.cluster)['n2']} on n2)"
    _, said = product.run("record", "-n", "replicas", "--node", "n1", "--duration", "5s")
    assert {silence, NO_RUN} <= set(said.splitlines())
    pods, notes = summary(product)
    assert pods == {"cronjob/yearly": "0/0", "daemonset/beacon": "1/2"}
    assert {silence, NO_RUN} <= set(notes)
    policies, said = product.run("generate", "--all", "-n", "replicas", "-o", "name")
    assert policies == "networkpolicy.networking.k8s.io/daemonset-beacon\n"
    assert silence in said.splitlines()
    assert "cronjob/yearly in namespace replicas: no policy: no run of it was heard" in said

    with product.watching("record", "-n", "replicas", "--duration", "10m") as process:
        product.await_heard("replicas", "n1", "n2")
        product.cluster.kubectl("-n", "replicas", "create", "job", "once", "--from=cronjob/yearly")
        wait_until(lambda: "replicas/cronjob/yearly" in {row.workload for row in product.rows()}, 60, "a run is heard")
        process.send_signal(signal.SIGINT)
        _, said = process.communicate(timeout=120)
    assert process.returncode == 0, said
    assert "not heard" not in said
    pods, notes = summary(product)
    assert pods == {"cronjob/yearly": "1/1", "daemonset/beacon": "2/2"}
    assert notes == []
    assert product.remains("replicas") == []
