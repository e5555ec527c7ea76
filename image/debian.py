"""The lower layer: files of Debian's packages, for each architecture, and their modules' bytecode.

mmdebstrap finds and downloads the packages, of any architecture, on any Debian or Ubuntu, and runs nothing of them.
What goes in is read from the .deb files themselves. Called by ``build``.
"""

from __future__ import annotations

import hashlib
import io
import json
import shutil
import subprocess
import sys
import tarfile
import tempfile
from collections.abc import Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from fnmatch import fnmatchcase
from pathlib import Path

from .bytecode import compile_in_place
from .layers import Entry, Tree, read_list, unpack, write_layer
from .oci import Layer, native_architecture

SUITE = "bookworm"
ARCHITECTURES = ("amd64", "arm64")
HERE = Path(__file__).resolve().parent
FOLDERS = ("dev", "etc", "proc", "run", "sys", "tmp")
"""Runtimes mount something there, and cannot make them where the root is read-only."""
_SHAPING = ("packages", "left-out", "debian.py", "layers.py", "bytecode.py")


@dataclass(frozen=True, slots=True)
class Base:
    """The lower layers by architecture, and the folder in which this machine's is unpacked, for its Python."""

    layers: dict[str, Layer]
    python: Path


def find_base(cache: Path, fresh: bool = False) -> Base:
    """The base that is kept in ``cache`` for today's lists, made if it is not there or is to be fresh (a minute)."""
    place = cache / f"debian-{_key()}"
    if fresh or not place.exists():
        with tempfile.TemporaryDirectory(dir=cache) as name:
            folder = Path(name)
            folder.chmod(0o755)  # without root, mmdebstrap works as somebody else
            _make_base(folder / "made")
            shutil.rmtree(place, ignore_errors=True)
            (folder / "made").rename(place)
    diff_ids = json.loads((place / "layers.json").read_text())
    return Base({name: Layer(place / f"{name}.tar.gz", diff_ids[name]) for name in ARCHITECTURES}, place / "python")


def _key() -> str:
    content = b"\0".join((HERE / name).read_bytes() for name in _SHAPING)
    return hashlib.sha256(content + SUITE.encode()).hexdigest()[:16]


def _make_base(folder: Path) -> None:
    folder.mkdir()
    print(f"making the layer of Debian packages for {' and '.join(ARCHITECTURES)} (once, a minute)", file=sys.stderr)
    packages = read_list(HERE / "packages")
    with ThreadPoolExecutor() as pool:
        coming = {name: pool.submit(_tree, name, packages, folder) for name in ARCHITECTURES}
        trees = {name: future.result() for name, future in coming.items()}
    native = trees[native_architecture()]
    python = folder / "python"
    unpack(native, python)
    bytecode = compile_in_place(python, python, "/")
    diff_ids = {}
    for name, tree in trees.items():
        full = {**tree, **dict(_fitting(bytecode, tree, native))}
        diff_ids[name] = write_layer(folder / f"{name}.tar.gz", full, FOLDERS).diff_id
    (folder / "layers.json").write_text(json.dumps(diff_ids))


def _fitting(bytecode: Tree, tree: Tree, native: Tree) -> Iterator[tuple[str, Entry]]:
    """The bytecode of those modules that are in ``tree`` as they are in the tree that was compiled."""
    for path, entry in bytecode.items():
        folder, _, name = path.rpartition("/__pycache__/")
        source = f"{folder}/{name.partition('.')[0]}.py"
        if tree.get(source) == native[source]:
            yield path, entry


def _tree(architecture: str, packages: Sequence[str], folder: Path) -> dict[str, Entry]:
    with tempfile.TemporaryDirectory(dir=folder) as name:
        downloads = Path(name)
        downloads.chmod(0o777)
        _download(architecture, packages, downloads)
        found = {file.name.partition("_")[0]: file for file in downloads.glob("*.deb")}
        rules = read_list(HERE / "left-out")
        tree = {path: entry for name in packages for path, entry in _files(found[name]) if _is_wanted(path, rules)}
        # Without it nobody could tell which versions are in the image, and what is known of them.
        tree["var/lib/dpkg/status"] = Entry("\n".join(_paragraph(found[name]) for name in sorted(packages)).encode())
        return tree


def _download(architecture: str, packages: Sequence[str], folder: Path) -> None:
    options = ["--quiet", "--format=null", "--variant=extract", f"--architectures={architecture}"]
    options += [f"--include={','.join(packages)}", f'--extract-hook=cp "$1"/var/cache/apt/archives/*.deb {folder}']
    subprocess.run(["mmdebstrap", *options, SUITE], check=True)


def _files(package: Path) -> Iterator[tuple[str, Entry]]:
    content = subprocess.run(["dpkg-deb", "--fsys-tarfile", package], stdout=subprocess.PIPE, check=True).stdout
    with tarfile.open(fileobj=io.BytesIO(content)) as tar:
        for info in tar:
            path = info.name.removeprefix("./")
            stream = None if info.isdir() or info.issym() else tar.extractfile(info)
            if info.issym():
                yield path, Entry(target=info.linkname)
            elif stream:
                yield path, Entry(stream.read(), executable=bool(info.mode & 0o100))


def _is_wanted(path: str, rules: Iterable[str]) -> bool:
    wanted = True
    for rule in rules:
        if fnmatchcase(path, rule.removeprefix("!")):
            wanted = rule.startswith("!")
    return wanted


def _paragraph(package: Path) -> str:
    fields = subprocess.run(["dpkg-deb", "--field", package], stdout=subprocess.PIPE, text=True, check=True).stdout
    first, _, rest = fields.partition("\n")
    return f"{first}\nStatus: install ok installed\n{rest}"
