"""Where a still picture's places stand: each group in layers, who asks left of whom it asks, and the groups in columns.

A small layered layout (Sugiyama, Tagawa and Toda 1981): cycles are cut by a depth-first walk, layers are the longest
paths, and some sweeps put each place near the middle of its neighbors. Lengths are in pixels.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from math import ceil, sqrt
from typing import TypeVar

from ..graph.lines import Line, group_title, lines
from ..graph.values import Graph, Group, Key, Place

HEIGHT, GAP, STEP, PAD, TITLE, BETWEEN = 38, 14, 90, 16, 34, 56
_SWEEPS = 6
_FEW = 12
_ASPECT = 1.6
_T = TypeVar("_T")


@dataclass(slots=True)
class Box:
    """A rectangle by its upper left corner."""

    x: float
    y: float
    width: float
    height: float

    def moved(self, x: float, y: float) -> Box:
        return Box(self.x + x, self.y + y, self.width, self.height)


@dataclass(frozen=True, slots=True)
class Layout:
    """Boxes of places and groups, and the size of the whole."""

    places: dict[Key, Box]
    groups: dict[Group, Box]
    width: float
    height: float


def lay_out(graph: Graph, widths: Mapping[Key, float]) -> Layout:
    """Places everything; ``widths`` are the places' own."""
    drawn = lines(graph)
    inside = {group: _group(places, drawn, widths) for group, places in graph.groups}
    group_of = {place.key: group for group, places in graph.groups for place in places}
    across = {(group_of[line.client], group_of[line.server]) for line in drawn}
    boxes = _columns(list(inside), [pair for pair in sorted(across) if pair[0] != pair[1]], inside)
    places = {
        key: box.moved(boxes[group].x + PAD, boxes[group].y + TITLE)
        for group, own in inside.items()
        for key, box in own.items()
    }
    width = max((box.x + box.width for box in boxes.values()), default=0)
    height = max((box.y + box.height for box in boxes.values()), default=0)
    return Layout(places, boxes, width, height)


def _group(places: Sequence[Place], drawn: Iterable[Line], widths: Mapping[Key, float]) -> dict[Key, Box]:
    keys = [place.key for place in places]
    own = set(keys)
    pairs = [(line.client, line.server) for line in drawn if line.client in own and line.server in own]
    pairs = [pair for pair in dict.fromkeys(pairs) if pair[0] != pair[1]]
    linked = {key for pair in pairs for key in pair}
    rows = layered([key for key in keys if key in linked], pairs)
    loose = [key for key in keys if key not in linked]
    boxes: dict[Key, Box] = {}
    x = 0.0
    tallest = max(map(len, rows), default=0)
    for row in rows:
        width = max(widths[key] for key in row)
        top = (tallest - len(row)) * (HEIGHT + GAP) / 2
        for position, key in enumerate(row):
            boxes[key] = Box(x, top + position * (HEIGHT + GAP), widths[key], HEIGHT)
        x += width + STEP
    count = max(1, len(rows), ceil(sqrt(len(loose) / 3)))
    wide = max((widths[key] for key in loose), default=0.0)
    for position, key in enumerate(loose):
        row_number, column = divmod(position, count)
        boxes[key] = Box(column * (wide + GAP), (tallest + row_number) * (HEIGHT + GAP), widths[key], HEIGHT)
    return boxes


def layered(nodes: Sequence[_T], pairs: Sequence[tuple[_T, _T]]) -> list[list[_T]]:
    """The nodes in layers, each layer in the order that crosses little; pairs lead to the right where they can."""
    after: dict[_T, list[_T]] = {node: [] for node in nodes}
    beside: dict[_T, list[_T]] = {node: [] for node in nodes}
    for one, other in _without_cycles(nodes, pairs):
        after[one].append(other)
    for one, other in pairs:
        beside[one].append(other)
        beside[other].append(one)
    rank = _longest(nodes, after)
    layers: list[list[_T]] = [[] for _ in range(max(rank.values(), default=-1) + 1)]
    for node in nodes:
        layers[rank[node]].append(node)
    for sweep in range(_SWEEPS):
        for layer in layers if sweep % 2 == 0 else reversed(layers):
            place = {node: (at + 0.5) / len(row) for row in layers for at, node in enumerate(row)}
            middle = {
                node: sum(place[one] for one in beside[node]) / len(beside[node]) for node in layer if beside[node]
            }
            layer.sort(key=lambda node: middle.get(node, place[node]))
    return layers


def _mean(values: Sequence[float]) -> float:
    return sum(values) / len(values)


# An edge back to a node that the walk has not left yet would close a cycle: it is turned around.
def _without_cycles(nodes: Sequence[_T], pairs: Sequence[tuple[_T, _T]]) -> Iterable[tuple[_T, _T]]:
    after: dict[_T, list[_T]] = {node: [] for node in nodes}
    for one, other in pairs:
        after[one].append(other)
    asked = {other for _, other in pairs}
    entered: set[_T] = set()
    left: set[_T] = set()
    for start in sorted(nodes, key=lambda node: node in asked):
        stack = [(start, iter(after[start]))] if start not in entered else []
        entered.add(start)
        while stack:
            node, rest = stack[-1]
            following = next(rest, None)
            if following is None:
                left.add(node)
                stack.pop()
                continue
            yield (following, node) if following in entered - left else (node, following)
            if following not in entered:
                entered.add(following)
                stack.append((following, iter(after[following])))


def _longest(nodes: Sequence[_T], after: Mapping[_T, Sequence[_T]]) -> dict[_T, int]:
    before = dict.fromkeys(nodes, 0)
    for node in nodes:
        for following in after[node]:
            before[following] += 1
    rank = dict.fromkeys(nodes, 0)
    ready = [node for node in nodes if not before[node]]
    for node in ready:
        for following in after[node]:
            rank[following] = max(rank[following], rank[node] + 1)
            before[following] -= 1
            if not before[following]:
                ready.append(following)
    return rank


# Groups go into columns in the order of the flow. Few groups have a column for each step of it; with many a column
# ends where the whole would become taller than wide.
def _columns(
    groups: Sequence[Group], across: Sequence[tuple[Group, Group]], inside: Mapping[Group, Mapping[Key, Box]]
) -> dict[Group, Box]:
    sizes = {group: _size(group, inside[group]) for group in groups}
    steps = layered(groups, across)
    area = sum((size.width + 2 * BETWEEN) * (size.height + BETWEEN) for size in sizes.values())
    limit = max([sqrt(area / _ASPECT), *(size.height for size in sizes.values())])
    if len(groups) > _FEW:
        steps = [[group for step in steps for group in step]]
    boxes: dict[Group, Box] = {}
    x = 0.0
    columns = [column for step in steps for column in _cut(step, sizes, limit)]
    tallest = max((_height(column, sizes) for column in columns), default=0.0)
    for number, column in enumerate(columns):
        y = (tallest - _height(column, sizes)) / 2 + number % 2 * (HEIGHT + GAP) / 2  # no row in line with the next's
        for group in column:
            boxes[group] = sizes[group].moved(x, y)
            y += sizes[group].height + BETWEEN
        x += max(sizes[group].width for group in column) + 2 * BETWEEN
    return boxes


def _height(column: Sequence[Group], sizes: Mapping[Group, Box]) -> float:
    return sum(sizes[group].height + BETWEEN for group in column) - BETWEEN


def _cut(step: Sequence[Group], sizes: Mapping[Group, Box], limit: float) -> list[list[Group]]:
    columns: list[list[Group]] = []
    y = limit
    for group in step:
        if not columns or y + sizes[group].height > limit:
            columns.append([])
            y = 0.0
        columns[-1].append(group)
        y += sizes[group].height + BETWEEN
    return columns


def _size(group: Group, boxes: Mapping[Key, Box]) -> Box:
    width = max(box.x + box.width for box in boxes.values())
    height = max(box.y + box.height for box in boxes.values())
    return Box(0, 0, max(width, len(group_title(group)) * 9.5) + 2 * PAD, height + TITLE + PAD)
