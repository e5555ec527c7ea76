"""The cluster's nodes as far as a capture cares: can it run there, and under which name."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from .loose import table, tables, text

_VIRTUAL_LABELS = {("type", "virtual-kubelet"), ("eks.amazonaws.com/compute-type", "fargate")}
_VIRTUAL_TAINT = "virtual-kubelet.io/provider"


@dataclass(frozen=True, slots=True)
class NodeFacts:
    """What a node says of itself; ``os`` and ``architecture`` as Go spells them, ``runtime`` as containerd://1.7.

    ``kubelet`` is its version, which names some distributions too, as in v1.36.2+k3s1. ``is_virtual``: its pods run
    elsewhere.
    """

    name: str
    os: str = ""
    architecture: str = ""
    kernel: str = ""
    runtime: str = ""
    is_ready: bool = False
    kubelet: str = ""
    is_virtual: bool = False

    @property
    def obstacle(self) -> str:
        """Why nothing can be captured there; empty when it can."""
        if self.is_virtual:
            return "it is a virtual node, whose pods run elsewhere"
        if self.os and self.os != "linux":
            return f"it runs {self.os}, and eBPF is Linux's"
        if self.architecture and self.architecture not in ("amd64", "arm64"):
            return f"the image is for amd64 and arm64, and this is {self.architecture}"
        return ""


def read_node_facts(node: Mapping[str, object]) -> NodeFacts:
    """The facts in a Node object; what is absent reads as empty."""
    metadata, status = table(node.get("metadata")), table(node.get("status"))
    info, labels = table(status.get("nodeInfo")), table(metadata.get("labels"))
    return NodeFacts(
        text(metadata.get("name")),
        text(info.get("operatingSystem")) or text(labels.get("kubernetes.io/os")),
        text(info.get("architecture")) or text(labels.get("kubernetes.io/arch")),
        text(info.get("kernelVersion")),
        text(info.get("containerRuntimeVersion")),
        any(one.get("type") == "Ready" and one.get("status") == "True" for one in tables(status.get("conditions"))),
        text(info.get("kubeletVersion")),
        _is_virtual(labels, tables(table(node.get("spec")).get("taints"))),
    )


def _is_virtual(labels: Mapping[str, object], taints: Iterable[Mapping[str, object]]) -> bool:
    """As virtual-kubelet marks its nodes (AKS, ACK and others), and EKS those of Fargate."""
    is_marked = any(labels.get(name) == value for name, value in _VIRTUAL_LABELS)
    return is_marked or any(taint.get("key") == _VIRTUAL_TAINT for taint in taints)
