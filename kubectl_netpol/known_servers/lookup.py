"""Which known block an address belongs to. Pure; built once from all entries, asked for each address.

A table per prefix length, the longest first: at most 33 probes for IPv4 and 129 for IPv6, and only
for the lengths that occur, so that neither the number of blocks nor their nesting matters.

Of equal blocks one wins by their words alone, never by their place in a file, so that sorting a file
changes no policy: the document's name that is alphabetically first, then the label, then the server; an
empty label or server comes last.
"""

from __future__ import annotations

from collections.abc import Iterable

from .values import Address, KnownServer, parse_address, parse_block

_Table = tuple[int, dict[int, list[KnownServer]]]


class Lookup:
    """Answers ``lookup(address)`` with the entry whose block is the most specific, or None."""

    __slots__ = ("_tables",)

    def __init__(self, servers: Iterable[KnownServer]) -> None:
        blocks: dict[tuple[int, int], dict[int, list[KnownServer]]] = {}
        for server in servers:
            version, number, length = parse_block(server.cidr)
            shift = (32 if version == 4 else 128) - length
            table = blocks.setdefault((version, shift), {})
            table.setdefault(number >> shift, []).append(server)
        self._tables: dict[int, list[_Table]] = {4: [], 6: []}
        for (version, shift), table in sorted(blocks.items(), key=lambda item: item[0]):
            for equals in table.values():
                equals.sort(key=rank)
            self._tables[version].append((shift, table))

    def __call__(self, address: str) -> KnownServer | None:
        """The winner for an address (IPv4-mapped ones are IPv4); raises InputError when it is none."""
        version, number = parse_address(address)
        for shift, table in self._tables[version]:
            equals = table.get(number >> shift)
            if equals:
                return equals[0]
        return None

    def holders(self, address: str) -> tuple[KnownServer, ...]:
        """Every entry whose block holds the address, the winner first."""
        return self.holders_of(parse_address(address), 0)

    def holders_of(self, address: Address, host_bits: int) -> tuple[KnownServer, ...]:
        """Every entry whose block holds the whole block that begins at the address and has so many host bits."""
        found: list[KnownServer] = []
        for shift, table in self._tables[address.version]:
            if shift >= host_bits:
                found += table.get(address.number >> shift, ())
        return tuple(found)


def rank(server: KnownServer) -> tuple[str, bool, str, bool, str, str]:
    """Orders entries of equal blocks; the least wins."""
    return (server.document, not server.name, server.name, not server.server, server.server, server.ip_block)
