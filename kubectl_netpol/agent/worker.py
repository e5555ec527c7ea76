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
        self.failures: list[str] = []

    def fileno(self) -> int:
        """Of what is to be polled; -1 while no worker runs."""
        return self._process.stdout.fileno() if self._process and self._process.stdout else -1

    @property
    def pids(self) -> list[int]:
        return [self._process.pid] if self._process else []

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
                self.stop("the socket worker ended early")

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
            self.stop("the socket worker ended early" if self._waiting else "")
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
            self.stop("")

    def stop(self, failure: str) -> None:
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
        try:
            process.wait(timeout=0.5)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
