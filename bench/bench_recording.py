"""A watched recording of a whole cluster: how long until every node is captured, and what it asks of the API server.

The test cluster with the sample application in it (13 pods). ``until_capturing_s`` is from the start of the process
to the first record of the last node, ``until_ready_s`` to the first question to the API server, ``ending_s`` from the
end of the recording to the end of the process. Requests and bytes (of answers' bodies, uncompressed) are those
between both, without the first lists and the farewell.
"""

from __future__ import annotations

import json
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from cluster import running

from tests.cluster.cluster import Cluster
from tests.cluster.layout import SOURCE

if TYPE_CHECKING:
    from kubectl_netpol.capture.live import Progress
    from kubectl_netpol.cluster.api import Api

APPLICATION = str(SOURCE / "application")
NAMESPACES = ("shop", "monitoring", "visitors")


@dataclass(slots=True)
class Notes:
    """What the child saw of its own recording: times of time.monotonic, and the traffic by then."""

    opened: float = 0.0
    begun: float = 0.0
    ending: float = 0.0
    nodes: int = 0
    traffic: list[tuple[int, int]] = field(default_factory=list)
    api: Api | None = None

    def look(self, progress: Progress) -> None:
        """Notes the traffic when the last node was heard, and when the end began."""
        is_moment = (progress.begun and not self.begun) or (progress.is_ending and not self.ending)
        if not is_moment or self.api is None:
            return
        if not self.begun:
            self.begun = time.monotonic()
        else:
            self.ending = time.monotonic()
        self.nodes = progress.nodes
        self.traffic.append((self.api.traffic.requests, self.api.traffic.received))


def record(arguments: list[str]) -> None:
    """Runs in a process of its own: the command as it is, with a look at its progress and its connection."""
    from kubectl_netpol.cli import connection, record_cluster  # noqa: PLC0415  # part of what is measured
    from kubectl_netpol.cli.main import main as command  # noqa: PLC0415

    notes = Notes()
    opened = connection.Connection.open

    def open_noted(self: connection.Connection) -> Api:
        notes.api, notes.opened = opened(self), time.monotonic()
        return notes.api

    @contextmanager
    def shown(_: bool) -> Iterator[Any]:
        yield notes.look

    connection.Connection.open = open_noted  # type: ignore[method-assign]
    record_cluster.progress_shown = shown
    sys.argv = ["kubectl-netpol", "record", *arguments]
    try:
        command()
    except SystemExit as ending:
        if ending.code:
            raise
    if not notes.ending:
        sys.exit("not all nodes were heard")
    print(json.dumps([notes.opened, notes.begun, notes.ending, notes.nodes, notes.traffic]))


def measure_one(cluster: Cluster, seconds: int) -> dict[str, float]:
    with tempfile.TemporaryDirectory() as folder:
        arguments = ["-A", "--capture-namespace", "kube-system", "--duration", f"{seconds}s"]
        arguments += ["--cache-dir", folder, "--kubeconfig", str(cluster.kubeconfig)]
        started = time.monotonic()
        command = [sys.executable, __file__, "--record", *arguments]
        done = subprocess.run(command, capture_output=True, text=True, check=False)
        ended = time.monotonic()
        if done.returncode:
            sys.exit(f"the recording failed: {done.stderr.strip()[-2000:]}")
    opened, begun, ending, nodes, (first, last) = json.loads(done.stdout.splitlines()[-1])
    minutes = (ending - begun) / 60 * nodes
    return {
        "nodes": nodes,
        "until_ready_s": opened - started,
        "until_capturing_s": begun - started,
        "requests_per_node_and_minute": (last[0] - first[0]) / minutes,
        "kib_per_node_and_minute": (last[1] - first[1]) / minutes / 1024,
        "requests_until_capturing": first[0],
        "ending_s": ended - ending,
    }


@contextmanager
def application(cluster: Cluster) -> Iterator[None]:
    """The sample application, at work; unless it is there already."""
    if cluster.agrees("get", "namespace", NAMESPACES[0]):
        yield
        return
    cluster.kubectl("apply", "-k", APPLICATION)
    try:
        for namespace in NAMESPACES:
            for kind in ("deployment", "daemonset", "statefulset"):
                for name in cluster.kubectl("-n", namespace, "get", kind, "-o", "name").split():
                    cluster.kubectl("-n", namespace, "rollout", "status", name, "--timeout=90s", timeout=100)
        yield
    finally:
        cluster.kubectl("delete", "--wait=true", "-k", APPLICATION, timeout=120)


def main() -> None:
    if "--record" in sys.argv:
        record(sys.argv[2:])
        return
    rounds, seconds = (1, 20) if "--quick" in sys.argv else (3, 60)
    with running() as cluster, application(cluster):
        found = [measure_one(cluster, seconds) for _ in range(rounds)]
    figures = {name: round(statistics.median(one[name] for one in found), 2) for name in found[0]}
    slowest = round(max(one["until_capturing_s"] for one in found), 2)
    print(json.dumps({"rounds": rounds, "seconds": seconds} | figures | {"until_capturing_most_s": slowest}))


if __name__ == "__main__":
    main()
