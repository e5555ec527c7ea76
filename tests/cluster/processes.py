"""Daemons of the cluster: started in a machine's namespaces, found again by their control group, stopped.

A daemon outlives the process that started it. Its number is kept in a file and believed only while that process is in
the daemon's own control group.
"""

from __future__ import annotations

import os
import signal
import subprocess
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from . import cgroups
from .layout import LOGS, RUN

HOST = "host"
_HOLDER = "holder"

# Enters the daemon's control groups before anything else, so that no child of it can be outside.
_ENTER = """
for group in $GROUPS_TO_JOIN; do echo $$ > "$group/cgroup.procs" || exit; done
echo $$ > "$NUMBER_FILE"; unset GROUPS_TO_JOIN NUMBER_FILE
ulimit -n 65536 2>/dev/null
exec "$@"
"""


class ClusterError(Exception):
    """Something of the cluster did not start; the message says what, and where its log is."""


@dataclass(frozen=True, slots=True)
class Daemon:
    """A long-running command of one machine (or of the host, with the machine HOST)."""

    machine: str
    name: str
    command: Sequence[str]
    environment: Mapping[str, str] = field(default_factory=dict)

    @property
    def log(self) -> Path:
        """Its standard output and error."""
        return LOGS / f"{self.machine}-{self.name}.log"

    @property
    def _number_file(self) -> Path:
        return RUN / f"{self.machine}-{self.name}.pid"

    @property
    def _group(self) -> tuple[str, ...]:
        return (self.machine, "daemons", self.name)

    def number(self) -> int | None:
        """The number of its main process while that is alive."""
        try:
            number = int(self._number_file.read_text())
        except (OSError, ValueError):
            return None
        return number if number in cgroups.processes(*self._group) else None

    def start(self) -> None:
        """Starts it and returns at once; nothing happens when it runs already."""
        if self.number() is not None:
            return
        environment = {
            **os.environ,
            **self.environment,
            "GROUPS_TO_JOIN": " ".join(str(folder) for folder in cgroups.make(*self._group)),
            "NUMBER_FILE": str(self._number_file),
        }
        place = () if self.name == _HOLDER else entered(self.machine)
        command = ["setsid", "--fork", "sh", "-c", _ENTER, "sh", *place, *self.command]
        self.log.parent.mkdir(parents=True, exist_ok=True)
        self._number_file.parent.mkdir(parents=True, exist_ok=True)
        self._number_file.unlink(missing_ok=True)
        with self.log.open("ab") as log:
            subprocess.run(command, env=environment, stdin=subprocess.DEVNULL, stdout=log, stderr=log, check=True)
        wait_until(self._number_file.exists, 10, f"{self.machine}'s {self.name} starts", self.log)

    def stop(self, what: signal.Signals = signal.SIGTERM, patience: float = 5.0) -> None:
        """Sends the signal to the main process and waits for its end; SIGKILL after ``patience`` seconds."""
        for attempt in (what, signal.SIGKILL):
            number = self.number()
            if number is None:
                return
            cgroups.send(number, attempt)
            deadline = time.monotonic() + patience
            while _has(number) and time.monotonic() < deadline:
                time.sleep(0.02)


def _has(number: int) -> bool:
    """Whether it still has anything, such as a port: a killed process leaves its control group before its files."""
    process = Path(f"/proc/{number}")
    try:
        is_dead = process.joinpath("stat").read_text().rpartition(")")[2].split()[0] in "ZX"
        return not is_dead or len(list(process.joinpath("task").iterdir())) > 1
    except OSError:
        return False


def holder(machine: str) -> Daemon:
    """The process that holds the machine's namespaces, and with them its mounts and interfaces."""
    return Daemon(machine, _HOLDER, ("unshare", "--net", "--mount", "--propagation", "private", "sleep", "infinity"))


def entered(machine: str) -> tuple[str, ...]:
    """The words before a command that make it run in the machine: its network and its mounts, nothing else.

    ``ip netns exec`` would not do: it mounts /sys anew, and the control groups are gone.
    """
    if machine == HOST:
        return ()
    number = holder(machine).number()
    if number is None:
        raise ClusterError(f"machine {machine} is not running")
    return ("nsenter", "--target", str(number), "--net", "--mount", "--")


def run_in(machine: str, *command: str, environment: Mapping[str, str] | None = None, check: bool = True) -> str:
    """Runs a command in the machine and returns its output. ClusterError with what it said when it fails."""
    words = [*entered(machine), *command]
    done = subprocess.run(words, env={**os.environ, **(environment or {})}, capture_output=True, text=True, check=False)
    if check and done.returncode:
        raise ClusterError(f"{machine}: {' '.join(command)[:200]}: {(done.stderr or done.stdout).strip()[-2000:]}")
    return done.stdout


def wait_until(holds: Callable[[], object], seconds: float, what: str, log: Path | None = None) -> None:
    """Asks every 50 ms until ``holds()``. ClusterError that names ``what`` and the log after so many seconds."""
    deadline = time.monotonic() + seconds
    while not holds():
        if time.monotonic() > deadline:
            raise ClusterError(f"not within {seconds:.0f} s: {what}" + (f" (see {log})" if log else ""))
        time.sleep(0.05)
