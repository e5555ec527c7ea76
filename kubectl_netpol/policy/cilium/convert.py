"""A policy as cilium.io/v2 CiliumNetworkPolicy: peers by what they are, and names instead of outside addresses.

Cilium's words, pkg/policy/api of its Go module: "ToEndpoints, ToCIDR, ToCIDRSet, ToEntities, ToServices and ToGroups
are mutually exclusive. Only one of these members may be present within an individual rule", and toFQDNs likewise; a
port rule holds 40 ports. A direction that has rules is default deny, "and false otherwise": as policyTypes say, and an
empty rule isolates a direction of which nothing is admitted. Agents before 1.15 know these words as well.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from ...model import Direction, Port, Protocol
from ..comments import Comment, joined
from ..generate import Admitted, Policy
from ..notes import Note
from ..questions import DNS_PORTS
from ..rules import SIDES, Lookup, chunks
from .dns import is_dns_server, lookups
from .notes import cilium_notes
from .peers import ENTITIES, FQDNS, PARTS, WORLD, Member, member_document, members, own_selector
from .world import FAMILIES, with_world

_MOST_PORTS = 40
_Reached = dict[Member, set[Port]]


def to_cilium(policy: Policy, lookup: Lookup, search_domains: tuple[str, ...]) -> tuple[Policy, list[Note]]:
    """The policy with a CiliumNetworkPolicy for its document, and notes on what that says otherwise."""
    spec: dict[str, Any] = {"endpointSelector": own_selector(policy.selector)}
    comments: list[Comment] = []
    allowed = lookups(policy, search_domains, lookup)
    for direction in policy.directions:
        reached, told = _reached(policy, direction, lookup, bool(allowed))
        found = list(_rules(reached, allowed if direction is Direction.EGRESS else []))
        spec[str(direction)] = [_rule(direction, *rule) for rule in found] or [{}]
        comments += _comments(direction, found, told)
    document = {
        "apiVersion": "cilium.io/v2",
        "kind": "CiliumNetworkPolicy",
        "metadata": policy.document["metadata"],
        "spec": spec,
    }
    converted = Policy(policy.workload, document, policy.references, tuple(comments), policy.selector)
    return converted, list(cilium_notes(policy, lookup, search_domains, allowed))


def _reached(
    policy: Policy, direction: Direction, lookup: Lookup, by_name: bool
) -> tuple[_Reached, Mapping[Member, set[str]]]:
    reached: _Reached = {}
    told: dict[Member, set[str]] = {}
    for one in policy.admitted:
        if one.neighbor.key.direction is direction:
            for member in members(one, lookup, by_name):
                reached.setdefault(member, set()).add(one.neighbor.key.port)
                told.setdefault(member, set()).update(_words(policy, one, member))
    told[WORLD] = set().union(*(told.get(member, set()) for member in FAMILIES))
    return with_world(reached), told


def _words(policy: Policy, one: Admitted, member: Member) -> tuple[str, ...]:
    peer = one.neighbor.key.peer
    if member.part == FQDNS:
        return (peer.address,)
    if member.part == ENTITIES:
        return (f"{peer.name} {peer.address}".strip(),)
    return tuple(filter(None, (policy.texts.get(one.peer),)))


_Grouped = tuple[str, bool, tuple[Port, ...], list[Member], list[dict[str, str]]]


# Members of one part with the same ports share a rule; DNS servers have their own, which says what may be looked up.
def _rules(reached: _Reached, allowed: list[dict[str, str]]) -> Iterator[_Grouped]:
    groups: dict[tuple[int, bool, tuple[Port, ...]], list[Member]] = {}
    for member, ports in reached.items():
        is_asked = bool(allowed) and is_dns_server(member, ports)
        groups.setdefault((PARTS.index(member.part), is_asked, tuple(sorted(ports))), []).append(member)
    for (part, is_asked, found), grouped in sorted(groups.items(), key=lambda item: item[0]):
        yield PARTS[part], is_asked, found, sorted(grouped, key=Member.place), allowed if is_asked else []


def _rule(
    direction: Direction,
    part: str,
    is_asked: bool,
    ports: tuple[Port, ...],
    grouped: list[Member],
    allowed: list[dict[str, str]],
) -> dict[str, Any]:
    is_question = [is_asked and port.port in DNS_PORTS and port.protocol is not Protocol.SCTP for port in ports]
    questions = [port for port, asked in zip(ports, is_question, strict=True) if asked]
    others = [port for port, asked in zip(ports, is_question, strict=True) if not asked]
    rules: list[dict[str, Any]] = [{"ports": _ports(questions), "rules": {"dns": allowed}}] if questions else []
    rules += [{"ports": _ports(some)} for some in chunks(others, _MOST_PORTS)]
    return {f"{SIDES[direction]}{part}": [member_document(member) for member in grouped], "toPorts": rules}


def _ports(ports: Iterable[Port]) -> list[dict[str, str]]:
    return [{"port": str(port.port), "protocol": str(port.protocol)} for port in ports]


def _comments(direction: Direction, found: list[_Grouped], told: Mapping[Member, set[str]]) -> Iterator[Comment]:
    for number, (part, _, _, grouped, _) in enumerate(found):
        for position, member in enumerate(grouped):
            if told[member]:
                path = ("spec", str(direction), number, f"{SIDES[direction]}{part}", position)
                yield Comment(path, joined(told[member]))
