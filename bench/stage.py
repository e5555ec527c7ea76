"""Where the kernel's benches play: a private machine, two namespaces on one veth pair, traffic in C, a real agent.

Nothing here touches the host's network. All of it ends with the private machine.
"""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Self

from pyroute2 import IPRoute

from kubectl_netpol.demo.isolation import Ending, obstacle, run_isolated
from kubectl_netpol.demo.machine import Machine
from kubectl_netpol.demo.pod import Pod
from kubectl_netpol.wire import FlowsRecord, Record, StatusRecord, decode

SERVER_PORT = 8080
CLIENT_ADDRESS, SERVER_ADDRESS = "10.0.0.2", "10.0.0.3"
_SOURCE = Path(__file__).with_name("traffic.c")
_START_SECONDS = 15.0
_CALM_SECONDS = 0.03
Figures = dict[str, Any]


def play(measure: Callable[[Machine, Path], list[Figures]], seconds: float) -> None:
    """Runs ``measure`` in a private machine with a scratch directory and the compiled traffic; prints its cases."""
    reason = obstacle()
    if reason:
        sys.exit(f"cannot measure here: {reason}")
    with tempfile.TemporaryDirectory() as folder:
        scratch = Path(folder)
        subprocess.run(["gcc", "-O2", "-o", str(scratch / "traffic"), str(_SOURCE)], check=True)
        outcome = run_isolated(lambda: json.dumps(measure(Machine(), scratch)), seconds)
    if outcome.ending is not Ending.RETURNED:
        sys.exit(f"{outcome.ending}: {outcome.text}")
    for case in json.loads(outcome.text):
        print(json.dumps(case))


class Stage:
    """A client's and a server's namespace, joined by one veth pair and nothing else."""

    def __init__(self, machine: Machine, scratch: Path) -> None:
        self.program = str(scratch / "traffic")
        self.client, self.server = machine.add_namespace("client"), machine.add_namespace("server")
        with IPRoute() as routes:
            peer = {"ifname": "eth0", "net_ns_fd": self.server.descriptor}
            routes.link("add", ifname="bench0", kind="veth", net_ns_fd=self.client.descriptor, peer=peer)
        _furnish(self.client, "bench0", CLIENT_ADDRESS)
        _furnish(self.server, "eth0", SERVER_ADDRESS)

    @contextmanager
    def serving(self, verb: str, port: int, *words: str, core: int = 1, urgent: bool = True) -> Iterator[None]:
        """A server (``accept`` or ``sink``) pinned to a core, for the length of the block."""
        process = self._start(self.server, core, urgent, verb, SERVER_ADDRESS, str(port), *words)
        try:
            if not process.stdout or process.stdout.readline() != b"ready\n":
                raise RuntimeError(f"the server {verb} did not start")
            yield
        finally:
            process.kill()
            process.communicate()

    def start_client(
        self, verb: str, port: int, *words: str, core: int = 0, urgent: bool = True
    ) -> subprocess.Popen[bytes]:
        """A client (``connect`` or ``pour``) pinned to a core, to be ended by ``result``."""
        return self._start(self.client, core, urgent, verb, SERVER_ADDRESS, str(port), *words)

    def _start(self, pod: Pod, core: int, urgent: bool, *words: str) -> subprocess.Popen[bytes]:
        # Urgent: real-time, so that whatever else runs here takes nothing from the traffic.
        command = ["taskset", "-c", str(core % (os.cpu_count() or 1)), self.program, *words]
        return pod.run(["chrt", "--fifo", "1", *command] if urgent else command, stdout=subprocess.PIPE)


def result(client: subprocess.Popen[bytes]) -> dict[str, float]:
    """What a client says at its end."""
    text, _ = client.communicate()
    if client.returncode:
        raise RuntimeError(f"a client ended with {client.returncode}")
    found: dict[str, float] = json.loads(text)
    return found


def _furnish(pod: Pod, interface: str, address: str) -> None:
    with pod.inside(), IPRoute() as routes:
        index = routes.link_lookup(ifname=interface)[0]
        routes.addr("add", index=index, address=address, prefixlen=24)
        routes.link("set", index=index, state="up")
        Path("/proc/sys/net/core/somaxconn").write_text("65535")


class Agent:
    """``python -m kubectl_netpol.agent`` with its records in a file; a context manager that ends it."""

    def __init__(self, mode: str, scratch: Path, *options: str) -> None:
        self.path = scratch / f"records-{time.monotonic_ns()}.ndjson"
        command = [sys.executable, "-m", "kubectl_netpol.agent", "--attach", mode, *options]
        with self.path.open("wb") as stream:
            self.process = subprocess.Popen(command, stdout=stream, stdin=subprocess.DEVNULL)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()

    def stop(self) -> list[Record]:
        """Asks for the last records and waits for the end; all records."""
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGTERM)
        if self.process.wait(30):
            raise RuntimeError(f"the agent ended with {self.process.returncode}")
        return self.records()

    def records(self) -> list[Record]:
        """What it has said so far, without a line that is not yet whole."""
        lines = self.path.read_bytes().split(b"\n")
        return [decode(line) for line in lines[:-1]]

    def statuses(self) -> list[StatusRecord]:
        return [record for record in self.records() if isinstance(record, StatusRecord)]

    def wait_attached(self, namespaces: int, meanwhile: Callable[[], None] = lambda: None) -> Self:
        """Returns when it says that it holds so many namespaces, and its start, the worker's too, is behind it."""
        deadline = time.monotonic() + _START_SECONDS
        while time.monotonic() < deadline:
            before = self.cpu_seconds()
            for _ in range(10):
                time.sleep(0.02)
                meanwhile()
            statuses = self.statuses()
            attached = statuses and statuses[-1].attached.get("namespaces", 0) >= namespaces
            if attached and self.cpu_seconds() - before < _CALM_SECONDS:
                return self
        raise RuntimeError("the agent did not attach in time")

    def cpu_seconds(self) -> float:
        """Of the agent and its workers, those that ended too, as the kernel says it from outside."""
        return sum(_cpu_seconds(pid) for pid in self.pids())

    def pids(self) -> list[int]:
        """The agent's process, and its worker's while that lives."""
        own = self.process.pid
        return [own, *map(int, Path(f"/proc/{own}/task/{own}/children").read_text().split())]


def _cpu_seconds(pid: int) -> float:
    # /proc/PID/stat, behind the name in brackets: utime, stime, cutime and cstime are fields 14 to 17.
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return sum(map(int, fields[11:15])) / os.sysconf("SC_CLK_TCK")


def latest_flows(records: list[Record]) -> dict[str, dict[str, list[int]]]:
    """The newest counters of each flow, by the namespace's id."""
    found: dict[str, dict[str, list[int]]] = {}
    for record in records:
        if isinstance(record, FlowsRecord):
            found.setdefault(record.netns.id, {}).update(record.flows)
    return found
