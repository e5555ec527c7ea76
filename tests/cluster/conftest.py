"""One cluster for all tests that ask for it. They are marked ``cluster``; `make test-cluster` runs them.

A cluster that runs already (make cluster) is used and left running; else one is started, and removed at the end.
Without root the tests are skipped with the reason; with CI=true they fail. NETWORK says which network the cluster has,
PROXY_MODE how kube-proxy works. Tests that are marked for the other network are deselected; the report says why.
"""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from dataclasses import dataclass

import pytest

from . import kernel_objects
from .cluster import Cluster, find, remains, start, stop
from .layout import SOURCE
from .namespaces import await_gone
from .networks import choose, words
from .processes import ClusterError
from .traces import Traces, look

NETWORK = os.environ.get("NETWORK") or "calico"
_DESELECTED = pytest.StashKey[list[str]]()


def pytest_runtest_setup(item: pytest.Item) -> None:
    """Says why the cluster's tests cannot run here, where they cannot."""
    if item.get_closest_marker("cluster") is None or os.geteuid() == 0:
        return
    reason = "the test cluster needs root"
    if os.environ.get("CI") == "true":
        pytest.fail(f"cluster tests must run in CI: {reason}", pytrace=False)
    pytest.skip(reason)


@pytest.hookimpl(trylast=True)  # after -m has chosen
def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Leaves out the tests for the other network. The test that removes the cluster comes last."""
    others = [(item, mark) for item in items if (mark := _other_network(item))]
    items[:] = [item for item in items if not _other_network(item)]
    items.sort(key=lambda item: item.name == "test_a_stopped_cluster_leaves_nothing")
    config.hook.pytest_deselected(items=[item for item, _ in others])
    config.stash[_DESELECTED] = [f"{item.name}: {mark.kwargs['reason']}" for item, mark in others]


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter, config: pytest.Config) -> None:
    """Says which tests were left out, and why."""
    for line in config.stash.get(_DESELECTED, ()):
        terminalreporter.write_line(f"not for a cluster with {NETWORK}: {line}")


def _other_network(item: pytest.Item) -> pytest.Mark | None:
    mark = item.get_closest_marker("network")
    return mark if mark and NETWORK not in mark.args else None


@dataclass(frozen=True, slots=True)
class Session:
    """The cluster of this run, and what the machine and its kernel held before it, unless it was there already."""

    cluster: Cluster
    before: Traces | None
    objects: frozenset[kernel_objects.Object] = frozenset()


@pytest.fixture(scope="session")
def session() -> Iterator[Session]:
    """Starts the cluster unless it runs, and removes it if it was started."""
    network = choose(NETWORK, os.environ.get("PROXY_MODE"))
    running = find()
    if running and running.network == network:
        yield Session(running, None)
        return
    if running:
        pytest.exit(
            f"a cluster is running with {words(running.network)}, not {words(network)}: make cluster-down", returncode=2
        )
    if remains():  # of a cluster whose processes were killed
        stop()
    before, objects = look(), kernel_objects.present()
    try:
        yield Session(start(network), before, objects)
    finally:
        stop()


@pytest.fixture(scope="session")
def cluster(session: Session) -> Cluster:
    """The cluster of this run."""
    return session.cluster


NAMESPACES = ("shop", "monitoring", "visitors")
"""Those of the sample application."""


@pytest.fixture(scope="session")
def application(cluster: Cluster) -> Iterator[Cluster]:
    """The cluster, with the sample application rolled out in it."""
    folder = str(SOURCE / "application")
    await_gone(cluster, *NAMESPACES)
    cluster.kubectl("apply", "-k", folder)
    for namespace in NAMESPACES:
        for kind in ("deployment", "daemonset", "statefulset"):
            for name in cluster.kubectl("-n", namespace, "get", kind, "-o", "name").split():
                cluster.kubectl("-n", namespace, "rollout", "status", name, "--timeout=90s", timeout=100)
    yield cluster
    try:
        cluster.kubectl("delete", "--wait=false", "-k", folder)
    except ClusterError:  # the cluster itself is gone already
        return


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
    await_gone(cluster, "probes")
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
