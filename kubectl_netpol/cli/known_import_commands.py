"""``kubectl netpol known-servers import`` and ``refresh``: what others publish becomes known, and is read again."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import click

from ..errors import InputError
from ..known_servers.sources import read_sources, without_source
from ..known_servers.values import Document
from ..known_servers.width import wide_remarks
from . import streams
from .connection import Connection, connects, connects_without_cluster
from .known_file import add_known, chosen, force_option, resource, tell_addition
from .known_option import known_servers_option, known_servers_place

FORMATS = ("aws", "gcp", "azure", "github", "cloudflare", "text")


@click.command("import")
@click.argument("place", metavar="[FILE|URL|-]", required=False)
@click.option(
    "-f", "--filename", "sources", multiple=True, metavar="FILE|DIR|-", help="KnownServers to read; may be repeated."
)
@click.option("--keep-source", is_flag=True, help="Let refresh read what documents of -f name as their source.")
@click.option("--from", "form", type=click.Choice(FORMATS), help="What a provider published, in its own format.")
@click.option("--name", "name", metavar="NAME", default="", help="The known server's name. [default: the format's]")
@click.option("--server", metavar="HOST", default="", help="Whose the blocks are. [default: the provider]")
@click.option("--cluster", "from_cluster", is_flag=True, help="Read the KnownServers of the cluster (Kubescape).")
@connects_without_cluster
@force_option
@known_servers_option
def import_(
    place: str | None,
    sources: tuple[str, ...],
    form: str | None,
    path: Path | None,
    connection: Connection,
    **others: Any,
) -> None:
    """Add known servers from elsewhere: all of them, or none. Importing twice changes nothing.

    -f reads KnownServers from files, folders or standard input, in YAML or JSON. --from reads what providers publish:
    services and regions become labels, and the known server is as the file is from then on. Its source is remembered,
    and refresh reads it again. URLs are read by https only.

    Documents of -f may name a source, too, any file or URL that refresh would then read: that is left out, unless
    --keep-source says that you trust them, as those that you exported on another machine.

    \b
    Examples:
      kubectl netpol known-servers import -f known-servers.yaml
      kubectl netpol known-servers import -f my-own-export.yaml --keep-source
      kubectl netpol known-servers import --cluster
      kubectl netpol known-servers import --from aws https://ip-ranges.amazonaws.com/ip-ranges.json
      kubectl netpol known-servers import --from gcp https://www.gstatic.com/ipranges/cloud.json
      kubectl netpol known-servers import --from azure ServiceTags_Public.json
      kubectl netpol known-servers import --from github https://api.github.com/meta
      kubectl netpol known-servers import --from cloudflare https://www.cloudflare.com/ips-v4
      kubectl netpol known-servers import --from text offices.txt --name offices --server example.com
    """
    from . import known_imports  # noqa: PLC0415 - it loads HTTP

    if sum((bool(sources), bool(form), others["from_cluster"])) != 1:
        raise InputError("name one source", "-f FILE, --from FORMAT FILE|URL, or --cluster; see --help")
    if bool(form) != bool(place):
        raise InputError("--from and a FILE or URL go together", "such as: --from github https://api.github.com/meta")
    if (others["name"] or others["server"]) and not form:
        raise InputError("--name and --server go with --from only", "other sources bring their own")
    if others["keep_source"] and not sources:
        raise InputError("--keep-source goes with -f only", "of --from and --cluster the source is always kept")
    if sources:
        read = read_sources(sources, sys.stdin.buffer, others["force"])
        tell_addition(add_known(path, read if others["keep_source"] else _trusting_no_source(read)))
        return
    if form and place:
        wish = known_imports.Wish(form, place, others["name"], others["server"])
        documents: Sequence[Document] = (known_imports.read_published(wish),)
    else:
        documents = known_imports.read_cluster(connection, others["force"])
        if not documents:
            streams.say("No known servers found in the cluster.")
            return
    _put(path, documents)


@click.command("refresh")
@click.argument("names", nargs=-1, metavar="[NAME ...]")
@connects
@known_servers_option
def refresh(names: tuple[str, ...], connection: Connection, path: Path | None) -> None:
    """Read again what was imported with --from or --cluster, and show what changed: all of it, or nothing is changed.

    A cluster is asked in the context that was imported from; --context is for what was imported from the current one.

    \b
    Examples:
      kubectl netpol known-servers refresh
      kubectl netpol known-servers refresh aws
    """
    from . import known_imports  # noqa: PLC0415

    known = chosen(path, names)

    def refresh_others(than: Sequence[Document]) -> str:
        others = [one.name for one in known if one not in than and known_imports.can_be_read_again(one)]
        file = ("--known-servers", str(path)) if path else ()
        return connection.command("known-servers", "refresh", *others, *file) if others else ""

    there = known_imports.read_clusters_again(connection, known, refresh_others)

    def again(document: Document) -> Document | None:
        try:
            return there.get(document.name) or known_imports.read_again(document)
        except InputError as error:
            raise known_imports.unreadable(document, error, refresh_others([document])) from error

    _put(path, known_imports.refreshed(known, bool(names), again))


# What refresh would obey is for the user to say: a document from anywhere may name any file, URL or context.
def _trusting_no_source(documents: Sequence[Document]) -> list[Document]:
    for one in documents:
        if one.source is not None:
            told = f"its source ({one.source.form} {one.source.place}) was left out, and refresh does not read it"
            streams.note(f"known server {one.name!r}: {told}; keep it with --keep-source if you trust it")
    return [without_source(one) for one in documents]


def _put(path: Path | None, documents: Sequence[Document]) -> None:
    from . import known_imports  # noqa: PLC0415

    file, _ = known_servers_place(path)
    for document, found in zip(documents, known_imports.replace_all(file, documents), strict=True):
        for remark in wide_remarks(document.entries):
            streams.note(f"{document.name}: {remark}")
        streams.line(f"{resource(document.name)} {found.outcome}: {known_imports.changes(found)}")
        for line in known_imports.differences(found) if found.outcome != "created" else ():
            streams.line(line)
