"""What a policy admits, taken apart: one peer at one port of a rule."""

from __future__ import annotations

from dataclasses import dataclass

from ...model import Direction
from ...policy.evaluation.values import NetworkPolicy, PolicyPeer, PolicyPort


@dataclass(frozen=True, slots=True)
class Grant:
    """``peer`` None is everyone, ``port`` None every port of every protocol."""

    direction: Direction
    peer: PolicyPeer | None
    port: PolicyPort | None


def grants(policy: NetworkPolicy, direction: Direction) -> tuple[Grant, ...]:
    """A direction's grants in the order of the policy's rules, each once; none where it is not isolated."""
    found: dict[Grant, None] = {}
    for rule in policy.rules(direction) or ():
        for peer in rule.peers or (None,):
            found.update((Grant(direction, peer, port), None) for port in rule.ports or (None,))
    return tuple(found)
