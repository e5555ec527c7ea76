"""The local source: the agent on this very machine, its records taken in as those of any node.

``cli.record`` and the demo start it. The inventory is a file of Kubernetes objects, read again whenever it changes.
"""

from __future__ import annotations

import os
import selectors
import signal
import stat
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from ..cache.store import LOCAL, Store
from ..errors import CaptureError, InputError, StoreError
from ..neighbors.inventory import Inventory
from .objects import read_objects
from .recorder import Recorder

_SAVE_SECONDS = 5.0
_INVENTORY_SECONDS = 1.0
_FAREWELL_SECONDS = 15.0


@dataclass(frozen=True, slots=True)
class LocalOptions:
    """``duration`` in seconds, 0 for until it is stopped; ``attach`` is auto, tcx or socket."""

    inventory: Path
    duration: float = 0.0
    attach: str = "auto"
    interval: float = 1.0


def check_machine() -> None:
    """Raises CaptureError where nothing can be captured, with what to do about it."""
    if not sys.platform.startswith("linux"):
        raise CaptureError("recording this machine needs Linux", "try: kubectl netpol demo")
    if os.geteuid() != 0:
        raise CaptureError("recording this machine needs root", "run it with sudo")


class InventoryFile:
    """A file of objects that may change under way: each version is an observation at its time."""

    def __init__(self, path: Path, inventory: Inventory) -> None:
        self._path = path
        self._inventory = inventory
        self._stamp: tuple[int, int, int] | None = None
        self._next = 0.0

    def read(self) -> None:
        """Observes the file as it is. Raises InputError."""
        self._stamp = self._current()
        self._inventory.observe(read_objects(self._path), int(time.time() * 1000))

    def reread(self) -> str:
        """Observes the file again if it changed; a sentence when it cannot be used now, and the last version stays."""
        now = time.monotonic()
        if now < self._next:
            return ""
        self._next = now + _INVENTORY_SECONDS
        try:
            if self._current() != self._stamp:
                self.read()
        except InputError as error:
            return f"{error.message}; its last version goes on being used"
        return ""

    def _current(self) -> tuple[int, int, int] | None:
        try:
            found = self._path.stat()
        except OSError:
            return None
        if not stat.S_ISREG(found.st_mode):
            return None  # a pipe can be read once only
        return found.st_mtime_ns, found.st_size, found.st_ino


class LocalSource:
    """Runs one recording; ``say`` gets sentences for people. ``stop`` may be called from a signal handler."""

    def __init__(self, options: LocalOptions, store: Store, say: Callable[[str], None]) -> None:
        self._options = options
        self._say = say
        self._said: set[str] = set()
        self.recorder = Recorder(store, LOCAL, Inventory())
        self._file = InventoryFile(options.inventory, self.recorder.inventory)
        self._agent: subprocess.Popen[bytes] | None = None
        self._stopped_at = 0.0
        self._rest = b""

    def run(self, on_progress: Callable[[Recorder], None]) -> None:
        """Records until the duration is over or ``stop`` is called; all that was heard is kept, whatever happens.

        Raises InputError for an unusable inventory, CaptureError when the capture cannot start or ends too early,
        StoreError when the cache cannot be written.
        """
        self._file.read()
        self._agent = self._start()
        try:
            self._follow(self._agent, on_progress)
        finally:
            self._end(self._agent)
            self.recorder.save_or_rescue()
        self._judge(self._agent)

    def stop(self) -> None:
        """Asks the agent for its last records; what it says until it ends is still taken in."""
        self._stopped_at = self._stopped_at or time.monotonic()
        if self._agent and self._agent.poll() is None:
            self._agent.send_signal(signal.SIGTERM)

    def _start(self) -> subprocess.Popen[bytes]:
        options = self._options
        command = [sys.executable, "-m", "kubectl_netpol.agent", "--attach", options.attach]
        command += ["--interval", str(options.interval), "--duration", str(options.duration)]
        # A session of its own: the terminal's Ctrl-C is for us, and we ask the agent for its last words.
        return subprocess.Popen(
            command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE, start_new_session=True
        )

    def _follow(self, agent: subprocess.Popen[bytes], on_progress: Callable[[Recorder], None]) -> None:
        assert agent.stdout is not None  # noqa: S101 - for the type checker: it was asked for
        os.set_blocking(agent.stdout.fileno(), False)
        next_save = time.monotonic() + _SAVE_SECONDS
        with selectors.DefaultSelector() as selector:
            selector.register(agent.stdout, selectors.EVENT_READ)
            while self._has_time():
                if selector.select(0.5) and not self._read(agent.stdout.fileno()):
                    return
                self._complain(self._file.reread())
                if time.monotonic() >= next_save:
                    self._save()
                    next_save = time.monotonic() + _SAVE_SECONDS
                on_progress(self.recorder)

    def _has_time(self) -> bool:
        return not self._stopped_at or time.monotonic() < self._stopped_at + _FAREWELL_SECONDS

    def _read(self, descriptor: int) -> bool:
        data = os.read(descriptor, 1 << 20)
        *lines, self._rest = (self._rest + data).split(b"\n")
        for line in lines:
            self.recorder.take(line)
        if not data and self._rest:
            self.recorder.take(self._rest)
        return bool(data)

    def _save(self) -> None:
        try:
            self.recorder.save()
        except StoreError as error:
            self._complain(f"{error.message}; the recording goes on and will be saved later")

    def _complain(self, sentence: str) -> None:
        if sentence and sentence not in self._said:
            self._said.add(sentence)
            self._say(sentence)

    @staticmethod
    def _end(agent: subprocess.Popen[bytes]) -> None:
        if agent.stdout:
            agent.stdout.close()  # whoever writes on learns that nobody reads
        try:
            agent.wait(timeout=3)
        except subprocess.TimeoutExpired:
            agent.kill()
            agent.wait()

    def _judge(self, agent: subprocess.Popen[bytes]) -> None:
        """Whether the agent ended as it should: by its time, by our word, after its final record."""
        status = self.recorder.status
        if agent.returncode == 0 and status and status.final:
            return
        said = agent.stderr.read().decode("utf-8", "replace") if agent.stderr else ""
        errors = [line.removeprefix("error: ") for line in said.splitlines() if line.startswith("error: ")]
        hints = [line.removeprefix("hint: ") for line in said.splitlines() if line.startswith("hint: ")]
        if errors:
            raise CaptureError(errors[-1], hints[-1] if hints else "")
        last = said.strip().splitlines()[-1:] or [_ending(agent.returncode)]
        raise CaptureError(f"the capture ended too early: {last[0]}", "what it had said until then is kept")


def _ending(code: int) -> str:
    """What became of a process that said nothing."""
    if code >= 0:
        return f"exit code {code}"
    try:
        return f"the agent was ended by {signal.Signals(-code).name}"
    except ValueError:
        return f"the agent was ended by signal {-code}"
