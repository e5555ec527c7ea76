"""Go 1.26, wherever it is. Kubernetes 1.36 wants that one: built with 1.27 its API server's /openapi/v2 breaks.

In this order: $GO, a Go 1.26 on the PATH or in its usual folders, and any other Go since 1.21, which fetches 1.26
itself, as a module with a checksum in the public log (GOTOOLCHAIN).
"""

from __future__ import annotations

import os
import re
import shutil
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass

from .processes import ClusterError

_WANTED = (1, 26)
_TOOLCHAIN = "go1.26.0"
_FETCHES = (1, 21)
_USUAL = ("/usr/local/go/bin/go", "/usr/lib/go-1.26/bin/go", "/usr/lib/go/bin/go")


@dataclass(frozen=True, slots=True)
class Go:
    """A go command, and the environment in which it is version 1.26."""

    command: str
    toolchain: str

    def environment(self) -> dict[str, str]:
        """Static binaries, whatever the user's own settings; GOFLAGS, GOPROXY and the caches are theirs."""
        return {**os.environ, "CGO_ENABLED": "0", "GOTOOLCHAIN": self.toolchain, "GOWORK": "off"}


def find_go() -> Go:
    """The Go to build with. ClusterError with what to install when there is none."""
    found = {command: version for command in _candidates() if (version := _version(command))}
    for command, version in found.items():
        if version == _WANTED:
            return Go(command, "local")
    for command, version in found.items():
        if version >= _FETCHES:
            return Go(command, _TOOLCHAIN)
    raise ClusterError(
        "Go 1.26 is needed to build Kubernetes. Any Go since 1.21 can fetch it: install the package golang-go "
        "(Debian 13, Ubuntu 24.04) or golang-1.26-go from Debian's backports, or unpack go.dev/dl to /usr/local/go"
    )


def _candidates() -> Iterator[str]:
    for command in (os.environ.get("GO"), shutil.which("go"), *_USUAL):
        if command and shutil.which(command):
            yield command


def _version(command: str) -> tuple[int, int] | None:
    environment = {**os.environ, "GOTOOLCHAIN": "local"}
    said = subprocess.run([command, "env", "GOVERSION"], env=environment, capture_output=True, text=True, check=False)
    match = re.match(r"go(\d+)\.(\d+)", said.stdout)
    return (int(match[1]), int(match[2])) if match else None
