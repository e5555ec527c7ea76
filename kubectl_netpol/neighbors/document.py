"""NetworkNeighbors as the document that people see, in the reference's format, and back.

The spec holds what was answered and a policy can express, so that any reader of the format can trust it; everything
else that is known stands under ``status``. Pure: dicts in and out; ``render`` writes them, ``cli`` reads them.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable
from typing import Any

from ..model import (
    Counts,
    Direction,
    Mark,
    Neighbor,
    NeighborKey,
    NetworkNeighbors,
    Peer,
    PeerKind,
    PodLife,
    Port,
    Protocol,
    Selector,
    Window,
    Workload,
)
from .completeness import completeness, completeness_document
from .recording import order

API_VERSION = "spdx.softwarecomposition.kubescape.io/v1beta1"
KIND = "NetworkNeighbors"
LABEL_PREFIX = "kubescape.io/workload-"

_NO_RULE = frozenset({PeerKind.UNKNOWN, PeerKind.OWN_NODE})
_ANY_PORT = Port(Protocol.TCP, 0)
Document = dict[str, Any]


def is_covered(neighbor: Neighbor) -> bool:
    """Whether a policy can speak of a neighbor: it has words for it, and the pod's main interface saw it."""
    return is_expressible(neighbor.key) and Mark.SECONDARY_INTERFACE not in neighbor.counts.marks


def covered(neighbors: NetworkNeighbors) -> list[Neighbor]:
    """Those that were answered and that a policy can speak of: what the spec holds."""
    return [neighbor for neighbor in neighbors.answered if is_covered(neighbor)]


def is_expressible(key: NeighborKey) -> bool:
    """Whether a NetworkPolicy has words for this neighbor: a port, and a peer that a rule may name."""
    return _has_words(key) and not is_everyone(key.peer)


def selects_everyone(key: NeighborKey) -> bool:
    """Whether only the emptiness of its selectors keeps this neighbor from being expressible."""
    has_selector = key.peer.pod_selector is not None or key.peer.namespace_selector is not None
    return _has_words(key) and has_selector and is_everyone(key.peer)


def is_everyone(peer: Peer) -> bool:
    """Whether a rule for this peer would admit every pod of its namespace or of all: no address, no selector.

    All pods of chosen namespaces, as a document may have them, are not everyone.
    """
    if peer.address or peer.block:
        return False
    selector = peer.pod_selector or peer.namespace_selector
    return selector is None or selector.is_empty


def unnamed(peer: Peer) -> Peer:
    """The peer as an entry of the spec tells it: without its name, and only internal (WORKLOAD) or EXTERNAL."""
    kind = PeerKind.EXTERNAL if peer.kind is PeerKind.EXTERNAL else PeerKind.WORKLOAD
    return Peer(kind, "", peer.pod_selector, peer.namespace_selector, peer.address, peer.block)


def to_document(neighbors: NetworkNeighbors) -> Document:
    """One workload's NetworkNeighbors as a Kubernetes object of plain types; equal values give equal documents."""
    return {
        "apiVersion": API_VERSION,
        "kind": KIND,
        "metadata": {
            "name": f"{neighbors.workload.kind.lower()}-{neighbors.workload.name}",
            "namespace": neighbors.workload.namespace,
            "labels": workload_labels(neighbors.workload),
        },
        "spec": {
            **selector_document(neighbors.selector),
            "egress": _entries(neighbors, Direction.EGRESS),
            "ingress": _entries(neighbors, Direction.INGRESS),
        },
        "status": _status(neighbors),
    }


def to_list(documents: Iterable[Document]) -> Document:
    """Several objects as kubectl prints them."""
    return {"apiVersion": "v1", "kind": "List", "items": list(documents)}


def workload_labels(workload: Workload) -> dict[str, str]:
    """The labels by which the reference names the workload of a document."""
    group, _, version = workload.api_version.rpartition("/")
    return {
        f"{LABEL_PREFIX}api-group": group,
        f"{LABEL_PREFIX}api-version": version,
        f"{LABEL_PREFIX}kind": workload.kind.lower(),
        f"{LABEL_PREFIX}name": workload.name,
        f"{LABEL_PREFIX}namespace": workload.namespace,
    }


def selector_document(selector: Selector) -> Document:
    """A LabelSelector as Kubernetes writes it; an empty one is ``{}``."""
    document: Document = {}
    if selector.match_labels:
        document["matchLabels"] = dict(selector.match_labels)
    if selector.match_expressions:
        document["matchExpressions"] = [
            {"key": item.key, "operator": item.operator} | ({"values": list(item.values)} if item.values else {})
            for item in selector.match_expressions
        ]
    return document


def _has_words(key: NeighborKey) -> bool:
    is_port = key.port.protocol is not Protocol.ICMP and 0 < key.port.port <= 65535
    return is_port and key.peer.kind not in _NO_RULE


def _entries(neighbors: NetworkNeighbors, direction: Direction) -> list[Document]:
    by_peer: dict[Peer, list[Neighbor]] = {}
    for neighbor in covered(neighbors):
        if neighbor.key.direction is direction:
            by_peer.setdefault(unnamed(neighbor.key.peer), []).append(neighbor)
    peers = sorted(by_peer, key=lambda peer: order(NeighborKey(direction, peer, _ANY_PORT)))
    return [_entry(direction, peer, by_peer[peer]) for peer in peers]


def _entry(direction: Direction, peer: Peer, group: list[Neighbor]) -> Document:
    names = sorted({name for neighbor in group for name in neighbor.counts.names})
    entry: Document = {
        "type": "external" if peer.kind is PeerKind.EXTERNAL else "internal",
        "dns": names[0] if names and peer.address else "",
        "ipAddress": peer.address,
        "namespaceSelector": _maybe_selector(peer.namespace_selector),
        "podSelector": _maybe_selector(peer.pod_selector),
        "ports": [_port(port) for port in sorted({neighbor.key.port for neighbor in group})],
    }
    if peer.block:
        entry["ipAddresses"] = [peer.block]
    told = json.dumps([direction, entry], sort_keys=True, separators=(",", ":"))
    return {"identifier": hashlib.sha256(told.encode()).hexdigest()} | entry


def _maybe_selector(selector: Selector | None) -> Document | None:
    return None if selector is None else selector_document(selector)


def _port(port: Port) -> Document:
    return {"name": f"{port.protocol}-{port.port}", "port": port.port, "protocol": str(port.protocol)}


def _status(neighbors: NetworkNeighbors) -> Document:
    workload = neighbors.workload
    differing = {"differingLabels": sorted(neighbors.differing)} if neighbors.differing else {}
    return {
        "completeness": completeness_document(completeness(neighbors, covered(neighbors))),
        "workload": {"apiVersion": workload.api_version, "kind": workload.kind, "name": workload.name},
        "hostNetwork": neighbors.host_network,
        "labels": dict(neighbors.labels),
        **differing,
        "windows": [_window(window) for window in neighbors.windows],
        "pods": [_life(life) for life in neighbors.pods],
        **_known(neighbors),
        "neighbors": [_account(neighbor) for neighbor in neighbors.neighbors],
    }


def _window(window: Window) -> Document:
    return {
        "epoch": window.epoch,
        "node": window.node,
        "first": window.first,
        "last": window.last,
        "losses": dict(window.losses),
    }


def _known(neighbors: NetworkNeighbors) -> Document:
    first, last = neighbors.accounted
    accounted = {"accounted": {"first": first, "last": last}} if last else {}
    return accounted | ({"since": neighbors.since} if neighbors.since else {})


def _life(life: PodLife) -> Document:
    return {"name": life.name, "node": life.node, "lived": life.lived, "heard": life.heard}


def _account(neighbor: Neighbor) -> Document:
    key, counts = neighbor.key, neighbor.counts
    return {
        "direction": str(key.direction),
        "peer": _peer(key.peer),
        "protocol": str(key.port.protocol),
        "port": key.port.port,
        "attempts": counts.attempts,
        "answered": counts.answered,
        "refused": counts.refused,
        "first": counts.first,
        "last": counts.last,
        "marks": sorted(str(mark) for mark in counts.marks),
        "dnsNames": list(counts.names),
        "inSpec": neighbor.is_answered and is_covered(neighbor),
        **_met(neighbor.met),
    }


def _met(counts: Counts | None) -> Document:
    if counts is None:
        return {}
    return {"met": {"answered": counts.answered, "first": counts.first, "last": counts.last}}


def _peer(peer: Peer) -> Document:
    document: Document = {"kind": str(peer.kind), "name": peer.name}
    if peer.address:
        document["ipAddress"] = peer.address
    if peer.block:
        document["ipBlock"] = peer.block
    if peer.pod_selector is not None:
        document["podSelector"] = selector_document(peer.pod_selector)
    if peer.namespace_selector is not None:
        document["namespaceSelector"] = selector_document(peer.namespace_selector)
    return document
