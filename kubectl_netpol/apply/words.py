"""Changes in words, a line each, for people. Pure; ``cli`` prints them, escaped."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping

from ..model import Direction, Selector
from ..neighbors.labels import selector_text
from ..policy.evaluation.values import NetworkPolicy, PolicyPeer
from ..policy.generate import Policy
from ..policy.rules import SIDES
from .meaning.compare import Change
from .meaning.grants import Grant

Names = Mapping[PolicyPeer, str]
"""Which workload a selector stands for, or whose an address is."""


def peer_names(policy: Policy, read: NetworkPolicy) -> dict[PolicyPeer, str]:
    """The names that a generated policy's comments tell; ``read`` is its document as it is judged."""
    found: dict[PolicyPeer, str] = {}
    for path, text in policy.comments:
        match path:
            case ("spec", direction, int(number), _, int(position), *_) if direction in tuple(Direction):
                found[(read.rules(Direction(direction)) or ())[number].peers[position]] = text
    return found


def change_lines(change: Change, names: Names) -> Iterator[str]:
    """What it means, a line each: ``+`` is gained, ``-`` lost, ``=`` what stays of it, ``~`` something else."""
    if change.selectors:
        old, new = map(_selected, change.selectors)
        yield f"~ selects {new}, and not {old} any more"
    for direction in change.isolated:
        yield f"~ isolates {direction}: only what rules admit comes through"
    for direction in change.opened:
        yield f"~ leaves {direction} open"
    for grant in change.gained:
        yield f"+ {grant_words(grant, names)}"
    for grant in change.lost:
        yield f"- {grant_words(grant, names)}"
    for grant in change.kept:
        yield f"= {grant_words(grant, names)} stays"


def grant_words(grant: Grant, names: Names) -> str:
    """``ingress from shop/deployment/web (pods app=web) at TCP 8080``."""
    port = f"at {grant.port}" if grant.port else "at every port"
    return f"{grant.direction} {SIDES[grant.direction]} {_peer_words(grant.peer, names)} {port}"


def _peer_words(peer: PolicyPeer | None, names: Names) -> str:
    if peer is None:
        return "everyone"
    name = names.get(peer, "")
    plain = f"{peer.cidr}{_excepted(peer.excepted)}" if peer.cidr else _pods(peer)
    return f"{name} ({plain})" if name else plain


def _excepted(blocks: Iterable[str]) -> str:
    text = ", ".join(blocks)
    return f" except {text}" if text else ""


def _pods(peer: PolicyPeer) -> str:
    pods = "all pods" if peer.pods is None or peer.pods.is_empty else f"pods {selector_text(peer.pods)}"
    if peer.namespaces is None:
        return pods
    if peer.namespaces.is_empty:
        return f"{pods} of every namespace"
    return f"{pods} of namespaces {selector_text(peer.namespaces)}"


def _selected(selector: Selector) -> str:
    return "all pods" if selector.is_empty else f"pods {selector_text(selector)}"
