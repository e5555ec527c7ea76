"""The nodes, and the addresses that are the cluster's own; kept and asked by ``Inventory``. Nothing is forgotten."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from .nodes import Network, Node


class Topology:
    """What ``put`` and its like say; each tells whether that changed anything."""

    def __init__(self) -> None:
        self._nodes: dict[str, Node] = {}
        self._routers: dict[str, tuple[str, ...]] = {}
        self._ranges: dict[str, tuple[Network, ...]] = {}

    def put(self, node: Node) -> bool:
        return _put(self._nodes, node.name, node)

    def put_routers(self, node: str, addresses: tuple[str, ...]) -> bool:
        """What a network plugin says of a node's own addresses."""
        return _put(self._routers, node, addresses)

    def put_ranges(self, name: str, networks: tuple[Network, ...]) -> bool:
        """Of Services, by the object that says so."""
        return _put(self._ranges, name, networks)

    @property
    def has_routers(self) -> bool:
        """Whether a network plugin has spoken of a node that is there."""
        return not self._nodes.keys().isdisjoint(self._routers)

    def named(self) -> dict[str, str]:
        """The nodes' names by their addresses; a Node's word holds before a plugin's."""
        found = {address: name for name, addresses in self._routers.items() for address in addresses}
        return found | {address: node.name for node in self._nodes.values() for address in node.addresses}

    def bridge_at(self, address: str) -> str:
        """The name of the node whose bridge has the address; or empty."""
        return next((node.name for node in self._nodes.values() if address in node.bridges), "")

    def bridges(self) -> Iterable[str]:
        """The addresses of all nodes' bridges."""
        return (address for node in self._nodes.values() for address in node.bridges)

    def ranges(self) -> list[Network]:
        """Those that are stated, of Services and of nodes' pods."""
        stated = [network for networks in self._ranges.values() for network in networks]
        return stated + [network for node in self._nodes.values() for network in node.pod_ranges]


def _put(known: dict[str, Any], name: str, value: object) -> bool:
    changed = known.get(name) != value
    known[name] = value
    return changed
