"""``kubectl netpol known-servers``: say once which block of addresses is whose, and read it in every policy."""

from __future__ import annotations

import sys
from collections.abc import Iterable
from pathlib import Path

import click

from ..errors import InputError
from ..known_servers.documents import merge
from ..known_servers.edits import Addition, add_documents, remove_documents
from ..known_servers.lookup import Lookup
from ..known_servers.overlap import explain, remarks
from ..known_servers.sources import read_sources
from ..known_servers.store import HEADER, edit, read_known_servers
from ..known_servers.values import Document, check_document_name, holds_every_address, known_server
from ..known_servers.writer import document_object, list_object, write_documents, write_list
from . import streams
from .known_option import known_servers_option, known_servers_place

NOTES_LIMIT = 20
"""An import of thousands of blocks that overlap says so of the first, and how many more there are."""

_force_option = click.option("--force", is_flag=True, help="Accept 0.0.0.0/0 and ::/0, which hold every address.")


@click.group("known-servers", short_help="Say which blocks of addresses are whose, for use in policies.")
def command() -> None:
    """Say which blocks of addresses are whose. Policies then have the block, and its name, for an address within it.

    They are kept in one YAML file in the format of Kubescape's KnownServer, which you may edit too: comments and
    order stay. The most specific block wins; of equal blocks the one whose NAME, then label, then server comes
    first in the alphabet, an empty one last.

    \b
    Examples:
      kubectl netpol known-servers add github --ip-block 142.250.1.100/24 --name github-workflows --server github.com
      kubectl netpol known-servers explain 142.250.1.104
      kubectl netpol known-servers export > known-servers.yaml
    """


@command.command("add")
@click.argument("name")
@click.option("--ip-block", "blocks", multiple=True, required=True, metavar="CIDR", help="A block; may be repeated.")
@click.option("--name", "label", default="", metavar="LABEL", help="What people call it, such as github-workflows.")
@click.option("--server", required=True, metavar="HOST", help="Whose the block is, such as github.com.")
@_force_option
@known_servers_option
def add(name: str, blocks: tuple[str, ...], label: str, server: str, force: bool, path: Path | None) -> None:
    """Add blocks to the known server NAME, which is made where there is none.

    \b
    Examples:
      kubectl netpol known-servers add github --ip-block 142.250.1.100/24 --name github-workflows --server github.com
      kubectl netpol known-servers add dns --ip-block 8.8.8.8 --ip-block 2001:4860:4860::8888 --server dns.google
    """
    check_document_name(name)
    if not server.strip():
        raise InputError("--server is empty", "say whose the blocks are, such as --server github.com")
    entries = tuple(known_server(name, block, label, server) for block in blocks)
    every = [entry.ip_block for entry in entries if holds_every_address(entry)]
    if every and not force:
        hint = "policies would then allow the whole Internet; add --force if that is meant"
        raise InputError(f"{every[0]} holds every address", hint)
    addition = _add(path, [Document(name, entries, bool(every))])
    if not addition.added:
        listing = ", ".join(dict.fromkeys(entry.cidr for entry in entries))
        raise InputError(f"known server {name!r} already exists with {listing}, this name and server")
    if len(addition.added) < len(entries):
        streams.note(
            f"{_count(len(entries) - len(addition.added), 'block')} given twice or known already: not added again"
        )
    _tell(addition)


@command.command("list")
@click.argument("names", nargs=-1, metavar="[NAME ...]")
@click.option(
    "-o", "--output", type=click.Choice(["table", "yaml", "json", "name"]), default="table", help="How to print them."
)
@known_servers_option
def list_(names: tuple[str, ...], output: str, path: Path | None) -> None:
    """List the known servers, a line for each block, in the order of the file.

    \b
    Examples:
      kubectl netpol known-servers list
      kubectl netpol known-servers list github -o yaml
    """
    documents = _chosen(path, names)
    if output == "yaml":
        streams.data(write_list(documents))
    elif output == "json":
        streams.data(_json(documents))
    elif output == "name":
        streams.data("".join(f"{_resource(document.name)}\n" for document in documents))
    elif not any(document.entries for document in documents):
        streams.say("No known servers found.")
    else:
        streams.data(_table(documents))


@command.command("remove")
@click.argument("names", nargs=-1, required=True, metavar="NAME...")
@known_servers_option
def remove(names: tuple[str, ...], path: Path | None) -> None:
    """Remove known servers with all their blocks: all that are named, or none.

    \b
    Examples:
      kubectl netpol known-servers remove github
      kubectl netpol known-servers remove $(kubectl netpol known-servers list -o name)
    """
    plain = [name.rpartition("/")[2] for name in names]
    file, _ = known_servers_place(path)
    edit(file, lambda text: remove_documents(text, str(file), plain))
    for name in dict.fromkeys(plain):
        streams.line(f"{_resource(name)} removed")


@command.command("import")
@click.option(
    "-f",
    "--filename",
    "sources",
    multiple=True,
    required=True,
    metavar="FILE|DIR|-",
    help="What to read; may be repeated.",
)
@_force_option
@known_servers_option
def import_(sources: tuple[str, ...], force: bool, path: Path | None) -> None:
    """Add the KnownServers of files, folders or standard input, in YAML or JSON: all of them, or none.

    What is known already is not added again, so that importing twice changes nothing.

    \b
    Examples:
      kubectl netpol known-servers import -f known-servers.yaml
      kubectl get knownservers -o yaml | kubectl netpol known-servers import -f -
    """
    _tell(_add(path, read_sources(sources, sys.stdin.buffer, force)))


@command.command("export")
@click.argument("names", nargs=-1, metavar="[NAME ...]")
@click.option(
    "-o", "--output", type=click.Choice(["yaml", "json"]), default="yaml", help="How to print them. [default: yaml]"
)
@known_servers_option
def export(names: tuple[str, ...], output: str, path: Path | None) -> None:
    """Print the known servers as documents that import and `kubectl apply -f -` read. Comments stay behind.

    \b
    Examples:
      kubectl netpol known-servers export > known-servers.yaml
      kubectl netpol known-servers export github | kubectl apply -f -
    """
    documents = _chosen(path, names)
    streams.data(_json(documents) if output == "json" else write_documents(documents))


@command.command("explain")
@click.argument("address")
@known_servers_option
def explain_(address: str, path: Path | None) -> None:
    """Say which known block an address belongs to, and why: all blocks that hold it, the winner first.

    \b
    Examples:
      kubectl netpol known-servers explain 142.250.1.104
      kubectl netpol known-servers explain 2001:db8::1
    """
    lookup = Lookup(entry for document in _documents(path) for entry in document.entries)
    for line in explain(address, lookup):
        streams.line(line)


def _documents(path: Path | None) -> tuple[Document, ...]:
    file, is_named = known_servers_place(path)
    return tuple(merge(read_known_servers(file, is_named)).values())


def _chosen(path: Path | None, names: Iterable[str]) -> tuple[Document, ...]:
    documents = {document.name: document for document in _documents(path)}
    wanted = [name.rpartition("/")[2] for name in names]
    for name in wanted:
        if name not in documents:
            hint = "'kubectl netpol known-servers list -o name' shows what there is"
            raise InputError(f"there is no known server {name!r:.80}", hint)
    return tuple(documents[name] for name in dict.fromkeys(wanted)) if wanted else tuple(documents.values())


def _add(path: Path | None, documents: Iterable[Document]) -> Addition:
    file, _ = known_servers_place(path)
    additions: list[Addition] = []

    def change(text: str) -> str:
        additions.append(add_documents(text, str(file), documents))
        changed = additions[-1].text
        return changed if text or not changed else HEADER + changed

    edit(file, change)
    return additions[-1]


def _tell(addition: Addition) -> None:
    notes = remarks(addition.present, addition.added)
    for note in notes[:NOTES_LIMIT]:
        streams.note(note)
    if len(notes) > NOTES_LIMIT:
        streams.note(f"and {len(notes) - NOTES_LIMIT} more such notes")
    for name, outcome in addition.outcomes.items():
        streams.line(f"{_resource(name)} {outcome}")


def _resource(name: str) -> str:
    from ..render.document import to_name  # noqa: PLC0415

    return to_name(document_object(Document(name, ())))


def _json(documents: Iterable[Document]) -> str:
    from ..render.document import to_json  # noqa: PLC0415

    return to_json(list_object(documents))


def _table(documents: Iterable[Document]) -> str:
    from ..render.table import to_table  # noqa: PLC0415

    rows = [(e.document, e.cidr, e.name, e.server) for document in documents for e in document.entries]
    return to_table(("NAME", "IP-BLOCK", "LABEL", "SERVER"), rows)


def _count(number: int, noun: str) -> str:
    return f"1 {noun} was" if number == 1 else f"{number} {noun}s were"
