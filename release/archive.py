"""The archive that krew unpacks: regular files and folders only, the same bytes for the same files."""

from __future__ import annotations

import gzip
import hashlib
import os
import tarfile
from collections.abc import Mapping
from pathlib import Path, PurePosixPath


def pack(archive: Path, files: Mapping[str, Path]) -> None:
    """Writes a .tar.gz with the files by their names within it. ValueError for a name that krew refuses.

    Symbolic links are followed: krew's "unable to handle file type" is for everything but files and folders.
    """
    check_names(files)
    archive.parent.mkdir(parents=True, exist_ok=True)
    with (
        archive.open("wb") as raw,
        gzip.GzipFile("", "wb", mtime=0, fileobj=raw) as packed,
        tarfile.open(fileobj=packed, mode="w", format=tarfile.USTAR_FORMAT) as tar,
    ):
        for name in sorted(files):
            _add(tar, name, files[name])


def check_names(names: Mapping[str, object]) -> None:
    """ValueError for what krew's suspiciousPath takes for an attack: an absolute name, or two dots anywhere."""
    for name in names:
        if not name or ".." in name or name.startswith(("/", "\\")) or str(PurePosixPath(name)) != name:
            raise ValueError(f"krew refuses the name {name!r} in an archive")


def files_below(folder: Path) -> dict[str, Path]:
    """The files of a folder by their names in it, through symbolic links."""
    found = (Path(parent, name) for parent, _, names in os.walk(folder, followlinks=True) for name in names)
    return {file.relative_to(folder).as_posix(): file for file in found}


def sum_of(archive: Path) -> str:
    """The SHA-256 of a file, in hexadecimal."""
    return hashlib.sha256(archive.read_bytes()).hexdigest()


def _add(tar: tarfile.TarFile, name: str, file: Path) -> None:
    entry = tarfile.TarInfo(name)
    entry.size = file.stat().st_size
    entry.mode = 0o755 if os.access(file, os.X_OK) else 0o644
    with file.open("rb") as stream:
        tar.addfile(entry, stream)
