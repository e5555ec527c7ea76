"""A map as a still picture: SVG that needs nothing from elsewhere, in light and dark as its reader's system is."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from dataclasses import replace
from html import escape as markup
from math import sqrt

from ..graph.lines import Bundle, Line, bundles, group_title, lines, state_text
from ..graph.values import Graph, Group, Key, Place, State
from .graph_layout import HEIGHT, Box, Layout, lay_out
from .text import counted, escape

_MARGIN, _HEAD, _LETTER, _LONGEST, _BUNDLED = 24, 44, 8.4, 34, 90
_BUNDLES = "thick: all traffic between two groups, drawn as the worst of it"
_STYLE = """
svg{--paper:#f6f7f9;--ink:#1b2430;--soft:#5b6675;--area:#edf0f4;--rim:#c3cbd6;--card:#fff;--answered:#64768c;
--unanswered:#a34f00;--denied:#c8102e;--good:#15803d;font-family:system-ui,"Segoe UI",Roboto,"DejaVu Sans",sans-serif}
@media(prefers-color-scheme:dark){svg{--paper:#12161c;--ink:#e4e9f0;--soft:#98a4b3;--area:#1a2029;--rim:#465364;
--card:#232b36;--answered:#8496ab;--unanswered:#f0a043;--denied:#ff6b7d;--good:#4ade80}}
.paper{fill:var(--paper)}.area{fill:var(--area);stroke:var(--rim)}.card{fill:var(--card);stroke:var(--rim)}
.peer{stroke-dasharray:4 3}text{fill:var(--ink);font-size:13px}.title{font-weight:700;font-size:15px}
.name{font-weight:600}.type,.port,.key{font-size:11px;fill:var(--soft)}
.port{stroke:var(--paper);stroke-width:4;paint-order:stroke;text-anchor:middle}
.line{fill:none}.bundle.answered{opacity:.35}.answered{stroke:var(--answered);stroke-width:1.5}
.unanswered{stroke:var(--unanswered);stroke-width:1.5;stroke-dasharray:6 4}
.denied{stroke:var(--denied);stroke-width:2;stroke-dasharray:2 4}
.head-answered{fill:var(--answered)}.head-unanswered{fill:var(--unanswered)}.head-denied{fill:var(--denied)}
.isolated{fill:var(--good)}.open{fill:none;stroke:var(--unanswered);stroke-dasharray:2 2}
""".strip()


def to_svg(graph: Graph, title: str) -> str:
    """The picture; ``title`` says what it is of. The same map gives the same bytes."""
    labels = {place.key: _cut(escape(place.key.name)) for place in graph.places}
    widths = {place.key: _width(labels[place.key], place.key.type) for place in graph.places}
    return "".join(f"{line}\n" for line in _lines(graph, title, labels, lay_out(graph, widths)))


def _lines(graph: Graph, title: str, labels: dict[Key, str], layout: Layout) -> Iterator[str]:
    single, bundled = _parted(graph)
    width, height = max(layout.width, 1040 if bundled else 420) + 2 * _MARGIN, layout.height + _HEAD + 2 * _MARGIN
    size = f'viewBox="0 0 {width:.0f} {height:.0f}" width="{width:.0f}" height="{height:.0f}"'
    yield f'<svg xmlns="http://www.w3.org/2000/svg" {size} role="img">'
    yield f"<title>{_text(f'netpol map: {title}')}</title>"
    yield f"<style>{_STYLE}</style>"
    yield f"<defs>{''.join(map(_head, _states(graph)))}</defs>"
    yield '<rect class="paper" width="100%" height="100%"/>'
    yield from _key(graph, bool(bundled))
    yield f'<g transform="translate({_MARGIN} {_HEAD + _MARGIN})">'
    yield from (_area(group, layout.groups[group]) for group, _ in graph.groups)
    yield from (_bundle(bundle, layout) for bundle in bundled)
    shares = _shares(single)
    paths = [
        _path(layout.places[line.client], layout.places[line.server], share)
        for line, share in zip(single, shares, strict=True)
    ]
    for line, (path, _, _) in zip(single, paths, strict=True):
        yield f'<path class="line {line.state}" marker-end="url(#{line.state})" d="{path}">{_told(line)}</path>'
    for place in graph.places:
        yield from _place(place, labels[place.key], layout.places[place.key])
    for line, (_, x, y) in zip(single, paths, strict=True):
        yield f'<text class="port" x="{x:.1f}" y="{y + 3.5:.1f}">{_text(_short(line))}</text>'
    yield "</g>"
    yield "</svg>"


# Where so many lines run between groups that none could be followed, each pair of groups has one instead.
def _parted(graph: Graph) -> tuple[list[Line], list[Bundle]]:
    group_of = {place.key: place.group for place in graph.places}
    drawn = lines(graph)
    across = [line for line in drawn if group_of[line.client] != group_of[line.server]]
    if len(across) <= _BUNDLED:
        return drawn, []
    return [line for line in drawn if group_of[line.client] == group_of[line.server]], bundles(graph, across)


def _bundle(bundle: Bundle, layout: Layout) -> str:
    path, _, _ = _path(_moved(layout.groups[bundle.client], -1), _moved(layout.groups[bundle.server], 1), 0.5)
    return (
        f'<path class="line bundle {bundle.state}" style="{_weight(bundle)}" marker-end="url(#{bundle.state})" '
        f'd="{path}"><title>{_text(_summed(bundle))}</title></path>'
    )


# A bundle leaves above a group's middle and arrives below, so that what runs the other way does not lie under it.
def _moved(box: Box, side: int) -> Box:
    return replace(box, y=box.y + side * min(24, box.height / 6))


def _summed(bundle: Bundle) -> str:
    told = [f"{number} {state_text(state)}" for state, number in bundle.edges.items()]
    ends = f"{group_title(bundle.client)} to {group_title(bundle.server)}"
    return f"{ends}: {counted(sum(bundle.edges.values()), 'edge')}, {', '.join(told)}"


# The thicker the longer its dashes, and what would be denied is dots as wide as the line.
def _weight(bundle: Bundle) -> str:
    width = 1.5 + sqrt(len(bundle.lines)) / 2
    dashes = {
        State.ANSWERED: "",
        State.UNANSWERED: f";stroke-dasharray:{3 * width:.1f} {2 * width:.1f}",
        State.DENIED: f";stroke-dasharray:0.1 {2 * width:.1f};stroke-linecap:round",
    }
    return f"stroke-width:{width:.1f}{dashes[bundle.state]}"


# A label stands near the end that has fewer lines, where no others are.
def _shares(drawn: list[Line]) -> list[float]:
    asks = Counter(line.client for line in drawn)
    asked = Counter(line.server for line in drawn)
    return [0.25 if asked[line.server] > asks[line.client] else 0.75 for line in drawn]


def _states(graph: Graph) -> tuple[State, ...]:
    return tuple(state for state in State if graph.is_judged or state is not State.DENIED)


def _head(state: State) -> str:
    return (
        f'<marker id="{state}" viewBox="0 0 8 8" refX="7.5" refY="4" markerWidth="8" markerHeight="8" '
        f'markerUnits="userSpaceOnUse" orient="auto"><path class="head-{state}" d="M0,0.5 L8,4 L0,7.5 z"/></marker>'
    )


def _key(graph: Graph, is_bundled: bool) -> Iterator[str]:
    x = _MARGIN
    for state in _states(graph):
        words = state_text(state)
        yield f'<path class="line {state}" d="M{x},30 h28"/><text class="key" x="{x + 36}" y="34">{words}</text>'
        x += 60 + len(words) * 6
    if graph.is_judged:
        yield f'<rect class="isolated" x="{x}" y="22" width="4" height="16" rx="2"/>'
        yield f'<rect class="open" x="{x + 8}" y="22" width="4" height="16" rx="2"/>'
        yield f'<text class="key" x="{x + 20}" y="34">isolated, open (left: ingress, right: egress)</text>'
        x += 276
    if is_bundled:
        yield f'<text class="key" x="{x}" y="34">{_BUNDLES}</text>'


def _area(group: Group, box: Box) -> str:
    return (
        f'<rect class="area" {_rect(box)} rx="14"/>'
        f'<text class="title" x="{box.x + 16:.1f}" y="{box.y + 23:.1f}">{_text(group_title(group))}</text>'
    )


def _place(place: Place, label: str, box: Box) -> Iterator[str]:
    kind = "card" if place.is_recorded else "card peer"
    yield f'<g><title>{_text(place.key.path)}</title><rect class="{kind}" {_rect(box)} rx="9"/>'
    middle = box.y + (17 if place.key.type else HEIGHT / 2 + 4.5)
    yield f'<text class="name" x="{box.x + 14:.1f}" y="{middle:.1f}">{_text(label)}</text>'
    if place.key.type:
        yield f'<text class="type" x="{box.x + 14:.1f}" y="{box.y + 31:.1f}">{_text(_cut(place.key.type))}</text>'
    if place.coverage is not None:
        yield _bar(place.coverage.ingress, box.x + 4, box.y)
        yield _bar(place.coverage.egress, box.x + box.width - 8, box.y)
    yield "</g>"


def _bar(isolated: bool, x: float, y: float) -> str:
    kind = "isolated" if isolated else "open"
    return f'<rect class="{kind}" x="{x:.1f}" y="{y + 7:.1f}" width="4" height="{HEIGHT - 14}" rx="2"/>'


# From side to side, level at both ends; boxes above each other are joined on their right. And a spot for the label.
def _path(start: Box, end: Box, share: float) -> tuple[str, float, float]:
    right, left = start.x + start.width < end.x, end.x + end.width < start.x
    x, y = start.x + (0 if left else start.width), start.y + start.height / 2
    to_x, to_y = end.x + (0 if right else end.width), end.y + end.height / 2
    if start == end:
        y, to_y = y - 9, to_y + 9
    reach = max(30, abs(to_x - x) * 0.45) if right or left else 36 + abs(to_y - y) * 0.12
    one, two = x + (-reach if left else reach), to_x + (-reach if right else reach)
    path = f"M{x:.1f},{y:.1f} C{one:.1f},{y:.1f} {two:.1f},{to_y:.1f} {to_x:.1f},{to_y:.1f}"
    spot = _at(share, x, one, two, to_x), _at(share, y, y, to_y, to_y)
    return path, *spot


def _at(share: float, *points: float) -> float:
    rest = 1 - share
    weights = (rest**3, 3 * rest**2 * share, 3 * rest * share**2, share**3)
    return sum(weight * point for weight, point in zip(weights, points, strict=True))


def _rect(box: Box) -> str:
    return f'x="{box.x:.1f}" y="{box.y:.1f}" width="{box.width:.1f}" height="{box.height:.1f}"'


def _told(line: Line) -> str:
    return f"<title>{_text(f'{line.client.path} to {line.server.path}: {line.label}, {line.state}')}</title>"


def _short(line: Line) -> str:
    first = line.label.split(", ")
    return ", ".join(first[:2]) + (f" +{len(first) - 2}" if len(first) > 2 else "")


def _width(label: str, kind: str) -> float:
    return max(96.0, max(len(label) * _LETTER, len(kind) * 6.4) + 30)


def _cut(text: str) -> str:
    return text if len(text) <= _LONGEST else f"{text[: _LONGEST // 2]}…{text[-_LONGEST // 2 + 1 :]}"


# XML has no place for what does not print, and ``escape`` has made that visible.
def _text(text: str) -> str:
    return markup(escape(text))
