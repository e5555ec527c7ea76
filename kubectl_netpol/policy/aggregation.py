"""External addresses as blocks, on request: without it each stays a /32 or /128.

``Exact`` admits no pair of an address and a port that was not seen; ``Prefixes`` and ``Announced`` admit more, and how
many addresses and pairs is counted.
Addresses of a known server have their block already and are left alone, as is whatever lies in the cluster.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from ipaddress import IPv4Network, IPv6Network, collapse_addresses, ip_address, ip_network
from typing import Protocol

from ..model import Direction, Neighbor, Peer, PeerKind, Port
from .rules import Lookup, host_cidr

Network = IPv4Network | IPv6Network
Ports = frozenset[Port]
_BITS = {4: 32, 6: 128}


class Aggregate(Protocol):
    """Makes blocks of addresses, each of which comes with the ports at which it was seen."""

    def blocks(self, addresses: Mapping[str, Ports]) -> Mapping[str, str]:
        """The block (canonical CIDR) of each address that gets one."""

    def label(self, block: str) -> str:
        """What is known of such a block, for people; empty for nothing."""


@dataclass(frozen=True, slots=True)
class Exact:
    """The smallest set of blocks that holds these addresses and no other; only equal ports are put together."""

    def blocks(self, addresses: Mapping[str, Ports]) -> Mapping[str, str]:
        by_ports: dict[Ports, list[str]] = {}
        for address, ports in addresses.items():
            by_ports.setdefault(ports, []).append(address)
        return {address: block for found in by_ports.values() for address, block in _collapsed(found)}

    def label(self, _: str) -> str:
        return ""


@dataclass(frozen=True, slots=True)
class Prefixes:
    """Each address's block of so many bits, by IP version: 1 to 32, 1 to 128."""

    ipv4: int
    ipv6: int = 128

    def blocks(self, addresses: Mapping[str, Ports]) -> Mapping[str, str]:
        return {address: self._block(address) for address in addresses}

    def label(self, _: str) -> str:
        return ""

    def _block(self, address: str) -> str:
        bits = self.ipv6 if ":" in address else self.ipv4
        return str(ip_network(f"{address}/{bits}", strict=False))


@dataclass(frozen=True, slots=True)
class Announced:
    """The most specific block of a table that holds an address; one that none holds stays alone.

    ``labels``: what the table says of a block, by canonical CIDR.
    """

    labels: Mapping[str, str]
    _by_length: Mapping[tuple[int, int], frozenset[int]] = field(init=False, repr=False)

    def __post_init__(self) -> None:
        found: dict[tuple[int, int], set[int]] = {}
        for network in map(ip_network, self.labels):
            found.setdefault((network.version, network.prefixlen), set()).add(int(network.network_address))
        longest_first = sorted(found.items(), reverse=True)
        object.__setattr__(self, "_by_length", {key: frozenset(starts) for key, starts in longest_first})

    def blocks(self, addresses: Mapping[str, Ports]) -> Mapping[str, str]:
        found = {address: self._block(address) for address in addresses}
        return {address: block for address, block in found.items() if block}

    def label(self, block: str) -> str:
        return self.labels.get(block, "")

    def _block(self, address: str) -> str:
        parsed = ip_address(address)
        for (version, length), starts in self._by_length.items():
            if version == parsed.version:
                shift = _BITS[version] - length
                if int(parsed) >> shift << shift in starts:
                    return str(ip_network(f"{address}/{length}", strict=False))
        return ""


@dataclass(frozen=True, slots=True)
class Surplus:
    """What a direction's blocks admit and nobody saw: ``addresses``, and ``pairs`` of an address and a port.

    ``blocks`` are those that addresses were widened to, put together and in order.
    """

    direction: Direction
    blocks: tuple[str, ...]
    addresses: int
    pairs: int


@dataclass(frozen=True, slots=True)
class Widened:
    """``blocks``: what stands for an address that was met in a direction. ``labels``: what is known of a block.

    ``seen``: the ports of each address that could be widened, by direction.
    """

    blocks: Mapping[tuple[Direction, str], str] = field(default_factory=dict)
    labels: Mapping[str, str] = field(default_factory=dict)
    seen: Mapping[Direction, Mapping[str, Ports]] = field(default_factory=dict)

    def neighbor(self, neighbor: Neighbor) -> Neighbor:
        """The same neighbor, with its address's block in the address's place."""
        key = neighbor.key
        block = self.blocks.get((key.direction, key.peer.address)) if _is_external(key.peer) else None
        if block is None:
            return neighbor
        return replace(neighbor, key=replace(key, peer=Peer(key.peer.kind, block=block)))

    def surplus(self) -> Iterator[Surplus]:
        """What each direction admits more than was seen. Not where that is nothing."""
        for direction in Direction:
            seen = self.seen.get(direction, {})
            admitted = {address: ip_network(self._admitted(direction, address)) for address in seen}
            by_port: dict[Port, list[str]] = {}
            for address, ports in seen.items():
                for port in ports:
                    by_port.setdefault(port, []).append(address)
            pairs = sum(_more(found, admitted) for found in by_port.values())
            if pairs:
                blocks = _merged(ip_network(block) for (way, _), block in self.blocks.items() if way is direction)
                yield Surplus(direction, tuple(map(str, blocks)), _more(seen, admitted), pairs)

    def _admitted(self, direction: Direction, address: str) -> str:
        return self.blocks.get((direction, address)) or host_cidr(address)


UNWIDENED = Widened()


def widen(neighbors: Iterable[Neighbor], lookup: Lookup, aggregate: Aggregate | None) -> Widened:
    """Blocks for the external addresses among the neighbors that no known server has."""
    if aggregate is None:
        return UNWIDENED
    found: dict[Direction, dict[str, set[Port]]] = {}
    for neighbor in neighbors:
        peer, direction = neighbor.key.peer, neighbor.key.direction
        if _is_external(peer) and lookup(peer.address) is None:
            found.setdefault(direction, {}).setdefault(peer.address, set()).add(neighbor.key.port)
    seen = {way: {one: frozenset(ports) for one, ports in addresses.items()} for way, addresses in found.items()}
    blocks = {
        (direction, address): block
        for direction, addresses in seen.items()
        for address, block in aggregate.blocks(addresses).items()
        if block != host_cidr(address)
    }
    labels = {block: label for block in set(blocks.values()) if (label := aggregate.label(block))}
    return Widened(blocks, labels, seen)


# How many addresses the blocks that stand for these hold beside them.
def _more(addresses: Collection[str], admitted: Mapping[str, Network]) -> int:
    return sum(block.num_addresses for block in _merged(admitted[one] for one in addresses)) - len(addresses)


def _is_external(peer: Peer) -> bool:
    return peer.kind is PeerKind.EXTERNAL and bool(peer.address)


def _collapsed(addresses: Iterable[str]) -> Iterator[tuple[str, str]]:
    ordered = sorted(map(ip_address, addresses), key=lambda one: (one.version, int(one)))
    blocks = iter(_merged(map(ip_network, map(str, ordered))))
    block = next(blocks, None)
    for address in ordered:
        while block is not None and (address.version != block.version or address not in block):
            block = next(blocks, None)
        yield str(address), str(block)


def _merged(networks: Iterable[Network]) -> list[Network]:
    found = set(networks)
    return [
        *collapse_addresses(one for one in found if isinstance(one, IPv4Network)),
        *collapse_addresses(one for one in found if isinstance(one, IPv6Network)),
    ]
