"""The upper layer: the project's own files and their bytecode, made anew each time. Called by ``build``."""

from __future__ import annotations

from pathlib import Path

from .bytecode import compiled
from .layers import Entry, entry_of, read_list, write_layer
from .oci import Layer

ROOT = Path(__file__).resolve().parents[1]
HOME = "opt/kubectl-netpol"


def project_files() -> tuple[str, ...]:
    """Those that ``files`` names, by their paths in the repository. ValueError when a line names none."""
    found: list[str] = []
    for line in read_list(ROOT / "image" / "files"):
        matches = sorted(str(file.relative_to(ROOT)) for file in ROOT.glob(line))
        if not matches:
            raise ValueError(f"image/files: there is no {line}")
        found += matches
    return tuple(found)


def make_project_layer(file: Path, python: Path) -> Layer:
    """Writes the layer. It is the same for all architectures: Python, and an eBPF object for little-endian machines."""
    tree = {path: Entry(entry_of(ROOT / path).content) for path in project_files()}
    tree |= compiled(python, tree, f"/{HOME}")
    return write_layer(file, {f"{HOME}/{path}": entry for path, entry in tree.items()})
