"""KnownServer documents out of YAML or JSON text. Strict: what Kubernetes would reject or drop is an error here.

Accepted are KnownServer objects, one or many documents, and lists of them (kind List or KnownServerList).
Messages name the source, the document, the line and the field.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from typing import NamedTuple

from ..errors import InputError
from .chunks import ANNOTATION, API_VERSION, FORMAT, KIND, PLACE, Chunk, cut, read_canonical
from .tree import Mapping, Node, Scalar, Sequence, TreeError, is_null, is_string, read_trees
from .values import Document, KnownServer, Source, check_document_name, holds_every_address, known_server
from .width import refuse_together, whole_family

_OBJECT_FIELDS = frozenset({"apiVersion", "kind", "metadata", "spec", "status"})
_ENTRY_FIELDS = frozenset({"ipBlock", "name", "server"})
_UNMARKED = f'if that is meant: import --force, or give the object the annotation {ANNOTATION}: "true"'
_LISTS = {"List": "v1", "KnownServerList": API_VERSION}


class Placed(NamedTuple):
    """A document and where it stands in its chunk.

    Read as YAML: ``root`` is the YAML document's tree, ``node`` the object's, ``siblings`` the items of a list or
    None. In our own form all three are None, and ``start`` and ``end`` are where its fields begin and end.
    """

    document: Document
    chunk: Chunk
    root: Mapping | None = None
    node: Mapping | None = None
    siblings: Sequence | None = None
    start: int = 0
    end: int = 0


def read_documents(text: str, source: str, force: bool = False) -> tuple[Document, ...]:
    """All KnownServers of a text; ``source`` is its name in messages. Raises InputError.

    0.0.0.0/0 and ::/0 are refused unless the document bears the annotation, or ``force``, which marks it so.
    """
    return tuple(placed.document for placed in read_places(text, source, force))


def read_object(value: object, title: str, mending: str, force: bool = False) -> Document:
    """A KnownServer that an API server told. Raises InputError, without lines, of which it has none.

    ``title`` names it in messages; ``mending`` is the hint where there is none that says more.
    """
    where = Where(title, 1, 0, force, mending)
    (chunk,) = cut(json.dumps(value))
    (tree,) = _trees(chunk, where)
    return _read_object(_mapping(tree, "it", where), "", where)


def read_places(text: str, source: str, force: bool = False, before: Iterable[Placed] = ()) -> list[Placed]:
    """As ``read_documents``, with the place of each document in the text.

    ``before``: places of an earlier reading; a chunk of the same words in our own form is not read again.
    """
    known = {placed.chunk.text: placed for placed in before if placed.root is None}
    places: list[Placed] = []
    number = 0
    for chunk in cut(text):
        where = Where(source, number + 1, chunk.line, force)
        placed = known.get(chunk.text) or _read_own_form(chunk)
        if placed is not None:
            number += 1
            places.append(placed._replace(chunk=chunk))
            continue
        for tree in _trees(chunk, where):
            number += 1
            places += _read_tree(tree, chunk, replace(where, number=number))
    if len({placed.document.name for placed in places}) < len(places):
        refuse_together(merge(placed.document for placed in places).values(), source)
    return places


def _read_own_form(chunk: Chunk) -> Placed | None:
    try:
        canonical = read_canonical(chunk)
    except InputError:
        return None  # the YAML reader will say it better
    if canonical is None or whole_family(canonical.document.entries):
        return None
    return Placed(canonical.document, chunk, start=canonical.start, end=canonical.end)


def merge(documents: Iterable[Document]) -> dict[str, Document]:
    """Documents of one name taken together, in the order of their first appearance."""
    merged: dict[str, Document] = {}
    parts: dict[str, list[KnownServer]] = {}
    for document in documents:
        parts.setdefault(document.name, []).extend(document.entries)
        known = merged.get(document.name, document)
        every = document.every_address or known.every_address
        merged[document.name] = Document(document.name, (), every, known.source or document.source)
    return {name: replace(document, entries=tuple(parts[name])) for name, document in merged.items()}


@dataclass(frozen=True, slots=True)
class Where:
    """What a message says first: the source, the document's number (from 1) and the chunk's first line (from 0).

    ``force``: a block that holds every address is accepted. ``mending``: how an object that stands in no file is
    mended.
    """

    source: str
    number: int
    line: int
    force: bool = False
    mending: str = ""

    def error(self, line: int, problem: str, hint: str = "") -> InputError:
        if self.mending:
            return InputError(f"{self.source}: {problem}", hint or self.mending)
        return InputError(f"{self.source}: document {self.number}, line {self.line + line + 1}: {problem}", hint)


def _trees(chunk: Chunk, where: Where) -> Iterator[Node]:
    trees = read_trees(chunk.text)
    number = where.number
    while True:
        try:
            yield next(trees)
        except StopIteration:
            return
        except TreeError as error:
            raise replace(where, number=number).error(error.line, error.message, error.hint) from error
        number += 1


def _read_tree(tree: Node, chunk: Chunk, where: Where) -> list[Placed]:
    if is_null(tree):
        return []
    root = _mapping(tree, "the document", where)
    kind = _text(root, "kind", "", where)
    if kind not in _LISTS:
        return [Placed(_read_object(root, "", where), chunk, root, root)]
    _expect_version(root, "", _LISTS[kind], where)
    items = _field(root, "items", "", where)
    if not isinstance(items, Sequence):
        raise where.error(items.line, "items is no list")
    objects = [(_mapping(item, f"items[{i}]", where), f"items[{i}].") for i, item in enumerate(items.items)]
    return [Placed(_read_object(item, path, where), chunk, root, item, items) for item, path in objects]


def _read_object(root: Mapping, path: str, where: Where) -> Document:
    if (kind := _text(root, "kind", path, where)) != KIND:
        raise where.error(root.line, f"{path}kind is {kind!r:.60}", f"only {KIND} objects, or lists of them, are read")
    _expect_version(root, path, API_VERSION, where)
    _expect_fields(root, path, _OBJECT_FIELDS, where)
    metadata = _mapping(_field(root, "metadata", path, where), f"{path}metadata", where)
    name = _text(metadata, "name", f"{path}metadata.", where)
    try:
        check_document_name(name)
    except InputError as error:
        raise where.error(metadata.line, f"{path}metadata.name: {error.message}", error.hint) from error
    marked = where.force or _is_marked(metadata, f"{path}metadata.", where)
    spec = _field(root, "spec", path, where)
    if not isinstance(spec, Sequence):
        raise where.error(spec.line, f"{path}spec is no list", "write one '- ipBlock: ...' for each block")
    entries = tuple(_read_entry(node, name, f"{path}spec[{i}]", where, marked) for i, node in enumerate(spec.items))
    family = whole_family(entries)
    if family and not marked:
        raise where.error(spec.line, f"{path}spec holds every {family} address, its blocks together", _UNMARKED)
    return Document(name, entries, bool(family), _source(metadata, f"{path}metadata.", where))


def _read_entry(node: Node, document: str, path: str, where: Where, marked: bool) -> KnownServer:
    entry = _mapping(node, path, where)
    _expect_fields(entry, f"{path}.", _ENTRY_FIELDS, where)
    block = _field(entry, "ipBlock", f"{path}.", where)
    if not isinstance(block, Scalar):
        raise where.error(block.line, f"{path}.ipBlock is no text")
    name, server = (_optional_text(entry, field, f"{path}.", where) for field in ("name", "server"))
    try:
        # As text, whatever YAML takes it for: 1:2:3:4:5:6:7:8 is a number to it.
        known = known_server(document, block.text, name, server)
    except InputError as error:
        raise where.error(entry.line, f"{path}: {error.message}", error.hint) from error
    if holds_every_address(known) and not marked:
        raise where.error(block.line, f"{path}.ipBlock {block.text} holds every address", _UNMARKED)
    return known


def _is_marked(metadata: Mapping, path: str, where: Where) -> bool:
    return _annotation(metadata, ANNOTATION, path, where) == "true"


def _source(metadata: Mapping, path: str, where: Where) -> Source | None:
    form, place = (_annotation(metadata, key, path, where) for key in (FORMAT, PLACE))
    return Source(form, place) if form and place and (form + place).isprintable() else None


def _annotation(metadata: Mapping, key: str, path: str, where: Where) -> str:
    annotations = metadata.pairs.get("annotations")
    if annotations is None or is_null(annotations):
        return ""
    value = _mapping(annotations, f"{path}annotations", where).pairs.get(key)
    return value.text if isinstance(value, Scalar) else ""


def _mapping(node: Node, path: str, where: Where) -> Mapping:
    if isinstance(node, Mapping):
        return node
    raise where.error(node.line, f"{path} is no object with fields")


def _field(parent: Mapping, field: str, path: str, where: Where) -> Node:
    node: Node | None = parent.pairs.get(field)
    if node is None or is_null(node):
        raise where.error(parent.line if node is None else node.line, f"{path}{field} is missing")
    return node


def _text(parent: Mapping, field: str, path: str, where: Where) -> str:
    node = _field(parent, field, path, where)
    if not isinstance(node, Scalar) or not is_string(node):
        raise where.error(node.line, f"{path}{field} is no text", where.mending or "put it in quotes")
    return node.text


def _optional_text(parent: Mapping, field: str, path: str, where: Where) -> str:
    node = parent.pairs.get(field)
    return "" if node is None or is_null(node) else _text(parent, field, path, where)


def _expect_version(root: Mapping, path: str, expected: str, where: Where) -> None:
    if (version := _text(root, "apiVersion", path, where)) != expected:
        raise where.error(root.line, f"{path}apiVersion is {version!r:.80}, not {expected}")


def _expect_fields(parent: Mapping, path: str, known: frozenset[str], where: Where) -> None:
    for field, node in parent.pairs.items():
        if field not in known:
            raise where.error(
                node.line, f"{path}{field!r:.60} is no field of a {KIND}", f"known: {', '.join(sorted(known))}"
            )
