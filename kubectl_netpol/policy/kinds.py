"""The kinds of documents that a policy can be written as, and what converts to each.

``NetworkPolicy`` is what ``generate`` makes. A kind needs no more than an entry here: from one policy to documents of
its kind, and notes on what it says otherwise.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace

from ..model import Peer, PeerKind
from .generate import Generated, Policy
from .notes import Note, listed
from .rules import Lookup, no_servers

CILIUM = "Cilium"
"""The network whose NetworkPolicies know neither pods nor nodes by their addresses."""

CLUSTER_DOMAIN = "cluster.local"


@dataclass(frozen=True, slots=True)
class Context:
    """``search_domains``: those that pods search besides their namespace's, without final dots, the cluster's first.

    ``network``: what the cluster runs, where that is known.
    """

    lookup: Lookup = no_servers
    search_domains: tuple[str, ...] = (CLUSTER_DOMAIN,)
    network: str = ""


@dataclass(frozen=True, slots=True)
class Converted:
    """Documents of a kind for one workload, in the order in which they may be applied, and notes on them."""

    policies: tuple[Policy, ...]
    notes: tuple[Note, ...] = ()


Converter = Callable[[Policy, Context], Converted]


def convert(generated: Generated, kind: str, context: Context) -> Generated:
    """The same policies as documents of that kind, one of ``KINDS``."""
    converter = KINDS[kind]
    converted = [converter(policy, context) for policy in generated.policies]
    return replace(
        generated,
        policies=tuple(policy for one in converted for policy in one.policies),
        notes=(*generated.notes, *(note for one in converted for note in one.notes)),
    )


def _to_policy(policy: Policy, context: Context) -> Converted:
    return Converted((policy,), tuple(_out_of_reach(policy, context)))


def _to_generated(policy: Policy, context: Context) -> Converted:
    from .generated import to_generated  # noqa: PLC0415  # each kind is loaded when it is asked for

    return Converted((to_generated(policy),), tuple(_out_of_reach(policy, context)))


def _to_cilium(policy: Policy, context: Context) -> Converted:
    from .cilium.convert import to_cilium  # noqa: PLC0415

    document, notes = to_cilium(policy, context.lookup, context.search_domains)
    return Converted((document,), tuple(notes))


def _to_cluster_policies(policy: Policy, context: Context) -> Converted:
    from .cluster_policy import to_cluster_policies  # noqa: PLC0415

    documents, notes = to_cluster_policies(policy)
    return Converted(tuple(documents), (*notes, *_out_of_reach(policy, context)))


KINDS: dict[str, Converter] = {
    "NetworkPolicy": _to_policy,
    "GeneratedNetworkPolicy": _to_generated,
    "CiliumNetworkPolicy": _to_cilium,
    "ClusterNetworkPolicy": _to_cluster_policies,
}


def _out_of_reach(policy: Policy, context: Context) -> Iterator[Note]:
    if context.network == CILIUM:
        found = [
            one.neighbor
            for one in policy.admitted
            if one.neighbor.key.direction in policy.directions and is_inside(one.neighbor.key.peer)
        ]
        if found:
            text = f"{listed(found)}: the cluster seems to run Cilium, where an address in a policy never matches a pod"
            yield Note(policy.workload, f"{text}, a node or the API server: use --kind CiliumNetworkPolicy")


def is_inside(peer: Peer) -> bool:
    """Whether a rule names by its address what lies in the cluster: a node, the API server, perhaps a pod."""
    return bool(peer.address) and peer.kind is not PeerKind.EXTERNAL
