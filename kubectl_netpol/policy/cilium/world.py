"""Every address of both families as Cilium's entity ``world``, in the place of two blocks.

Cilium's words: the entity "corresponds to all endpoints outside of the cluster. Allowing to world is identical to
allowing to CIDR 0.0.0.0/0", in a dual-stack cluster also to ::/0. Of one family alone the block stays: ``world`` would
admit the other one as well, and ``world-ipv4`` and ``world-ipv6``, which agents know since 1.15, are not among the
entities that the CustomResourceDefinition admits (pkg/policy/api/entity.go).
"""

from __future__ import annotations

from collections.abc import Mapping

from ...model import Port
from ..rules import RulePeer
from .peers import CIDR, WORLD, Member

FAMILIES = tuple(Member(CIDR, peer=RulePeer(block)) for block in ("0.0.0.0/0", "::/0"))
"""What the entity stands for, if both are admitted."""


def with_world(reached: Mapping[Member, set[Port]]) -> dict[Member, set[Port]]:
    """The same, with the entity at the ports at which both families are admitted as a whole."""
    ipv4, ipv6 = (reached.get(member, set()) for member in FAMILIES)
    both = ipv4 & ipv6
    if not both:
        return dict(reached)
    rest = {member: ports - both if member in FAMILIES else ports for member, ports in reached.items()}
    return {WORLD: both, **{member: ports for member, ports in rest.items() if ports}}
