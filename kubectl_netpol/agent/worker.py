"""The agent's end of the socket worker (``sockets``): started when it is needed, ended when it has been idle."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from collections.abc import Iterator
from typing import Any

_IDLE_SECONDS = 5.0


class SocketWorker:
    """Asks which sockets a namespace has. ``failures`` are sentences about what could not be read."""

    def __init__(self) -> None:
        self._process: subprocess.Popen[bytes] | None = None
        self._waiting: set[int] = set()
        self._rest = b""
        self._idle_since = 0.0
        self._ending: list[subprocess.Popen[bytes]] = []
        self.failures: list[str] = []

    def fileno(self) -> int:
        """Of what is to be polled; -1 while no worker runs."""
        return self._process.stdout.fileno() if self._process and self._process.stdout else -1

    @property
    def pids(self) -> list[int]:
        return [process.pid for process in (self._process, *self._ending) if process]

    @property
    def is_busy(self) -> bool:
        return bool(self._waiting)

    def ask(self, scope: int, path: str) -> None:
        """Asks for the sockets of the namespace behind ``path``; ``answers`` brings them later."""
        if not self._process:
            self._start()
        if self._process and self._process.stdin:
            self._waiting.add(scope)
            try:
                self._process.stdin.write(f"{scope} {path}\n".encode())
                self._process.stdin.flush()
            except OSError:
                self._dismiss("the socket worker ended early")

    def _start(self) -> None:
        command = [sys.executable, "-m", "kubectl_netpol.agent.sockets"]
        try:
            self._process = subprocess.Popen(
                command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL
            )
        except OSError as error:
            self.failures.append(f"the socket worker cannot be started: {error.strerror}")
            return
        os.set_blocking(self.fileno(), False)

    def answers(self) -> Iterator[tuple[int, dict[str, Any]]]:
        """(scope, findings) that have come since the last call."""
        try:
            data = os.read(self.fileno(), 1 << 20)
        except BlockingIOError:
            return
        if not data:
            self._dismiss("the socket worker ended early" if self._waiting else "")
            return
        *lines, self._rest = (self._rest + data).split(b"\n")
        for line in lines:
            scope, findings = json.loads(line)
            self._waiting.discard(int(scope))
            self._idle_since = time.monotonic()
            if "error" in findings:
                self.failures.append(f"existing sockets could not be read: {findings['error']}")
            else:
                yield int(scope), findings

    def rest(self) -> None:
        """Ends the worker when it has had nothing to do for a while: its memory is worth more than its start."""
        if self._process and not self._waiting and time.monotonic() > self._idle_since + _IDLE_SECONDS:
            self._dismiss("")
        self._ending = [process for process in self._ending if process.poll() is None]

    def stop(self, failure: str = "") -> None:
        """Ends the worker and waits for it."""
        self._dismiss(failure)
        for process in self._ending:
            try:
                process.wait(timeout=0.5)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()

    def _dismiss(self, failure: str) -> None:
        # It ends by itself when its stdin does. Nobody waits for it: that takes 100 ms, and new pods do not wait.
        if failure:
            self.failures.append(failure)
        self._waiting.clear()
        self._rest = b""
        process, self._process = self._process, None
        if not process:
            return
        for pipe in (process.stdin, process.stdout):
            if pipe:
                pipe.close()
        self._ending.append(process)
