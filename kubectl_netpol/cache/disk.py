"""The serialization that ``diskcache`` is given: text keys, bytes values, plain paths, and no pickle anywhere.

diskcache's own Disk, and its JSONDisk too, unpickle whatever a row's ``mode`` or ``raw`` column asks for
(CVE-2025-69872), and join a row's ``filename`` to the directory unchecked. Here every way in and out is overridden.
"""

from __future__ import annotations

import os
import re
import sqlite3
import zlib
from pathlib import Path
from typing import Any

import diskcache
from diskcache.core import MODE_BINARY, MODE_RAW, UNKNOWN

from ..errors import StoreError

REMEDY = "nothing was run, changed or removed; look at it, then move it away or empty it: kubectl netpol cache clear"
_PLAIN = re.compile(r"[0-9a-f]{2}/[0-9a-f]{2}/[0-9a-f]{28}\.val")


def is_plain(filename: object) -> bool:
    """Whether a row's file name is one that this program could have written."""
    return type(filename) is str and _PLAIN.fullmatch(filename) is not None


class UnreadableError(StoreError):
    """The cache is not one that this program can read: damaged, another's, or of another version."""


class StrictDisk(diskcache.Disk):  # type: ignore[misc]  # diskcache has no types
    """Keys are ``str``, values are ``bytes``; a row that holds anything else raises StoreError and is left alone."""

    def hash(self, key: object) -> int:
        text, _ = self.put(key)
        return zlib.adler32(text.encode()) & 0xFFFFFFFF

    def put(self, key: object) -> tuple[str, bool]:
        if type(key) is not str:
            raise TypeError("a key of the cache is text")
        return key, True

    def get(self, key: object, raw: object) -> str:
        if type(key) is not str or raw not in (1, True):
            raise self._foreign("a key that this program does not write")
        return key

    def store(self, value: object, read: bool, key: object = UNKNOWN) -> tuple[int, int, str | None, Any]:
        if type(value) is not bytes or read:
            raise TypeError("a value of the cache is bytes")
        if len(value) < self.min_file_size:
            return 0, MODE_RAW, None, sqlite3.Binary(value)
        filename, path = self.filename(key, value)
        self._write(path, iter((value,)), "xb")
        return len(value), MODE_BINARY, filename, None

    def fetch(self, mode: object, filename: object, value: object, read: bool) -> bytes:
        if mode == MODE_RAW and filename is None and type(value) is bytes and not read:
            return value
        if mode == MODE_BINARY and value is None and not read:
            return self._read(self._plain(filename))
        raise self._foreign("a value that this program does not write")

    def remove(self, file_path: object) -> None:
        super().remove(str(self._plain(file_path).relative_to(self._directory)))

    def _read(self, path: Path) -> bytes:
        try:
            with os.fdopen(os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_CLOEXEC), "rb") as stream:
                return stream.read()
        except OSError as error:
            problem = f"the cache in {self._directory} lacks a file of its own ({error.strerror}: {path.name})"
            raise UnreadableError(problem, REMEDY) from error

    def _plain(self, filename: object) -> Path:
        if not is_plain(filename):
            raise self._foreign("a file name that this program does not write")
        path = Path(self._directory, str(filename))
        if path.parent.resolve() != Path(self._directory).resolve() / path.parent.relative_to(self._directory):
            raise self._foreign("a file that leads out of it")
        return path

    def _foreign(self, what: str) -> UnreadableError:
        return UnreadableError(f"the cache in {self._directory} holds {what}", REMEDY)
