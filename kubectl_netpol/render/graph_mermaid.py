"""A map as a Mermaid flowchart, for Markdown."""

from __future__ import annotations

import re
from collections.abc import Iterator

from ..graph.lines import group_title, lines
from ..graph.values import Graph, Place, State
from .text import escape

EDGE_LIMIT = 500
"""Mermaid draws no more edges than that unless it is told to (its maxEdges)."""
TEXT_LIMIT = 50_000
"""Nor a longer text (its maxTextSize)."""

_ARROWS = {State.ANSWERED: "-->", State.UNANSWERED: "-.->", State.DENIED: "--x"}
_COLOURS = {State.UNANSWERED: "#a34f00", State.DENIED: "#c8102e"}
_SPECIAL = re.compile(r"[^A-Za-z0-9 ._/:,()+=-]")


def to_mermaid(graph: Graph) -> str:
    """The map as a flowchart, a subgraph for each group. The same map gives the same bytes."""
    return "".join(f"{line}\n" for line in _lines(graph))


def _lines(graph: Graph) -> Iterator[str]:
    yield "flowchart LR"
    names = {place.key: f"p{number}" for number, place in enumerate(graph.places)}
    for number, (group, places) in enumerate(graph.groups):
        yield f"  subgraph g{number}[{_quoted(group_title(group))}]"
        for place in places:
            yield f"    {names[place.key]}[{_quoted(place.key.path)}]{_class(place)}"
        yield "  end"
    drawn = lines(graph)
    for line in drawn:
        yield f"  {names[line.client]} {_ARROWS[line.state]}|{_quoted(line.label)}| {names[line.server]}"
    for state, colour in _COLOURS.items():
        numbers = [str(number) for number, line in enumerate(drawn) if line.state is state]
        if numbers:
            yield f"  linkStyle {','.join(numbers)} stroke:{colour}"
    if graph.is_judged:
        yield "  classDef isolated stroke:#15803d,stroke-width:2px"
        yield "  classDef open stroke-dasharray:4 3"


def _class(place: Place) -> str:
    if place.coverage is None:
        return ""
    return ":::isolated" if place.coverage.ingress or place.coverage.egress else ":::open"


# Mermaid has no escape in its texts but entities, written #NUMBER; of a character.
def _quoted(text: str) -> str:
    return '"' + _SPECIAL.sub(lambda found: f"#{ord(found.group())};", escape(text)) + '"'
