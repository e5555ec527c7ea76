"""make dist: python -m release.build [--output DIR] [--manifest]

Freezes the program that is installed beside PyInstaller, packs it for krew, and fills the manifest for the archives
that are there. Nothing is built for another platform: PyInstaller freezes what it runs on.
"""

from __future__ import annotations

import argparse
import os
import platform
import subprocess
import sys
import tempfile
from pathlib import Path

from kubectl_netpol import __version__

from .archive import files_below, pack, sum_of
from .licences import licence_files
from .manifest import PLATFORMS, ROOT, TEMPLATE, archive_name, fill

_MACHINES = {"x86_64": "amd64", "amd64": "amd64", "aarch64": "arm64", "arm64": "arm64"}
_SPEC = ROOT / "release/kubectl-netpol.spec"


def this_platform() -> tuple[str, str]:
    """(system, machine) as krew names them, such as ("linux", "amd64"). ValueError for any other."""
    found = platform.system().lower(), _MACHINES.get(platform.machine().lower(), platform.machine())
    if found not in PLATFORMS:
        raise ValueError(f"there is no archive for {'/'.join(found)}")
    return found


def freeze(folder: Path) -> Path:
    """The frozen program, a folder within ``folder``. CalledProcessError when PyInstaller fails."""
    # Sets and times would make each build another one (PyInstaller's "Creating a reproducible build").
    environment = os.environ | {"PYTHONHASHSEED": "1", "SOURCE_DATE_EPOCH": "315532800"}
    words = [sys.executable, "-m", "PyInstaller", "--noconfirm", "--log-level", "ERROR"]
    words += ["--distpath", str(folder / "frozen"), "--workpath", str(folder / "work"), str(_SPEC)]
    subprocess.run(words, check=True, env=environment, cwd=folder)
    return folder / "frozen/kubectl-netpol"


def build_archive(output: Path) -> Path:
    """The archive for this platform, in ``output``."""
    archive = output / archive_name(__version__, *this_platform())
    with tempfile.TemporaryDirectory() as name:
        frozen = freeze(Path(name))
        pack(archive, files_below(frozen) | {"LICENSE": ROOT / "LICENSE"} | licence_files(frozen))
    return archive


def write_manifest(output: Path, complete: bool = False) -> Path:
    """netpol.yaml for the archives in ``output``. ValueError when ``complete`` and one is missing, or there is none."""
    archives = {key: output / archive_name(__version__, *key) for key in PLATFORMS}
    missing = [file.name for file in archives.values() if not file.exists()]
    if len(missing) == len(archives) or (complete and missing):
        raise ValueError(f"not in {output}: {', '.join(missing)}")
    sums = {key: sum_of(file) for key, file in archives.items() if file.exists()}
    manifest = output / "netpol.yaml"
    manifest.write_text(fill(TEMPLATE.read_text("utf-8"), __version__, sums), "utf-8")
    return manifest


def main() -> int:
    parser = argparse.ArgumentParser(prog="release.build", description="Builds the archive for krew.")
    parser.add_argument("--output", type=Path, default=ROOT / "dist")
    parser.add_argument("--manifest", action="store_true", help="build nothing: fill the manifest, for all platforms")
    options = parser.parse_args()
    try:
        made = [] if options.manifest else [build_archive(options.output)]
        made.append(write_manifest(options.output, complete=options.manifest))
    except (ValueError, OSError, subprocess.CalledProcessError) as error:
        print(f"error: {error}", file=sys.stderr)
        return 1
    for file in made:
        print(f"{file.stat().st_size:>12,}  {file}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
