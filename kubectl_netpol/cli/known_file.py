"""The file of known servers, as the commands about it read it, add to it, and tell what became of it."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

import click

from ..errors import InputError
from ..known_servers.documents import merge
from ..known_servers.edits import Addition, add_documents
from ..known_servers.overlap import remarks
from ..known_servers.store import HEADER, edit, read_known_servers
from ..known_servers.values import Document
from ..known_servers.width import wide_remarks
from ..known_servers.writer import document_object
from . import streams
from .known_option import known_servers_place

_NOTES_SHOWN = 20
"""An import of thousands of blocks that overlap says so of the first, and how many more there are."""

force_option = click.option("--force", is_flag=True, help="Accept blocks that hold every address, such as 0.0.0.0/0.")


def all_known(path: Path | None) -> tuple[Document, ...]:
    """What the file that was named holds, or the default one. Raises InputError."""
    file, is_named = known_servers_place(path)
    return tuple(merge(read_known_servers(file, is_named)).values())


def chosen(path: Path | None, names: Iterable[str]) -> tuple[Document, ...]:
    """Those of the file that are named, or all. Raises InputError where one is not there."""
    documents = {document.name: document for document in all_known(path)}
    wanted = [name.rpartition("/")[2] for name in names]
    for name in wanted:
        if name not in documents:
            hint = "'kubectl netpol known-servers list -o name' shows what there is"
            raise InputError(f"there is no known server {name!r:.80}", hint)
    return tuple(documents[name] for name in dict.fromkeys(wanted)) if wanted else tuple(documents.values())


def add_known(path: Path | None, documents: Iterable[Document]) -> Addition:
    """Adds them to the file, which is made where there is none. Raises InputError, and then nothing is added."""
    file, _ = known_servers_place(path)
    additions: list[Addition] = []

    def change(text: str) -> str:
        additions.append(add_documents(text, str(file), documents))
        changed = additions[-1].text
        return changed if text or not changed else HEADER + changed

    edit(file, change)
    return additions[-1]


def tell_addition(addition: Addition) -> None:
    """A line for each known server, to stdout, and notes on blocks that are wide or overlap."""
    notes = [*wide_remarks(addition.added), *remarks(addition.present, addition.added)]
    for note in notes[:_NOTES_SHOWN]:
        streams.note(note)
    if len(notes) > _NOTES_SHOWN:
        streams.note(f"and {len(notes) - _NOTES_SHOWN} more such notes")
    for name, outcome in addition.outcomes.items():
        streams.line(f"{resource(name)} {outcome}")


def resource(name: str) -> str:
    """A known server's name as kubectl writes an object's."""
    from ..render.document import to_name  # noqa: PLC0415

    return to_name(document_object(Document(name, ())))
