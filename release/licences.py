"""The licences of what is in the archive beside the program: of Python, its packages, and Debian's libraries."""

from __future__ import annotations

import re
import subprocess
import sys
import sysconfig
from collections.abc import Iterator
from importlib import metadata
from pathlib import Path

_NAMES = re.compile(r"(LICEN[CS]E|COPYING|NOTICE|AUTHORS)[^/]*$", re.IGNORECASE)
_TOOLS = {"pip", "setuptools", "altgraph", "pyinstaller", "pyinstaller-hooks-contrib", "kubectl-netpol"}


def licence_files(frozen: Path) -> dict[str, Path]:
    """By the name in the archive, such as ``licences/click/LICENSE.txt``; a library's is found where dpkg knows it."""
    found = dict(_of_packages())
    for python in (Path(sysconfig.get_path("stdlib"), "LICENSE.txt"), Path(sys.base_prefix, "LICENSE")):
        if python.is_file():
            found["licences/python/LICENSE.txt"] = python
            break
    for library in sorted(frozen.rglob("lib*.so*")):
        owner = _owner(library.name)
        copyright_file = Path("/usr/share/doc", owner, "copyright")
        if owner and copyright_file.is_file():
            found[f"licences/{owner}/copyright"] = copyright_file.resolve()
    return found


def _of_packages() -> Iterator[tuple[str, Path]]:
    for package in metadata.distributions():
        name = package.metadata["Name"].lower()
        for file in (package.files or ()) if name not in _TOOLS else ():
            if _NAMES.search(str(file)) and file.suffix != ".py":
                yield f"licences/{name}/{file.name}", Path(str(package.locate_file(file)))


# A library that the linker finds by this name, and the package that dpkg says it is from; "" where there is neither.
def _owner(library: str) -> str:
    for folder in ("/lib", "/usr/lib"):
        for place in Path(folder).glob(f"*-linux-gnu/{library}"):
            try:
                said = subprocess.run(["dpkg", "-S", place], capture_output=True, text=True, check=False).stdout
            except OSError:
                return ""
            if ":" in said:
                return said.partition(":")[0]
    return ""
