"""The wire's flows taken apart: keys parsed, values checked, the growth of a counter over time told.

Used by ``tracks`` and ``resolution``. A sample is a flow's value on the wire: attempts, answered, refused, first
seen, last seen, marks. Counters only grow, so of two samples the greater is the newer, in whatever order they came.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Collection, Iterable, Mapping, Sequence
from functools import cache
from typing import Any, NamedTuple

from ..model import Direction, Mark, Port, Protocol
from ..wire import Marks, is_counters
from .reading import canonical_address

Sample = list[int]
"""A flow's six counters as they stand on the wire; never changed. The greater list is the greater sample."""

_DIRECTIONS = {"in": Direction.INGRESS, "out": Direction.EGRESS}
_PROTOCOLS = {"tcp": Protocol.TCP, "udp": Protocol.UDP, "sctp": Protocol.SCTP, "icmp": Protocol.ICMP}
_MARKS = {
    Marks.EXISTING: Mark.EXISTING,
    Marks.INFERRED_PORT: Mark.INFERRED_PORT,
    Marks.SECONDARY_INTERFACE: Mark.SECONDARY_INTERFACE,
    Marks.UNHEARD: Mark.UNHEARD,
}


_KNOWN_MARKS = sum(_MARKS)


class WireFlow(NamedTuple):
    """A flow's key on the wire, with canonical addresses."""

    direction: Direction
    local: str
    peer: str
    port: Port


class Growth(NamedTuple):
    """What was counted between two samples."""

    attempts: int
    answered: int
    refused: int
    first: int
    last: int
    marks: int


def parse_flow(key: str) -> WireFlow | None:
    """The flow that a key names; None for a malformed one."""
    parts = key.split(" ")
    if len(parts) != 5:
        return None
    direction, protocol = _DIRECTIONS.get(parts[0]), _PROTOCOLS.get(parts[1])
    local, peer, text = canonical_address(parts[2]), canonical_address(parts[3]), parts[4]
    if not (direction and protocol and local and peer and text.isascii() and text.isdigit() and len(text) <= 5):
        return None
    number = int(text)
    if number > 65535 or (number == 0) != (protocol is Protocol.ICMP):
        return None
    return WireFlow(direction, local, peer, Port(protocol, number))


def sound(flows: Mapping[str, Any]) -> dict[str, Sample]:
    """The entries whose six counters are sound."""
    return {key: value for key, value in flows.items() if is_counters(value)}


class Merged(NamedTuple):
    """Of each flow the greatest sample; how many entries were not sound, and how many fell behind an earlier record."""

    samples: dict[str, Sample]
    malformed: int = 0
    backwards: int = 0


def merge(records: Sequence[Mapping[str, Any]]) -> Merged:
    """Merges records in the order in which they were said; entries that are not sound do not count.

    The hot path of folding. What remains at the end is checked, and only where something is wrong with it is each
    entry looked at: then what a malformed one hid comes to light.
    """
    try:
        merged = _greatest(records)
        if all(map(is_counters, merged.samples.values())):
            return merged
    except TypeError:  # a value that is no list, or a list of something else, cannot be compared
        pass
    good = [sound(record) for record in records]
    return _greatest(good)._replace(malformed=sum(map(len, records)) - sum(map(len, good)))


def _greatest(records: Iterable[Mapping[str, Any]]) -> Merged:
    found: dict[str, Sample] = {}
    get = found.get
    backwards = 0
    for record in records:
        for key, value in record.items():
            old = get(key)
            if old is None or old < value:
                found[key] = value
            elif old != value:
                backwards += 1
    return Merged(found, 0, backwards)


def growth(samples: Collection[Sample], cuts: Sequence[int]) -> list[Growth]:
    """What was counted in each of the spans that ``cuts`` (sorted times) divide, as far as samples tell.

    A span's part is the growth up to its newest sample, and belongs to whoever the peer was at that sample's
    last-seen time.
    """
    if not cuts:
        whole = Growth._make(max(samples))
        return [whole] if whole[:3] > (0, 0, 0) else []
    last: dict[int, Sample] = {}
    for sample in samples:
        span = bisect_right(cuts, sample[4])
        old = last.get(span)
        if old is None or old < sample:
            last[span] = sample
    parts: list[Growth] = []
    attempts = answered = refused = previous = 0
    for span, sample in sorted(last.items()):
        first = max(sample[3], previous, cuts[span - 1]) if span and parts else sample[3]
        part = Growth(sample[0] - attempts, sample[1] - answered, sample[2] - refused, first, sample[4], sample[5])
        if part[:3] > (0, 0, 0):
            parts.append(part._replace(attempts=max(0, part[0]), answered=max(0, part[1]), refused=max(0, part[2])))
            attempts, answered, refused, previous = sample[0], sample[1], sample[2], sample[4]
    return parts


@cache
def _marks(bits: int) -> frozenset[Mark]:
    return frozenset(mark for bit, mark in _MARKS.items() if bits & bit)


def read_marks(bits: int) -> frozenset[Mark]:
    """The model's marks for the wire's; unknown bits are ignored."""
    return _marks(bits & _KNOWN_MARKS)
