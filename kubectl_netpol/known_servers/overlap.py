"""What a user should know about blocks: those just added (host bits, equal, nested), and why one of them wins. Pure.

Each is told once per new block, with one example and a number, so that a block that holds 50,000 others makes one line.
"""

from __future__ import annotations

from bisect import bisect_left
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence

from .lookup import Lookup
from .values import Block, KnownServer, has_host_bits, parse_address, parse_block


def remarks(existing: Iterable[KnownServer], added: Sequence[KnownServer]) -> list[str]:
    """Sentences for stderr, in the order of the added entries."""
    new = Lookup(added)
    touched = [*_touching(existing, added, new), *added]
    everything = Lookup(touched)
    inside = _held_within(touched, new)
    lines: list[str] = []
    for server in added:
        if has_host_bits(server):
            lines.append(f"{server.ip_block} has host bits: it stands for {server.cidr}")
        lines += _about_holders(server, everything)
        if inside[server]:
            lines.append(f"{server.cidr} holds {_blocks(inside[server])}, which {_stay(inside[server])} more specific")
    return lines


def _touching(existing: Iterable[KnownServer], added: Iterable[KnownServer], new: Lookup) -> Iterator[KnownServer]:
    """Those that hold an added block or lie within one; few, where few are added to many."""
    starts = sorted({parse_block(server.cidr)[:2] for server in added})
    for server in existing:
        block = parse_block(server.cidr)
        first = bisect_left(starts, block[:2])
        begins_inside = first < len(starts) and starts[first] <= (block.version, block.last)
        if begins_inside or new.holders_of(block):
            yield server


def _held_within(servers: Iterable[KnownServer], added: Lookup) -> Counter[KnownServer]:
    """How many less wide blocks each added one holds."""
    counts: Counter[KnownServer] = Counter()
    for server in servers:
        counts.update(holder for holder in _holders(server, added) if holder.cidr != server.cidr)
    return counts


def _holders(server: KnownServer, lookup: Lookup) -> tuple[KnownServer, ...]:
    return lookup.holders_of(parse_block(server.cidr))


def _about_holders(server: KnownServer, everything: Lookup) -> list[str]:
    holders = _holders(server, everything)
    equals = [holder for holder in holders if holder.cidr == server.cidr]
    wider = [holder for holder in holders if holder.cidr != server.cidr]
    lines: list[str] = []
    if len(equals) > 1:
        lines.append(f"{server.cidr} is known {len(equals)} times: {describe(equals[0])} wins, by its name's order")
    if wider:
        lines.append(f"{server.cidr} lies within {wider[0].cidr} ({describe(wider[0])}) and, more specific, wins there")
    return lines


def describe(server: KnownServer) -> str:
    """``github: github-workflows, github.com``; what is empty is left out."""
    words = ", ".join(text for text in (server.name, server.server) if text)
    return f"{server.document}: {words}" if words else server.document


def _blocks(count: int) -> str:
    return "1 known block" if count == 1 else f"{count} known blocks"


def _stay(count: int) -> str:
    return "is" if count == 1 else "are"


def explain(address: str, lookup: Lookup) -> list[str]:
    """Which block an address belongs to and why, the winner first; InputError when it is no address."""
    holders = lookup.holders(address)
    if not holders:
        version, number = parse_address(address)
        alone = Block(version, number, 32 if version == 4 else 128).cidr
        return [f"{address}: no known block holds it; in a policy it is {alone}"]
    winner = holders[0]
    lines = [f"{address} belongs to {winner.cidr} ({describe(winner)}), {_why(holders)}"]
    for other in holders[1:]:
        reason = "less specific" if other.cidr != winner.cidr else "equal, but its name comes later"
        lines.append(f"  not {other.cidr} ({describe(other)}): {reason}")
    return lines


def _why(holders: Sequence[KnownServer]) -> str:
    if len(holders) == 1:
        return "the only block that holds it"
    if holders[1].cidr == holders[0].cidr:
        return "whose name comes first among equal blocks"
    return "the most specific block that holds it"
