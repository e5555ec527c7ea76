"""A file's text cut at its ``---`` lines, so that an edit, and most of the reading, looks at one document at a time.

Cutting is sound: a line that begins with ``---`` ends every YAML construct, block scalars and quotes too. Where
directives (``%YAML``) occur, which belong to the document after them, nothing is cut.
"""

from __future__ import annotations

import re
from typing import NamedTuple

from .values import TEXT_LIMIT, Document, KnownServer, Source, canonical_cidr

API_VERSION = "spdx.softwarecomposition.kubescape.io/v1beta1"
KIND = "KnownServer"
ANNOTATION = "kubectl-netpol/allow-every-address"
"""``metadata.annotations`` with this and "true" says that the object may hold 0.0.0.0/0 or ::/0."""

FORMAT, PLACE = "kubectl-netpol/format", "kubectl-netpol/source"
"""Annotations of what was imported: the format, and where it came from."""

_MARKER = re.compile(r"^---(?=[ \t\r\n]|\Z)", re.MULTILINE)
_DIRECTIVE = re.compile(r"^%", re.MULTILINE)

_REST = r"(?:[ ]*(?:\#[^\n]*)?\n)*+"
_NAME = r"[a-z][a-z0-9]*(?:[.-][a-z0-9]+)*"
_TEXT = r'(?:"[ !\#-\[\]-~]*"|[A-Za-z][A-Za-z0-9]*(?:[._-][A-Za-z0-9]+)*)'
_HEAD = re.compile(
    rf"(?:---\n)?{_REST}(apiVersion): {re.escape(API_VERSION)}\nkind: {KIND}\n"
    rf"metadata:\n  name: ({_NAME})\n"
    rf'(?:  annotations:\n    {FORMAT}: ([a-z]+)\n    {PLACE}: "([ !\#-\[\]-~]+)"\n)?'
    rf"spec:\n{_REST}"
)
_BLOCK = r'(?:[0-9]+(?:\.[0-9]+){3}(?:/[0-9]+)?|"[0-9a-fA-F:.]+(?:/[0-9]+)?")'
_ENTRY = re.compile(rf"- ipBlock: ({_BLOCK})\n  name: ({_TEXT})\n  server: ({_TEXT})\n{_REST}")
_PRINTABLE = re.compile(r"[\n\x20-\x7e]*+")
NO_STRINGS = frozenset({"true", "false", "yes", "no", "on", "off", "null", "y", "n"})
"""What YAML 1.1 takes for a truth value or null, in any case."""


class Chunk(NamedTuple):
    """``start``: its position in the whole text; ``line``: its first line there, from 0."""

    text: str
    start: int
    line: int


def cut(text: str) -> list[Chunk]:
    """The chunks of a text, in order and without a gap; each but the first begins with ``---``."""
    starts = [] if _DIRECTIVE.search(text) else [match.start() for match in _MARKER.finditer(text)]
    first = 1 if text.startswith("\ufeff") else 0  # YAML's positions do not count a byte-order mark
    if not starts or starts[0] != first:
        starts.insert(0, first)
    chunks, line = [], 0
    for start, end in zip(starts, [*starts[1:], len(text)], strict=True):
        chunks.append(Chunk(text[start:end], start, line))
        line += text.count("\n", start, end)
    return chunks


class Canonical(NamedTuple):
    """A document in the form that ``writer`` gives; ``start`` and ``end`` are its fields' place in the chunk."""

    document: Document
    start: int
    end: int


def read_canonical(chunk: Chunk) -> Canonical | None:
    """The document of a chunk in our own form, ten times as fast as YAML; None: read it as YAML.

    Whatever is not exactly as ``writer`` writes it (comments aside) is left to the YAML reader, also all that is
    wrong, so that there is one place for what is accepted and one for messages. Raises InputError for a block that
    is none.
    """
    text = chunk.text
    head = _HEAD.match(text)
    if head is None or not _PRINTABLE.fullmatch(text):
        return None
    name, position, end = head[2], head.end(), 0
    entries: list[KnownServer] = []
    while (entry := _ENTRY.match(text, position)) is not None:
        block, label, server = entry.groups()
        if label.lower() in NO_STRINGS or server.lower() in NO_STRINGS:
            return None
        if len(label) > TEXT_LIMIT or len(server) > TEXT_LIMIT:
            return None
        block = block.strip('"')
        entries.append(KnownServer(canonical_cidr(block), block, label.strip('"'), server.strip('"'), name))
        end, position = entry.end(3) + 1, entry.end()
    if position != len(text) or not entries or name in NO_STRINGS:
        return None
    source = Source(head[3], head[4]) if head[3] else None
    return Canonical(Document(name, tuple(entries), source=source), head.start(1), end)
