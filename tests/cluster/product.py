"""The product as a user runs it against the test cluster, and what its cache holds afterwards."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from kubectl_netpol.cache.store import Store
from kubectl_netpol.model import NetworkNeighbors, PeerKind
from kubectl_netpol.neighbors.recording import summarise

from .cluster import Cluster
from .processes import wait_until

ROOT = Path(__file__).parents[2]


@dataclass(frozen=True, slots=True, order=True)
class Row:
    """An answered neighbor: ``peer`` is ``shop/deployment/web``, or an address."""

    workload: str
    direction: str
    peer: str
    protocol: str
    port: int


@dataclass(frozen=True, slots=True)
class Product:
    """``kubectl netpol`` with that cluster and a cache of its own."""

    cluster: Cluster
    cache: Path

    def environment(self) -> dict[str, str]:
        return os.environ | {"KUBECONFIG": str(self.cluster.kubeconfig), "KUBECTL_NETPOL_CACHE_DIR": str(self.cache)}

    def start(self, *arguments: str) -> subprocess.Popen[str]:
        """Runs it in the background."""
        command = [sys.executable, "-m", "kubectl_netpol", *arguments]
        pipes: dict[str, Any] = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE, "text": True}
        return subprocess.Popen(command, cwd=ROOT, env=self.environment(), **pipes)

    @contextmanager
    def watching(self, *arguments: str) -> Iterator[subprocess.Popen[str]]:
        """As ``start``; what has not ended with the body is killed."""
        with self.start(*arguments) as process:
            try:
                yield process
            finally:
                process.kill()  # nothing where it has ended

    def run(self, *arguments: str, exit_code: int = 0, timeout: float = 240.0) -> tuple[str, str]:
        """What it prints to stdout and stderr; its exit code has to be this one."""
        with self.start(*arguments) as process:
            stdout, stderr = process.communicate(timeout=timeout)
        assert process.returncode == exit_code, f"{arguments}: exit {process.returncode}\n{stdout}\n{stderr}"
        return stdout, stderr

    def sessions(self, namespace: str) -> list[dict[str, Any]]:
        """What ``sessions`` tells of those that run there."""
        return list(json.loads(self.run("sessions", "-n", namespace, "-o", "json")[0])["items"])

    def await_heard(self, namespace: str, *nodes: str) -> str:
        """Waits until a session there was heard on all these nodes, and on no others; its name."""
        found: list[str] = []

        def is_heard() -> bool:
            found[:] = [one["name"] for one in self.sessions(namespace) if one["heard"] == sorted(nodes)]
            return bool(found)

        wait_until(is_heard, 100, f"a session in {namespace} is heard on {', '.join(nodes)}")
        return found[0]

    def summaries(self) -> list[NetworkNeighbors]:
        """All that its cache holds, of whichever cluster."""
        with Store.open(self.cache) as store:
            return [summarise(recording) for _, recording in store.everything()]

    def rows(self) -> set[Row]:
        """The answered neighbors in its cache, without a pod's own node, whose traffic is always admitted."""
        return {
            Row(
                f"{one.workload.namespace}/{one.workload.path}",
                str(neighbor.key.direction),
                neighbor.key.peer.address or neighbor.key.peer.name,
                str(neighbor.key.port.protocol),
                neighbor.key.port.port,
            )
            for one in self.summaries()
            for neighbor in one.answered
            if neighbor.key.peer.kind is not PeerKind.OWN_NODE
        }

    def remains(self, namespace: str = "") -> list[str]:
        """Objects of ours in the cluster, in that namespace or in any."""
        place = ("-n", namespace) if namespace else ("-A",)
        label = "app.kubernetes.io/name=kubectl-netpol"
        return self.cluster.kubectl("get", "jobs,pods", *place, "-l", label, "-o", "name").split()


def until(process: subprocess.Popen[str], words: str) -> str:
    """What it says to stderr up to the line with these words. AssertionError with all of it when it never says them."""
    said = ""
    assert process.stderr is not None
    for line in process.stderr:
        said += line
        if words in line:
            return said
    raise AssertionError(said)
