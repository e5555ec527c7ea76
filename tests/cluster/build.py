"""What the cluster runs, built once into the cache: Go modules as pinned in go/*/go.mod, Debian's daemons, images.

What only one network wants is built for clusters with that network only. The daemons' packages are unpacked into the
cache and not installed, since an installed etcd or containerd would start to serve the machine itself. The tools that
they call (iptables, nft, ...) are the machine's own: ``.ci/need cluster``, or ``.ci/need cilium``.
"""

from __future__ import annotations

import fcntl
import platform
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

from .go_modules import Module
from .images import build_images
from .layout import BINARIES, CACHE, CNI_PLUGINS, PACKAGES
from .networks import Network
from .processes import ClusterError

KUBERNETES = "1.36.3"
_VERSION = "k8s.io/component-base/version"

MODULES = (
    Module(
        "kubernetes",
        tuple(
            f"k8s.io/kubernetes/cmd/{name}"
            for name in (
                "kube-apiserver",
                "kube-controller-manager",
                "kube-scheduler",
                "kube-proxy",
                "kubelet",
                "kubectl",
            )
        ),
        (f"{_VERSION}.gitVersion=v{KUBERNETES}", f"{_VERSION}.gitMajor=1", f"{_VERSION}.gitMinor=36"),
    ),
    Module("tools", ("github.com/coredns/coredns",)),
)
DAEMON_PACKAGES = ("etcd-server", "containerd", "runc", "containernetworking-plugins")
_PLUGINS = ("host-local", "portmap", "loopback", "bandwidth", "tuning")


PLUGIN_TOOLS = (
    replace(MODULES[0], commands=("k8s.io/kubernetes/cmd/kubectl",)),
    Module("tools", ("sigs.k8s.io/krew/cmd/krew",)),
)


def build_plugin_tools() -> None:
    """Builds kubectl and krew, whichever is missing: tests/dist needs no cluster. ClusterError when it cannot."""
    with building():
        for module in PLUGIN_TOOLS:
            module.build()


def build(network: Network) -> None:
    """Builds what a cluster with that network lacks. ClusterError or CalledProcessError when something cannot be."""
    if platform.system() != "Linux":
        raise ClusterError("the test cluster needs Linux")
    with building():
        for module in (*MODULES, network.module):
            module.build()
        _unpack_packages()
        _gather_plugins(network.plugin)
        network.gather()
        build_images()


@contextmanager
def building() -> Iterator[None]:
    """While one builds into the cache, others wait."""
    CACHE.mkdir(parents=True, exist_ok=True)
    with (CACHE / "build.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield


def _unpack_packages() -> None:
    if PACKAGES.exists():
        return
    with tempfile.TemporaryDirectory(dir=CACHE) as name:
        folder = Path(name)
        folder.chmod(0o777)  # apt-get downloads as its own user
        _download(folder)
        for package in folder.glob("*.deb"):
            subprocess.run(["dpkg-deb", "--extract", package, folder / "root"], check=True)
        (folder / "root").rename(PACKAGES)


def _download(folder: Path) -> None:
    download = ["apt-get", "-qq", "download", *DAEMON_PACKAGES]
    if subprocess.run(download, cwd=folder, stderr=subprocess.DEVNULL, check=False).returncode:
        subprocess.run(["apt-get", "-qq", "update"], check=True)
        subprocess.run(download, cwd=folder, check=True)


def _gather_plugins(own: str) -> None:
    CNI_PLUGINS.mkdir(exist_ok=True)
    for source in (BINARIES / own, *(PACKAGES / "usr/lib/cni" / name for name in _PLUGINS)):
        if not (CNI_PLUGINS / source.name).exists():
            shutil.copy2(source, CNI_PLUGINS)
