"""What a CiliumNetworkPolicy says otherwise than the recording: entities, names, labels that Cilium ignores."""

from __future__ import annotations

from collections.abc import Iterator

from ...model import Direction, Neighbor, PeerKind
from ..generate import Policy
from ..listing import some_of
from ..notes import Note, listed
from ..questions import DNS_PORT
from ..rules import Lookup
from .names import unfit
from .peers import ignored_labels, names_of

_ENTITIES = {
    PeerKind.NODE: "admitted as the entities host and remote-node, which are all nodes",
    PeerKind.API_SERVER: "admitted as the entity kube-apiserver, which has all of the API server's addresses",
    PeerKind.NODE_LOCAL: "admitted by its address, and as the entity host, which has all of the own node's addresses",
}
_OUTSIDE = "to Cilium every address is every address outside the cluster, without pods and nodes"
_WITHIN = "Cilium matches no address in the cluster, and what it is there the input does not say: record it again"

_PROXIED = (
    "where Cilium's DNS proxy is not transparent (dnsproxy-enable-transparent-mode), pods with DNS rules ask as their "
    "node, which this policy does not admit"
)


def cilium_notes(
    policy: Policy, lookup: Lookup, search_domains: tuple[str, ...], allowed: list[dict[str, str]]
) -> Iterator[Note]:
    """Notes on one policy; ``allowed`` are its DNS rules."""
    admitted = [one.neighbor for one in policy.admitted if one.neighbor.key.direction in policy.directions]
    for kind, text in _ENTITIES.items():
        if found := [one for one in admitted if one.key.peer.kind is kind and one.key.peer.address]:
            yield Note(policy.workload, f"{listed(found)}: {text}")
    if found := [one for one in admitted if one.key.peer.block.endswith("/0")]:
        yield Note(policy.workload, f"{listed(found)}: {_OUTSIDE}")
    if found := [one for one in admitted if _is_within(one)]:
        yield Note(policy.workload, f"{listed(found)}: {_WITHIN}")
    if found := [one for one in admitted if one.key.direction is Direction.INGRESS and one.key.port.port == DNS_PORT]:
        yield Note(policy.workload, f"{listed(found)}: {_PROXIED}")
    yield from _on_names(policy, admitted, lookup, search_domains, bool(allowed))
    selectors = [policy.selector]
    selectors += [one for each in admitted for one in (each.key.peer.pod_selector,) if one is not None]
    if keys := ignored_labels(selectors):
        text = f"by default Cilium does not look at the labels {some_of(keys)}: selectors with them may match no pod"
        yield Note(policy.workload, text)


def _is_within(neighbor: Neighbor) -> bool:
    peer = neighbor.key.peer
    return bool(peer.address) and peer.kind in (PeerKind.WORKLOAD, PeerKind.SERVICE)


def _on_names(
    policy: Policy, admitted: list[Neighbor], lookup: Lookup, search_domains: tuple[str, ...], by_name: bool
) -> Iterator[Note]:
    egress = [one for one in admitted if one.key.direction is Direction.EGRESS]
    names = tuple(dict.fromkeys(name for one in egress for name in names_of(one, lookup)))
    if names and not by_name:
        text = (
            f"{some_of(names)}: no DNS server was recorded, without which Cilium learns no names: admitted by address"
        )
        yield Note(policy.workload, text)
    if not by_name:
        return
    yield Note(policy.workload, f"{some_of(names)}: admitted by name, whatever addresses that leads to")
    text = f"lookups of names that led to no recorded connection are refused, except below {some_of(search_domains)}"
    yield Note(policy.workload, f"{text} (--search-domain names the domains that pods search)")
    if odd := unfit(name for one in egress for name in one.counts.names):
        yield Note(policy.workload, f"{some_of(odd)}: no name that Cilium takes, and so its lookups are refused")
