"""Files in memory, and deterministic layers of them: sorted, of no time, owned by root, compressed always alike.

``debian`` and ``project`` fill the trees; ``oci`` takes the layers.
"""

from __future__ import annotations

import gzip
import hashlib
import io
import stat
import tarfile
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

from .oci import Layer


@dataclass(frozen=True, slots=True)
class Entry:
    """What stands at a path: a regular file, or a symbolic link to ``target`` if that is not empty."""

    content: bytes = b""
    target: str = ""
    executable: bool = False


Tree = Mapping[str, Entry]
"""By relative path ("usr/bin/python3"). Folders are there when something is in them."""


def write_layer(file: Path, tree: Tree, folders: Iterable[str] = ()) -> Layer:
    """Writes the gzipped tar file ``file``, with these empty folders besides. tmp is everyone's, as usual."""
    plain = io.BytesIO()
    with tarfile.open(fileobj=plain, mode="w", format=tarfile.GNU_FORMAT) as tar:
        for path in sorted({*tree, *folders, *_parents((*tree, *folders))}):
            _add(tar, path, tree.get(path))
    content = plain.getvalue()
    # The compressed bytes are zlib's, the diff_id is not: another zlib changes the layer's digest, never what is in it.
    file.write_bytes(gzip.compress(content, compresslevel=9, mtime=0))
    return Layer(file, "sha256:" + hashlib.sha256(content).hexdigest())


def _parents(paths: Iterable[str]) -> set[str]:
    return {str(parent) for path in paths for parent in PurePosixPath(path).parents if str(parent) != "."}


def _add(tar: tarfile.TarFile, path: str, entry: Entry | None) -> None:
    info = tarfile.TarInfo(path)
    if entry is None:
        info.type, info.mode = tarfile.DIRTYPE, 0o1777 if path == "tmp" else 0o755
        tar.addfile(info)
    elif entry.target:
        info.type, info.mode, info.linkname = tarfile.SYMTYPE, 0o777, entry.target
        tar.addfile(info)
    else:
        info.mode, info.size = 0o755 if entry.executable else 0o644, len(entry.content)
        tar.addfile(info, io.BytesIO(entry.content))


def unpack(tree: Tree, folder: Path) -> None:
    """Writes the tree into a folder, which need not exist."""
    for path, entry in tree.items():
        place = folder / path
        place.parent.mkdir(parents=True, exist_ok=True)
        if entry.target:
            place.symlink_to(entry.target)
        else:
            place.write_bytes(entry.content)
            place.chmod(0o755 if entry.executable else 0o644)


def entry_of(file: Path) -> Entry:
    """A regular file of this machine as an entry."""
    return Entry(file.read_bytes(), executable=bool(file.stat().st_mode & stat.S_IXUSR))


def read_list(file: Path) -> tuple[str, ...]:
    """The lines of a list, without comments (#) and empty lines."""
    lines = (line.partition("#")[0].strip() for line in file.read_text("utf-8").splitlines())
    return tuple(line for line in lines if line)
