"""However a local recording is ended from outside, what was heard until then is kept."""

from __future__ import annotations

import signal
import subprocess
import sys

import pytest
from test_local_source import CLIENT, SERVER, inventory  # noqa: F401 - a fixture

from kubectl_netpol.cache.store import LOCAL, Store
from kubectl_netpol.demo.machine import Machine
from kubectl_netpol.demo.pod import Attempt


@pytest.mark.kernel
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_a_signal_ends_the_recording_and_keeps_everything(machine: Machine, inventory, tmp_path, number):  # noqa: F811
    server, client = machine.add_pod("server", (SERVER,)), machine.add_pod("client", (CLIENT,))
    server.listen_tcp(8080)
    command = [sys.executable, "-m", "kubectl_netpol", "record", "--local", "--inventory", str(inventory)]
    command += ["--cache-dir", str(tmp_path / "cache")]
    with subprocess.Popen(command, stderr=subprocess.PIPE, text=True) as recording:
        assert "recording 2 network namespaces" in recording.stderr.readline()
        assert client.try_tcp(SERVER, 8080) is Attempt.ANSWERED
        recording.send_signal(number)
        told = recording.communicate(timeout=20)[1]
    assert recording.returncode == 0, told
    with Store.open(tmp_path / "cache") as store:
        kept = {one.workload.name: len(one.flows) for one in store.read(LOCAL)}
    assert kept == {"server": 1, "client": 1}, told
