"""What SQLite and the operating system say when the cache cannot be used, in words a user can act upon."""

from __future__ import annotations

import errno
import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from diskcache import Timeout

from ..errors import StoreError
from .disk import REMEDY, UnreadableError

_ROOM = "make room, or name another directory with --cache-dir; what was kept before is still there"
_ACCESS = "make it writable for you, or name another directory with --cache-dir"


class BusyError(StoreError):
    """Another process writes to the cache, and for longer than it should."""


@contextmanager
def translated(directory: Path) -> Iterator[None]:
    """Turns whatever the disk and the database raise into one StoreError with a remedy."""
    try:
        yield
    except Timeout as error:
        raise BusyError(f"the cache in {directory} is busy", "another command is writing to it; try again") from error
    except sqlite3.Error as error:
        raise _database_trouble(directory, error) from error
    except OSError as error:
        raise _system_trouble(directory, error) from error


def _database_trouble(directory: Path, error: sqlite3.Error) -> StoreError:
    text = str(error)
    if "full" in text:
        return StoreError(f"the disk that holds the cache in {directory} is full", _ROOM)
    if "locked" in text or "busy" in text:
        return BusyError(f"the cache in {directory} is busy", "another command is writing to it; try again")
    if "readonly" in text or "unable to open" in text:
        return StoreError(f"the cache in {directory} cannot be opened for writing", _ACCESS)
    if "disk I/O" in text:
        return StoreError(f"the disk fails or is full under the cache in {directory}", _ROOM)
    return UnreadableError(f"the cache in {directory} is damaged ({text})", REMEDY)


def _system_trouble(directory: Path, error: OSError) -> StoreError:
    if error.errno in (errno.ENOSPC, errno.EDQUOT, errno.EFBIG):
        return StoreError(f"the disk that holds the cache in {directory} is full", _ROOM)
    return StoreError(f"the cache in {directory} cannot be used: {error.strerror or error}", _ACCESS)
