"""make image: python -m image.build [--fresh] [--archive FILE]

The Dockerfile calls it with ``--architecture`` and ``--root``, for a folder with the same files.
"""

from __future__ import annotations

import argparse
import fcntl
import filecmp
import os
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from kubectl_netpol import __version__
from kubectl_netpol.capture.image import IMAGE

from .debian import ARCHITECTURES, find_base
from .oci import Image, write_archive
from .project import HOME, ROOT, make_project_layer

ARCHIVE = ROOT / "dist/kubectl-netpol-agent.tar"
ENTRYPOINT = ("python3", "-m", "kubectl_netpol.agent")
ENVIRONMENT = {
    "PATH": "/usr/bin",
    "PYTHONPATH": f"/{HOME}",
    "PYTHONSAFEPATH": "1",
    "PYTHONDONTWRITEBYTECODE": "1",
}
LABELS = {
    "org.opencontainers.image.title": "kubectl-netpol agent",
    "org.opencontainers.image.description": "Records with eBPF what the pods of a node talk to",
    "org.opencontainers.image.source": "https://github.com/kubectl-netpol/kubectl-netpol",
    "org.opencontainers.image.version": __version__,
    "org.opencontainers.image.licenses": "Apache-2.0",
}


def default_cache() -> Path:
    """~/.cache/kubectl-netpol-image, or KUBECTL_NETPOL_IMAGE: the layer of Debian's packages stays there."""
    chosen = os.environ.get("KUBECTL_NETPOL_IMAGE")
    if chosen:
        return Path(chosen).absolute()
    return Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache").absolute() / "kubectl-netpol-image"


@contextmanager
def images(fresh: bool = False, architectures: Sequence[str] = ARCHITECTURES) -> Iterator[tuple[Image, ...]]:
    """The image for each architecture; the layers' files are there within the block."""
    cache = default_cache()
    cache.mkdir(parents=True, exist_ok=True)
    with (cache / "lock").open("w") as lock, tempfile.TemporaryDirectory() as folder:
        fcntl.flock(lock, fcntl.LOCK_EX)
        base = find_base(cache, fresh)
        project = make_project_layer(Path(folder) / "project.tar.gz", base.python)
        yield tuple(Image(name, (base.layers[name], project), configuration()) for name in architectures)


def configuration() -> dict[str, object]:
    """How a container of the image starts, and what the image says of itself."""
    return {
        "User": "0:0",
        "WorkingDir": "/",
        "Entrypoint": list(ENTRYPOINT),
        "Env": [f"{name}={value}" for name, value in ENVIRONMENT.items()],
        "Labels": LABELS,
    }


def build_archive(archive: Path, fresh: bool = False) -> None:
    """Writes the archive for all architectures, and leaves it untouched if it would be the same."""
    with images(fresh) as made:
        _write(archive, made)


def build_archives(archive: Path, fresh: bool = False) -> tuple[Path, ...]:
    """The archive for all architectures, and beside it NAME-ARCHITECTURE.tar for each, which docker load reads."""
    written = [archive]
    with images(fresh) as made:
        _write(archive, made)
        for image in made:
            written.append(archive.with_stem(f"{archive.stem}-{image.architecture}"))
            _write(written[-1], (image,))
    return tuple(written)


def _write(archive: Path, made: Sequence[Image]) -> None:
    archive.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=archive.parent) as folder:
        draft = Path(folder) / archive.name
        write_archive(draft, IMAGE, made)
        if not archive.exists() or not filecmp.cmp(draft, archive, shallow=False):
            draft.replace(archive)


def build_root(root: Path, architecture: str) -> None:
    """Writes the image's files for one architecture into a folder. What is there already stays."""
    root.mkdir(parents=True, exist_ok=True)
    with images(architectures=(architecture,)) as (image,):
        for layer in image.layers:
            subprocess.run(["tar", "--extract", "--file", layer.file, "--directory", root], check=True)


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m image.build", description="Builds the agent's container image.")
    parser.add_argument("--fresh", action="store_true", help="ask Debian for its packages of today")
    parser.add_argument("--archive", type=Path, default=ARCHIVE, help="where to write it")
    parser.add_argument("--root", type=Path, help="write no archive, but the files into this folder")
    parser.add_argument("--architecture", choices=ARCHITECTURES, help="whose files, with --root")
    options = parser.parse_args()
    if bool(options.root) != bool(options.architecture):
        parser.error("--root and --architecture go together")
    try:
        if options.root:
            build_root(options.root, options.architecture)
            return 0
        for archive in build_archives(options.archive, options.fresh):
            print(f"{archive}: {IMAGE}, {archive.stat().st_size / 1e6:.1f} MB")
    except subprocess.CalledProcessError as error:
        print(f"error: {error}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
