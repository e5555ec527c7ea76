"""Traffic whose truth is known: pods that run tally.py, and what they have told of."""

from __future__ import annotations

import json
import time
from dataclasses import dataclass, field
from typing import Any

from . import container_logs
from .cluster import Cluster
from .layout import NODES, SOURCE
from .namespaces import make
from .processes import ClusterError, wait_until
from .tally import PORTS

NAMESPACE = "faults"
_CODE = {"name": "code", "configMap": {"name": "tally"}}


@dataclass(frozen=True, slots=True)
class Call:
    """A connection that was answered; ``at`` in ms since the Unix epoch."""

    caller: str
    server: str
    port: int
    at: int


def now() -> int:
    return int(time.time() * 1000)


def pod(name: str, node: str, *arguments: str) -> dict[str, Any]:
    """A pod that runs tally.py. Its workload is itself."""
    container = {
        "name": "tally",
        "image": "cluster.test/python:3",
        "command": ["python3", "/code/tally.py", *arguments],
        "volumeMounts": [{"name": "code", "mountPath": "/code"}],
    }
    spec = {"nodeName": node, "terminationGracePeriodSeconds": 0, "containers": [container], "volumes": [_CODE]}
    metadata = {"name": name, "namespace": NAMESPACE, "labels": {"app": name}}
    return {"apiVersion": "v1", "kind": "Pod", "metadata": metadata, "spec": spec}


@dataclass(slots=True)
class Traffic:
    """On each node a server, and a caller that calls all servers in turn. ``servers``: by address.

    ``logs``: by pod its node, and what its folder of logs is called there.
    """

    cluster: Cluster
    servers: dict[str, str] = field(default_factory=dict)
    logs: dict[str, tuple[str, str]] = field(default_factory=dict)

    def start(self) -> None:
        """Makes the namespace and the pods."""
        text = (SOURCE / "tally.py").read_text()
        code = {
            "apiVersion": "v1",
            "kind": "ConfigMap",
            "metadata": {"name": "tally", "namespace": NAMESPACE},
            "data": {"tally.py": text},
        }
        self.cluster.kubectl("delete", "namespace", NAMESPACE, "--ignore-not-found", timeout=120)
        make(self.cluster, NAMESPACE)
        self.cluster.kubectl("create", "-f", "-", stdin=json.dumps(code))
        self.servers = {self.add(f"server-{node.name}", node.name, "serve"): f"server-{node.name}" for node in NODES}
        for node in NODES:
            self.add(f"caller-{node.name}", node.name, "call", str(PORTS.start), *self.servers)

    def stop(self) -> None:
        self.cluster.kubectl("delete", "namespace", NAMESPACE, "--wait=false")

    def add(self, name: str, node: str, *arguments: str) -> str:
        """Starts a pod and returns its address once it has printed something."""
        self.cluster.kubectl("create", "-f", "-", stdin=json.dumps(pod(name, node, *arguments)))
        wait_until(lambda: self._speaks(name), 60, f"{name} runs")
        self.logs[name] = node, f"{NAMESPACE}_{name}_{self._ask(name, '{.metadata.uid}')}"
        wait_until(lambda: self._ask(name, "{.status.podIP}"), 30, f"{name}'s address is known")
        return self._ask(name, "{.status.podIP}")

    def remove(self, name: str) -> None:
        self.cluster.kubectl("-n", NAMESPACE, "delete", "pod", name)

    def _speaks(self, name: str) -> bool:
        try:
            return bool(self.cluster.kubectl("-n", NAMESPACE, "logs", name, "--tail=1").strip())
        except ClusterError:
            return False

    def _ask(self, name: str, path: str) -> str:
        return self.cluster.kubectl("-n", NAMESPACE, "get", "pod", name, "-o", f"jsonpath={path}").strip()

    def told(self, name: str) -> list[str]:
        """The lines that a pod has printed, also those in logs that were rotated."""
        return container_logs.read(*self.logs[name])

    def calls(self, caller: str) -> list[Call]:
        """What a caller has told of."""
        rows = (line.split() for line in self.told(caller))
        return [Call(caller, self.servers[row[0]], int(row[1]), int(row[2])) for row in rows if len(row) == 3]

    def truth(self, begin: int, end: int) -> list[Call]:
        """What was answered between two moments (ms), of the callers that are always there; it has to be enough."""
        callers = [f"caller-{node.name}" for node in NODES]
        found = [call for caller in callers for call in self.calls(caller) if begin <= call.at <= end]
        assert len(found) > 20, "there was too little traffic to prove anything"
        return found
