"""Where in a file's text a document, a list's item or a node's own words stand, for ``edits`` to cut. Pure."""

from __future__ import annotations

import re

from .documents import Placed
from .tree import Mapping, Node, Scalar, Sequence

_CLOSING = re.compile(r"(?:[ \t]*(?:#[^\n]*)?\n)*+(\.\.\.[ \t]*\r?(?:\n|\Z))")
Splice = tuple[int, int, str]
"""What stands from one character to before another, and what comes in its place."""


def content_end(node: Node) -> int:
    """Where a node's own text ends: block collections are said to end where the next thing begins."""
    while not isinstance(node, Scalar) and not node.flow:
        children = list(node.pairs.values()) if isinstance(node, Mapping) else node.items
        node = children[-1]
    return node.end


def line_end(text: str, position: int) -> int:
    """The end of the line, before its line break; a block scalar's end is the start of the next line."""
    if position and text[position - 1] == "\n":
        position -= 1
    else:
        found = text.find("\n", position)
        position = len(text) if found < 0 else found
    return position - 1 if position and text[position - 1] == "\r" else position


def _after_line(text: str, position: int) -> int:
    """The start of the line after the one in which a node ends."""
    if position and text[position - 1] == "\n":
        return position
    found = text.find("\n", position)
    return len(text) if found < 0 else found + 1


def document_spans(placed: Placed) -> list[Splice]:
    """From its ``---``, or its first line where it has none, to its last line, and its ``...``; comments after stay."""
    text, start = placed.chunk.text, placed.chunk.start
    if placed.root is None:
        first, end = placed.start, placed.end
    else:
        first, end = placed.root.start, _after_line(text, content_end(placed.root))
    begin = 0 if text.startswith("---") else text.rfind("\n", 0, first) + 1
    spans = [(start + begin, start + end, "")]
    if (closing := _CLOSING.match(text, end)) is not None:
        spans.append((start + closing.start(1), start + closing.end(1), ""))
    return spans


def item_spans(doomed: list[Placed]) -> list[Splice]:
    """The items of one list that go; a list of which nothing stays goes as a whole."""
    siblings, chunk = doomed[0].siblings, doomed[0].chunk
    if siblings is None or len(doomed) == len(siblings.items):
        return document_spans(doomed[0])
    gone = {id(placed.node) for placed in doomed}
    indexes = [index for index, item in enumerate(siblings.items) if id(item) in gone]
    kept = max(index for index, item in enumerate(siblings.items) if id(item) not in gone)
    if siblings.flow:
        spans = [_flow_span(siblings, index, index < kept) for index in indexes]
    else:
        spans = [_block_span(chunk.text, siblings, index) for index in indexes]
    return [(chunk.start + start, chunk.start + end, "") for start, end in spans]


def _block_span(text: str, siblings: Sequence, index: int) -> tuple[int, int]:
    start = siblings.items[index].start
    dash = text.rfind("-", 0, start)
    return text.rfind("\n", 0, dash) + 1, _after_line(text, content_end(siblings.items[index]))


def _flow_span(siblings: Sequence, index: int, others_follow: bool) -> tuple[int, int]:
    """With its comma: the one after it, or the one before where nothing that stays follows."""
    items = siblings.items
    if others_follow:
        return items[index].start, items[index + 1].start
    return items[index - 1].end, items[index].end
