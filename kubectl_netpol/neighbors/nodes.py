"""Nodes: which addresses are theirs, those of their tunnels and bridges too, and the ranges that they hand out."""

from __future__ import annotations

from dataclasses import dataclass
from ipaddress import IPv4Network, IPv6Network, ip_network

from .reading import Fields, Metadata, canonical_address, canonical_addresses

Network = IPv4Network | IPv6Network

_ADDRESS_ANNOTATIONS = frozenset(
    {
        "projectcalico.org/IPv4Address",
        "projectcalico.org/IPv6Address",
        "projectcalico.org/IPv4IPIPTunnelAddr",
        "projectcalico.org/IPv4VXLANTunnelAddr",
        "projectcalico.org/IPv6VXLANTunnelAddr",
        "projectcalico.org/IPv4WireguardInterfaceAddr",
        "projectcalico.org/IPv6WireguardInterfaceAddr",
        "network.cilium.io/ipv4-cilium-host",
        "network.cilium.io/ipv6-cilium-host",
        "network.cilium.io/ipv4-health-ip",
        "network.cilium.io/ipv6-health-ip",
        "network.cilium.io/ipv4-Ingress-ip",
        "network.cilium.io/ipv6-Ingress-ip",
        "io.cilium.network.ipv4-cilium-host",
        "io.cilium.network.ipv6-cilium-host",
        "flannel.alpha.coreos.com/public-ip",
        "flannel.alpha.coreos.com/public-ipv6",
        "k3s.io/internal-ip",
        "k3s.io/external-ip",
    }
)
_RANGE_ANNOTATIONS = frozenset(
    {
        "network.cilium.io/ipv4-pod-cidr",
        "network.cilium.io/ipv6-pod-cidr",
        "io.cilium.network.ipv4-pod-cidr",
        "io.cilium.network.ipv6-pod-cidr",
    }
)


@dataclass(frozen=True, slots=True)
class Node:
    """``bridges`` are addresses inside its pod ranges that are the node's own if no pod has them."""

    name: str
    addresses: tuple[str, ...]
    bridges: tuple[str, ...]
    pod_ranges: tuple[Network, ...]


def read_node(metadata: Metadata, whole: Fields) -> Node:
    """Raises InputError for a wrong shape; an annotation that is no address is ignored."""
    annotations = dict(whole.fields("metadata").table("annotations"))
    told = [text for key in _ADDRESS_ANNOTATIONS & annotations.keys() for text in annotations[key].split(",")]
    stated = [one.text("address") for one in whole.fields("status").each("addresses")]
    spec = whole.fields("spec")
    texts = [*(spec.texts("podCIDRs") or (spec.text("podCIDR"),))]
    texts += [annotations[key] for key in _RANGE_ANNOTATIONS & annotations.keys()]
    ranges = read_networks(texts)
    addresses = canonical_addresses(stated) + canonical_addresses([text.strip().split("/")[0] for text in told])
    bridges = (str(one[index]) for one in ranges for index in (0, 1) if one.num_addresses > 2)
    return Node(metadata.name, tuple(sorted(set(addresses))), tuple(map(canonical_address, bridges)), ranges)


def read_cilium_addresses(whole: Fields) -> tuple[str, ...]:
    """What a CiliumNode says are the node's: its own, its router's (from which it probes), its health endpoint's."""
    spec = whole.fields("spec")
    health, ingress = spec.fields("health"), spec.fields("ingress")
    texts = [one.text("ip") for one in spec.each("addresses")]
    texts += [place.text(family) for place in (health, ingress) for family in ("ipv4", "ipv6", "ipV4", "ipV6")]
    return tuple(sorted(set(canonical_addresses(texts))))


def read_networks(texts: list[str] | tuple[str, ...]) -> tuple[Network, ...]:
    """Those that are networks, sorted, each once; host bits are dropped."""
    found: set[Network] = set()
    for text in texts:
        try:
            found.add(ip_network(text, strict=False))
        except ValueError:
            continue
    return tuple(sorted(found, key=lambda one: (one.version, int(one.network_address), one.prefixlen)))
