"""``kubectl netpol graph``: what was recorded as a map, for a browser, a document or Graphviz."""

from __future__ import annotations

from pathlib import Path

import click

from ..errors import InputError
from ..graph.build import build
from ..graph.lines import lines
from ..graph.values import Graph
from . import streams
from .known_option import known_servers_lookup, known_servers_option
from .losses import tell_losses
from .options import Scope, reads_recordings
from .outputs import output_option
from .recorded import files_option, read_chosen, read_recorded
from .selection import Selection, parse_selection

_COMMAND = "kubectl netpol graph"
_FORMATS = ("html", "svg", "mermaid", "dot")
_SUFFIXES = {".html": "html", ".htm": "html", ".svg": "svg", ".mmd": "mermaid", ".mermaid": "mermaid", ".dot": "dot"}


@click.command("graph", short_help="Draw what was recorded as a map.")
@click.argument("selection", nargs=-1, metavar="[TYPE/NAME ...]")
@files_option
@click.option(
    "--policies",
    "policies",
    multiple=True,
    metavar="FILE|DIR",
    help="Show what these NetworkPolicies would deny, and whom they isolate; may be repeated.",
)
@reads_recordings
@known_servers_option
@output_option(*_FORMATS, templates=False)
@click.option("--output-file", metavar="FILE", help="Write it there and not to stdout, if it changed.")
def command(
    scope: Scope,
    selection: tuple[str, ...],
    files: tuple[str, ...],
    policies: tuple[str, ...],
    path: Path | None,
    output: str | None,
    output_file: str | None,
) -> None:
    """Draw the recorded traffic as a map: workloads by namespace, outside servers by their names, edges by port.

    html is one page that needs no network: open it from disk, search it, filter it, click on what is to be explained.
    svg is a still picture, mermaid goes into Markdown, dot into Graphviz. Solid lines were answered, dashed ones were
    not. With --policies, what was answered and would be denied by them is told apart, as check tells it offline.

    \b
    Examples:
      # A page of all namespaces, for a browser
      kubectl netpol graph -A --output-file map.html
    \b
      # One workload and its peers, for a Markdown file
      kubectl netpol graph deploy/nginx -o mermaid
    \b
      # From files instead of the cache, by Graphviz
      kubectl netpol graph -f recordings/ -o dot | dot -Tpdf > map.pdf
    \b
      # What would policies of a git repository deny?
      kubectl netpol graph -n shop --policies policies/ --output-file map.html
    """
    target = _target(output_file)
    form = output or _form(target)
    if form == "html" and target is None and streams.is_output_terminal():
        hint = "write it to a file, as in: kubectl netpol graph --output-file map.html"
        raise InputError("an HTML page is for a browser, and stdout is a terminal", hint)
    chosen = parse_selection(selection)
    text = _drawn(_map(files, scope, chosen, policies, path), form, _title(scope, chosen, files))
    if target is None:
        streams.data(text)
        return
    from ..files.outputs import write_file  # noqa: PLC0415

    streams.line(f"{target} {'written' if write_file(target, text) else 'unchanged'}")


def _map(
    files: tuple[str, ...], scope: Scope, chosen: Selection, policies: tuple[str, ...], known_servers: Path | None
) -> Graph:
    lookup = known_servers_lookup(known_servers)
    if not policies:
        found = read_chosen(files, scope, chosen, _COMMAND)
        tell_losses(found)
        return build(found, lookup)
    from .graph_policies import judged  # noqa: PLC0415  # the replay, which a map by itself does without

    recorded = read_recorded(files, scope, chosen, _COMMAND)
    tell_losses(recorded.chosen)
    return judged(build(recorded.chosen, lookup), recorded, policies, scope)


# An empty name is a variable that a script did not set.
def _target(name: str | None) -> Path | None:
    if name is None:
        return None
    if not name or "\0" in name or not Path(name).name:
        raise InputError(f"--output-file {name!r:.80} names no file", "write a name such as map.html")
    return Path(name)


def _form(target: Path | None) -> str:
    if target is None:
        return _FORMATS[0]
    form = _SUFFIXES.get(target.suffix.lower())
    if form is None:
        raise InputError(f"{target.name} does not say how to draw the map", f"name it with -o {'|'.join(_FORMATS)}")
    return form


def _title(scope: Scope, chosen: Selection, files: tuple[str, ...]) -> str:
    what = ", ".join(map(str, chosen.wanted))
    place = f"namespace {scope.namespace}" if scope.namespace else ", ".join(files) or "all namespaces"
    return f"{what} in {place}" if what else place


# Each form has a module of its own, and only one is needed.
def _drawn(graph: Graph, form: str, title: str) -> str:
    if form == "html":
        from ..render.graph_page import to_page  # noqa: PLC0415

        return to_page(graph, title)
    if form == "svg":
        from ..render.graph_svg import to_svg  # noqa: PLC0415

        return to_svg(graph, title)
    if form == "dot":
        from ..render.graph_dot import to_dot  # noqa: PLC0415

        return to_dot(graph)
    return _mermaid(graph)


def _mermaid(graph: Graph) -> str:
    from ..render.graph_mermaid import EDGE_LIMIT, TEXT_LIMIT, to_mermaid  # noqa: PLC0415

    text = to_mermaid(graph)
    if len(lines(graph)) > EDGE_LIMIT or len(text) > TEXT_LIMIT:
        streams.note(
            f"Mermaid draws at most {EDGE_LIMIT} edges and {TEXT_LIMIT} characters unless maxEdges and maxTextSize "
            "say more: name a workload or a namespace, or take -o html"
        )
    return text
