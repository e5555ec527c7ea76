"""``kubectl netpol cache``: look at the recordings on this disk, move them, forget them."""

from __future__ import annotations

import sys
from collections.abc import Iterable
from pathlib import Path

import click

from ..cache.exchange import lines_of, parse
from ..cache.store import Info, Store, discard, exists
from ..cache.trouble import BusyError
from ..errors import InputError, StoreError
from ..neighbors.recording import Recording
from ..render.text import counted
from . import streams
from .nearest import Group
from .options import cache_dir_option
from .outputs import output_option


@click.group("cache", cls=Group, short_help="Look at the recordings on this disk, export, import or clear them.")
def command() -> None:
    """Look at the recordings on this disk, export, import or clear them.

    \b
    Examples:
      kubectl netpol cache info
      kubectl netpol cache export > recordings.ndjson
      kubectl netpol cache import -f recordings.ndjson
      kubectl netpol cache clear
    """


@command.command("info")
@cache_dir_option
@output_option("table", "json", default="table", templates=False)
def info(cache_dir: Path, output: str) -> None:
    """Show where recordings are kept, how many there are, and of which clusters.

    \b
    Examples:
      kubectl netpol cache info
      kubectl netpol cache info -o json
    """
    if not exists(cache_dir):
        _print_info(Info(cache_dir, 0, (), 0), output)
        return
    with Store.open(cache_dir) as store:
        _print_info(store.info(), output)


@command.command("clear")
@cache_dir_option
@click.option("-y", "--yes", is_flag=True, help="Do not ask.")
def clear(cache_dir: Path, yes: bool) -> int:
    """Forget all recordings, of all clusters. A cache that cannot be opened any more is removed.

    \b
    Examples:
      kubectl netpol cache clear
      kubectl netpol cache clear --yes
    """
    if not exists(cache_dir):
        streams.say("there is nothing to clear")
        return 0
    if not yes and not _is_confirmed(cache_dir):
        return 1
    streams.say(_clear(cache_dir))
    return 0


@command.command("export")
@cache_dir_option
def export(cache_dir: Path) -> None:
    """Print all recordings, for another machine or to keep them. Importing them twice changes nothing.

    \b
    Examples:
      kubectl netpol cache export > recordings.ndjson
      kubectl netpol cache export | ssh bastion kubectl netpol cache import -f -
    """
    if not exists(cache_dir):
        _print_lines(lines_of(()))
        return
    with Store.open(cache_dir) as store:
        _print_lines(lines_of(store.everything()))


@command.command("import")
@cache_dir_option
@click.option("-f", "--filename", required=True, metavar="FILE", help="An export, or - for standard input.")
def import_(cache_dir: Path, filename: str) -> None:
    """Add the recordings of an export to those on this disk: all of them, or none.

    \b
    Examples:
      kubectl netpol cache import -f recordings.ndjson
      kubectl netpol cache import -f - < recordings.ndjson
    """
    recordings = _parse(filename)
    with Store.open(cache_dir) as store:
        changed = store.merge_all(recordings)
    streams.say(f"{counted(len(recordings), 'recording')} read, {counted(changed, 'workload')} changed")


def _print_info(found: Info, output: str) -> None:
    if output == "json":
        import json  # noqa: PLC0415

        clusters = [{"cluster": cluster, "workloads": count} for cluster, count in found.clusters]
        facts = {"directory": str(found.directory), "schema": found.schema, "size": found.size, "clusters": clusters}
        streams.data(json.dumps(facts, indent=4) + "\n")
        return
    streams.line(f"{found.directory}, {found.size} bytes")
    if not found.clusters:
        streams.say("No recordings found.")
        return
    from ..render.table import to_table  # noqa: PLC0415

    streams.data(to_table(("CLUSTER", "WORKLOADS"), [(cluster, str(count)) for cluster, count in found.clusters]))


def _is_confirmed(directory: Path) -> bool:
    if not streams.is_terminal():
        raise InputError("clearing the cache has to be confirmed", "add --yes: kubectl netpol cache clear --yes")
    if streams.ask(f"Forget all recordings in {directory}?"):
        return True
    streams.say("nothing was cleared")
    return False


def _clear(directory: Path) -> str:
    try:
        with Store.open(directory) as store:
            return f"forgot the recordings of {counted(store.clear(), 'workload')}"
    except BusyError:
        raise
    except StoreError as error:  # damaged, of another version, or on a full disk: clearing makes room
        discard(directory)
        return f"removed a cache that could not be opened: {error.message}"


def _print_lines(lines: Iterable[str]) -> None:
    for line in lines:
        streams.data(line)


def _parse(filename: str) -> list[tuple[str, Recording]]:
    if filename == "-":
        return parse(sys.stdin.buffer, "standard input")
    try:
        with Path(filename).open("rb") as stream:
            return parse(stream, filename)
    except OSError as error:
        raise InputError(
            f"{filename} cannot be read: {error.strerror}",
            "-f takes the file that cache export wrote, or - for standard input",
        ) from error
