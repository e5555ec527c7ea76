"""Sets of peers: addresses as spans of numbers, and pods."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterable, Iterator
from functools import lru_cache
from ipaddress import IPv4Network, IPv6Network, ip_network

from ...policy.evaluation.values import PolicyPeer
from .pods import Box, Boxes, boxes_of

Span = tuple[int, int]
"""From one address to another, both among them."""

_IPV6 = 1 << 33
"""Where the numbers of IPv6 begin: behind all of IPv4's, and not next to them."""


class Peers:
    """Addresses and pods. Two of them are equal only if they are one and the same.

    Which addresses a pod has is not known: selectors hold no addresses, and blocks no pods.
    """

    __slots__ = ("_boxes", "_pods", "_spans", "_starts")

    def __init__(self, spans: Iterable[Span], pods: Iterable[Box]) -> None:
        self._spans = _merged(spans)
        self._starts = [first for first, _ in self._spans]
        self._pods = list(pods)
        self._boxes = Boxes(self._pods)

    def holds(self, other: Peers) -> bool:
        """Whether all of the other is surely in it."""
        return all(map(self._has, other._spans)) and all(map(self._boxes.hold, other._pods))

    def _has(self, span: Span) -> bool:
        position = bisect_right(self._starts, span[0]) - 1
        return position >= 0 and span[1] <= self._spans[position][1]

    @classmethod
    def together(cls, parts: Iterable[Peers]) -> Peers:
        """All that is in some of the parts."""
        kept = list(dict.fromkeys(parts))
        return cls((span for one in kept for span in one._spans), (box for one in kept for box in one._pods))


def peers_of(peer: PolicyPeer | None, namespace: str) -> Peers:
    """All that a peer of a policy in ``namespace`` names; None is everyone."""
    return Peers(_spans_of(peer), boxes_of(peer, namespace))


@lru_cache(maxsize=1 << 16)
def _spans_of(peer: PolicyPeer | None) -> tuple[Span, ...]:
    if peer is None:
        return _span(ip_network("0.0.0.0/0")), _span(ip_network("::/0"))
    if not peer.cidr:
        return ()
    return tuple(_left(_span(ip_network(peer.cidr)), map(ip_network, peer.excepted)))


def _span(network: IPv4Network | IPv6Network) -> Span:
    first = int(network.network_address) + (_IPV6 if network.version == 6 else 0)
    return first, first + network.num_addresses - 1


# Exceptions lie within the block, as ``read_policy`` makes sure.
def _left(whole: Span, excepted: Iterable[IPv4Network | IPv6Network]) -> Iterator[Span]:
    begin, end = whole
    for first, last in _merged(map(_span, excepted)):
        if begin < first:
            yield begin, first - 1
        begin = last + 1
    if begin <= end:
        yield begin, end


def _merged(spans: Iterable[Span]) -> list[Span]:
    found: list[Span] = []
    for first, last in sorted(spans):
        if found and first <= found[-1][1] + 1:
            found[-1] = (found[-1][0], max(last, found[-1][1]))
        else:
            found.append((first, last))
    return found
