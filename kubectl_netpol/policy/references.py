"""What is known of each address of a policy: the entries of the reference format's ``policyRef``."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from ..model import Direction, Neighbor, Peer
from .aggregation import UNWIDENED, Widened
from .rules import Lookup, rule_peer


@dataclass(frozen=True, slots=True, order=True)
class Reference:
    """``cidr`` as it stands in the policy; ``dns`` verbatim as recorded; ``name`` and ``server`` of the known block."""

    cidr: str
    original_address: str
    dns: str = ""
    name: str = ""
    server: str = ""


def references(
    neighbors: Iterable[Neighbor], directions: tuple[Direction, ...], lookup: Lookup, widened: Widened = UNWIDENED
) -> tuple[Reference, ...]:
    """An entry for each address with a DNS name or a known block, and for each of its names; sorted, each once."""
    names: dict[tuple[str, Peer], set[str]] = {}
    for neighbor in neighbors:
        peer = neighbor.key.peer
        if (peer.address or peer.block) and neighbor.key.direction in directions:
            cidr = rule_peer(widened.neighbor(neighbor).key.peer, lookup).cidr
            place = (cidr, Peer(peer.kind, address=peer.address, block=peer.block))
            names.setdefault(place, set()).update(neighbor.counts.names)
    found: set[Reference] = set()
    for (cidr, peer), dns_names in names.items():
        found.update(_of_address(cidr, peer, dns_names, lookup))
    return tuple(sorted(found))


def _of_address(cidr: str, peer: Peer, names: set[str], lookup: Lookup) -> Iterator[Reference]:
    block = lookup(peer.address) if peer.address else None
    known = (block.name, block.server) if block else ("", "")
    for name in names or ({""} if block else ()):
        yield Reference(cidr, peer.address or peer.block, name, *known)
