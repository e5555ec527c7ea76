"""A direction's rules: peers with the same ports in one rule, all in canonical order, nothing twice."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from functools import lru_cache
from ipaddress import ip_address, ip_network
from typing import Any, Protocol, TypeVar

from ..model import Direction, Neighbor, Peer, PeerKind, Port, Selector
from ..neighbors.document import selector_document

SIDES = {Direction.INGRESS: "from", Direction.EGRESS: "to"}
_NOTHING = Selector()
_CLUSTERS_OWN = frozenset({PeerKind.API_SERVER, PeerKind.NODE, PeerKind.NODE_LOCAL})
T = TypeVar("T")


class Block(Protocol):
    """A known server's block: canonical ``cidr``, ``ip_block`` as written, a ``name`` for people, the ``server``."""

    @property
    def cidr(self) -> str: ...
    @property
    def ip_block(self) -> str: ...
    @property
    def name(self) -> str: ...
    @property
    def server(self) -> str: ...


Lookup = Callable[[str], Block | None]
"""The most specific known block that holds an address (canonical text), or None."""


def no_servers(_: str) -> None:
    """The lookup of someone who has no KnownServers."""


@dataclass(frozen=True, slots=True)
class RulePeer:
    """One entry of a rule's ``to`` or ``from``: a cidr, or selectors."""

    cidr: str = ""
    pods: Selector | None = None
    namespaces: Selector | None = None

    def document(self) -> dict[str, Any]:
        if self.cidr:
            return {"ipBlock": {"cidr": self.cidr}}
        document: dict[str, Any] = {}
        if self.namespaces is not None:
            document["namespaceSelector"] = selector_document(self.namespaces)
        if self.pods is not None:
            document["podSelector"] = selector_document(self.pods)
        return document


def rule_peer(peer: Peer, lookup: Lookup = no_servers) -> RulePeer:
    """What stands in a rule for this peer; an address becomes its known block, or a /32 or /128.

    A block stays what it is: it was meant, and no known block says more of it.
    """
    if peer.block:
        return RulePeer(peer.block)
    if not peer.address:
        return RulePeer("", peer.pod_selector, peer.namespace_selector)
    block = known_block(peer, lookup)
    return RulePeer(str(ip_network(block.cidr, strict=False)) if block else host_cidr(peer.address))


def known_block(peer: Peer, lookup: Lookup) -> Block | None:
    """The known block of a peer's address, or None.

    The API server, nodes and what nodes serve are the cluster's own, which the recording names: no block of somebody
    else's may widen a rule for them. What a document calls internal has no name, and may be anything.
    """
    is_own = peer.kind in _CLUSTERS_OWN and bool(peer.name)
    return lookup(peer.address) if peer.address and not is_own else None


@lru_cache(maxsize=1 << 16)
def host_cidr(address: str) -> str:
    """The block that holds one address only, in canonical form."""
    parsed = ip_address(address)
    return f"{parsed}/{parsed.max_prefixlen}"


@dataclass(frozen=True, slots=True)
class Rule:
    """Peers that are reached at the same ports, both in canonical order."""

    ports: tuple[Port, ...]
    peers: tuple[RulePeer, ...]

    def document(self, direction: Direction) -> dict[str, Any]:
        return {
            "ports": [{"port": port.port, "protocol": str(port.protocol)} for port in self.ports],
            SIDES[direction]: [peer.document() for peer in self.peers],
        }


def rules(neighbors: Iterable[Neighbor], lookup: Lookup = no_servers) -> tuple[Rule, ...]:
    """The rules that admit exactly these neighbors, each of which has a port and a peer with a name or an address.

    A rule always has ports and peers: one without would admit everyone.
    """
    return grouped((rule_peer(neighbor.key.peer, lookup), neighbor.key.port) for neighbor in neighbors)


def chunks(items: Sequence[T], size: int) -> list[Sequence[T]]:
    """The items in their order, so many at a time."""
    return [items[start : start + size] for start in range(0, len(items), size)]


def grouped(pairs: Iterable[tuple[RulePeer, Port]]) -> tuple[Rule, ...]:
    """The rules that admit exactly these pairs."""
    by_peer: dict[RulePeer, set[Port]] = {}
    for peer, port in pairs:
        by_peer.setdefault(peer, set()).add(port)
    by_ports: dict[tuple[Port, ...], list[RulePeer]] = {}
    for peer, ports in by_peer.items():
        by_ports.setdefault(tuple(sorted(ports)), []).append(peer)
    return tuple(Rule(ports, tuple(sorted(peers, key=place))) for ports, peers in sorted(by_ports.items()))


def place(peer: RulePeer) -> tuple[Any, ...]:
    """Its order: selectors of the own namespace, then of others, then addresses, IPv4 before IPv6, by number."""
    if peer.cidr:
        return _block_place(peer.cidr)
    namespaces, pods = peer.namespaces, peer.pods
    return (int(namespaces is not None), namespaces or _NOTHING, pods is not None, pods or _NOTHING)


@lru_cache(maxsize=1 << 16)
def _block_place(cidr: str) -> tuple[int, int, int, int]:
    network = ip_network(cidr)
    return (2, network.version, int(network.network_address), network.prefixlen)
