"""What is known of each address of a policy: the entries of the reference format's ``policyRef``."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from ..model import Direction, Neighbor
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
    neighbors: Iterable[Neighbor], directions: tuple[Direction, ...], lookup: Lookup
) -> tuple[Reference, ...]:
    """One entry for each address with a DNS name or a known block, sorted, each once."""
    found: set[Reference] = set()
    for neighbor in neighbors:
        peer = neighbor.key.peer
        if not peer.address or neighbor.key.direction not in directions:
            continue
        block = lookup(peer.address)
        dns = neighbor.counts.names[0] if neighbor.counts.names else ""
        if block or dns:
            known = (block.name, block.server) if block else ("", "")
            found.add(Reference(rule_peer(peer, lookup).cidr, peer.address, dns, *known))
    return tuple(sorted(found))
