"""What the cluster runs, built once into the cache: Go modules as pinned in go/*/go.mod, Debian's daemons, images.

The daemons' packages are unpacked into the cache and not installed, since an installed etcd or containerd would start
to serve the machine itself. The tools that they call (iptables, nft, ...) are the machine's own: ``.ci/need cluster``.
"""

from __future__ import annotations

import fcntl
import platform
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from .go_toolchain import Go, find_go
from .images import build_images
from .layout import BINARIES, CACHE, CALICO_TYPES, CNI_PLUGINS, PACKAGES, SOURCE
from .processes import ClusterError

KUBERNETES = "1.36.3"
_CALICO = "github.com/projectcalico/calico"
_VERSION = "k8s.io/component-base/version"


@dataclass(frozen=True, slots=True)
class Module:
    """A go.mod below go/, and the commands that are built from it."""

    folder: str
    commands: tuple[str, ...]
    variables: tuple[str, ...] = ()

    @property
    def missing(self) -> list[str]:
        """The commands that are not built yet."""
        return [command for command in self.commands if not (BINARIES / Path(command).name).exists()]


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
    Module("calico", (f"{_CALICO}/felix/cmd/calico-felix", f"{_CALICO}/cni-plugin/cmd/calico")),
    Module("tools", ("github.com/coredns/coredns",)),
)
DAEMON_PACKAGES = ("etcd-server", "containerd", "runc", "containernetworking-plugins")
_PLUGINS = ("host-local", "portmap", "loopback", "bandwidth", "tuning")


def build() -> None:
    """Builds what is missing. ClusterError or CalledProcessError when something cannot be built."""
    if platform.system() != "Linux":
        raise ClusterError("the test cluster needs Linux")
    CACHE.mkdir(parents=True, exist_ok=True)
    with _alone():
        _build_modules()
        _unpack_packages()
        _gather_plugins()
        build_images()


@contextmanager
def _alone() -> Iterator[None]:
    with (CACHE / "build.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield


def _build_modules() -> None:
    wanted = [module for module in MODULES if module.missing]
    if not wanted and CALICO_TYPES.exists():
        return
    go = find_go()
    for module in wanted:
        _build_module(go, module)
    if not CALICO_TYPES.exists():
        source = _run_go(go, "calico", "list", "-m", "-f", "{{.Dir}}", _CALICO).strip()
        shutil.copytree(Path(source) / "libcalico-go/config/crd", CALICO_TYPES, copy_function=shutil.copyfile)


def _build_module(go: Go, module: Module) -> None:
    started = time.monotonic()
    names = ", ".join(Path(command).name for command in module.missing)
    print(f"building {names} (minutes, the first time)", file=sys.stderr, flush=True)
    flags = " ".join(("-s -w", *(f"-X {variable}" for variable in module.variables)))
    BINARIES.mkdir(exist_ok=True)
    _run_go(go, module.folder, "build", "-trimpath", "-ldflags", flags, "-o", f"{BINARIES}/", *module.missing)
    print(f"built {names} in {time.monotonic() - started:.0f} s", file=sys.stderr, flush=True)


def _run_go(go: Go, folder: str, *arguments: str) -> str:
    # -mod=readonly is Go's default: what go.mod and go.sum pin is what is built, or nothing.
    done = subprocess.run(
        [go.command, *arguments],
        cwd=SOURCE / "go" / folder,
        env=go.environment(),
        stdout=subprocess.PIPE,
        text=True,
        check=False,
    )
    if done.returncode:
        raise ClusterError(f"go {arguments[0]} failed in {SOURCE / 'go' / folder}")
    return done.stdout


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


def _gather_plugins() -> None:
    CNI_PLUGINS.mkdir(exist_ok=True)
    for source in (BINARIES / "calico", *(PACKAGES / "usr/lib/cni" / name for name in _PLUGINS)):
        if not (CNI_PLUGINS / source.name).exists():
            shutil.copy2(source, CNI_PLUGINS)
