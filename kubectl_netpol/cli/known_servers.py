"""``kubectl netpol known-servers``: say once which block of addresses is whose, and read it in every policy."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

import click

from ..errors import InputError
from ..known_servers.edits import remove_documents
from ..known_servers.lookup import Lookup
from ..known_servers.overlap import explain
from ..known_servers.store import edit
from ..known_servers.values import Document, check_document_name, holds_every_address, known_server
from ..known_servers.width import whole_family
from ..known_servers.writer import list_object, write_documents, write_list
from . import streams
from .known_file import add_known, all_known, chosen, force_option, resource, tell_addition
from .known_import_commands import import_, refresh
from .known_option import known_servers_option, known_servers_place
from .nearest import Group
from .outputs import is_template, no_headers_option, output_option, print_template


@click.group("known-servers", cls=Group, short_help="Say which blocks of addresses are whose, for use in policies.")
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
@force_option
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
    family = whole_family(entries)
    if family and not force:
        hint = "policies would then allow the whole Internet; add --force if that is meant"
        every = next((entry.ip_block for entry in entries if holds_every_address(entry)), "")
        problem = f"{every} holds every address" if every else f"the blocks together hold every {family} address"
        raise InputError(problem, hint)
    addition = add_known(path, [Document(name, entries, bool(family))])
    if not addition.added:
        listing = ", ".join(dict.fromkeys(entry.cidr for entry in entries))
        raise InputError(f"known server {name!r} already exists with {listing}, this name and server")
    if len(addition.added) < len(entries):
        streams.note(
            f"{_count(len(entries) - len(addition.added), 'block')} given twice or known already: not added again"
        )
    tell_addition(addition)


@command.command("list")
@click.argument("names", nargs=-1, metavar="[NAME ...]")
@output_option("table", "yaml", "json", "name", default="table")
@no_headers_option
@known_servers_option
def list_(names: tuple[str, ...], output: str, no_headers: bool, path: Path | None) -> None:
    """List the known servers, a line for each block, in the order of the file.

    \b
    Examples:
      kubectl netpol known-servers list
      kubectl netpol known-servers list github -o yaml
    """
    documents = chosen(path, names)
    if output == "yaml":
        streams.data(write_list(documents))
    elif output == "json":
        streams.data(_json(documents))
    elif output == "name":
        streams.data("".join(f"{resource(document.name)}\n" for document in documents))
    elif is_template(output):
        print_template(output, list_object(documents)["items"], len(names) == 1, not no_headers)
    elif not any(document.entries for document in documents):
        streams.say("No known servers found.")
    else:
        streams.data(_table(documents, not no_headers))


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
        streams.line(f"{resource(name)} removed")


command.add_command(import_)
command.add_command(refresh)


@command.command("export")
@click.argument("names", nargs=-1, metavar="[NAME ...]")
@output_option("yaml", "json", default="yaml", templates=False)
@known_servers_option
def export(names: tuple[str, ...], output: str, path: Path | None) -> None:
    """Print the known servers as documents that import and `kubectl apply -f -` read. Comments stay behind.

    \b
    Examples:
      kubectl netpol known-servers export > known-servers.yaml
      kubectl netpol known-servers export github | kubectl apply -f -
    """
    documents = chosen(path, names)
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
    lookup = Lookup(entry for document in all_known(path) for entry in document.entries)
    for line in explain(address, lookup):
        streams.line(line)


def _json(documents: Iterable[Document]) -> str:
    from ..render.document import to_json  # noqa: PLC0415

    return to_json(list_object(documents))


def _table(documents: Iterable[Document], with_headers: bool) -> str:
    from ..render.table import to_table  # noqa: PLC0415

    rows = [(e.document, e.cidr, e.name, e.server) for document in documents for e in document.entries]
    return to_table(("NAME", "IP-BLOCK", "LABEL", "SERVER"), rows, with_headers)


def _count(number: int, noun: str) -> str:
    return f"1 {noun} was" if number == 1 else f"{number} {noun}s were"
