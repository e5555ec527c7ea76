"""OCI image archives without a registry: layers and what is said of them, in one tar file that runtimes load.

``ctr images import`` and everything that is built on it (kind, k3s) read such archives, and skopeo and podman. An
archive for a single platform can be read by ``docker load``, too. The same layers give the same bytes.
Specification: https://github.com/opencontainers/image-spec (image-layout.md, manifest.md, image-index.md).
"""

from __future__ import annotations

import hashlib
import io
import json
import platform
import tarfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

_MEDIA = "application/vnd.oci.image"
_MACHINES = {"x86_64": "amd64", "aarch64": "arm64"}


@dataclass(frozen=True, slots=True)
class Layer:
    """A tar file; its name ends with .gz when it is compressed. ``diff_id`` is the digest of the tar file inside."""

    file: Path
    diff_id: str

    @property
    def media_type(self) -> str:
        """What the manifest calls it."""
        return f"{_MEDIA}.layer.v1.tar" + ("+gzip" if self.file.suffix == ".gz" else "")


@dataclass(frozen=True, slots=True)
class Image:
    """An image for one architecture, in Go's names; ``configuration`` is the specification's "config" object."""

    architecture: str
    layers: tuple[Layer, ...]
    configuration: Mapping[str, object]


def native_architecture() -> str:
    """This machine's, as images name it. KeyError where it is neither amd64 nor arm64."""
    return _MACHINES[platform.machine()]


def plain_layer(file: Path) -> Layer:
    """The layer that is this uncompressed tar file."""
    return Layer(file, _digest_of_file(file))


def write_archive(archive: Path, reference: str, images: Sequence[Image]) -> None:
    """Writes an archive named ``reference`` (host/name:tag). It holds an index if there are several images."""
    with tarfile.open(archive, "w") as tar:
        writer = _Writer(tar)
        manifests = [writer.add_image(image) for image in images]
        top = manifests[0] if len(manifests) == 1 else writer.add_index(manifests)
        names = {"io.containerd.image.name": reference, "org.opencontainers.image.ref.name": reference}
        writer.add("oci-layout", b'{"imageLayoutVersion":"1.0.0"}')
        writer.add("index.json", _json(_index([top | {"annotations": names}])))
        if len(images) == 1:
            writer.add("manifest.json", _json([writer.docker_manifest(images[0], reference)]))


class _Writer:
    """Adds blobs to a tar file, each once."""

    def __init__(self, tar: tarfile.TarFile) -> None:
        self._tar = tar
        self._added: set[str] = set()

    def add(self, name: str, content: bytes) -> None:
        entry = tarfile.TarInfo(name)
        entry.size = len(content)
        self._tar.addfile(entry, io.BytesIO(content))

    def add_image(self, image: Image) -> dict[str, object]:
        """Adds all that the image consists of; returns its manifest's descriptor."""
        layers = [self._add_layer(layer) for layer in image.layers]
        config = self._add_blob(f"{_MEDIA}.config.v1+json", _config(image))
        media_type = f"{_MEDIA}.manifest.v1+json"
        manifest = {"schemaVersion": 2, "mediaType": media_type, "config": config, "layers": layers}
        place = {"architecture": image.architecture, "os": "linux"}
        return self._add_blob(media_type, _json(manifest)) | {"platform": place}

    def add_index(self, manifests: Sequence[Mapping[str, object]]) -> dict[str, object]:
        """An index in a blob of its own: of several manifests with one name, containerd would keep the last."""
        return self._add_blob(f"{_MEDIA}.index.v1+json", _json(_index(manifests)))

    def docker_manifest(self, image: Image, reference: str) -> dict[str, object]:
        """What ``docker load`` reads instead of index.json."""
        layers = [_place(_digest_of_file(layer.file)) for layer in image.layers]
        return {"Config": _place(_digest(_config(image))), "RepoTags": [reference], "Layers": layers}

    def _add_layer(self, layer: Layer) -> dict[str, object]:
        digest, size = _digest_of_file(layer.file), layer.file.stat().st_size
        if digest not in self._added:
            self._added.add(digest)
            entry = tarfile.TarInfo(_place(digest))
            entry.size = size
            with layer.file.open("rb") as stream:
                self._tar.addfile(entry, stream)
        return {"mediaType": layer.media_type, "digest": digest, "size": size}

    def _add_blob(self, media_type: str, content: bytes) -> dict[str, object]:
        digest = _digest(content)
        if digest not in self._added:
            self._added.add(digest)
            self.add(_place(digest), content)
        return {"mediaType": media_type, "digest": digest, "size": len(content)}


def _config(image: Image) -> bytes:
    diff_ids = [layer.diff_id for layer in image.layers]
    return _json(
        {
            "architecture": image.architecture,
            "os": "linux",
            "config": image.configuration,
            "rootfs": {"type": "layers", "diff_ids": diff_ids},
        }
    )


def _index(manifests: Sequence[Mapping[str, object]]) -> dict[str, object]:
    return {"schemaVersion": 2, "mediaType": f"{_MEDIA}.index.v1+json", "manifests": list(manifests)}


def _json(value: object) -> bytes:
    return json.dumps(value, sort_keys=True).encode()


def _place(digest: str) -> str:
    return "blobs/" + digest.replace(":", "/")


def _digest(content: bytes) -> str:
    return "sha256:" + hashlib.sha256(content).hexdigest()


def _digest_of_file(file: Path) -> str:
    with file.open("rb") as stream:
        return "sha256:" + hashlib.file_digest(stream, "sha256").hexdigest()
