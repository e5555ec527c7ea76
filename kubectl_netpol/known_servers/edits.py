"""Adding to and removing from a file's text: pieces go in and out, every other character stays.

No YAML library that keeps comments is fast with 50,000 blocks, and none keeps all of the formatting; so the
edit is made where the reader says that the pieces stand, and the result is read again and compared with what was
meant. Where that fails, for a layout nobody foresaw, the edit is refused and nothing is lost.
"""

from __future__ import annotations

import shlex
from collections.abc import Collection, Iterable
from dataclasses import replace
from typing import NamedTuple

from ..errors import InputError
from .documents import Placed, merge, read_places
from .spans import Splice, content_end, document_spans, item_spans, line_end
from .tree import Sequence
from .values import CLUSTER, Document, KnownServer
from .width import refuse_completed
from .writer import entry_flow, entry_lines, write_documents


class Addition(NamedTuple):
    """The new text, what was known before and what came to it; ``outcomes`` by document's name.

    An outcome is created, configured or unchanged, as kubectl says it.
    """

    text: str
    present: tuple[KnownServer, ...]
    added: tuple[KnownServer, ...]
    outcomes: dict[str, str]


def add_documents(text: str, source: str, documents: Iterable[Document]) -> Addition:
    """Adds the entries to the last document of the same name, or as new documents at the end.

    An entry whose block, name and server its document already has is not added again. Raises InputError, also for
    entries that would be added to an imported document, whose next import replaces it as a whole.
    """
    places = read_places(text, source)
    by_name = {placed.document.name: placed for placed in places}
    old = merge(placed.document for placed in places)
    new = {name: _without(document, old.get(name)) for name, document in merge(documents).items()}
    splices: list[Splice] = []
    appended: list[Document] = []
    for name, document in new.items():
        _refuse_mixing(document, old.get(name))
        refuse_completed(document, old.get(name))
        placed = by_name.get(name)
        if placed is None or (document.entries and not placed.document.entries):
            appended.append(document)
        elif document.entries:
            _refuse_unmarked(document, placed)
            splices.append(_insertion(text, placed, document.entries))
    changed = _append(_splice(text, splices), appended)
    _check(changed, source, merge([*old.values(), *new.values()]), places)
    present, added = (tuple(e for d in part.values() for e in d.entries) for part in (old, new))
    return Addition(changed, present, added, {name: _outcome(name in old, d) for name, d in new.items()})


def _outcome(is_known: bool, document: Document) -> str:
    if not is_known:
        return "created"
    return "configured" if document.entries else "unchanged"


def _without(document: Document, old: Document | None) -> Document:
    """The entries that are not known, each once; two spellings of one block are the same."""
    entries = {_meaning(entry): entry for entry in reversed(document.entries)}
    for entry in old.entries if old else ():
        entries.pop(_meaning(entry), None)
    return replace(
        document, entries=tuple(entry for entry in document.entries if entries.get(_meaning(entry)) is entry)
    )


def _meaning(entry: KnownServer) -> tuple[str, str, str]:
    return entry.cidr, entry.name, entry.server


class Replacement(NamedTuple):
    """The new text, and what came to the document and went from it."""

    text: str
    present: tuple[KnownServer, ...]
    added: tuple[KnownServer, ...]
    removed: tuple[KnownServer, ...]
    outcome: str


def replace_document(text: str, source: str, document: Document) -> Replacement:
    """Puts an imported document in the place of the one that was imported before; at the end, if there was none.

    Its comments go with it. Where nothing changed the text stays as it was. Raises InputError, also where a document of
    that name was written by hand.
    """
    places = read_places(text, source)
    known = merge(placed.document for placed in places)
    old = known.get(document.name)
    if any(one.document.source is None for one in places if one.document.name == document.name):
        raise InputError(f"known server {document.name!r} exists and was not imported", _yielding(source, document))
    new = _without(document, None)
    before = {_meaning(entry): entry for entry in (old.entries if old else ())}
    after = {_meaning(entry): entry for entry in new.entries}
    added = tuple(entry for key, entry in after.items() if key not in before)
    removed = tuple(entry for key, entry in before.items() if key not in after)
    present = tuple(entry for one in known.values() if one is not old for entry in one.entries)
    if old is not None and not added and not removed and old.source == new.source:
        return Replacement(text, present, (), (), "unchanged")
    rest = remove_documents(text, source, [document.name]) if old is not None else text
    outcome = "configured" if old is not None else "created"
    return Replacement(add_documents(rest, source, [new]).text, present, added, removed, outcome)


# How one of the two gives way; objects of a cluster keep their names.
def _yielding(source: str, document: Document) -> str:
    removal = f"kubectl netpol known-servers remove {document.name} --known-servers {shlex.quote(source)}"
    if document.source is not None and document.source.form == CLUSTER:
        return f"rename it in {source}, or remove it: {removal}"
    return f"give the import another name with --name, or remove that one: {removal}"


def remove_documents(text: str, source: str, names: Collection[str]) -> str:
    """The text without the documents of these names; comments outside of them stay.

    Raises InputError, also for a name that is not there.
    """
    places = read_places(text, source)
    for name in sorted(set(names) - {placed.document.name for placed in places}):
        message = f"{source}: there is no known server {name!r:.80}; nothing was removed"
        raise InputError(message, "'kubectl netpol known-servers list -o name' shows what there is")
    doomed = [placed for placed in places if placed.document.name in names]
    kept = merge(placed.document for placed in places if placed.document.name not in names)
    lists: dict[int, list[Placed]] = {}
    splices: list[Splice] = []
    for placed in doomed:
        if placed.siblings is None:
            splices += document_spans(placed)
        else:
            lists.setdefault(placed.chunk.start + placed.siblings.start, []).append(placed)
    for items in lists.values():
        splices += item_spans(items)
    changed = _splice(text, splices)
    _check(changed, source, kept, places)
    return changed


def _check(text: str, source: str, expected: dict[str, Document], places: list[Placed]) -> None:
    try:
        found = merge(placed.document for placed in read_places(text, source, before=places))
    except InputError as error:
        raise _unforeseen(source) from error
    if found != expected:
        raise _unforeseen(source)


def _unforeseen(source: str) -> InputError:
    message = f"{source}: this edit cannot be made safely in the file's present layout; nothing was changed"
    return InputError(message, "edit the file by hand, or use the layout that 'known-servers export' prints")


def _refuse_unmarked(document: Document, placed: Placed) -> None:
    if document.every_address and not placed.document.every_address:
        message = f"a block that holds every address cannot be added to {document.name}, which has other blocks"
        raise InputError(message, "give it a NAME of its own")


def _refuse_mixing(document: Document, known: Document | None) -> None:
    if known is None or document.source == known.source:
        return
    if document.source is not None:
        message = f"known server {document.name!r} is there already, and not from the source that this one names"
        raise InputError(message, "leave --keep-source out, or rename one of the two")
    if document.entries:
        message = f"known server {document.name!r} was imported: the next refresh would drop what is added to it"
        raise InputError(message, "give these blocks a NAME of their own")


def _splice(text: str, splices: list[Splice]) -> str:
    parts, position = [], 0
    for start, end, replacement in sorted(splices):
        parts += [text[position:start], replacement]
        position = end
    return "".join([*parts, text[position:]])


def _newline(text: str) -> str:
    return "\r\n" if "\r\n" in text else "\n"


def _append(text: str, documents: list[Document]) -> str:
    if not documents:
        return text
    newline = _newline(text)
    addition = write_documents(documents).replace("\n", newline)
    if not text:
        return addition
    return text + ("" if text.endswith("\n") else newline) + "---" + newline + addition


def _insertion(text: str, placed: Placed, entries: tuple[KnownServer, ...]) -> Splice:
    chunk, node = placed.chunk, placed.node
    newline = _newline(text)
    if node is None:
        position, indent = chunk.start + placed.end - 1, ""
    else:
        spec: Sequence = node.pairs["spec"]
        last = content_end(spec.items[-1])
        if spec.flow:
            position = chunk.start + last
            return position, position, "".join(f", {entry_flow(entry)}" for entry in entries)
        position = chunk.start + line_end(chunk.text, last)
        indent = " " * (spec.start - chunk.text.rfind("\n", 0, spec.start) - 1)
    lines = [newline + indent + line for entry in entries for line in entry_lines(entry)]
    return position, position, "".join(lines)
