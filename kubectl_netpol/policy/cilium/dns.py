"""What a pod may look up, once Cilium learns addresses from names: its DNS proxy refuses everything else.

Cilium knows the addresses of a name from the answers that pass its proxy, and only lookups that a DNS rule admits do.
A pod asks for its search domains first: ``api.example.com`` becomes ``api.example.com.shop.svc.cluster.local``, and a
resolver that is refused there may give up. In the cluster's own domain any name is admitted, since which Services were
looked up is not recorded, and its DNS server answers these by itself. ``*`` matches within one label, and ``**.``
several only since Cilium 1.19, so there is a pattern for each number of labels.
"""

from __future__ import annotations

from ...model import Direction, Port
from ..generate import Policy
from ..questions import is_dns_port, is_question
from ..rules import Lookup
from .names import fqdns
from .peers import ENDPOINTS, ENTITIES, FQDNS, WORLD, Member, names_of

_DEEPEST = 7
"""Labels before a search domain: a name of at most 5 labels is searched (ndots:5), below the namespace and ``svc``."""


def lookups(policy: Policy, search_domains: tuple[str, ...], lookup: Lookup) -> list[dict[str, str]]:
    """The DNS rules of a policy; none where no address is admitted by name, or no DNS server was recorded."""
    if Direction.EGRESS not in policy.directions:
        return []
    egress = [one.neighbor for one in policy.admitted if one.neighbor.key.direction is Direction.EGRESS]
    if not any(map(is_question, egress)) or not any(names_of(neighbor, lookup) for neighbor in egress):
        return []
    names = fqdns(name for neighbor in egress for name in neighbor.counts.names)
    asked = [{"matchName": name} for name in names if not _is_in_patterns(name, search_domains)]
    patterns = [f"{'*.' * depth}{domain}" for domain in search_domains for depth in range(1, _DEEPEST + 1)]
    return [*asked, *({"matchPattern": pattern} for pattern in patterns)]


def _is_in_patterns(name: str, search_domains: tuple[str, ...]) -> bool:
    ends = (f".{domain}" for domain in search_domains)
    return any(name.endswith(end) and name.removesuffix(end).count(".") < _DEEPEST for end in ends)


def is_dns_server(member: Member, ports: set[Port]) -> bool:
    """Whether lookups go there: pods, nodes or addresses with a DNS port, that are not themselves known by name."""
    if member.part == FQDNS:
        return False
    is_own = member.part in (ENDPOINTS, ENTITIES) and member != WORLD
    return any(is_dns_port(port, is_own) for port in ports)
