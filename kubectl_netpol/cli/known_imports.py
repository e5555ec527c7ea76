"""``known-servers import --from``, ``--cluster`` and ``refresh``: what others publish, and what became of it since."""

from __future__ import annotations

import shlex
import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from ..errors import InputError, NetpolError
from ..known_servers.chunks import API_VERSION, KIND
from ..known_servers.documents import merge, read_object
from ..known_servers.edits import Replacement, replace_document
from ..known_servers.fetch import is_url, read_bounded, read_place
from ..known_servers.providers import SERVERS, read_provider
from ..known_servers.store import HEADER, edit
from ..known_servers.values import CLUSTER, Document, KnownServer, Source, check_document_name, check_text
from ..policy.listing import some_of
from ..render.secrets import secret_parameter
from . import streams
from .connection import Connection

_OBJECTS = "/apis/spdx.softwarecomposition.kubescape.io/v1beta1/knownservers"
_RESOURCE = "knownservers.spdx.softwarecomposition.kubescape.io"
_SHOWN = 20
_PAGE, _MOST_PAGES = 500, 1000


@dataclass(frozen=True, slots=True)
class Wish:
    """What was asked for: the format, FILE, URL or -, and the document's name and server, or empty."""

    form: str
    place: str
    name: str = ""
    server: str = ""


def read_published(wish: Wish) -> Document:
    """The document that a published file becomes. Raises InputError."""
    name = wish.name or wish.form
    if wish.form == "text" and not wish.name:
        raise InputError("--from text needs a name for its blocks", "add --name, and whose they are with --server")
    check_document_name(name)
    check_text("server", wish.server)
    if wish.place == "-":
        content, title, place = read_bounded(sys.stdin.buffer, "standard input"), "standard input", "-"
    elif is_url(wish.place):
        _refuse_secret(wish.place)
        content, title, place = read_place(wish.place, streams.trace), wish.place, wish.place
    else:
        place = str(Path(wish.place).expanduser().absolute())
        content, title = read_place(place, streams.trace), wish.place
    entries = read_provider(wish.form, content, title, name, wish.server)
    return Document(name, entries, source=Source(wish.form, place))


# The place is kept as an annotation, and goes wherever the known servers are exported to.
def _refuse_secret(url: str) -> None:
    name = secret_parameter(url)
    if name:
        problem = (
            f"the URL's parameter {name!r} looks like a secret, and the URL would be kept as the known server's source"
        )
        raise InputError(problem, "download the file, and name it")


def read_cluster(connection: Connection, force: bool) -> tuple[Document, ...]:
    """The KnownServer objects of a cluster in which Kubescape is installed. Raises InputError and ClusterError."""
    from ..cluster.trouble import RefusedError  # noqa: PLC0415 - loads the client library

    api = connection.open()
    items: list[dict[str, Any]] = []
    following = ""
    for _ in range(_MOST_PAGES):
        try:
            page = api.get(_OBJECTS, {"limit": _PAGE, "continue": following})
        except RefusedError as error:
            if error.status == 404:
                hint = "Kubescape brings them: see its operator's documentation"
                raise InputError("the cluster has no KnownServer objects", hint) from error
            raise
        found = page.get("items")
        items += [one for one in found if isinstance(one, dict)] if isinstance(found, list) else []
        metadata = page.get("metadata")
        following = str(metadata.get("continue") or "") if isinstance(metadata, dict) else ""
        if not following:
            break
    source = Source(CLUSTER, connection.context or "-")
    documents = (_read_object(one, force) for one in items)
    return tuple(replace(one, source=source) for one in merge(documents).values())


def _read_object(value: dict[str, Any], force: bool) -> Document:
    typed = {"apiVersion": API_VERSION, "kind": KIND}  # the API server leaves both out of a list's items
    metadata = value.get("metadata")
    name = metadata.get("name") if isinstance(metadata, dict) else None
    named = f" {shlex.quote(name)}" if isinstance(name, str) and name.isprintable() else ""
    mending = f"mend it: kubectl edit {_RESOURCE}{named}"
    return read_object(typed | value, f"the cluster's {KIND}{named:.80}", mending, force)


def replace_all(file: Path, documents: Sequence[Document]) -> list[Replacement]:
    """Puts these documents into the file: all of them, or none."""
    found: list[Replacement] = []

    def change(text: str) -> str:
        changed = text
        for document in documents:
            found.append(replace_document(changed, str(file), document))
            changed = found[-1].text
        return changed if text or not changed else HEADER + changed

    edit(file, change)
    return found


def refreshed(known: Sequence[Document], named: bool, again: Callable[[Document], Document | None]) -> list[Document]:
    """What the sources of these documents hold now. Raises InputError, also for a named one that has no source."""
    found = []
    for document in known:
        new = again(document)
        if new is not None:
            found.append(new)
        elif named:
            why = "was written by hand" if document.source is None else "came from standard input"
            raise InputError(f"known server {document.name!r} {why}: it has no source to read again")
    if not found:
        hint = "known-servers import --from aws|gcp|azure|github|cloudflare|text FILE|URL"
        raise InputError("no known server was imported from a file or URL", hint)
    return found


def unreadable(document: Document, error: InputError, others: str) -> InputError:
    """The error of a source that cannot be read, with the known server's name and a way on.

    ``others``: the command that refreshes the others, or empty where there are none.
    """
    form = document.source.form if document.source else ""
    hint = f"import it from where it is now: known-servers import --from {form} FILE|URL --name {document.name}"
    hint += f"; or refresh the others: {others}" if others else ""
    return InputError(f"known server {document.name!r}: {error.message}", hint)


def can_be_read_again(document: Document) -> bool:
    """Whether it was imported from a file, a URL or a cluster, by its annotations."""
    source = document.source
    return source is not None and (source.form == CLUSTER or (source.place != "-" and source.form in SERVERS))


def read_clusters_again(
    connection: Connection, known: Sequence[Document], others: Callable[[Sequence[Document]], str]
) -> dict[str, Document]:
    """By name, those that came from a cluster, as it has them now; one that is gone has no entries.

    Each is read from the context that it was imported from, the connection's own for what came from the current one.
    Raises InputError, for one of another context than was named, and for a cluster that cannot be asked: with the
    command that refreshes the others than those, which ``others`` gives.
    """
    theirs = [one for one in known if one.source and one.source.form == CLUSTER]
    connections: dict[str, Connection] = {}
    for one in theirs:
        place = one.source.place if one.source else "-"
        if connection.context and place not in ("-", connection.context):
            hint = "leave --context out, or name known servers of that context only"
            raise InputError(f"known server {one.name!r} was imported from the context {place!r}", hint)
        connections[place] = connection if place == "-" or connection.context else connection.at(place)
    there: dict[tuple[str, str], Document] = {}
    for place, to_there in connections.items():
        try:
            there |= {(place, document.name): document for document in read_cluster(to_there, True)}
        except NetpolError as error:
            lost = [one for one in theirs if one.source and one.source.place == place]
            raise _unreachable(lost, error, others(lost)) from error
    found = {}
    for one in theirs:
        now = there.get((one.source.place if one.source else "-", one.name))
        found[one.name] = replace(one, entries=()) if now is None else replace(now, source=one.source)
    return found


def _unreachable(lost: Sequence[Document], error: NetpolError, others: str) -> InputError:
    names = some_of([repr(one.name) for one in lost], 3)
    hints = [error.hint, f"refresh the others: {others}" if others else ""]
    return InputError(
        f"known server{'s' * (len(lost) > 1)} {names}: {error.message}", "; or ".join(filter(None, hints))
    )


def read_again(document: Document) -> Document | None:
    """The document from where it came; None where that is not known. The same server stands for its blocks."""
    source = document.source
    if source is None or source.form == CLUSTER or not can_be_read_again(document):
        return None
    server = document.entries[0].server if document.entries else ""
    return read_published(Wish(source.form, source.place, document.name, server))


def differences(found: Replacement) -> list[str]:
    """A line for each block that came or went, the first of them only."""
    lines = [f"  + {_entry(one)}" for one in found.added] + [f"  - {_entry(one)}" for one in found.removed]
    more = len(lines) - _SHOWN
    return lines[:_SHOWN] + ([f"  and {more} more"] if more > 0 else [])


def changes(found: Replacement) -> str:
    """``3 blocks added, 1 removed``"""
    return f"{len(found.added)} added, {len(found.removed)} removed"


def _entry(one: KnownServer) -> str:
    return f"{one.cidr} {one.name}".rstrip()
