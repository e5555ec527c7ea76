"""``kubectl netpol neighbors``: what was recorded, as a table or as NetworkNeighbors documents."""

from __future__ import annotations

import time

import click

from ..model import Neighbor, NetworkNeighbors, Peer, Selector
from ..neighbors.document import to_document, to_list
from . import streams
from .options import Scope, reads_recordings
from .recordings import absence, read
from .selection import parse_selection

_HEADERS = ("WORKLOAD", "DIRECTION", "PEER", "PORT", "ANSWERED/ATTEMPTED", "FIRST-SEEN", "LAST-SEEN")
_WIDE = ("REFUSED", "DNS", "MARKS", "SELECTOR")


@click.command("neighbors", short_help="Show what was recorded: who talks to whom.")
@click.argument("selection", nargs=-1, metavar="[TYPE/NAME ...]")
@reads_recordings
@click.option(
    "-o",
    "--output",
    type=click.Choice(["table", "wide", "yaml", "json", "name"]),
    default="table",
    help="How to print it. [default: table]",
)
def command(scope: Scope, selection: tuple[str, ...], output: str) -> None:
    """Show what was recorded of workloads: who they talk to, and who talks to them.

    YAML and JSON are NetworkNeighbors; their spec holds what was answered, their status everything else.

    \b
    Examples:
      # All workloads of the current namespace
      kubectl netpol neighbors
    \b
      # One workload, with names, marks and selectors
      kubectl netpol neighbors deploy/nginx -o wide
    \b
      # What was seen in the last week, in all namespaces, as documents
      kubectl netpol neighbors -A --since 7d -o yaml
    """
    chosen = parse_selection(selection)
    found = read(scope, chosen, "kubectl netpol neighbors")
    if output in ("yaml", "json"):
        _print_documents(found, output, alone=chosen.is_one)
    elif not found:
        why = absence(scope, chosen)
        streams.say(f"{why.message[:1].upper()}{why.message[1:]}.\nhint: {why.hint}")
    elif output == "name":
        _print_names(found)
    else:
        _print_table(found, with_namespace=not scope.namespace, wide=output == "wide")


def _print_documents(found: list[NetworkNeighbors], output: str, alone: bool) -> None:
    from ..render.document import to_json, to_yaml  # noqa: PLC0415  # each output has its own library

    documents = [to_document(one) for one in found]
    document = documents[0] if alone and len(documents) == 1 else to_list(documents)
    streams.data(to_json(document) if output == "json" else to_yaml([document]))


def _print_names(found: list[NetworkNeighbors]) -> None:
    for one in found:
        group, _, _ = one.workload.api_version.rpartition("/")
        kind = one.workload.kind.lower() + (f".{group}" if group else "")
        streams.line(f"{kind}/{one.workload.name}")


def _print_table(found: list[NetworkNeighbors], with_namespace: bool, wide: bool) -> None:
    from ..render.table import to_table  # noqa: PLC0415

    now = int(time.time() * 1000)
    headers = (("NAMESPACE",) if with_namespace else ()) + _HEADERS + (_WIDE if wide else ())
    rows = []
    for one in found:
        start = ([one.workload.namespace] if with_namespace else []) + [one.workload.path]
        told = [_row(neighbor, now) + (_wide(neighbor) if wide else []) for neighbor in one.neighbors]
        rows += [start + row for row in told or [[""] * (len(headers) - len(start))]]
    streams.data(to_table(headers, rows))
    _tell_losses(found)


def _tell_losses(found: list[NetworkNeighbors]) -> None:
    for one in found:
        lost = sorted({name for window in one.windows for name, count in window.losses if count})
        if lost:
            place = f"{one.workload.path} in namespace {one.workload.namespace}"
            streams.note(f"{place}: the recording is lossy ({', '.join(lost)}): flows may be missing")


def _row(neighbor: Neighbor, now: int) -> list[str]:
    from ..render.age import age  # noqa: PLC0415

    key, counts = neighbor.key, neighbor.counts
    port = f"{key.port.protocol}/{key.port.port}" if key.port.port else str(key.port.protocol)
    tally = f"{counts.answered}/{counts.attempts}"
    return [str(key.direction), _name(neighbor), port, tally, age(now - counts.first), age(now - counts.last)]


def _wide(neighbor: Neighbor) -> list[str]:
    counts = neighbor.counts
    marks = ",".join(sorted(counts.marks))
    return [str(counts.refused), ",".join(counts.names), marks, _selectors(neighbor.key.peer)]


def _name(neighbor: Neighbor) -> str:
    peer = neighbor.key.peer
    name = peer.name or next(iter(neighbor.counts.names), "")
    if name and peer.address:
        return f"{name} ({peer.address})"
    return peer.name or peer.address or _selectors(peer) or str(peer.kind)


def _selectors(peer: Peer) -> str:
    if peer.pod_selector is None:
        return ""
    text = _selector(peer.pod_selector) or "<every pod>"
    return text if peer.namespace_selector is None else f"{_selector(peer.namespace_selector)}:{text}"


def _selector(selector: Selector) -> str:
    labels = [f"{key}={value}" for key, value in selector.match_labels]
    for item in selector.match_expressions:
        values = f" ({','.join(item.values)})" if item.values else ""
        labels.append(f"{item.key} {item.operator.lower()}{values}")
    return ",".join(labels)
