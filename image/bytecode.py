"""Compiles modules with the image's own Python, which runs in place: the loader is told where its libraries are.

Bytecode is the same on amd64 and arm64, so the Python of this machine's architecture compiles for both. It is never
checked against its source (PEP 552, unchecked-hash): an image does not change, and its root may be read-only.
"""

from __future__ import annotations

import subprocess
import tempfile
from collections.abc import Sequence
from pathlib import Path

from .layers import Entry, Tree, entry_of, unpack


def run_python(root: Path, arguments: Sequence[str], python_path: str = "") -> str:
    """What the Python below ``root``, an image's root file system for this machine, prints, run without a container.

    CalledProcessError when it fails.
    """
    (loader,) = root.glob("lib/*/ld-linux-*.so.?")
    (program,) = root.glob("usr/bin/python3.*")
    libraries = f"{loader.parent}:{root}/usr/lib/{loader.parent.name}"
    environment = {"PYTHONHOME": f"{root}/usr", "PYTHONPATH": python_path, "PYTHONSAFEPATH": "1"}
    environment |= {"PYTHONHASHSEED": "0", "PYTHONDONTWRITEBYTECODE": "1"}  # what marshal writes follows sets' order
    command = [str(loader), "--library-path", libraries, str(program), *arguments]
    return subprocess.run(command, env=environment, stdout=subprocess.PIPE, encoding="utf-8", check=True).stdout


def compile_in_place(root: Path, folder: Path, named: str) -> dict[str, Entry]:
    """Compiles all modules below a folder, whose place in the image is ``named`` (from "/"); paths within it."""
    options = ["-q", "--invalidation-mode", "unchecked-hash", "-s", str(folder), "-p", named]
    run_python(root, ["-m", "compileall", *options, str(folder)])
    return {str(file.relative_to(folder)): entry_of(file) for file in sorted(folder.rglob("__pycache__/*.pyc"))}


def compiled(root: Path, tree: Tree, named: str) -> dict[str, Entry]:
    """The bytecode of a tree that stands at ``named`` in the image."""
    with tempfile.TemporaryDirectory() as folder:
        unpack(tree, Path(folder))
        return compile_in_place(root, Path(folder), named)
