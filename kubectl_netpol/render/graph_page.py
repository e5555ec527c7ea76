"""A map as one HTML page that needs no network: the data, dagre for the layout, and a script that draws.

The data are JSON in which no ``<`` stands, so that no name can end its element. The policy in the page's head admits
the two scripts and the style by their hashes, and nothing else from anywhere.
"""

from __future__ import annotations

import base64
import hashlib
import html
import json
from collections.abc import Mapping
from importlib.resources import files
from typing import Any

from ..graph.lines import port_text
from ..graph.values import Edge, Graph, Key, Place
from ..model import Counts
from .text import escape

_SCRIPTS = ("model.js", "layout.js", "draw.js", "details.js", "main.js")


def to_page(graph: Graph, title: str) -> str:
    """The page; ``title`` says what the map is of, as plain text. The same map gives the same bytes."""
    style, library = _part("style.css"), _part("dagre.min.js")
    library = f"/*\n{_part('dagre.LICENSE')}*/\n{library}"
    script = "(() => {\n" + "\n".join(map(_part, _SCRIPTS)).replace('"use strict";\n', "") + "})();\n"
    parts = {
        "policy": _policy((library, script), style),
        "title": html.escape(f"netpol map: {escape(title)}"),
        "style": style,
        "data": _json(_data(graph, title)),
        "library": library,
        "script": script,
    }
    return _filled(_part("page.html"), parts)


# In one pass, so that nothing which stands in a part is taken for a place to be filled.
def _filled(page: str, parts: Mapping[str, str]) -> str:
    head, *rest = page.split("{{")
    pieces = [head]
    for piece in rest:
        name, _, tail = piece.partition("}}")
        pieces += parts[name], tail
    return "".join(pieces)


def _part(name: str) -> str:
    return (files(__package__) / "map" / name).read_text("utf-8")


def _policy(scripts: tuple[str, ...], style: str) -> str:
    allowed = " ".join(_hash(script) for script in scripts)
    return f"default-src 'none'; script-src {allowed}; style-src {_hash(style)}; base-uri 'none'; form-action 'none'"


def _hash(text: str) -> str:
    return f"'sha256-{base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()}'"


def _json(value: Any) -> str:
    text = json.dumps(value, separators=(",", ":"))
    return text.replace("<", "\\u003c").replace(">", "\\u003e").replace("&", "\\u0026")


def _data(graph: Graph, title: str) -> dict[str, Any]:
    groups = {group: number for number, (group, _) in enumerate(graph.groups)}
    places = {place.key: number for number, place in enumerate(graph.places)}
    return {
        "title": escape(title),
        "judged": graph.is_judged,
        "groups": [{"kind": group.kind, "name": escape(group.name)} for group in groups],
        "places": [_place(place, groups[place.group]) for place in graph.places],
        "edges": [_edge(edge, places) for edge in graph.edges],
    }


def _place(place: Place, group: int) -> dict[str, Any]:
    cover = place.coverage
    return {
        "group": group,
        "kind": place.key.kind,
        "type": escape(place.key.type),
        "name": escape(place.key.name),
        "recorded": place.is_recorded,
        "hostNetwork": place.host_network,
        "selector": escape(place.selector),
        "server": escape(place.server),
        "addresses": list(place.addresses),
        "names": list(map(escape, place.names)),
        "losses": list(map(escape, place.losses)),
        "coverage": {"ingress": cover.ingress, "egress": cover.egress} if cover else None,
    }


def _edge(edge: Edge, places: Mapping[Key, int]) -> dict[str, Any]:
    return {
        "client": places[edge.key.client],
        "server": places[edge.key.server],
        "port": port_text(edge.key.port),
        "state": edge.state,
        "verdict": edge.verdict,
        "from": _counts(edge.client),
        "to": _counts(edge.server),
    }


def _counts(counts: Counts | None) -> dict[str, Any] | None:
    if counts is None:
        return None
    return {
        "attempts": counts.attempts,
        "answered": counts.answered,
        "refused": counts.refused,
        "first": counts.first,
        "last": counts.last,
        "marks": sorted(counts.marks),
        "names": list(map(escape, counts.names)),
    }
