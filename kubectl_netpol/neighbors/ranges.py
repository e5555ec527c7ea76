"""The cluster's own address ranges: an address inside them that nobody has is unknown rather than external."""

from __future__ import annotations

from collections.abc import Iterable
from functools import lru_cache
from ipaddress import IPv4Network, IPv6Network, ip_address, ip_network

from .nodes import Network

_WIDEST = {4: 12, 6: 108}
"""Kubernetes allows a service range no wider than this prefix for IPv4 in practice, and for IPv6 by rule."""

_LONE = {4: 24, 6: 120}
"""What surrounds a cluster address when the whole range cannot be told."""


class Ranges:
    """A set of networks that answers whether an address lies in one of them."""

    __slots__ = ("_by_prefix",)

    def __init__(self, networks: Iterable[Network]) -> None:
        self._by_prefix: dict[tuple[int, int], set[int]] = {}
        for network in networks:
            shift = network.max_prefixlen - network.prefixlen
            self._by_prefix.setdefault((network.version, shift), set()).add(int(network.network_address) >> shift)

    def __contains__(self, address: str) -> bool:
        parsed = ip_address(address)
        number, version = int(parsed), parsed.version
        return any(
            family == version and number >> shift in starts for (family, shift), starts in self._by_prefix.items()
        )


def surrounding(addresses: Iterable[str]) -> list[Network]:
    """The networks in which the given cluster addresses (ClusterIPs) lie: per family the one that spans them all,
    or, were that wider than a service range can be, a small one around each."""
    found: list[Network] = []
    for version in (4, 6):
        family = sorted({int(parsed) for text in addresses if (parsed := ip_address(text)).version == version})
        if family:
            found += _spanning(version, family)
    return found


def _spanning(version: int, family: list[int]) -> list[Network]:
    bits = 32 if version == 4 else 128
    prefix = min(_LONE[version], bits - (family[0] ^ family[-1]).bit_length())
    if prefix >= _WIDEST[version]:
        return [_network(version, family[0], prefix)]
    return sorted({_network(version, one, _LONE[version]) for one in family})


def _network(version: int, number: int, prefix: int) -> Network:
    kind: type[IPv4Network] | type[IPv6Network] = IPv4Network if version == 4 else IPv6Network
    return kind((number, prefix), strict=False)


_LINK_LOCAL = Ranges([ip_network("169.254.0.0/16"), ip_network("fe80::/10")])
_LOOPBACK = Ranges([ip_network("127.0.0.0/8"), ip_network("::1/128"), ip_network("0.0.0.0/32"), ip_network("::/128")])


@lru_cache(maxsize=1 << 18)
def is_link_local(address: str) -> bool:
    """Whether the address is of the link only: a service of the node itself."""
    return address in _LINK_LOCAL


@lru_cache(maxsize=1 << 18)
def is_loopback(address: str) -> bool:
    """Whether the address never leaves its namespace, or is none at all (unspecified)."""
    return address in _LOOPBACK


def is_private(address: str) -> bool:
    """Whether it means something in its own network namespace or on its own link only."""
    return is_loopback(address) or is_link_local(address)
