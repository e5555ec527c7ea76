"""Whatever goes wrong under a local recording: one clear line, a hint, exit code 1, and what was heard is kept."""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import sys
import tempfile
from pathlib import Path

import pytest

from kubectl_netpol.cache.store import LOCAL, Store
from kubectl_netpol.capture.local import LocalOptions, LocalSource
from kubectl_netpol.demo.machine import Machine
from kubectl_netpol.errors import CaptureError, StoreError

SERVER, CLIENT = "10.244.0.2", "10.244.0.3"


def pod(name: str, address: str) -> dict:
    return {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": {"name": name, "namespace": "shop", "uid": name, "labels": {"app": name}},
        "status": {"phase": "Running", "podIP": address, "podIPs": [{"ip": address}]},
    }


@pytest.fixture
def inventory(tmp_path) -> Path:
    path = tmp_path / "objects.json"
    path.write_text(json.dumps({"kind": "List", "items": [pod("server", SERVER), pod("client", CLIENT)]}))
    for folder in (path, *path.parents):
        if folder.owner() == "root" and folder != Path("/"):
            folder.chmod(folder.stat().st_mode | 0o055)
    return path


def record(inventory: Path, *before: str) -> subprocess.CompletedProcess[str]:
    """The command itself, run by ``before``."""
    with tempfile.TemporaryDirectory() as cache:
        Path(cache).chmod(0o777)
        command = [*before, sys.executable, "-m", "kubectl_netpol", "record", "--local", "--inventory", str(inventory)]
        command += ["--duration", "1s", "--cache-dir", f"{cache}/kept"]
        return subprocess.run(command, capture_output=True, text=True, timeout=50, check=False)


def assert_told(done: subprocess.CompletedProcess[str], message: str, hint: str) -> None:
    assert done.returncode == 1, done.stderr
    assert "Traceback" not in done.stderr
    (told,) = [line for line in done.stderr.splitlines() if line.startswith("error: ")]
    assert re.search(message, told), done.stderr
    assert re.search(hint, done.stderr.split(told)[1]), done.stderr


@pytest.mark.kernel
def test_who_is_not_root_is_told_so(machine: Machine, inventory):
    # Nobody, without a right, in a user namespace of its own; the files of whoever runs the tests stay readable.
    nobody = ("unshare", "--user")
    told = subprocess.run([*nobody, "id", "-u"], capture_output=True, text=True, check=True).stdout
    assert told.strip() == "65534"
    assert_told(record(inventory, *nobody), "needs root", "sudo")


@pytest.mark.kernel
def test_root_without_the_rights_for_ebpf_is_told_which(machine: Machine, inventory):
    without = ("setpriv", "--bounding-set", "-bpf,-sys_admin,-net_admin,-perfmon", "--inh-caps", "-all")
    assert_told(record(inventory, *without), "the kernel refuses the eBPF program", "CAP_BPF")


@pytest.mark.kernel
def test_a_missing_libbpf_is_told_with_its_package(machine: Machine, inventory):
    known = subprocess.run(["ldconfig", "-p"], capture_output=True, text=True, check=True).stdout
    library = re.search(r"libbpf\.so\.1 .* => (\S+)", known)
    subprocess.run(["mount", "--bind", "/dev/null", library[1]], check=True)
    assert_told(record(inventory), "libbpf", "libbpf1")


class Recording:
    """A recording of two pods that talk, in which something happens once the talk of both was heard."""

    def __init__(self, machine: Machine, inventory: Path, store: Store) -> None:
        self.server, self.client = machine.add_pod("server", (SERVER,)), machine.add_pod("client", (CLIENT,))
        self.server.listen_tcp(8080)
        self.source = LocalSource(LocalOptions(inventory, 20.0, "auto", 0.2), store, print)
        self.then = self.source.stop

    def run(self) -> None:
        self.source.run(self._step)

    def _step(self, recorder) -> None:
        if not recorder.status:
            return
        self.client.try_tcp(SERVER, 8080)
        if answered(recorder.recordings()) == {"server", "client"}:
            then, self.then = self.then, lambda: None
            then()


def answered(recordings) -> set[str]:
    return {found.workload.name for found in recordings if found.flows}


@pytest.mark.kernel
def test_an_agent_that_is_killed_costs_nothing_that_it_had_said(machine: Machine, inventory, tmp_path):
    with Store.open(tmp_path / "cache") as store:
        recording = Recording(machine, inventory, store)
        recording.then = lambda: os.kill(recording.source._agent.pid, signal.SIGKILL)
        with pytest.raises(CaptureError, match="SIGKILL") as failed:
            recording.run()
        assert "kept" in failed.value.hint
        assert answered(store.read(LOCAL)) == {"server", "client"}


@pytest.mark.kernel
def test_a_full_disk_costs_nothing_that_was_heard(machine: Machine, inventory, tmp_path):
    disk, elsewhere = tmp_path / "disk", tmp_path / "elsewhere"
    disk.mkdir()
    elsewhere.mkdir()
    tempfile.tempdir = str(elsewhere)
    subprocess.run(["mount", "-t", "tmpfs", "-o", "size=1m", "none", disk], check=True)
    with Store.open(disk / "cache") as store:
        recording = Recording(machine, inventory, store)
        recording.then = lambda: (_fill(disk), recording.source.stop())
        with pytest.raises(StoreError) as failed:
            recording.run()
    (rescued,) = elsewhere.glob("kubectl-netpol-*.ndjson")
    assert str(rescued) in failed.value.message
    told = failed.value.hint.split("kubectl netpol ")[1].split()
    command = [sys.executable, "-m", "kubectl_netpol", *told, "--cache-dir", str(tmp_path / "mended")]
    subprocess.run(command, check=True, capture_output=True, timeout=30)
    with Store.open(tmp_path / "mended") as store:
        assert answered(store.read(LOCAL)) == {"server", "client"}


def _fill(folder: Path) -> None:
    with (folder / "ballast").open("wb", buffering=0) as ballast:
        try:
            while True:
                ballast.write(bytes(4096))
        except OSError:
            return


@pytest.mark.kernel
def test_a_cache_that_is_not_to_be_written_is_told_before_anything_is_captured(machine: Machine, inventory, tmp_path):
    place = tmp_path / "file"
    place.write_text("no folder")
    command = [sys.executable, "-m", "kubectl_netpol", "record", "--local", "--inventory", str(inventory)]
    done = subprocess.run(
        [*command, "--cache-dir", str(place / "kept")], capture_output=True, text=True, timeout=50, check=False
    )
    assert_told(done, "cache|file", ".")
