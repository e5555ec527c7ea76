"""A map in Graphviz' DOT language."""

from __future__ import annotations

from collections.abc import Iterator

from ..graph.lines import Line, group_title, lines
from ..graph.values import Graph, Place, State
from .text import escape

_STYLES = {
    State.ANSWERED: "",
    State.UNANSWERED: ', style=dashed, color="#a34f00", fontcolor="#a34f00"',
    State.DENIED: ', style=dotted, color="#c8102e", fontcolor="#c8102e", arrowhead=tee',
}


def to_dot(graph: Graph) -> str:
    """The map as a digraph, a cluster for each group. The same map gives the same bytes."""
    return "".join(f"{line}\n" for line in _lines(graph))


def _lines(graph: Graph) -> Iterator[str]:
    yield "digraph netpol {"
    yield "  rankdir=LR;"
    yield '  node [shape=box, style=rounded, fontname="Helvetica", fontsize=11];'
    yield '  edge [fontname="Helvetica", fontsize=9];'
    names = {place.key: f"p{number}" for number, place in enumerate(graph.places)}
    for number, (group, places) in enumerate(graph.groups):
        yield f"  subgraph cluster_{number} {{"
        yield f"    label={_quoted(group_title(group))};"
        for place in places:
            yield f"    {names[place.key]} [label={_quoted(place.key.path)}{_look(place)}];"
        yield "  }"
    for line in lines(graph):
        yield f"  {names[line.client]} -> {names[line.server]} [label={_quoted(_label(line))}{_STYLES[line.state]}];"
    yield "}"


def _label(line: Line) -> str:
    return line.label


def _look(place: Place) -> str:
    if place.coverage is None:
        return ""
    isolated = [name for name in ("ingress", "egress") if getattr(place.coverage, name)]
    if not isolated:
        return ', style="rounded,dashed"'
    return f', color="#15803d", tooltip={_quoted("isolated: " + ", ".join(isolated))}'


# Graphviz reads entities in labels, and a backslash begins an escape of its own.
def _quoted(text: str) -> str:
    return '"' + escape(text).replace("&", "&amp;").replace("\\", "\\\\").replace('"', '\\"') + '"'
