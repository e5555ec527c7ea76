"""Which nodes have to be captured for what was asked: pure."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from ..neighbors.inventory import Inventory
from ..neighbors.pods import Pod
from .nodes import NodeFacts
from .scope import Wanted, labels_of


def nodes_for(inventory: Inventory, wanted: Wanted, facts: Mapping[str, NodeFacts], everywhere: bool) -> set[str]:
    """The nodes that host what is wanted; ``everywhere``: all of them, since its pods may come to any."""
    found = {pod.node for pod in wanted_pods(inventory, wanted) if not pod.host_network}
    return found | set(facts) if everywhere else found


def hosts(inventory: Inventory, wanted: Wanted) -> set[str]:
    """The nodes that host pods in scope with a network of their own, or did."""
    pods = (pod for pod in inventory.pods() if pod.node and not pod.host_network)
    return {pod.node for pod in pods if is_in_scope(inventory, wanted, pod)}


def wanted_pods(inventory: Inventory, wanted: Wanted) -> Iterable[Pod]:
    """The living pods in scope that have a node."""
    return (pod for pod in inventory.pods() if not pod.end and pod.node and is_in_scope(inventory, wanted, pod))


def is_in_scope(inventory: Inventory, wanted: Wanted, pod: Pod) -> bool:
    """Whether the pod's workload is wanted."""
    owned = inventory.owned(pod)
    return wanted(owned.workload, labels_of(owned.selector, pod.labels))


def obstacles(nodes: Iterable[str], facts: Mapping[str, NodeFacts]) -> dict[str, str]:
    """Those of the nodes on which nothing can be captured, with the reason."""
    unknown = NodeFacts("")
    found = {node: facts.get(node, unknown).obstacle for node in nodes}
    return {node: why for node, why in sorted(found.items()) if why}
