"""Go modules as pinned in go/*/go.mod: commands built from them, and the folders of their sources."""

from __future__ import annotations

import subprocess
import sys
import time
from dataclasses import dataclass
from pathlib import Path

from .go_toolchain import find_go
from .layout import BINARIES, SOURCE
from .processes import ClusterError


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

    def build(self) -> None:
        """Builds what is missing. ClusterError when it cannot."""
        missing = self.missing
        if not missing:
            return
        started = time.monotonic()
        names = ", ".join(Path(command).name for command in missing)
        print(f"building {names} (minutes, the first time)", file=sys.stderr, flush=True)
        flags = " ".join(("-s -w", *(f"-X {variable}" for variable in self.variables)))
        BINARIES.mkdir(exist_ok=True)
        self._go("build", "-trimpath", "-ldflags", flags, "-o", f"{BINARIES}/", *missing)
        print(f"built {names} in {time.monotonic() - started:.0f} s", file=sys.stderr, flush=True)

    def source(self, path: str) -> Path:
        """Where Go keeps the source of a module that this one needs, read-only. It is fetched where it is not there."""
        self._go("mod", "download", path)
        return Path(self._go("list", "-m", "-f", "{{.Dir}}", path).strip())

    def _go(self, *arguments: str) -> str:
        # -mod=readonly is Go's default: what go.mod and go.sum pin is what is built, or nothing.
        go, folder = find_go(), SOURCE / "go" / self.folder
        words, environment = [go.command, *arguments], go.environment()
        done = subprocess.run(words, cwd=folder, env=environment, stdout=subprocess.PIPE, text=True, check=False)
        if done.returncode:
            raise ClusterError(f"go {arguments[0]} failed in {folder}")
        return done.stdout
