"""Container images without a registry: a root file system in a tar file becomes a single-layer OCI archive.

``ctr images import`` loads such an archive. Called by build.py.
"""

from __future__ import annotations

import hashlib
import io
import json
import platform
import shutil
import subprocess
import tarfile
import tempfile
from collections.abc import Mapping
from pathlib import Path

from .layout import BINARIES, IMAGES, SOURCE

PAUSE = "cluster.test/pause:1"
COREDNS = "cluster.test/coredns:1.15.0"
PYTHON = "cluster.test/python:3"
"""Debian with Python, ip and nc: what the tests' and the sample application's pods run."""

DEBIAN_SUITE = "bookworm"
_PATH = "PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
_ARCHITECTURES = {"x86_64": "amd64", "aarch64": "arm64"}


def build_images() -> None:
    """Builds the archives that are missing in layout.IMAGES. CoreDNS's binary has to be built already."""
    IMAGES.mkdir(parents=True, exist_ok=True)
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
            write_archive(Path(folder) / "image.tar", reference, layer, configuration)
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


def write_archive(archive: Path, reference: str, layer: Path, configuration: Mapping[str, object]) -> None:
    """Writes an OCI image archive named ``reference`` (host/name:tag) whose only layer is the tar file ``layer``."""
    layer_digest, layer_size = _digest(layer), layer.stat().st_size
    config = _json(
        {
            "architecture": _ARCHITECTURES[platform.machine()],
            "os": "linux",
            "config": configuration,
            "rootfs": {"type": "layers", "diff_ids": [layer_digest]},
        }
    )
    media = "application/vnd.oci.image"
    manifest = _json(
        {
            "schemaVersion": 2,
            "mediaType": f"{media}.manifest.v1+json",
            "config": _descriptor(f"{media}.config.v1+json", config),
            "layers": [{"mediaType": f"{media}.layer.v1.tar", "digest": layer_digest, "size": layer_size}],
        }
    )
    named = _descriptor(f"{media}.manifest.v1+json", manifest) | {
        "annotations": {"io.containerd.image.name": reference, "org.opencontainers.image.ref.name": reference}
    }
    with tarfile.open(archive, "w") as tar:
        _add(tar, "oci-layout", b'{"imageLayoutVersion":"1.0.0"}')
        _add(tar, "index.json", _json({"schemaVersion": 2, "manifests": [named]}))
        for blob in (config, manifest):
            _add(tar, _blob("sha256:" + hashlib.sha256(blob).hexdigest()), blob)
        tar.add(layer, _blob(layer_digest))


def _json(value: object) -> bytes:
    return json.dumps(value, sort_keys=True).encode()


def _descriptor(media_type: str, blob: bytes) -> dict[str, object]:
    return {"mediaType": media_type, "digest": "sha256:" + hashlib.sha256(blob).hexdigest(), "size": len(blob)}


def _blob(digest: str) -> str:
    return "blobs/" + digest.replace(":", "/")


def _add(tar: tarfile.TarFile, name: str, content: bytes) -> None:
    entry = tarfile.TarInfo(name)
    entry.size = len(content)
    tar.addfile(entry, io.BytesIO(content))


def _digest(file: Path) -> str:
    with file.open("rb") as stream:
        return "sha256:" + hashlib.file_digest(stream, "sha256").hexdigest()
