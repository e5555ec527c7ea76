"""Recordings of traffic whose truth is known (traffic.py), and what of that truth is in the cache.

A call is in two recordings: its caller's and its server's. Each is made on that pod's own node.
"""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from kubectl_netpol.cache.store import Store
from kubectl_netpol.model import Direction
from kubectl_netpol.neighbors.recording import Recording
from kubectl_netpol.neighbors.windows import NOT_HEARD

from .cluster import Cluster
from .layout import NODES
from .processes import ClusterError, wait_until
from .traffic import NAMESPACE, Call, now

SESSION_LABEL = "kubectl-netpol/session"
_ROOT = Path(__file__).parents[2]

PATIENCE = 150.0
"""Seconds for the program to end: more than its own bounds for an end add up to, where a node does not answer."""

Missing = tuple[str, Call]
"""The pod in whose recording the call is not."""


@dataclass(frozen=True, slots=True)
class Kept:
    """What a cache holds, by pod."""

    recordings: dict[str, Recording]

    @classmethod
    def read(cls, cache: Path) -> Kept:
        with Store.open(cache) as store:
            return cls({one.workload.name: one for _, one in store.everything()})

    def missing(self, truth: Iterable[Call]) -> list[Missing]:
        """The calls that are not there, each with the pod in whose recording they should be."""
        found: list[Missing] = []
        known = {name: self.ports(name) for name in self.recordings}
        for call in truth:
            if (Direction.EGRESS, call.server, call.port) not in known.get(call.caller, ()):
                found.append((call.caller, call))
            if (Direction.INGRESS, call.caller, call.port) not in known.get(call.server, ()):
                found.append((call.server, call))
        return found

    def ports(self, name: str) -> set[tuple[Direction, str, int]]:
        """The answered neighbors of a pod: direction, the other pod, port."""
        return {
            (key.direction, key.peer.name.rpartition("/")[2], key.port.port)
            for key, by_epoch in self.recordings[name].flows.items()
            if any(counts.answered for counts in by_epoch.values())
        }

    def counts(self, name: str, direction: Direction, other: str) -> dict[int, int]:
        """How often a pod's calls with another one were answered, by port."""
        return {
            key.port.port: answered
            for key, by_epoch in self.recordings[name].flows.items()
            if key.direction is direction
            and key.peer.name.rpartition("/")[2] == other
            and (answered := sum(counts.answered for counts in by_epoch.values()))
        }

    def holes(self, name: str) -> list[tuple[int, int]]:
        """When that pod's node is said not to have been heard."""
        windows = self.recordings[name].windows.values()
        return sorted((one.first, one.last) for one in windows if dict(one.losses).get(NOT_HEARD))

    def silences(self, running: Running) -> dict[str, list[tuple[int, int]]]:
        """By pod, what ``holes`` a recording has left after each of its nodes had spoken."""
        own = f"unheard-{running.session}-"
        found: dict[str, list[tuple[int, int]]] = {}
        for name, recording in self.recordings.items():
            for epoch, window in sorted(recording.windows.items()):
                if epoch.startswith(own) and window.last > running.heard:
                    found.setdefault(name, []).append((window.first, window.last))
        return found


def netpol(cluster: Cluster, *arguments: str, timeout: float = PATIENCE) -> subprocess.CompletedProcess[str]:
    """The program as it stands in this checkout, until it ends."""
    command, settings = _command(cluster, *arguments)
    return subprocess.run(command, capture_output=True, text=True, check=False, timeout=timeout, **settings)


def _command(cluster: Cluster, *arguments: str) -> tuple[list[str], dict[str, Any]]:
    settings = {"cwd": _ROOT, "env": os.environ | {"KUBECONFIG": str(cluster.kubeconfig)}}
    return [sys.executable, "-m", "kubectl_netpol", *arguments], settings


@dataclass(slots=True)
class Running:
    """A recording that somebody watches. ``heard``: since when each node had spoken, ``ended``: until when (ms)."""

    cluster: Cluster
    process: subprocess.Popen[str]
    cache: Path
    session: str = ""
    heard: int = 0
    ended: int = 0
    said: str = ""

    def sessions(self) -> list[dict[str, Any]]:
        told = netpol(self.cluster, "sessions", "-n", NAMESPACE, "-o", "json")
        return list(json.loads(told.stdout)["items"]) if told.returncode == 0 else []

    def is_heard(self, others: Iterable[str]) -> bool:
        for one in self.sessions():
            if one["name"] not in others and one["heard"] == [node.name for node in NODES]:
                self.session, self.heard = one["name"], now()
                return True
        if self.process.poll() is not None:
            raise ClusterError(f"the recording has ended: {self.process.stdout and self.process.stdout.read()}")
        return False

    def end(self) -> None:
        """As Ctrl-C does; waits for the last words."""
        self.ask_to_end()
        self.await_end()

    def ask_to_end(self) -> None:
        self.ended = now()
        self.process.send_signal(signal.SIGINT)

    def await_end(self) -> None:
        """ClusterError with what it said when it does not come to an end."""
        try:
            self.said, _ = self.process.communicate(timeout=PATIENCE)
        except subprocess.TimeoutExpired as error:
            self.kill()
            raise ClusterError(f"the recording does not end: {self.said}") from error

    def kill(self) -> None:
        self.process.kill()
        self.said, _ = self.process.communicate()

    @property
    def label(self) -> str:
        return f"{SESSION_LABEL}={self.session}"

    def pod(self, node: str) -> str:
        """The name of its capture pod there."""
        words = ("-n", NAMESPACE, "get", "pods", "-l", self.label, "--field-selector", f"spec.nodeName={node}")
        return next(iter(self.cluster.kubectl(*words, "-o", "name").split()), "")

    def remains(self) -> list[str]:
        """What is left of it, wherever that is."""
        return self.cluster.kubectl("get", "jobs,pods", "-A", "-l", self.label, "-o", "name").split()


@contextmanager
def recording(cluster: Cluster, cache: Path, others: Iterable[str] = (), *arguments: str) -> Iterator[Running]:
    """A recording of the namespace, from the moment on at which all nodes are heard."""
    words = ("record", "-n", NAMESPACE, "-q", "--cache-dir", str(cache), *arguments)
    command, settings = _command(cluster, *words)
    process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, **settings)
    running = Running(cluster, process, cache)
    try:
        wait_until(lambda: running.is_heard(others), 100, "the recording hears all nodes")
        yield running
    finally:
        if process.poll() is None:
            running.kill()
        print(running.said)  # shown where a test fails
        jobs = ("-n", NAMESPACE, "delete", "jobs", "-l", running.label, "--wait=false", "--ignore-not-found")
        if running.session:
            cluster.kubectl(*jobs)
