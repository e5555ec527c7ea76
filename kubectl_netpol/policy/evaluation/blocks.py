"""Sets of addresses that answer quickly, however many blocks they are made of."""

from __future__ import annotations

from collections.abc import Iterable
from functools import lru_cache
from ipaddress import ip_address, ip_network


@lru_cache(maxsize=1 << 18)
def numbered(address: str) -> tuple[int, int]:
    """An address as its family (4 or 6) and its number. Raises ValueError for what is none."""
    parsed = ip_address(address)
    return parsed.version, int(parsed)


class AddressSet:
    """The addresses of some blocks, each without those that it excepts."""

    __slots__ = ("_by_prefix",)

    def __init__(self, blocks: Iterable[tuple[str, tuple[str, ...]]]) -> None:
        # By family and host bits, then by network number; of blocks with the same cidr each has its own exceptions.
        self._by_prefix: dict[tuple[int, int], dict[int, list[AddressSet | None]]] = {}
        for cidr, excepted in blocks:
            network = ip_network(cidr, strict=False)
            shift = network.max_prefixlen - network.prefixlen
            table = self._by_prefix.setdefault((network.version, shift), {})
            holes = AddressSet((one, ()) for one in excepted) if excepted else None
            table.setdefault(int(network.network_address) >> shift, []).append(holes)

    def __contains__(self, address: str) -> bool:
        family, number = numbered(address)
        for (version, shift), table in self._by_prefix.items():
            found = table.get(number >> shift, ()) if version == family else ()
            if any(holes is None or address not in holes for holes in found):
                return True
        return False
