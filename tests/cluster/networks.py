"""The networks that a cluster can have: Calico with kube-proxy, or Cilium alone."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Protocol

from .calico import PROXY_MODES, Calico
from .cilium import Cilium
from .go_modules import Module
from .layout import Node
from .processes import ClusterError, Daemon

NETWORKS = ("calico", "cilium")


class Network(Protocol):
    """What connects the pods, stands behind the Services and enforces the policies. Equal when set alike."""

    @property
    def name(self) -> str:
        """One of NETWORKS."""

    @property
    def proxy_mode(self) -> str | None:
        """How kube-proxy works; None where there is none."""

    @property
    def module(self) -> Module:
        """From what its commands are built. One of them is its CNI plugin."""

    @property
    def plugin(self) -> str:
        """The name of its CNI plugin's binary."""

    @property
    def types(self) -> Path:
        """The folder of its custom resource definitions."""

    @property
    def resources(self) -> Path | None:
        """A manifest of what it wants to find in the API."""

    def gather(self) -> None:
        """Copies into the cache what it needs besides its commands, where that is missing."""

    def prepare(self, node: Node) -> None:
        """Makes its folders and configuration on a node, whose namespaces are there."""

    def annotations(self, node: Node) -> Mapping[str, str]:
        """Those that it wants on the Node object."""

    def daemons(self, node: Node) -> tuple[Daemon, ...]:
        """What runs on a node because of it, in the order in which it starts."""

    def is_ready(self, node: Node) -> bool:
        """Whether the node enforces the policies that the API server holds."""


def choose(name: str, proxy_mode: str | None = None) -> Network:
    """The network of that name, with kube-proxy in that mode. ClusterError when there is no such combination."""
    if name not in NETWORKS:
        raise ClusterError(f"there is no network {name}: {' or '.join(NETWORKS)}")
    if name == "calico":
        mode = proxy_mode or PROXY_MODES[0]
        if mode not in PROXY_MODES:
            raise ClusterError(f"kube-proxy has no mode {mode}: {' or '.join(PROXY_MODES)}")
        return Calico(mode)
    if proxy_mode:
        raise ClusterError(f"--proxy-mode {proxy_mode} is kube-proxy's, and with Cilium there is no kube-proxy")
    return Cilium()


def words(network: Network) -> str:
    """Its name and, where there is one, its proxy mode: what ``choose`` takes."""
    return " ".join(filter(None, (network.name, network.proxy_mode)))
