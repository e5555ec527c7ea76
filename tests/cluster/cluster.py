"""The cluster as a whole: starts it, stops it, and says what of it is there.

Run as root. One cluster per machine; whoever starts or stops it holds a lock meanwhile.
"""

from __future__ import annotations

import fcntl
import json
import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from . import cgroups, control_plane, network, nodes
from .build import build
from .certificates import make_certificates
from .layout import BINARIES, CACHE, KUBECONFIG, LOGS, MACHINES, NODES, RUN, SOURCE, TREE, Node
from .networks import Network, choose, words
from .processes import ClusterError, Daemon, holder, wait_until

_NETWORK = RUN / "network"
Step = Callable[[str], None]
"""Says that something is done, with the seconds since the start."""


@dataclass(frozen=True, slots=True)
class Cluster:
    """A running cluster."""

    kubeconfig: Path
    network: Network

    def kubectl(self, *arguments: str, stdin: str | None = None, timeout: float = 60.0) -> str:
        """What kubectl prints. ClusterError with what it complained about when it fails."""
        command = [str(BINARIES / "kubectl"), "--kubeconfig", str(self.kubeconfig), *arguments]
        done = subprocess.run(command, input=stdin, capture_output=True, text=True, timeout=timeout, check=False)
        if done.returncode:
            raise ClusterError(f"kubectl {' '.join(arguments)[:200]}: {done.stderr.strip()[-2000:]}")
        return done.stdout

    def get(self, *arguments: str) -> dict[str, object]:
        """What kubectl get says, as the API's own JSON."""
        answer: dict[str, object] = json.loads(self.kubectl("get", *arguments, "-o", "json"))
        return answer

    def agrees(self, *arguments: str) -> bool:
        """Whether kubectl succeeds."""
        try:
            self.kubectl(*arguments)
        except (ClusterError, subprocess.TimeoutExpired):
            return False
        return True

    def daemon(self, machine: str, name: str) -> Daemon:
        """One of the daemons, to stop and start it. KeyError when there is none."""
        return {(daemon.machine, daemon.name): daemon for daemon in _daemons(self.network)}[machine, name]


def start(network: Network) -> Cluster:
    """Starts the cluster with everything in it new; leaves it alone when it runs with that network already.

    ClusterError when something does not come up; what has started stays, to be looked at, until ``stop``.
    """
    _need_root()
    build(network)
    with _alone():
        running = find()
        if running and running.network == network:
            return running
        _stop()
        make_certificates()
        RUN.mkdir(parents=True)
        _NETWORK.write_text(words(network))
        cluster = Cluster(KUBECONFIG, network)
        with _steps() as say:
            _start(cluster, say)
        (RUN / "complete").touch()
        return cluster


def find() -> Cluster | None:
    """The cluster that runs, if it started completely and its control plane and nodes are alive."""
    try:
        network = choose(*_NETWORK.read_text().split())
    except OSError:
        return None
    alive = all(holder(machine.name).number() for machine in MACHINES)
    if not alive or not (RUN / "complete").exists():
        return None
    daemons = (*_daemons(network), control_plane.forwarder())
    return Cluster(KUBECONFIG, network) if all(daemon.number() for daemon in daemons) else None


def stop() -> None:
    """Removes the cluster: processes, namespaces with their mounts and interfaces, control groups, state.

    Nothing to remove is fine.
    """
    _need_root()
    CACHE.mkdir(parents=True, exist_ok=True)
    with _alone():
        _stop()


def _start(cluster: Cluster, say: Step) -> None:
    shutil.rmtree(LOGS, ignore_errors=True)
    network.make_hub()
    for daemon in control_plane.daemons():
        daemon.start()
    control_plane.forwarder().start()
    for node in NODES:
        nodes.prepare(node)
        cluster.network.prepare(node)
        nodes.containerd(node).start()
    say("machines made, control plane and containerd started")
    with ThreadPoolExecutor(len(NODES)) as pool:
        imports = [pool.submit(nodes.import_images, node) for node in NODES]
        wait_until(lambda: cluster.agrees("get", "--raw", "/readyz"), 120, "the API server is ready", _api_log())
        say("API server ready")
        _create(cluster)
        for done in imports:
            done.result()
    for daemon in _daemons(cluster.network):
        daemon.start()
    say("nodes started")
    _wait_for_all(cluster, say)


def _create(cluster: Cluster) -> None:
    network = cluster.network
    for node in NODES:
        cluster.kubectl("create", "-f", "-", stdin=json.dumps(nodes.manifest(node, network.annotations(node))))
    cluster.kubectl("create", "--recursive", "-f", str(network.types))
    if network.resources:
        apply = ("apply", "-f", str(network.resources))
        wait_until(lambda: cluster.agrees(*apply), 30, f"the types of {network.name} are known", _api_log())
    cluster.kubectl("apply", "-f", str(SOURCE / "manifests/coredns.yaml"))


def _wait_for_all(cluster: Cluster, say: Step) -> None:
    ready = ("wait", "--for=condition=Ready", "--timeout=1s", *(f"node/{node.name}" for node in NODES))
    _await_ready(cluster, lambda: cluster.agrees(*ready), "the nodes are Ready")
    say("nodes Ready")
    network = cluster.network
    _await_ready(
        cluster, lambda: all(network.is_ready(node) for node in NODES), f"{network.name} is ready on all nodes"
    )
    say("policies enforced")
    available = ("-n", "kube-system", "wait", "--for=condition=Available", "--timeout=1s", "deployment/coredns")
    _await_ready(cluster, lambda: cluster.agrees(*available), "CoreDNS is available")
    say("CoreDNS available")


def _daemons(network: Network) -> tuple[Daemon, ...]:
    of_nodes = ((nodes.containerd(node), nodes.kubelet(node), *network.daemons(node)) for node in NODES)
    return (*control_plane.daemons(), *(daemon for daemons in of_nodes for daemon in daemons))


def _stop() -> None:
    for node in NODES:  # first what would start something anew
        cgroups.kill(node.name, "daemons", "kubelet")
    with ThreadPoolExecutor(len(NODES)) as pool:
        list(pool.map(_empty, NODES))
    cgroups.kill()
    cgroups.remove()
    shutil.rmtree(RUN, ignore_errors=True)


def _empty(node: Node) -> None:
    nodes.remove_containers(node)
    nodes.containerd(node).stop(signal.SIGTERM)


def remains() -> list[str]:
    """What is left of a cluster: processes, control groups, state."""
    groups = [str(root / TREE) for root in cgroups.hierarchies() if (root / TREE).exists()]
    return [*(f"process {number}" for number in cgroups.processes()), *groups, *([str(RUN)] if RUN.exists() else [])]


def _await_ready(cluster: Cluster, holds: Callable[[], bool], what: str) -> None:
    """As wait_until, but a daemon that has ended is told at once."""

    def settled() -> bool:
        for daemon in _daemons(cluster.network):
            if daemon.number() is None:
                raise ClusterError(f"{daemon.machine}'s {daemon.name} has ended (see {daemon.log})")
        return holds()

    wait_until(settled, 90, what, LOGS)


def _api_log() -> Path:
    return control_plane.daemons()[1].log


def _need_root() -> None:
    if os.geteuid():
        raise ClusterError("the test cluster needs root: it makes namespaces, mounts and control groups")


@contextmanager
def _alone() -> Iterator[None]:
    with (CACHE / "cluster.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield


@contextmanager
def _steps() -> Iterator[Step]:
    started = time.monotonic()
    yield lambda what: print(f"{time.monotonic() - started:6.1f} s  {what}", file=sys.stderr, flush=True)
