"""Where ``kubectl_complete-netpol`` is made: a symbolic link to the program, by the name under which it is found.

That name stays when an upgrade moves the program: krew's link beside which it lies leads to the new version then.
"""

from __future__ import annotations

import os
import shlex
import shutil
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from ..errors import InputError
from .catalog import COMPLETER, EXECUTABLE


@dataclass(frozen=True, slots=True)
class Place:
    """``link`` is to lead to ``program``; ``remarks`` say what is still missing for it to be found."""

    link: Path
    program: Path
    remarks: tuple[str, ...]


def find_home(environment: Mapping[str, str], folder: Path | None = None) -> Place:
    """Where to make the link: in ``folder``, else beside the program, else in ~/.local/bin.

    Raises InputError, also for a folder that is not there: it may be mistyped. ~/.local/bin need not be there.
    """
    program = _program(environment)
    present = shutil.which(COMPLETER, path=environment.get("PATH", ""))
    if present and folder is None and _leads_to(Path(present), program):
        return Place(Path(present), program, _remarks(environment, Path(present).parent))
    if folder and not folder.exists() and not _is_own(environment, folder):
        hint = f"make it first: mkdir -p {shlex.quote(str(folder))}; or name another with --dir"
        raise InputError(f"there is no folder {folder}", hint)
    chosen = folder or _beside(environment, program) or _own_folder(environment)
    return Place(chosen / COMPLETER, program, _remarks(environment, chosen))


def link(place: Place) -> bool:
    """Makes the link; False when it is there already. Raises InputError where that cannot be."""
    if place.link.is_symlink() or place.link.exists():
        if _leads_to(place.link, place.program) or _is_ours(place.link):
            return _made_anew(place)
        raise InputError(f"{place.link} is there already, and is something else", "name another folder with --dir")
    try:
        place.link.parent.mkdir(parents=True, exist_ok=True)
        place.link.symlink_to(_target(place))
    except OSError as error:
        hint = "name a folder of the PATH that you may write to: --dir DIR"
        raise InputError(f"{place.link} cannot be made: {error.strerror}", hint) from error
    return True


def unlink(environment: Mapping[str, str], folder: Path | None = None) -> list[Path]:
    """Removes the links that ``link`` has made, in ``folder``, on the PATH, and in ~/.local/bin. Raises InputError."""
    folders = [*map(Path, _path(environment)), *([_own_folder(environment)] if environment.get("HOME") else [])]
    found = [place / COMPLETER for place in dict.fromkeys([folder] if folder else folders)]
    removed = []
    for file in found:
        if _is_ours(file):
            try:
                file.unlink()
            except OSError as error:
                raise InputError(f"{file} cannot be removed: {error.strerror}", "remove it as its owner") from error
            removed.append(file)
    return removed


# One that led elsewhere, to a program that has moved, is replaced at once and never missing.
def _made_anew(place: Place) -> bool:
    if not place.link.is_symlink() or _leads_to(place.link, place.program):
        return False
    new = place.link.with_name(f".{COMPLETER}.{os.getpid()}")
    try:
        new.symlink_to(_target(place))
        new.replace(place.link)
    except OSError as error:
        hint = "name another folder with --dir"
        raise InputError(f"{place.link} cannot be replaced: {error.strerror}", hint) from error
    return True


def _target(place: Place) -> Path:
    return Path(place.program.name) if place.link.parent == place.program.parent else place.program


def _program(environment: Mapping[str, str]) -> Path:
    found = shutil.which(EXECUTABLE, path=environment.get("PATH", ""))
    if found:
        return Path(found).absolute()
    called = Path(sys.argv[0]).absolute()
    if called.name == EXECUTABLE and called.exists():
        return called
    raise InputError(f"{EXECUTABLE} is not on the PATH", f"put the folder that holds {EXECUTABLE} on the PATH")


def _beside(environment: Mapping[str, str], program: Path) -> Path | None:
    folder = program.parent
    return folder if str(folder) in _path(environment) and os.access(folder, os.W_OK) else None


def _own_folder(environment: Mapping[str, str]) -> Path:
    if not environment.get("HOME"):
        raise InputError("there is no home directory to make it in", "name a folder of the PATH with --dir")
    return Path(environment["HOME"], ".local", "bin")


def _is_own(environment: Mapping[str, str], folder: Path) -> bool:
    return bool(environment.get("HOME")) and folder == _own_folder(environment)


def _remarks(environment: Mapping[str, str], folder: Path) -> tuple[str, ...]:
    told = []
    if str(folder) not in _path(environment):
        told.append(f"{folder} is not on the PATH; add it, or kubectl will not find what is in it")
    if not shutil.which("kubectl", path=environment.get("PATH", "")):
        told.append("kubectl is not on the PATH")
    return tuple(told)


def _path(environment: Mapping[str, str]) -> list[str]:
    return [folder.rstrip("/") or "/" for folder in environment.get("PATH", "").split(os.pathsep) if folder]


# Or to its other name beside it: pip makes both, and pipx links to both.
def _leads_to(file: Path, program: Path) -> bool:
    found, wanted = file.resolve(), program.resolve()
    return found.exists() and found in (wanted, wanted.with_name(COMPLETER))


def _is_ours(file: Path) -> bool:
    return file.is_symlink() and file.readlink().name == EXECUTABLE
