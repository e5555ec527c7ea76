"""Connections missed of a Job's many short-lived pods, each of which connects once to a server and ends.

The test cluster and ``kubectl-netpol record -n NAMESPACE``, watching; a server on one node and a pod that sleeps on
the other, so that both are captured before the Job begins. The truth is the server's own count. ``missed_ingress``
are those that the server's account in the cache lacks, ``missed_egress`` those that the Job's own does.
NETPOL_BENCH_JOBS sets the number of pods (1,000); two cores do about one in a second.
"""

from __future__ import annotations

import json
import os
import statistics
import sys
import tempfile
import time
from datetime import datetime
from pathlib import Path
from typing import Any

from cluster import IMAGE, Record, namespace, pod, running

from kubectl_netpol.cache.store import Store
from kubectl_netpol.model import Direction, NetworkNeighbors
from kubectl_netpol.neighbors.recording import summarise
from tests.cluster.cluster import Cluster
from tests.cluster.layout import NODES
from tests.cluster.processes import wait_until

NAMESPACE, PORT, PARALLELISM = "bench-short", 8080, 6
COUNT = "/tmp/count"  # noqa: S108  # in the pod
SERVER = f"""
import socket
count, server = 0, socket.create_server(("", {PORT}), backlog=256)
open("{COUNT}", "w").write("0")
while True:
    peer, _ = server.accept()
    with peer:
        if peer.recv(1):
            count += 1
            open("{COUNT}", "w").write(str(count))
            peer.sendall(b"x")
"""
CLIENT = 'import socket, sys; s = socket.create_connection((sys.argv[1], int(sys.argv[2]))); s.sendall(b"x"); s.recv(1)'


def job(completions: int, address: str) -> dict[str, Any]:
    command = ["python3", "-IS", "-c", CLIENT, address, str(PORT)]
    spec = {
        "restartPolicy": "Never",
        "terminationGracePeriodSeconds": 0,
        "automountServiceAccountToken": False,
        "containers": [{"name": "main", "image": IMAGE, "command": command}],
    }
    return {
        "apiVersion": "batch/v1",
        "kind": "Job",
        "metadata": {"name": "short"},
        "spec": {
            "completions": completions,
            "parallelism": PARALLELISM,
            "backoffLimit": 1000,
            "template": {"metadata": {"labels": {"app": "short"}}, "spec": spec},
        },
    }


def lived(cluster: Cluster) -> float:
    """The mean seconds between start and end of the Job's containers, each by whole seconds as the API tells it."""
    found: Any = cluster.get("-n", NAMESPACE, "pods", "-l", "app=short")
    ends = [one["status"]["containerStatuses"][0]["state"].get("terminated") for one in found["items"]]
    spans = ([datetime.fromisoformat(end[name]) for name in ("startedAt", "finishedAt")] for end in ends if end)
    return statistics.mean((finished - started).total_seconds() for started, finished in spans)


def run(cluster: Cluster, folder: Path, completions: int) -> dict[str, float]:
    for one in (
        pod("server", NODES[1].name, "python3", "-c", SERVER),
        pod("sleeper", NODES[0].name, "sleep", "infinity"),
    ):
        cluster.kubectl("-n", NAMESPACE, "create", "-f", "-", stdin=json.dumps(one))
    cluster.kubectl("-n", NAMESPACE, "wait", "--for=condition=Ready", "--timeout=60s", "pod", "--all", timeout=70)
    server: Any = cluster.get("-n", NAMESPACE, "pod", "server")
    made = job(completions, server["status"]["podIP"])
    complete = ("-n", NAMESPACE, "wait", "--for=condition=Complete", "--timeout=1s", "job/short")
    with Record(cluster, folder, "-n", NAMESPACE):
        begun = time.monotonic()
        cluster.kubectl("-n", NAMESPACE, "create", "-f", "-", stdin=json.dumps(made))
        wait_until(lambda: cluster.agrees(*complete), 120 + 10 * completions, "the Job is complete", folder)
        took = time.monotonic() - begun
        served = int(cluster.kubectl("-n", NAMESPACE, "exec", "server", "--", "cat", COUNT))
    found = accounts(folder)
    ingress = total(found, "server", Direction.INGRESS, "attempts")
    egress = total(found, "short", Direction.EGRESS, "answered")
    return {
        "pods": completions,
        "job_s": round(took, 1),
        "container_lived_s": round(lived(cluster), 2),
        "served": served,
        "ingress_attempts": ingress,
        "ingress_answered": total(found, "server", Direction.INGRESS, "answered"),
        "egress_answered": egress,
        "missed_ingress": max(0, served - ingress),
        "missed_egress": max(0, served - egress),
        "not_heard_ms": sum(dict(window.losses).get("not_heard", 0) for one in found for window in one.windows),
    }


def accounts(folder: Path) -> list[NetworkNeighbors]:
    with Store.open(folder) as store:
        return [summarise(recording) for _, recording in store.everything()]


def total(found: list[NetworkNeighbors], workload: str, direction: Direction, counter: str) -> int:
    """The sum of a counter over a workload's neighbors at the server's port."""
    return sum(
        getattr(neighbor.counts, counter)
        for one in found
        if one.workload.namespace == NAMESPACE and one.workload.name == workload
        for neighbor in one.neighbors
        if neighbor.key.direction is direction and neighbor.key.port.port == PORT
    )


def main() -> None:
    completions = int(os.environ.get("NETPOL_BENCH_JOBS") or (50 if "--quick" in sys.argv else 1000))
    with running() as cluster, namespace(cluster, NAMESPACE), tempfile.TemporaryDirectory() as folder:
        print(json.dumps(run(cluster, Path(folder), completions)))


if __name__ == "__main__":
    main()
