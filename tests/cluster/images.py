"""Container images without a registry: root file systems in tar files, as archives that ``ctr images import`` loads.

Called by build.py. The agent's image is the project's own (image/), the others are for the tests only.
"""

from __future__ import annotations

import shutil
import subprocess
import tarfile
import tempfile
from pathlib import Path

from image.build import build_archive
from image.oci import Image, native_architecture, plain_layer, write_archive

from .layout import BINARIES, IMAGES, SOURCE

PAUSE = "cluster.test/pause:1"
COREDNS = "cluster.test/coredns:1.15.0"
PYTHON = "cluster.test/python:3"
"""Debian with Python, ip and nc: what the tests' and the sample application's pods run."""

DEBIAN_SUITE = "bookworm"
_PATH = "PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"


def build_images() -> None:
    """Builds the archives that are missing in layout.IMAGES, and the agent's again unless nothing in it has changed.

    CoreDNS's binary has to be built already.
    """
    IMAGES.mkdir(parents=True, exist_ok=True)
    build_archive(IMAGES / "agent.tar")
    for name, fill, reference, configuration in (
        ("pause", _fill_pause, PAUSE, {"Entrypoint": ["/pause"]}),
        ("coredns", _fill_coredns, COREDNS, {"Entrypoint": ["/coredns"]}),
        ("python", _fill_python, PYTHON, {"Env": [_PATH], "Cmd": ["/bin/bash"]}),
    ):
        archive = IMAGES / f"{name}.tar"
        if archive.exists():
            continue
        with tempfile.TemporaryDirectory(dir=IMAGES) as folder:
            layer = Path(folder) / "layer.tar"
            fill(layer)
            image = Image(native_architecture(), (plain_layer(layer),), configuration)
            write_archive(Path(folder) / "image.tar", reference, (image,))
            (Path(folder) / "image.tar").replace(archive)


def _fill_pause(layer: Path) -> None:
    program = layer.with_name("pause")
    subprocess.run(["gcc", "-static", "-Os", "-o", program, SOURCE / "pause.c"], check=True)
    with tarfile.open(layer, "w") as tar:
        tar.add(program, "pause")


def _fill_coredns(layer: Path) -> None:
    root = layer.with_name("root")
    for folder in ("etc", "tmp"):
        (root / folder).mkdir(parents=True)
    shutil.copy2(BINARIES / "coredns", root)
    with tarfile.open(layer, "w") as tar:
        tar.add(root, ".")


def _fill_python(layer: Path) -> None:
    layer.parent.chmod(0o755)  # mmdebstrap drops its rights on the way
    packages = "--include=python3,iproute2,netcat-openbsd"
    subprocess.run(["mmdebstrap", "--quiet", "--variant=minbase", packages, DEBIAN_SUITE, layer], check=True)
