"""What the difference between two policies means: which grants are gained and lost, and what is isolated. Pure.

A grant is what one peer may do at one port of a rule. One that another covers is not told as gained or lost: a rule for
10.0.0.1/32 adds nothing beside one for 10.0.0.0/8 at the same port.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from ipaddress import ip_network

from ..model import Direction, Selector
from ..policy.evaluation.values import NetworkPolicy, PolicyPeer, PolicyPort


@dataclass(frozen=True, slots=True)
class Grant:
    """``peer`` None is everyone, ``port`` None every port of every protocol."""

    direction: Direction
    peer: PolicyPeer | None
    port: PolicyPort | None


@dataclass(frozen=True, slots=True)
class Change:
    """From what is applied to what would be. ``kept``: what of lost grants narrower ones admit still.

    ``is_new``: nothing was there. ``isolated`` and ``opened`` are directions that only the one, or only the other,
    isolates. ``selectors`` are the old and the new one where they differ.
    """

    is_new: bool = False
    gained: tuple[Grant, ...] = ()
    lost: tuple[Grant, ...] = ()
    kept: tuple[Grant, ...] = ()
    isolated: tuple[Direction, ...] = ()
    opened: tuple[Direction, ...] = ()
    selectors: tuple[Selector, Selector] | None = None

    @property
    def is_none(self) -> bool:
        return self == _NONE


_NONE = Change()


def compare(old: NetworkPolicy | None, new: NetworkPolicy) -> Change:
    """What changes when ``new`` takes the place of ``old``, or of nothing."""
    before = () if old is None else grants(old)
    after = grants(new)
    lost = _beyond(before, after)
    return Change(
        old is None,
        _beyond(after, before),
        lost,
        tuple(one for one in after if one not in before and any(covers(wide, one) for wide in lost)),
        tuple(one for one in Direction if _isolates(new, one) and not _isolates(old, one)),
        tuple(one for one in Direction if _isolates(old, one) and not _isolates(new, one)),
        None if old is None or old.selector == new.selector else (old.selector, new.selector),
    )


def grants(policy: NetworkPolicy) -> tuple[Grant, ...]:
    """All grants of a policy in the order of its rules, each once."""
    found: dict[Grant, None] = {}
    for direction in Direction:
        for rule in policy.rules(direction) or ():
            for peer in rule.peers or (None,):
                found.update((Grant(direction, peer, port), None) for port in rule.ports or (None,))
    return tuple(found)


def covers(wide: Grant, narrow: Grant) -> bool:
    """Whether ``wide`` surely admits all that ``narrow`` admits, in policies of one namespace."""
    if wide.direction is not narrow.direction:
        return False
    return _covers_port(wide.port, narrow.port) and _covers_peer(wide.peer, narrow.peer)


def _beyond(some: Iterable[Grant], others: tuple[Grant, ...]) -> tuple[Grant, ...]:
    equal = set(others)
    return tuple(one for one in some if one not in equal and not any(covers(other, one) for other in others))


def _isolates(policy: NetworkPolicy | None, direction: Direction) -> bool:
    return policy is not None and policy.rules(direction) is not None


def _covers_port(wide: PolicyPort | None, narrow: PolicyPort | None) -> bool:
    if wide is None or wide == narrow:
        return True
    if narrow is None or wide.protocol is not narrow.protocol or wide.name:
        return False
    return wide.first <= narrow.first and narrow.last <= wide.last


def _covers_peer(wide: PolicyPeer | None, narrow: PolicyPeer | None) -> bool:
    if wide is None or wide == narrow:
        return True
    if narrow is None:
        return False
    if wide.cidr and narrow.cidr:
        return not wide.excepted and _holds(wide.cidr, narrow.cidr)
    if wide.cidr or narrow.cidr:
        return False
    if wide.namespaces is None or narrow.namespaces is None:
        is_namespace = wide.namespaces == narrow.namespaces
    else:
        is_namespace = _selects(wide.namespaces, narrow.namespaces)
    return is_namespace and (wide.pods is None or (narrow.pods is not None and _selects(wide.pods, narrow.pods)))


# Each requirement more selects fewer, or as many.
def _selects(wide: Selector, narrow: Selector) -> bool:
    has_labels = set(wide.match_labels) <= set(narrow.match_labels)
    return has_labels and set(wide.match_expressions) <= set(narrow.match_expressions)


def _holds(wide: str, narrow: str) -> bool:
    outer, inner = ip_network(wide), ip_network(narrow)
    return outer.version == inner.version and inner.subnet_of(outer)  # type: ignore[arg-type]
