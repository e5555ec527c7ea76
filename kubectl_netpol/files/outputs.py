"""Documents in a folder, or one in a file: it is whole or as it was, and what did not change is not touched."""

from __future__ import annotations

import contextlib
import os
import stat
from collections.abc import Iterator, Mapping
from pathlib import Path

from ..errors import InputError

_KINDS = (
    (stat.S_ISDIR, "a folder, not a file"),
    (stat.S_ISLNK, "a symbolic link, which is not followed"),
    (stat.S_ISFIFO, "a pipe, not a file"),
)


def write_changed(folder: Path, texts: Mapping[str, str]) -> Iterator[tuple[Path, bool]]:
    """Put each text into the file of its name; yields the path and whether it was written, not equal already.

    The folder is made where there is none. Raises InputError before the first is written when something that is no
    regular file bears one of the names (a symbolic link, too: what it leads to may be elsewhere), and when a file
    cannot be written; those before it are.
    """
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise InputError(f"{folder}: {error.strerror or error}", "name a folder with --output-dir") from error
    paths = {folder / name: text for name, text in texts.items()}
    for path in paths:
        _expect_file(path)
    for path, text in paths.items():
        yield path, _write(path, text, "the files before it are complete")


def write_file(path: Path, text: str) -> bool:
    """Put the text into a file of an existing folder, whole or not at all; whether it was written, not equal already.

    Raises InputError when it cannot be written, and when the name is that of something else than a regular file.
    """
    _expect_file(path)
    return _write(path, text, "name a file in a folder that is there")


def _write(path: Path, text: str, hint: str) -> bool:
    content = text.encode()
    try:
        is_new = not _is_equal(path, content)
        if is_new:
            _replace(path, content)
    except OSError as error:
        raise InputError(f"{path}: {error.strerror or error}", hint) from error
    return is_new


# By lstat, never by opening it: a pipe would wait for its writer, and a device may do anything.
def _expect_file(path: Path) -> None:
    try:
        mode = path.lstat().st_mode
    except FileNotFoundError:
        return
    except OSError as error:
        raise InputError(f"{path}: {error.strerror or error}", "no file was written") from error
    if not stat.S_ISREG(mode):
        kind = next((kind for is_kind, kind in _KINDS if is_kind(mode)), "no regular file")
        raise InputError(f"{path}: is {kind}", "move it away, or name another place; no file was written")


def _is_equal(path: Path, content: bytes) -> bool:
    try:
        with path.open("rb") as stream:
            return stream.read(len(content) + 1) == content
    except FileNotFoundError:
        return False


def _replace(path: Path, content: bytes) -> None:
    temporary = path.with_name(f".{path.name[:200]}.{os.getpid()}")
    temporary.unlink(missing_ok=True)  # of a killed process that had this number
    try:
        with open(temporary, "xb") as stream:  # noqa: PTH123  # the umask decides on the mode, as for any new file
            with contextlib.suppress(FileNotFoundError):
                os.fchmod(stream.fileno(), path.stat().st_mode & 0o7777)
            stream.write(content)
            stream.flush()
            os.fsync(stream.fileno())
        temporary.replace(path)
    except BaseException:
        temporary.unlink(missing_ok=True)
        raise
