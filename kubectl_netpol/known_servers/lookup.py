"""Which known block an address belongs to. Pure; built once from all entries, asked for each address.

Blocks either nest or lie apart, so that one pass over them in order cuts the addresses into ranges, each with its
most specific block, which knows the block around it. An address is found by bisection among the ranges' starts.

Of equal blocks one wins by their words alone, never by their place in a file, so that sorting a file
changes no policy: the document's name that is alphabetically first, then the label, then the server; an
empty label or server comes last.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterable, Iterator
from typing import NamedTuple

from .values import Address, Block, KnownServer, parse_address, parse_block

_VERSIONS = (4, 6)


class _Held(NamedTuple):
    """A block with its entries, the winner first, the last address that it holds, and the block around it."""

    equals: list[KnownServer]
    length: int
    last: int
    outer: _Held | None


class Lookup:
    """Answers ``lookup(address)`` with the entry whose block is the most specific, or None."""

    __slots__ = ("_ranges",)

    def __init__(self, servers: Iterable[KnownServer]) -> None:
        blocks: dict[Block, list[KnownServer]] = {}
        for server in servers:
            blocks.setdefault(parse_block(server.cidr), []).append(server)
        ordered = sorted(blocks)
        self._ranges = {
            version: _Ranges([(block, blocks[block]) for block in ordered if block.version == version])
            for version in _VERSIONS
        }

    def __call__(self, address: str) -> KnownServer | None:
        """The winner for an address (IPv4-mapped ones are IPv4); raises InputError when it is none."""
        version, number = parse_address(address)
        held = self._ranges[version].find(number)
        return held.equals[0] if held is not None else None

    def holders(self, address: str) -> tuple[KnownServer, ...]:
        """Every entry whose block holds the address, the winner first."""
        return self._holders(parse_address(address), 128)

    def holders_of(self, block: Block) -> tuple[KnownServer, ...]:
        """Every entry whose block holds the whole of a block, equal ones first."""
        return self._holders(Address(block.version, block.number), block.length)

    def _holders(self, address: Address, longest: int) -> tuple[KnownServer, ...]:
        held = self._ranges[address.version].find(address.number)
        return tuple(server for each in _outwards(held) if each.length <= longest for server in each.equals)


class _Ranges:
    """The addresses of one IP version, cut where the most specific block changes."""

    __slots__ = ("_held", "_starts")

    def __init__(self, blocks: list[tuple[Block, list[KnownServer]]]) -> None:
        self._starts: list[int] = []
        self._held: list[_Held | None] = []
        inner: _Held | None = None
        for block, equals in blocks:
            inner = self._close(inner, block.number)
            equals.sort(key=rank)
            inner = _Held(equals, block.length, block.last, inner)
            self._begin(block.number, inner)
        self._close(inner, 1 << 128)

    def find(self, number: int) -> _Held | None:
        position = bisect_right(self._starts, number)
        return self._held[position - 1] if position else None

    # Ends the blocks that lie before an address; what is around them goes on.
    def _close(self, inner: _Held | None, number: int) -> _Held | None:
        while inner is not None and inner.last < number:
            self._begin(inner.last + 1, inner.outer)
            inner = inner.outer
        return inner

    def _begin(self, number: int, held: _Held | None) -> None:
        if self._starts and self._starts[-1] == number:
            self._held[-1] = held
        else:
            self._starts.append(number)
            self._held.append(held)


def _outwards(held: _Held | None) -> Iterator[_Held]:
    while held is not None:
        yield held
        held = held.outer


def rank(server: KnownServer) -> tuple[str, bool, str, bool, str, str]:
    """Orders entries of equal blocks; the least wins."""
    return (server.document, not server.name, server.name, not server.server, server.server, server.ip_block)
