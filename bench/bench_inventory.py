"""Listing and indexing a cluster of 10,000 pods, against fetching the same pages and parsing their JSON and no more.

The API server is the test cluster's. The pods are objects with a status on a node that is one too, without a kubelet;
each has the fields that an API server adds and those that people write (some 10 KiB of JSON). ``load`` is Feed.load,
with the other resources' few objects; ``parse`` gets the same lists. Both take turns, each in a process of its own.
``to_parse`` compares the seconds, ``cpu_to_parse`` the process's CPU time, which the API server's work does not water
down. NETPOL_BENCH_PODS sets the number.
"""

from __future__ import annotations

import json
import os
import resource
import statistics
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

from cluster import api_of, namespace, running

from kubectl_netpol.cluster.api import Api
from kubectl_netpol.cluster.connection import Target, connect
from kubectl_netpol.cluster.feed import Feed
from kubectl_netpol.cluster.lists import PAGE
from kubectl_netpol.cluster.resources import CONTROLLERS, NODE, POD, SERVICE_CIDR, WATCHED, Resource
from kubectl_netpol.cluster.trouble import ClusterError
from kubectl_netpol.neighbors.inventory import Inventory
from tests.cluster.cluster import Cluster

NAMESPACE, PLACE = "bench-inventory", "kwok-0"
WORKERS = 8
OWNED = 10
"""So many pods have one owner."""


class Nobody:
    """A listener to whom nothing matters."""

    def saw(self, resource: Resource, found: dict[str, Any], is_gone: bool) -> None:
        pass

    def listed(self, resource: Resource, names: set[tuple[str, str]]) -> None:
        pass

    def foresee(self, resource: Resource, found: dict[str, Any]) -> None:
        pass


def load(api: Api) -> int:
    inventory = Inventory()
    Feed(api, inventory, Nobody()).load()
    return sum(1 for _ in inventory.pods())


def parse(api: Api) -> int:
    return sum(_parse(api, resource) for resource in (*WATCHED, *CONTROLLERS, SERVICE_CIDR))


def _parse(api: Api, resource: Resource) -> int:
    count, token = 0, ""
    while True:
        page = json.loads(api.text(resource.path(), {"limit": PAGE, "continue": token}))
        count += len(page["items"]) if resource is POD else 0
        token = page["metadata"].get("continue", "")
        if not token:
            return count


SIDES: dict[str, Callable[[Api], int]] = {"parse": parse, "load": load}


def measure_one(side: str, kubeconfig: Path) -> None:
    """Runs in a process of its own."""
    api = connect(Target((kubeconfig,)))
    api.get(NODE.path())
    before, received = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss, api.traffic.received
    begun, spent = time.perf_counter(), time.process_time()
    pods = SIDES[side](api)
    seconds, cpu = time.perf_counter() - begun, time.process_time() - spent
    mebibytes = (resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before) / 1024
    received = api.traffic.received - received
    print(json.dumps({"pods": pods, "seconds": seconds, "cpu": cpu, "mib": mebibytes, "received": received}))


# The pods.


@contextmanager
def populated(cluster: Cluster, count: int) -> Iterator[None]:
    """So many pods on a node that is nowhere; all gone at the end."""
    api = api_of(cluster)
    with namespace(cluster, NAMESPACE):
        api.create(NODE.path(), {"apiVersion": "v1", "kind": "Node", "metadata": {"name": PLACE}})
        try:
            with ThreadPoolExecutor(WORKERS) as pool:
                owners = list(pool.map(lambda number: make_owner(api, number), range(-(-count // OWNED))))
                for _ in pool.map(lambda number: make_pod(api, number, owners[number // OWNED]), range(count)):
                    pass
            yield
        finally:
            _remove(api)


def _remove(api: Api) -> None:
    # Nobody on that node would confirm that they ended, so they are not asked to end but removed. So many may take
    # the API server longer than a request waits for its answer.
    for _ in range(20):
        with suppress(ClusterError):
            api.delete(POD.path(NAMESPACE), {"gracePeriodSeconds": 0})
        if not api.get(POD.path(NAMESPACE), {"limit": 1}).get("items"):
            break
    with suppress(ClusterError):
        api.delete(NODE.path(name=PLACE))


def make_owner(api: Api, number: int) -> dict[str, str]:
    """Any object serves: a ReplicaSet's controller would judge its pods."""
    body = {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": f"app-{number}-6f7d9c8b5"}}
    metadata = api.create(f"/api/v1/namespaces/{NAMESPACE}/configmaps", body)["metadata"]
    return {"name": metadata["name"], "uid": metadata["uid"]}


def make_pod(api: Api, number: int, owner: dict[str, str]) -> None:
    name = f"{owner['name']}-{number:05d}"
    api.create(POD.path(NAMESPACE), manifest(name, number, owner))
    api.merge(POD.path(NAMESPACE, name, "status"), {"status": status(number)})


def manifest(name: str, number: int, owner: dict[str, str]) -> dict[str, Any]:
    app = f"app-{number // OWNED}"
    reference = {"apiVersion": "v1", "kind": "ConfigMap", "controller": True, "blockOwnerDeletion": True} | owner
    labels = {
        "app": app,
        "app.kubernetes.io/instance": app,
        "app.kubernetes.io/managed-by": "Helm",
        "app.kubernetes.io/name": app,
        "pod-template-hash": "6f7d9c8b5",
        "team": f"team-{number % 20}",
    }
    annotations = {
        "checksum/config": f"{number:064x}",
        "prometheus.io/port": "9090",
        "prometheus.io/scrape": "true",
        "kubectl.kubernetes.io/restartedAt": "2024-01-31T12:00:00Z",
    }
    return {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": {"name": name, "labels": labels, "annotations": annotations, "ownerReferences": [reference]},
        "spec": {
            "nodeName": PLACE,
            "tolerations": [{"operator": "Exists"}],
            "containers": [container("main", 8080, number), container("proxy", 15001, number)],
        },
    }


def container(name: str, port: int, number: int) -> dict[str, Any]:
    probe = {"httpGet": {"path": "/healthz", "port": port}, "periodSeconds": 10, "timeoutSeconds": 2}
    return {
        "name": name,
        "image": f"registry.example.com/team-{number % 20}/{name}:v1.{number % 50}.0",
        "args": ["--listen", f":{port}", "--log-level", "info"],
        "env": [{"name": f"SETTING_{one}", "value": f"value-{number}-{one}"} for one in range(8)],
        "ports": [{"name": f"http-{name}", "containerPort": port}],
        "readinessProbe": probe,
        "livenessProbe": probe,
        "resources": {"requests": {"cpu": "50m", "memory": "64Mi"}, "limits": {"memory": "256Mi"}},
        "securityContext": {"allowPrivilegeEscalation": False, "capabilities": {"drop": ["ALL"]}},
    }


def status(number: int) -> dict[str, Any]:
    began = "2024-01-31T12:00:00Z"
    addresses = [f"10.{200 + (number >> 16)}.{number >> 8 & 255}.{number & 255}", f"fd00:20::{number + 1:x}"]
    conditions = ("PodReadyToStartContainers", "Initialized", "Ready", "ContainersReady", "PodScheduled")
    return {
        "phase": "Running",
        "qosClass": "Burstable",
        "startTime": began,
        "hostIP": "172.30.1.1",
        "hostIPs": [{"ip": "172.30.1.1"}],
        "podIP": addresses[0],
        "podIPs": [{"ip": address} for address in addresses],
        "conditions": [{"type": one, "status": "True", "lastTransitionTime": began} for one in conditions],
        "containerStatuses": [
            {
                "name": name,
                "ready": True,
                "started": True,
                "restartCount": 0,
                "image": f"registry.example.com/team-{number % 20}/{name}:v1.{number % 50}.0",
                "imageID": f"registry.example.com/team-{number % 20}/{name}@sha256:{number:064x}",
                "containerID": f"containerd://{number:064x}",
                "state": {"running": {"startedAt": began}},
            }
            for name in ("main", "proxy")
        ],
    }


def main() -> None:
    if "--side" in sys.argv:
        measure_one(sys.argv[2], Path(sys.argv[3]))
        return
    is_quick = "--quick" in sys.argv
    count = int(os.environ.get("NETPOL_BENCH_PODS") or (500 if is_quick else 10_000))
    found: dict[str, list[dict[str, float]]] = {side: [] for side in SIDES}
    with running() as cluster:
        begun = time.monotonic()
        with populated(cluster, count):
            made = time.monotonic() - begun
            for _ in range(3 if is_quick else 5):
                for side, results in found.items():
                    command = [sys.executable, __file__, "--side", side, str(cluster.kubeconfig)]
                    done = subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True)
                    results.append(json.loads(done.stdout))
                    if results[-1]["pods"] < count:
                        sys.exit(f"{side}: {results[-1]['pods']:g} of {count} pods")
    pairs = list(zip(found["load"], found["parse"], strict=True))
    print(
        json.dumps(
            {
                "pods": count,
                "made_s": round(made, 1),
                "mib": round(statistics.median(one["received"] for one in found["parse"]) / (1 << 20), 1),
                "parse_s": round(statistics.median(one["seconds"] for one in found["parse"]), 2),
                "load_s": round(statistics.median(one["seconds"] for one in found["load"]), 2),
                "to_parse": round(statistics.median(one["seconds"] / other["seconds"] for one, other in pairs), 2),
                "cpu_to_parse": round(statistics.median(one["cpu"] / other["cpu"] for one, other in pairs), 2),
                "memory_mib": round(statistics.median(one["mib"] for one in found["load"]), 1),
                "memory_of_parse_mib": round(statistics.median(one["mib"] for one in found["parse"]), 1),
            }
        )
    )


if __name__ == "__main__":
    main()
