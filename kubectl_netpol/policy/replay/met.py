"""Recorded flows as a policy meets them, and by what names and addresses they were met."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from ipaddress import ip_address

from ...model import Direction, Neighbor, Port
from ..evaluation.values import PolicyPeer
from .ends import End, Place, Pods
from .passage import address_set


@dataclass(frozen=True, slots=True)
class Met:
    """A recorded flow of pods that a policy selects, by its other end.

    ``paths``: the known workloads that a peer without a name may be.
    """

    neighbor: Neighbor
    peers: tuple[End, ...]
    own: Pods
    paths: frozenset[str] = frozenset()

    def server(self, peer: End) -> End:
        return peer if self.neighbor.key.direction is Direction.EGRESS else self.own


def identity(one: End) -> str:
    """What tells an end from others: one address may have been met as a node's and as the API server's."""
    return (one.address or one.block or one.name) if isinstance(one, Place) else one.name


def addresses(one: End, block: PolicyPeer) -> Iterable[str]:
    """Those in the block by which an end was met: of a workload's pods nobody knows which."""
    if isinstance(one, Place):
        return filter(None, (one.address,))
    is_met_by_address = one.is_unknown or one.pod
    return [text for text in one.addresses or () if is_met_by_address and text in address_set(block)]


def by_number(text: str) -> tuple[int, int]:
    """An address's place in order: IPv4 before IPv6."""
    parsed = ip_address(text)
    return parsed.version, int(parsed)


def ports_of(used: Iterable[Met]) -> list[str]:
    """``TCP 80``, each once, in order."""
    found: set[Port] = {one.neighbor.key.port for one in used}
    return [f"{port.protocol} {port.port}" for port in sorted(found)]


def names_of(used: Iterable[Met]) -> list[str]:
    """Those of the peers, each once, in order."""
    return sorted({peer.name for one in used for peer in one.peers})
