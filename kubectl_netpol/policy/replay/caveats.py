"""What the API leaves to enforcers, and what they do with a flow."""

from __future__ import annotations

from collections.abc import Iterator

from .ends import End, Pods, is_own_node
from .facts import Answer

OWN_NODE = "traffic from a pod's own node is always admitted"


def caveats(answer: Answer, source: End, destination: End, leans_on_blocks: bool) -> Iterator[str]:
    """What is to be known beside the answer; ``leans_on_blocks``: an ipBlock has to match what is in the cluster."""
    ends = (source, destination)
    if (
        isinstance(source, Pods)
        and isinstance(destination, Pods)
        and source.name == destination.name
        and not source.pod
    ):
        yield (
            "a pod always reaches itself, whatever policies say; this is about one pod of that workload and another "
            "(--live knows single pods)"
        )
    if isinstance(destination, Pods) and not destination.host_network and is_own_node(destination, source) is not False:
        yield f"{OWN_NODE} (kubelet's probes come from there)"
    if isinstance(source, Pods) and not source.host_network and is_own_node(source, destination) is not False:
        yield (
            "egress to a pod's own node: the API promises nothing of it, and its documentation always allows it; "
            "Calico's Felix denies it where no rule admits it, Cilium admits it"
        )
    if any(isinstance(one, Pods) and one.host_network for one in ends):
        yield (
            "pods with hostNetwork: what policies do to them is undefined by the API; most enforcers take them for "
            "their node, so that neither a policy nor a podSelector reaches them"
        )
    if leans_on_blocks:
        yield "an ipBlock that has to match a pod, a node or the API server: Cilium never matches them by ipBlock"
    if answer is not True:
        yield (
            "connections that are open already when a policy comes: Cilium cuts those that it denies, under Calico "
            "they live on until they end"
        )
