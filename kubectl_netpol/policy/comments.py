"""What a policy's YAML says beside its data: whose an address is, and which workload a selector stands for."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from types import MappingProxyType
from typing import NamedTuple

from ..model import Direction, Neighbor, Peer
from .listing import some_of
from .rules import SIDES, Lookup, Rule, RulePeer, known_block, rule_peer


class Comment(NamedTuple):
    """``path``: the keys and positions that lead to a value of the document; ``text``: raw, ``render`` escapes it."""

    path: tuple[str | int, ...]
    text: str


def texts_on(
    admitted: Iterable[Neighbor], lookup: Lookup, labels: Mapping[str, str] = MappingProxyType({})
) -> dict[RulePeer, str]:
    """What is known of each peer: a cidr's DNS names and known server, a selector's DNS names and workload.

    ``labels``: what else is known of a cidr.
    """
    told: dict[RulePeer, set[str]] = {}
    for neighbor in admitted:
        peer = rule_peer(neighbor.key.peer, lookup)
        words = _words(neighbor, lookup)
        if peer.cidr in labels:
            words = [labels[peer.cidr], *words]
        if words:
            told.setdefault(peer, set()).update(words)
    return {peer: joined(words) for peer, words in told.items()}


def comment(isolated: Mapping[Direction, tuple[Rule, ...]], texts: Mapping[RulePeer, str]) -> tuple[Comment, ...]:
    """A comment at each cidr and each selector of which something is known."""
    return tuple(
        Comment(_path(direction, number, position, peer), texts[peer])
        for direction, found in isolated.items()
        for number, rule in enumerate(found)
        for position, peer in enumerate(rule.peers)
        if peer in texts
    )


def _path(direction: Direction, number: int, position: int, peer: RulePeer) -> tuple[str | int, ...]:
    path = ("spec", str(direction), number, SIDES[direction], position)
    return (*path, "ipBlock", "cidr") if peer.cidr else path


def _words(neighbor: Neighbor, lookup: Lookup) -> list[str]:
    peer = neighbor.key.peer
    if not peer.address:
        return [*(() if peer.block else _place(peer)), *neighbor.counts.names]
    block = known_block(peer, lookup)
    known = [_known(block.name, block.server)] if block is not None else []
    return [*known, *(neighbor.counts.names or _place(peer))]


def _place(peer: Peer) -> tuple[str, ...]:
    return (peer.name,) if peer.name else ()


def _known(name: str, server: str) -> str:
    return f"{name} ({server})" if name and server else name or server or "known server"


def joined(words: Iterable[str]) -> str:
    """The first few, in order, and how many more there are."""
    return some_of(sorted(set(words)))
