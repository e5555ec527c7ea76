"""When a node was not heard, and whose recordings that leaves with a hole: pure.

A hole is a window of its own with the loss NOT_HEARD in milliseconds, so that it is kept, shown and joined like any
other loss of a recording.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import NamedTuple

from ..model import Window
from ..neighbors.inventory import Inventory
from ..neighbors.labels import stable
from ..neighbors.pods import Pod
from ..neighbors.recording import Recording
from ..neighbors.windows import NOT_HEARD
from .plan import is_in_scope
from .scope import Wanted

Span = tuple[int, int]
"""From and to, in ms since the Unix epoch."""


class Patience(NamedTuple):
    """How long (ms) a silence may last before it counts: before the first word, and before the end."""

    first: int
    last: int


def holes(heard: Iterable[Span], whole: Span, patience: Patience) -> list[Span]:
    """The parts of ``whole`` in which nothing was heard for longer than there is patience.

    Between an agent's last word and the next one's first there is none: what the first had not said yet is lost.
    """
    begin, end = whole
    found: list[Span] = []
    limit = patience.first
    for first, last in sorted(heard):
        if min(first, end) - begin > limit:
            found.append((begin, min(first, end)))
        begin, limit = max(begin, last), 0
    if end - begin > patience.last:
        found.append((begin, end))
    return found


def unheard(
    inventory: Inventory, node: str, spans: Iterable[Span], session: str, wanted: Wanted
) -> Iterator[Recording]:
    """A recording for each workload with pods on that node during one of the spans; it holds the hole and no flow."""
    spans = list(spans)
    if not spans:
        return
    for pod in inventory.pods():
        if pod.node != node or pod.host_network:
            continue
        windows = {one.epoch: one for one in _windows(pod, node, spans, session)}
        if windows and is_in_scope(inventory, wanted, pod):
            owned = inventory.owned(pod)
            yield Recording(owned.workload, owned.selector, stable(pod.labels), False, windows, {})


def _windows(pod: Pod, node: str, spans: Iterable[Span], session: str) -> Iterator[Window]:
    for begin, end in spans:
        first, last = max(begin, pod.begin), min(end, pod.end or end)
        if last > first:
            # Named by its beginning: while a hole grows, its newer account is the greater one.
            yield Window(f"unheard-{session}-{node}-{begin}", first, last, node, ((NOT_HEARD, last - first),))
