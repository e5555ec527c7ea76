"""The wire's flows taken apart: keys parsed, values checked, the growth of a counter over time told.

Used by ``tracks`` and ``resolution``. A sample is a flow's value on the wire: attempts, answered, refused, first
seen, last seen, marks. Counters only grow, so of two samples the greater is the newer, in whatever order they came.
"""

from __future__ import annotations

import sys
from array import array
from bisect import bisect_right
from collections.abc import Collection, Iterable, Mapping, Sequence
from functools import cache
from struct import Struct
from typing import Any, NamedTuple

from ..model import Direction, Mark, Port, Protocol
from ..wire import Marks, is_counters
from .reading import canonical_address

Sample = bytes
"""A flow's six counters, each as eight bytes, the highest first: so the greater sample is the greater text of bytes.

Millions are held for a while, and bytes are small and no work for the garbage collector."""

Entries = tuple[tuple[str, ...], bytes]
"""The keys of a record's flows and, in the same order and one after another, their samples."""

_SAMPLE = Struct(">6Q")
_SIZE = _SAMPLE.size
_IS_LITTLE = sys.byteorder == "little"

_DIRECTIONS = {"in": Direction.INGRESS, "out": Direction.EGRESS}
_PROTOCOLS = {"tcp": Protocol.TCP, "udp": Protocol.UDP, "sctp": Protocol.SCTP, "icmp": Protocol.ICMP}
_MARKS = {
    Marks.EXISTING: Mark.EXISTING,
    Marks.INFERRED_PORT: Mark.INFERRED_PORT,
    Marks.SECONDARY_INTERFACE: Mark.SECONDARY_INTERFACE,
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


def sound(flows: Mapping[str, Any]) -> Entries:
    """The entries whose six counters are sound. A whole record is checked at once, since nearly all are."""
    values = flows.values()
    try:
        if list(map(len, values)).count(6) == len(values):
            return tuple(flows), _pack(values)
    except (TypeError, OverflowError):
        pass
    good = {key: value for key, value in flows.items() if is_counters(value)}
    return tuple(good), _pack(good.values())


# An array of unsigned 64-bit numbers takes nothing below 0 or above 2**64-1, and the first byte of each shows
# whether it is below 2**63; so this raises for all that ``wire.is_counters`` refuses.
def _pack(values: Iterable[list[int]]) -> bytes:
    numbers: list[int] = []
    for value in values:
        numbers += value
    packed = array("Q", numbers)
    if _IS_LITTLE:
        packed.byteswap()
    whole = packed.tobytes()
    if not whole[::8].isascii() or list(map(type, numbers)).count(int) != len(numbers):
        raise TypeError("no counters")
    return whole


def pairs(entries: Entries) -> Iterable[tuple[str, Sample]]:
    """The keys with their samples."""
    keys, whole = entries
    return zip(keys, [whole[start : start + _SIZE] for start in range(0, len(whole), _SIZE)], strict=True)


def unpack(sample: Sample) -> tuple[int, int, int, int, int, int]:
    """Attempts, answered, refused, first seen, last seen, marks."""
    return _SAMPLE.unpack(sample)


def growth(samples: Collection[Sample], cuts: Sequence[int]) -> list[Growth]:
    """What was counted in each of the spans that ``cuts`` (sorted times) divide, as far as samples tell.

    A span's part is the growth up to its newest sample, and belongs to whoever the peer was at that sample's
    last-seen time.
    """
    if not cuts:
        whole = Growth._make(unpack(max(samples)))
        return [whole] if whole[:3] > (0, 0, 0) else []
    newest: dict[int, tuple[int, int, int, int, int, int]] = {}
    for sample in map(unpack, set(samples)):
        span = bisect_right(cuts, sample[4])
        old = newest.get(span)
        if old is None or old < sample:
            newest[span] = sample
    parts: list[Growth] = []
    attempts = answered = refused = previous = 0
    for span, sample in sorted(newest.items()):
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
