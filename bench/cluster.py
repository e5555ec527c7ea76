"""Where the benches play that need a cluster: that of the tests (tests/cluster), one that runs, or else a new one.

Needs root, and Linux. What has to be built for it takes long the first time: ``is_built`` says whether it was.
"""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from kubectl_netpol.cluster.api import Api
from kubectl_netpol.cluster.connection import Target, connect
from tests.cluster.build import MODULES
from tests.cluster.cluster import Cluster, find, start, stop
from tests.cluster.layout import IMAGES, PACKAGES
from tests.cluster.networks import choose
from tests.cluster.processes import ClusterError, wait_until

IMAGE = "cluster.test/python:3"
_NEED = Path(__file__).resolve().parent.parent / ".ci/need"


def is_built() -> bool:
    """Whether a cluster would start at once."""
    modules = (*MODULES, choose("calico").module)
    archives = all((IMAGES / f"{name}.tar").exists() for name in ("agent", "pause", "coredns", "python"))
    return os.geteuid() == 0 and archives and PACKAGES.exists() and not any(module.missing for module in modules)


@contextmanager
def running() -> Iterator[Cluster]:
    """The cluster that runs, left as it is; or one that is removed at the end."""
    if os.geteuid():
        sys.exit("cannot measure here: the test cluster needs root")
    found = find()
    if found:
        yield found
        return
    subprocess.run([str(_NEED), "cluster"], check=True)
    try:
        yield start(choose("calico"))
    finally:
        stop()


@contextmanager
def namespace(cluster: Cluster, name: str) -> Iterator[None]:
    """A new namespace, with the account that its pods need; removed at the end with all that is in it."""
    cluster.kubectl("create", "namespace", name)
    try:
        account = ("-n", name, "get", "serviceaccount", "default")
        wait_until(lambda: cluster.agrees(*account), 30, f"{name} has its account", Path("controller-manager"))
        yield
    finally:
        cluster.kubectl("delete", "namespace", name, "--wait=true", timeout=600)


def api_of(cluster: Cluster) -> Api:
    return connect(Target((cluster.kubeconfig,)))


def pod(name: str, node: str, *command: str) -> dict[str, object]:
    """A pod on that node, labelled ``app=NAME``."""
    return {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": {"name": name, "labels": {"app": name}},
        "spec": {
            "nodeName": node,
            "terminationGracePeriodSeconds": 0,
            "containers": [{"name": "main", "image": IMAGE, "command": list(command)}],
        },
    }


class Record:
    """``kubectl-netpol record`` as a process of its own; a context manager that ends it as Ctrl-C does.

    It begins once every node is heard. ``words`` is what it has said.
    """

    def __init__(self, cluster: Cluster, folder: Path, *arguments: str) -> None:
        self._words = tempfile.TemporaryFile()  # noqa: SIM115  # closed by __exit__
        command = [sys.executable, "-m", "kubectl_netpol", "record", *arguments]
        command += ["--cache-dir", str(folder), "--kubeconfig", str(cluster.kubeconfig)]
        self.process = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=self._words, stderr=self._words)

    @property
    def words(self) -> str:
        size = os.fstat(self._words.fileno()).st_size
        return os.pread(self._words.fileno(), size, 0).decode()

    def __enter__(self) -> Record:
        deadline = time.monotonic() + 60
        while "2/2 nodes" not in self.words:
            if self.process.poll() is not None or time.monotonic() > deadline:
                self._end()
                raise ClusterError(f"the recording did not begin: {self.words[-2000:]}")
            time.sleep(0.1)
        return self

    def __exit__(self, *_: object) -> None:
        self._end()
        words = self.words
        self._words.close()
        if self.process.returncode:
            raise ClusterError(f"the recording ended with {self.process.returncode}: {words[-2000:]}")

    def _end(self) -> None:
        with contextlib.suppress(ProcessLookupError):
            self.process.send_signal(signal.SIGINT)
        self.process.wait(120)
