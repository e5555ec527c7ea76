"""What make dist built, and the real kubectl and krew: a home folder of its own for each test, and no Python on the PATH."""

from __future__ import annotations

import subprocess
import tarfile
from dataclasses import dataclass
from pathlib import Path

import pytest

from kubectl_netpol import __version__
from release.build import this_platform
from release.manifest import archive_name
from tests.cluster.build import build_plugin_tools
from tests.cluster.layout import BINARIES

ROOT = Path(__file__).parents[2]
SYSTEM = "/usr/sbin:/usr/bin:/sbin:/bin"


def pytest_collection_modifyitems(items):
    for item in items:
        if Path(__file__).parent in item.path.parents:
            item.add_marker(pytest.mark.dist)


@dataclass(frozen=True)
class Home:
    """A user who has kubectl and krew, and whose PATH has krew's folder as krew asks for it."""

    folder: Path

    @property
    def krew(self) -> Path:
        return self.folder / ".krew"

    def environment(self, **more):
        path = f"{self.krew}/bin:{self.folder}/bin:{SYSTEM}"
        own = {"HOME": str(self.folder), "PATH": path, "KREW_NO_UPGRADE_CHECK": "1", "LANG": "C.UTF-8"}
        return own | {"GIT_CONFIG_NOSYSTEM": "1", "KUBECONFIG": "/dev/null"} | more

    def run(self, *words, code=0, **more):
        """What a command says on stdout and stderr; it has to exit with that code."""
        settings = {"capture_output": True, "text": True, "timeout": 300, "cwd": self.folder, "check": False}
        done = subprocess.run(list(words), env=self.environment(**more), **settings)
        assert done.returncode == code, f"{words}: {done.returncode}\n{done.stdout}\n{done.stderr}"
        return done


@pytest.fixture(scope="session")
def archive() -> Path:
    """The archive of make dist for this platform."""
    file = ROOT / "dist" / archive_name(__version__, *this_platform())
    if not file.exists():
        why = f"{file} is not there: make dist"
        pytest.skip(why)
    return file


@pytest.fixture(scope="session")
def wheel() -> Path:
    file = ROOT / "dist" / f"kubectl_netpol-{__version__}-py3-none-any.whl"
    if not file.exists():
        why = f"{file} is not there: make wheel"
        pytest.skip(why)
    return file


@pytest.fixture(scope="session")
def tools() -> Path:
    """A folder with kubectl, and with krew under the name of a plugin."""
    build_plugin_tools()
    return BINARIES


@pytest.fixture
def home(tmp_path, tools) -> Home:
    folder = tmp_path / "home"
    (folder / "bin").mkdir(parents=True)
    (folder / "bin/kubectl").symlink_to(tools / "kubectl")
    (folder / "bin/kubectl-krew").symlink_to(tools / "krew")
    return Home(folder)


@pytest.fixture(scope="session")
def frozen(archive, tmp_path_factory) -> Path:
    """The program of the archive, unpacked."""
    folder = tmp_path_factory.mktemp("frozen")
    with tarfile.open(archive) as tar:
        tar.extractall(folder, filter="data")
    return folder / "kubectl-netpol"


@pytest.fixture
def unpacked(home, frozen) -> Home:
    """A user who has put the program of the archive on the PATH by hand."""
    (home.folder / "bin/kubectl-netpol").symlink_to(frozen)
    return home
