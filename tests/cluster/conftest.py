"""One cluster for all tests that ask for it. They are marked ``cluster``; `make test-cluster` runs them.

A cluster that runs already (make cluster) is used and left running; else one is started, and removed at the end.
Without root the tests are skipped with the reason; with CI=true they fail. PROXY_MODE says how kube-proxy works.
"""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from dataclasses import dataclass

import pytest

from .cluster import Cluster, find, start, stop
from .layout import SOURCE
from .processes import ClusterError
from .traces import Traces, look


def pytest_runtest_setup(item: pytest.Item) -> None:
    """Says why the cluster's tests cannot run here, where they cannot."""
    if item.get_closest_marker("cluster") is None or os.geteuid() == 0:
        return
    reason = "the test cluster needs root"
    if os.environ.get("CI") == "true":
        pytest.fail(f"cluster tests must run in CI: {reason}", pytrace=False)
    pytest.skip(reason)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """The test that removes the cluster comes last."""
    items.sort(key=lambda item: item.name == "test_a_stopped_cluster_leaves_nothing")


@dataclass(frozen=True, slots=True)
class Session:
    """The cluster of this run, and what the machine looked like before it, unless it was there already."""

    cluster: Cluster
    before: Traces | None


@pytest.fixture(scope="session")
def session() -> Iterator[Session]:
    """Starts the cluster unless it runs, and removes it if it was started."""
    mode = os.environ.get("PROXY_MODE", "iptables")
    running = find()
    if running and running.proxy_mode == mode:
        yield Session(running, None)
        return
    if running:
        pytest.exit(f"a cluster is running with {running.proxy_mode}, not with {mode}: make cluster-down", returncode=2)
    before = look()
    try:
        yield Session(start(mode), before)
    finally:
        stop()


@pytest.fixture(scope="session")
def cluster(session: Session) -> Cluster:
    """The cluster of this run."""
    return session.cluster


@dataclass(frozen=True, slots=True)
class Pod:
    """A running pod: where it is and under which addresses."""

    name: str
    node: str
    ipv4: str
    ipv6: str


@dataclass(frozen=True, slots=True)
class Probes:
    """The servers and clients of manifests/probes.yaml, by node."""

    cluster: Cluster
    servers: dict[str, Pod]
    clients: dict[str, Pod]

    def python(self, client: str, code: str) -> str:
        """What Python prints in the client of that node. ClusterError with its traceback when it fails."""
        pod = self.clients[client].name
        return self.cluster.kubectl("-n", "probes", "exec", pod, "--", "python3", "-c", code).strip()

    def ask(self, client: str, host: str, port: int = 8080) -> str | None:
        """What the server there answers to that node's client; None when there is no connection within a second."""
        code = (
            "import http.client as h\n"
            f"c = h.HTTPConnection({host!r}, {port}, timeout=1)\n"
            "try:\n    c.connect()\nexcept TimeoutError:\n    print('no connection')\n"
            "else:\n    c.request('GET', '/'); print(c.getresponse().read().decode())"
        )
        answer = self.python(client, code)
        return None if answer == "no connection" else answer


@pytest.fixture(scope="session")
def probes(cluster: Cluster) -> Iterator[Probes]:
    """A server and a client on each node, in the namespace ``probes``."""
    manifest = str(SOURCE / "manifests/probes.yaml")
    cluster.kubectl("apply", "-f", manifest)
    for name in ("server", "client"):
        cluster.kubectl("-n", "probes", "rollout", "status", f"daemonset/{name}", "--timeout=60s", timeout=70)
    yield Probes(cluster, _pods(cluster, "server"), _pods(cluster, "client"))
    try:
        cluster.kubectl("delete", "--wait=false", "-f", manifest)
    except ClusterError:  # the cluster itself is gone already
        return


def _pods(cluster: Cluster, app: str) -> dict[str, Pod]:
    answer = json.loads(cluster.kubectl("-n", "probes", "get", "pods", "-l", f"app={app}", "-o", "json"))
    pods = {}
    for item in answer["items"]:
        ipv4, ipv6 = (address["ip"] for address in item["status"]["podIPs"])
        node = item["spec"]["nodeName"]
        pods[node] = Pod(item["metadata"]["name"], node, ipv4, ipv6)
    return pods
