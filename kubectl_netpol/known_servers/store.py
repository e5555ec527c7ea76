"""The file of the user's KnownServers: where it is, read whole, replaced whole. Only this module touches files.

An edit holds a lock on the folder, reads, changes the text, and puts a finished file in the old one's place; a
reader sees the one or the other. A link is followed, the mode is kept, and what cannot be read is never replaced.
"""

from __future__ import annotations

import contextlib
import fcntl
import os
import stat
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import BinaryIO

from ..errors import InputError
from .documents import read_documents
from .lookup import Lookup
from .values import Document

SIZE_LIMIT = 16 << 20
"""Bytes of one file: about 200,000 blocks.

Measured, a megabyte costs 10 MiB of memory in our own layout, 20 to 50 in another, and 90 at worst (short texts only).
"""
LOCK_SECONDS = 10.0

HEADER = "# KnownServers of kubectl netpol. Edit as you like: comments and order stay.\n"


def read_file(path: Path) -> str:
    """A file's text, its line breaks as they are. Raises InputError, and FileNotFoundError where there is none."""
    try:
        with path.open("rb") as stream:
            return decode(read_stream(stream, str(path)), str(path))
    except FileNotFoundError:
        raise
    except OSError as error:
        raise InputError(f"{path}: {error.strerror or error}") from error


def read_stream(stream: BinaryIO, source: str) -> bytes:
    """All of a stream, at most SIZE_LIMIT bytes; raises InputError for more."""
    content = stream.read(SIZE_LIMIT + 1)
    if len(content) > SIZE_LIMIT:
        raise InputError(f"{source}: larger than {SIZE_LIMIT >> 20} MiB", "split it into several files")
    return content


def decode(content: bytes, source: str) -> str:
    """UTF-8 text; a byte-order mark stays, as YAML allows one. Raises InputError."""
    try:
        return content.decode("utf-8")
    except UnicodeDecodeError as error:
        line = content.count(b"\n", 0, error.start) + 1
        raise InputError(f"{source}: line {line}: not UTF-8 text", "save the file as UTF-8") from error


def read_known_servers(path: Path, required: bool) -> tuple[Document, ...]:
    """The documents of the file; none where it does not exist, unless it is ``required``. Raises InputError."""
    try:
        text = read_file(path)
    except FileNotFoundError as error:
        if required:
            hint = "name a file that exists, or make it with 'kubectl netpol known-servers add'"
            raise InputError(f"{path}: no such file", hint) from error
        return ()
    return read_documents(text, str(path))


def read_lookup(path: Path, required: bool) -> Lookup:
    """What ``generate`` asks: the lookup over all entries of the file."""
    documents = read_known_servers(path, required)
    return Lookup(entry for document in documents for entry in document.entries)


def edit(path: Path, change: Callable[[str], str]) -> None:
    """Replace the file's text by what ``change`` makes of it; "" stands for a file that does not exist yet.

    Whatever ``change`` raises leaves the file as it was. Raises InputError when it cannot be written.
    """
    try:
        target = path.resolve()
        target.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        with _locked(target.parent, path):
            _replace(target, path, change)
    except OSError as error:
        raise InputError(f"{path}: cannot be written: {error.strerror or error}") from error
    except RuntimeError as error:
        raise InputError(f"{path}: cannot be written: the links lead nowhere") from error


def _replace(target: Path, path: Path, change: Callable[[str], str]) -> None:
    try:
        status = target.stat()
        if not stat.S_ISREG(status.st_mode):
            raise InputError(f"{path}: is no regular file", "name a file with --known-servers")
        old = read_file(target)
    except FileNotFoundError:
        status, old = None, ""
    new = change(old)
    if new != old:
        _write(target, new, status)


@contextlib.contextmanager
def _locked(folder: Path, path: Path) -> Iterator[None]:
    """Locks the folder and not the file, which is another one after each edit; nothing is left behind."""
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        deadline = time.monotonic() + LOCK_SECONDS
        while not _try_lock(descriptor):
            if time.monotonic() > deadline:
                raise InputError(f"{path}: another program is editing it", "try again when it has ended")
            time.sleep(0.05)
        yield
    finally:
        os.close(descriptor)


def _try_lock(descriptor: int) -> bool:
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


def _write(target: Path, text: str, status: os.stat_result | None) -> None:
    content = text.encode("utf-8")
    if len(content) > SIZE_LIMIT:
        raise InputError(
            f"{target}: would become larger than {SIZE_LIMIT >> 20} MiB", "keep the blocks in several files"
        )
    temporary = target.with_name(f".{target.name}.{os.getpid()}")
    temporary.unlink(missing_ok=True)  # of a process of this number that was killed; nobody else edits, by the lock
    descriptor = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
    try:
        with os.fdopen(descriptor, "wb") as stream:
            _take_over(descriptor, status)
            stream.write(content)
            stream.flush()
            os.fsync(descriptor)
        temporary.replace(target)
    except BaseException:
        temporary.unlink(missing_ok=True)
        raise
    _sync_folder(target.parent)


def _take_over(descriptor: int, status: os.stat_result | None) -> None:
    if status is None:
        os.fchmod(descriptor, 0o644 & ~_umask())
        return
    with contextlib.suppress(PermissionError):  # only root may give a file away
        os.fchown(descriptor, status.st_uid, status.st_gid)
    os.fchmod(descriptor, stat.S_IMODE(status.st_mode))


def _umask() -> int:
    mask = os.umask(0o077)
    os.umask(mask)
    return mask


def _sync_folder(folder: Path) -> None:
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
