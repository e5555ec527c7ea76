"""KnownServers from what ``-f`` names: files, folders and standard input. All of them, or an error."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import BinaryIO

from ..errors import InputError
from .documents import read_documents
from .store import decode, read_file, read_stream
from .values import Document

SUFFIXES = frozenset({".yaml", ".yml", ".json"})


def without_source(document: Document) -> Document:
    """The same as if it were written by hand: nothing that it names is ever read."""
    return replace(document, source=None)


def read_sources(names: Iterable[str], stdin: BinaryIO, force: bool) -> tuple[Document, ...]:
    """The documents of all sources, in their order; ``-`` is ``stdin``, a folder's files go by name.

    Raises InputError for the first that is wrong, and for a source without any KnownServer.
    """
    found: list[Document] = []
    for name in names:
        documents = [
            document for text, source in _texts(name, stdin) for document in read_documents(text, source, force)
        ]
        if not documents:
            raise InputError(f"{_title(name)} holds no KnownServer", "see 'kubectl netpol known-servers export'")
        found += documents
    return tuple(found)


def _title(name: str) -> str:
    return "standard input" if name == "-" else name


def _texts(name: str, stdin: BinaryIO) -> Iterator[tuple[str, str]]:
    if name == "-":
        yield decode(read_stream(stdin, _title(name)), _title(name)), _title(name)
        return
    for path in _files(Path(name)):
        try:
            yield read_file(path), str(path)
        except FileNotFoundError as error:
            raise InputError(f"{path}: no such file") from error


# As kubectl reads a folder: its own files only, by their suffixes; those of other systems come in capitals, too.
def _files(path: Path) -> list[Path]:
    try:
        if not path.is_dir():
            return [path]
        return sorted(entry for entry in path.iterdir() if entry.suffix.lower() in SUFFIXES and entry.is_file())
    except (OSError, ValueError) as error:
        raise InputError(f"{path}: {getattr(error, 'strerror', None) or error}") from error
