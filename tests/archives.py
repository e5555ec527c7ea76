"""What is in an OCI image archive, read strictly, and unpacked as a container runtime does."""

from __future__ import annotations

import gzip
import hashlib
import io
import json
import platform
import shutil
import tarfile
from dataclasses import dataclass
from pathlib import Path

import pytest


@dataclass(frozen=True)
class Platform:
    """One platform's manifest and configuration, and its layers' tar files, uncompressed, the lowest first."""

    name: str
    manifest: dict
    config: dict
    layers: tuple[bytes, ...]

    def unpack(self, folder: Path) -> Path:
        for layer in self.layers:
            with tarfile.open(fileobj=io.BytesIO(layer)) as tar:
                tar.extraction_filter = lambda member, _: member
                tar.extractall(folder)
        return folder


@dataclass(frozen=True)
class Archive:
    """The files of an archive, and the blobs that have been asked for."""

    files: dict[str, bytes]
    asked: set[str]

    def json(self, name: str) -> dict:
        return json.loads(self.files[name])

    def blob(self, descriptor: dict) -> bytes:
        """What a descriptor stands for; it must be as long as that says, and have its digest."""
        algorithm, _, digest = descriptor["digest"].partition(":")
        content = self.files[f"blobs/{algorithm}/{digest}"]
        self.asked.add(f"blobs/{algorithm}/{digest}")
        assert (len(content), hashlib.sha256(content).hexdigest()) == (descriptor["size"], digest)
        return content

    def top(self) -> dict:
        """The descriptor of the only image, or of the index of all its platforms."""
        (descriptor,) = self.json("index.json")["manifests"]
        return descriptor

    def platforms(self) -> dict[str, Platform]:
        """By "os/architecture"."""
        top = self.top()
        described = json.loads(self.blob(top))["manifests"] if "index" in top["mediaType"] else [top]
        found = [self._platform(descriptor) for descriptor in described]
        assert len({platform.name for platform in found}) == len(found)
        return {platform.name: platform for platform in found}

    def _platform(self, descriptor: dict) -> Platform:
        manifest = json.loads(self.blob(descriptor))
        assert manifest["mediaType"] == descriptor["mediaType"]
        config = json.loads(self.blob(manifest["config"]))
        layers = []
        for layer, diff_id in zip(manifest["layers"], config["rootfs"]["diff_ids"], strict=True):
            assert layer["mediaType"] == "application/vnd.oci.image.layer.v1.tar+gzip"
            layers.append(gzip.decompress(self.blob(layer)))
            assert diff_id == "sha256:" + hashlib.sha256(layers[-1]).hexdigest()
        name = f"{config['os']}/{config['architecture']}"
        assert descriptor["platform"] == {"os": config["os"], "architecture": config["architecture"]}
        return Platform(name, manifest, config, tuple(layers))


def read_archive(file: Path) -> Archive:
    with tarfile.open(file) as tar:
        members = [(member, tar.extractfile(member)) for member in tar]
        assert len({member.name for member, _ in members}) == len(members)
        return Archive({member.name: stream.read() for member, stream in members if stream}, set())


def require_builder() -> None:
    """Skips the test, with the reason, where no image can be built."""
    missing = [name for name in ("mmdebstrap", "dpkg-deb") if not shutil.which(name)]
    if missing:
        pytest.skip(f"not installed: {', '.join(missing)} (.ci/need image)")
    if platform.machine() not in ("x86_64", "aarch64"):
        pytest.skip(f"the image is for amd64 and arm64, not {platform.machine()}")
