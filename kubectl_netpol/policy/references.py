"""What is known of each address of a policy: the entries of the reference format's ``policyRef``."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace

from ..model import Direction, Neighbor, Peer
from .aggregation import UNWIDENED, Widened
from .rules import Lookup, known_block, rule_peer


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
    names: dict[tuple[Reference, bool], set[str]] = {}
    for neighbor in neighbors:
        peer = neighbor.key.peer
        if (peer.address or peer.block) and neighbor.key.direction in directions:
            cidr = rule_peer(widened.neighbor(neighbor).key.peer, lookup).cidr
            names.setdefault(_without_name(cidr, peer, lookup), set()).update(neighbor.counts.names)
    found = {
        replace(bare, dns=name)
        for (bare, is_known), dns_names in names.items()
        for name in dns_names or ({""} if is_known else ())
    }
    return tuple(sorted(found))


# An address's reference, and whether a known block holds it, which may have neither a name nor a server.
def _without_name(cidr: str, peer: Peer, lookup: Lookup) -> tuple[Reference, bool]:
    block = known_block(peer, lookup)
    known = (block.name, block.server) if block else ("", "")
    return Reference(cidr, peer.address or peer.block, "", *known), block is not None
