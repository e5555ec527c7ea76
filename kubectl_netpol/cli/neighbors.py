"""``kubectl netpol neighbors``: what was recorded, as a table or as NetworkNeighbors documents."""

from __future__ import annotations

import time

import click

from ..errors import InputError
from ..model import NetworkNeighbors
from ..neighbors.document import to_document
from . import streams
from .losses import tell_losses
from .options import Scope, reads_recordings
from .outputs import is_template, no_headers_option, output_option, print_objects
from .recordings import absence, read
from .selection import parse_selection


@click.command("neighbors", short_help="Show what was recorded: who talks to whom.")
@click.argument("selection", nargs=-1, metavar="[TYPE/NAME ...]")
@reads_recordings
@output_option("table", "wide", "summary", "yaml", "json", "name", default="table")
@no_headers_option
@click.option("-w", "--watch", is_flag=True, help="After listing them, print each that is new, or known better.")
@click.option("--watch-only", is_flag=True, help="Print those that are new, or known better, without listing first.")
def command(
    scope: Scope, selection: tuple[str, ...], output: str, no_headers: bool, watch: bool, watch_only: bool
) -> None:
    """Show what was recorded of workloads: who they talk to, and who talks to them.

    YAML and JSON are NetworkNeighbors; their spec holds what was answered, their status everything else.

    -o summary tells how complete that is: how long a workload was HEARD and, on some of its nodes, was not; how many of
    the PODS that lived meanwhile were heard; for how long nothing new came (QUIET); how many new neighbors as much time
    again would bring; and the chance that a connection goes to a neighbor that was not seen yet, with 95% limits (<).
    That is if traffic goes on as it was, and says nothing of what comes less often. Pods and CronJobs that were not
    heard are named.

    With --watch a line is added when a neighbor is new, is answered or refused for the first time, or gets a name or a
    mark; not each time that it is counted again. As with kubectl get, what was printed stays.

    \b
    Examples:
      # All workloads of the current namespace
      kubectl netpol neighbors
    \b
      # One workload, with names, marks and selectors
      kubectl netpol neighbors deploy/nginx -o wide
    \b
      # How complete the recordings are
      kubectl netpol neighbors -A -o summary
    \b
      # What was seen in the last week, in all namespaces, as documents
      kubectl netpol neighbors -A --since 7d -o yaml
    \b
      # What a recording that runs elsewhere adds, until Ctrl-C
      kubectl netpol neighbors --watch
    """
    chosen = parse_selection(selection)
    if watch or watch_only:
        if output == "summary" or is_template(output):
            raise InputError("that output is of a whole recording, and cannot be watched", "leave -o out, or --watch")
        from .neighbors_watch import watch_neighbors  # noqa: PLC0415  # few need it

        watch_neighbors(scope, chosen, output, with_list=not watch_only, with_headers=not no_headers)
        return
    found = read(scope, chosen, "kubectl netpol neighbors")
    if output in ("yaml", "json") or is_template(output):
        documents = [to_document(one) for one in found]
        print_objects(output, documents, alone=chosen.is_one, with_headers=not no_headers)
    elif not found:
        why = absence(scope, chosen)
        streams.say(f"{why.message[:1].upper()}{why.message[1:]}.\nhint: {why.hint}")
    elif output == "name":
        _print_names(found)
    elif output == "summary":
        _print_summary(found, not scope.namespace, not no_headers)
    else:
        _print_table(found, not scope.namespace, not no_headers, wide=output == "wide")


def _print_names(found: list[NetworkNeighbors]) -> None:
    for one in found:
        group, _, _ = one.workload.api_version.rpartition("/")
        kind = one.workload.kind.lower() + (f".{group}" if group else "")
        streams.line(f"{kind}/{one.workload.name}")


def _print_table(found: list[NetworkNeighbors], with_namespace: bool, with_headers: bool, wide: bool) -> None:
    from ..render.table import to_table  # noqa: PLC0415
    from .neighbor_columns import Columns  # noqa: PLC0415

    columns = Columns(with_namespace, wide)
    streams.data(to_table(columns.headers, columns.rows(found, int(time.time() * 1000)), with_headers))
    tell_losses(found)
    if wide:
        _tell_completeness(found)


def _print_summary(found: list[NetworkNeighbors], with_namespace: bool, with_headers: bool) -> None:
    from ..render.table import to_table  # noqa: PLC0415
    from .completeness import HEADERS, row  # noqa: PLC0415
    from .silences import silences  # noqa: PLC0415

    rows = [([one.workload.namespace] if with_namespace else []) + row(one) for one in found]
    streams.data(to_table((("NAMESPACE",) if with_namespace else ()) + HEADERS, rows, with_headers))
    for sentence in silences(found):
        streams.note(sentence)


def _tell_completeness(found: list[NetworkNeighbors]) -> None:
    from .completeness import sentence  # noqa: PLC0415

    for one in found:
        told = sentence(one)
        if told:
            streams.note(f"{one.workload.described}: {told}")
