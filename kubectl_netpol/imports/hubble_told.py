"""What an event of Hubble says: of itself, and of each end its identity, and of a pod on the node that speaks its
workload."""

from __future__ import annotations

from typing import Any, NamedTuple

from ..neighbors.labels import Labels, is_label_key, is_label_value
from .ends import End, Ends, FlowError, Place, read_node, read_owner
from .traffic import ANSWERED, REFUSED

LONGEST_NAME = 255
_NOT_THEIRS = ("io.cilium.", "io.kubernetes.")
"""Prefixes of what Cilium adds to a pod's own labels."""

_NODES = frozenset({"reserved:host", "reserved:remote-node", "reserved:health", "reserved:ingress"})
_OUTSIDE = ("reserved:world", "cidr:", "fqdn:")


class Event(NamedTuple):
    """What counts of an event besides its time, ends and ports. ``seen``: what it says of the connection's outcome."""

    passed: bool
    is_reply: bool
    protocol: str
    seen: int
    is_egress: bool
    node: object


def outcome(passed: bool, is_reply: bool, flags: frozenset[str] | None) -> int:
    """Of a packet with these TCP flags, None for other protocols.

    A reply is an answer unless it resets; a packet of the client that acknowledges was preceded by one.
    """
    if not passed:
        return REFUSED
    if is_reply:
        return REFUSED if flags is not None and "RST" in flags else ANSWERED
    return ANSWERED if flags is not None and "ACK" in flags and "RST" not in flags else 0


class Told:
    """The fields of ``source`` or ``destination``; ``here``: it is a pod of the node that speaks (it has an ID there).

    ``ends``: those that were said with these fields, by address.
    """

    __slots__ = ("ends", "here", "value")

    def __init__(self, value: dict[str, Any]) -> None:
        self.value = value
        self.here = bool(value.get("ID")) and bool(value.get("pod_name"))
        self.ends: dict[bytes, End] = {}


def learn(ends: Ends, told: Told, address: bytes, node: object) -> End:
    """The end of these fields at that address, which learns what they say. Raises FlowError for what are no names."""
    value, text = told.value, address.decode()
    pod, namespace = value.get("pod_name") or None, value.get("namespace")
    if pod is None:
        namespace = None
    end = ends.by_key.get((text, pod, namespace))
    labels = value.get("labels") or []
    if end is None:
        end = ends.add(text, pod, namespace)
        end.lacks = end.pod is not None
        if end.pod is None:
            end.place = _place(labels)
            end.node = _node_name(node) if "reserved:host" in labels else ""
    if end.pod is not None:
        end.pod.labels = end.pod.labels or _labels(labels)
        if told.here:
            end.lacks = False
            end.pod.node = _node_name(node)
            end.pod.workload = _workload(value.get("workloads") or []) or end.pod.workload
    return end


def _place(labels: list[str]) -> Place:
    if "reserved:kube-apiserver" in labels:
        return Place.API_SERVER
    for label in labels:
        if label in _NODES:
            return Place.NODE
        if label.startswith(_OUTSIDE):
            return Place.OUTSIDE
    return Place.INSIDE


def _labels(told: list[str]) -> Labels:
    found = {}
    for label in told:
        source, _, text = label.partition(":")
        key, _, value = text.partition("=")
        if source != "k8s" or key.startswith(_NOT_THEIRS):
            continue
        if not (is_label_key(key) and is_label_value(value)):
            raise FlowError("a label is none of Kubernetes")
        found[key] = value
    return tuple(sorted(found.items()))


def _workload(told: list[dict[str, Any]]) -> tuple[str, str] | None:
    for one in told:
        owner = read_owner(one.get("kind"), one.get("name"))
        if owner[0]:
            return owner
    return None


def _node_name(text: object) -> str:
    return read_node(text.rpartition("/")[2]) if isinstance(text, str) else ""  # with Cluster Mesh it is CLUSTER/NODE
