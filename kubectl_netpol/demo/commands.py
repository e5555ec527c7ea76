"""Runs the product's own public commands for the demo, and shows each as a person would type it."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from ..cache.location import ENVIRONMENT
from ..errors import CaptureError
from ..known_servers import location as known_servers

Say = Callable[[str], None]
"""Takes one line of the story, and sees to it that it comes before what is printed next."""
LONGEST = 60.0
_NO_READER = 141  # as of a process that SIGPIPE ended
PACKAGE_ROOT = Path(__file__).resolve().parents[2]


@dataclass(frozen=True, slots=True)
class Commands:
    """Commands that run in ``directory``, a cache and a configuration of its own below it; they print as the demo."""

    directory: Path
    say: Say

    @property
    def cache_directory(self) -> Path:
        return self.directory / "cache"

    def run(self, *arguments: str) -> None:
        """Show a command, run it, and wait. Raises CaptureError when it fails; it has told why.

        Raises BrokenPipeError when nobody reads what it prints any more.
        """
        command = self.start(*arguments)
        try:
            code = command.wait(LONGEST)
        except subprocess.TimeoutExpired as error:
            raise CaptureError(f"kubectl netpol {arguments[0]} is not done after {LONGEST:g} seconds") from error
        finally:
            command.kill()
        if code == _NO_READER:
            raise BrokenPipeError
        if code:
            raise CaptureError(f"kubectl netpol {arguments[0]} has failed, as told above")

    def start(self, *arguments: str) -> subprocess.Popen[bytes]:
        """Show a command and start it; the caller waits for it."""
        self.say("")
        self.say(f"$ kubectl netpol {' '.join(arguments)}")
        command = [sys.executable, "-m", "kubectl_netpol", *arguments]
        return subprocess.Popen(command, cwd=self.directory, env=self._environment(), stdin=subprocess.DEVNULL)

    def _environment(self) -> dict[str, str]:
        search = os.pathsep.join(filter(None, (str(PACKAGE_ROOT), os.environ.get("PYTHONPATH"))))
        own = {ENVIRONMENT: str(self.cache_directory), "XDG_CONFIG_HOME": str(self.directory / "config")}
        environment = os.environ | own | {"PYTHONPATH": search}
        environment.pop(known_servers.ENVIRONMENT, None)
        return environment
