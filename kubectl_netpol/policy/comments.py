"""What a policy's YAML says beside its data: whose an address is, and which workload a selector stands for."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import NamedTuple

from ..model import Direction, Neighbor, Peer
from .rules import SIDES, Lookup, Rule, RulePeer, rule_peer

_SHOWN = 4


class Comment(NamedTuple):
    """``path``: the keys and positions that lead to a value of the document; ``text``: raw, ``render`` escapes it."""

    path: tuple[str | int, ...]
    text: str


def comment(
    isolated: Mapping[Direction, tuple[Rule, ...]], admitted: Iterable[Neighbor], lookup: Lookup
) -> tuple[Comment, ...]:
    """A comment for each cidr with a DNS name or a known server, each selector with a DNS name or a workload."""
    told: dict[RulePeer, set[str]] = {}
    for neighbor in admitted:
        if words := _words(neighbor, lookup):
            told.setdefault(rule_peer(neighbor.key.peer, lookup), set()).update(words)
    return tuple(
        Comment(_path(direction, number, position, peer), _joined(told[peer]))
        for direction, found in isolated.items()
        for number, rule in enumerate(found)
        for position, peer in enumerate(rule.peers)
        if peer in told
    )


def _path(direction: Direction, number: int, position: int, peer: RulePeer) -> tuple[str | int, ...]:
    path = ("spec", str(direction), number, SIDES[direction], position)
    return (*path, "ipBlock", "cidr") if peer.cidr else path


def _words(neighbor: Neighbor, lookup: Lookup) -> list[str]:
    peer = neighbor.key.peer
    if not peer.address:
        return [*(() if peer.block else _place(peer)), *neighbor.counts.names]
    block = lookup(peer.address)
    known = [_known(block.name, block.server)] if block is not None else []
    return [*known, *(neighbor.counts.names or _place(peer))]


def _place(peer: Peer) -> tuple[str, ...]:
    return (peer.name,) if peer.name else ()


def _known(name: str, server: str) -> str:
    return f"{name} ({server})" if name and server else name or server or "known server"


def _joined(words: set[str]) -> str:
    shown = sorted(words)[:_SHOWN]
    more = len(words) - len(shown)
    return ", ".join(shown) + (f" and {more} more" if more else "")
