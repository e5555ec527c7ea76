"""What a reader should know about a policy before applying it: one sentence each, never part of the data."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from ipaddress import ip_network

from ..model import Direction, Mark, Neighbor, NeighborKey, NetworkNeighbors, Peer, PeerKind, Protocol, Workload
from ..neighbors.document import is_expressible, selects_everyone
from ..neighbors.labels import is_volatile, selector_text
from .aggregation import Surplus, Widened
from .listing import some_of
from .rules import Lookup, known_block
from .unselectable import is_unselectable

_SHOWN = 3
_COUNTABLE = 10**9
_UNSELECTED = frozenset({PeerKind.SERVICE, PeerKind.NODE})


@dataclass(frozen=True, slots=True)
class Note:
    """A sentence about one workload."""

    workload: Workload
    text: str

    def __str__(self) -> str:
        return f"{self.workload.described}: {self.text}"


def left_out(one: NetworkNeighbors, admitted: Iterable[Neighbor], include_unanswered: bool) -> Iterator[Note]:
    """What was recorded and is not in the policy, by reason."""
    reasons: dict[str, list[Neighbor]] = {}
    kept = {id(neighbor) for neighbor in admitted}
    for neighbor in one.neighbors:
        reason = "" if id(neighbor) in kept else _reason(neighbor, include_unanswered)
        if reason:
            reasons.setdefault(reason, []).append(neighbor)
    for reason, neighbors in sorted(reasons.items()):
        yield Note(one.workload, f"{listed(neighbors)} left out: {reason}")


def silent_directions(
    workload: Workload, isolated: tuple[Direction, ...], seen: tuple[Direction, ...], is_asked: bool
) -> Iterator[Note]:
    """Directions that the policy leaves open, or closes altogether."""
    for direction in Direction:
        if direction in isolated and direction not in seen:
            yield Note(workload, f"no {direction} to admit was recorded: the policy denies all of it")
        elif direction not in isolated and not is_asked:
            text = f"no {direction} to admit was recorded: the policy leaves {direction} open"
            yield Note(workload, f"{text} (--policy-types Ingress,Egress isolates it)")
        elif direction not in isolated and direction in seen:
            yield Note(workload, f"{direction} was recorded, and the policy leaves it open")


def standing(one: NetworkNeighbors, admitted: Iterable[Neighbor]) -> Iterator[Note]:
    """How far what is in the policy can be trusted."""
    lost = sum(count for window in one.windows for _, count in window.losses)
    if lost:
        yield Note(one.workload, f"the recording is lossy ({_losses(one)}): flows may be missing from the policy")
    neighbors = list(admitted)
    for mark, text in _MARKS.items():
        marked = [neighbor for neighbor in neighbors if mark in neighbor.counts.marks]
        if marked:
            yield Note(one.workload, f"{listed(marked)}: {text}")
    if is_volatile(one.selector):
        text = f"{selector_text(one.selector)}: only labels that change with each roll-out or run tell its pods"
        yield Note(one.workload, f"{text}: generate again after the next, which this policy will not hold for")
    for test, text in _WIDE.items():
        found = [neighbor for neighbor in neighbors if test(neighbor.key.peer)]
        if found:
            yield Note(one.workload, f"{listed(found)}: {text}")


def host_bits(workload: Workload, admitted: Iterable[Neighbor], lookup: Lookup) -> Iterator[Note]:
    """Blocks that were written with an address which is not their first, as Kubernetes does not take them."""
    found: dict[str, str] = {}
    for peer in {neighbor.key.peer for neighbor in admitted}:
        if peer.block and peer.name:
            found[peer.name] = peer.block
        block = known_block(peer, lookup)
        if block is not None and _has_host_bits(block.ip_block):
            found[block.ip_block] = block.cidr
    for written, cidr in sorted(found.items()):
        text = f"{written} is written as {cidr}, the same addresses: Kubernetes 1.36 and later reject host bits"
        yield Note(workload, text)


def surplus(workload: Workload, widened: Widened, directions: Iterable[Direction]) -> Iterator[Note]:
    """How much blocks admit that were asked for, and that nobody saw."""
    isolated = frozenset(directions)
    for one in widened.surplus():
        if one.direction in isolated:
            text = f"{one.direction} is widened to {some_of(one.blocks, _SHOWN)}: {_more(one)} more than were seen"
            yield Note(workload, text)


# Where each unseen address has one port, and none has a port that it was not seen with, the addresses say it all.
def _more(one: Surplus) -> str:
    addresses = _number(one.addresses, "address", "addresses") if one.addresses else ""
    if one.pairs == one.addresses:
        return addresses
    pairs = _number(one.pairs, "pair of an address and a port", "pairs of an address and a port")
    return f"{addresses}, and {pairs}," if addresses else pairs


def _number(count: int, singular: str, plural: str) -> str:
    if count < _COUNTABLE:
        return f"{count} {singular if count == 1 else plural}"
    return f"about 2^{round(math.log2(count))} {plural}"


def _has_host_bits(block: str) -> bool:
    try:
        ip_network(block)
    except ValueError:
        return True
    return False


_MARKS = {
    Mark.INFERRED_PORT: "which side is the server was told by the port numbers only",
}


def _is_everywhere(peer: Peer) -> bool:
    return peer.namespace_selector is not None and peer.namespace_selector.is_empty


def _is_all_pods(peer: Peer) -> bool:
    if peer.pod_selector is None:
        return peer.namespace_selector is not None
    return peer.pod_selector.is_empty


def _is_every_address(peer: Peer) -> bool:
    return peer.block.endswith("/0")


def _is_short_lived(peer: Peer) -> bool:
    return peer.pod_selector is not None and is_volatile(peer.pod_selector)


_WIDE = {
    _is_everywhere: "admitted in every namespace",
    _is_all_pods: "the recording names no pods, and all of that namespace are admitted",
    _is_every_address: "every address is admitted, as the recording says",
    _is_short_lived: "only labels that change with each roll-out or run tell these pods: generate again after the next",
}


def _reason(neighbor: Neighbor, include_unanswered: bool) -> str:
    key = neighbor.key
    if key.peer.kind is PeerKind.OWN_NODE and key.direction is Direction.INGRESS:
        return ""  # a pod's own node is always admitted
    if not neighbor.is_answered and not include_unanswered:
        return "never answered (--include-unanswered admits what is not)"
    if Mark.SECONDARY_INTERFACE in neighbor.counts.marks:
        return "seen on a secondary interface only, which policies do not cover"
    if is_expressible(key):
        return ""
    return next(text for test, text in _INEXPRESSIBLE if test(key))


def _is_unselected(key: NeighborKey) -> bool:
    return key.peer.kind in _UNSELECTED and key.peer.pod_selector is None and not key.peer.address


_INEXPRESSIBLE: tuple[tuple[Callable[[NeighborKey], bool], str], ...] = (
    (_is_unselected, "a NetworkPolicy has no words for it: name its pods or addresses instead"),
    (lambda key: key.port.protocol is Protocol.ICMP, "a NetworkPolicy cannot express ICMP"),
    (lambda key: key.peer.kind is PeerKind.UNKNOWN, "within the cluster's own addresses, but nobody's"),
    (is_unselectable, "no lasting labels of its pods are known, and a rule would admit every pod of that namespace"),
    (selects_everyone, "the peer's selector is empty and would admit every pod (--allow-empty-selector does)"),
    (lambda key: not key.port.port, "it names no port, and a rule without one would admit all"),
    (lambda _: True, "it names no peer that a policy can admit"),
)


def listed(neighbors: list[Neighbor]) -> str:
    """The first few, as ``to shop/deployment/api TCP/80``, and how many more there are."""
    return some_of([_described(neighbor) for neighbor in neighbors], _SHOWN)


def _described(neighbor: Neighbor) -> str:
    key = neighbor.key
    way = "to" if key.direction is Direction.EGRESS else "from"
    port = f"{key.port.protocol}/{key.port.port}" if key.port.port else str(key.port.protocol)
    return f"{way} {_peer(key.peer)} {port}"


def _peer(peer: Peer) -> str:
    if peer.name or peer.address or peer.block:
        return peer.block or peer.name or peer.address
    parts = [("", peer.pod_selector), ("namespace ", peer.namespace_selector)]
    told = [f"{word}{selector_text(selector)}" for word, selector in parts if selector is not None]
    return " in ".join(told) or str(peer.kind)


def _losses(one: NetworkNeighbors) -> str:
    totals: dict[str, int] = {}
    for window in one.windows:
        for name, count in window.losses:
            totals[name] = totals.get(name, 0) + count
    return ", ".join(f"{name} {count}" for name, count in sorted(totals.items()) if count)
