"""What ``-f`` names: files, folders and standard input, as documents one after the other."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import BinaryIO

from ..errors import InputError
from .documents import NEIGHBORS, Document, read_documents

SUFFIXES = frozenset({".yaml", ".yml", ".json"})
STDIN = "standard input"
_HINT = "name a file, a folder, or - for standard input"


def each_document(names: Iterable[str], stdin: BinaryIO, resource: str = NEIGHBORS) -> Iterator[Document]:
    """The documents of all sources, in their order; ``-`` is ``stdin``, a folder's own files go by name.

    ``resource`` is what they hold: a hint tells how kubectl writes it.

    Raises InputError for a source that cannot be read or holds nothing, and for whatever is wrong within.
    """
    for name in names:
        empty = True
        for document in _each(name, stdin, resource):
            empty = False
            yield document
        if empty:
            hint = "a folder's files end in .yaml, .yml or .json" if Path(name).is_dir() else "see what should be there"
            raise InputError(f"{STDIN if name == '-' else name}: holds no document", hint)


def _each(name: str, stdin: BinaryIO, resource: str) -> Iterator[Document]:
    if name == "-":
        yield from read_documents(stdin, STDIN, resource)
        return
    for path in _files(Path(name)):
        try:
            with path.open("rb") as stream:
                yield from read_documents(stream, str(path), resource)
        except OSError as error:
            raise InputError(f"{path}: {error.strerror or error}", _HINT) from error


# As kubectl reads a folder: its own files only, by their suffixes; those of other systems come in capitals, too.
def _files(path: Path) -> list[Path]:
    try:
        path.stat()
        if not path.is_dir():
            return [path]
        return sorted(entry for entry in path.iterdir() if entry.suffix.lower() in SUFFIXES and entry.is_file())
    except (OSError, ValueError) as error:
        raise InputError(f"{path}: {getattr(error, 'strerror', None) or error}", _HINT) from error
