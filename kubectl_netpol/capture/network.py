"""Whether the cluster runs Cilium, which reads a NetworkPolicy's ipBlock in its own way. Asked when recording.

A CiliumNode of a node that is there is what its agents make. Who may not list them is told by the API having them at
all, which may be a remainder: then it is said that the cluster seems to run it, and no policy becomes another by it.
"""

from __future__ import annotations

from ..cluster.api import Api
from ..cluster.resources import CILIUM_NODE
from ..cluster.trouble import ClusterError, RefusedError
from ..neighbors.inventory import Inventory
from ..policy.kinds import CILIUM


def network_of(api: Api, inventory: Inventory) -> str:
    """``Cilium``, or empty for any other network and where nothing tells."""
    if inventory.has_cilium_nodes:
        return CILIUM
    try:
        api.get(f"/apis/{CILIUM_NODE.group}/{CILIUM_NODE.version}")
    except ClusterError:
        return ""
    return CILIUM if _is_kept_from(api) else ""


def _is_kept_from(api: Api) -> bool:
    try:
        api.get(CILIUM_NODE.path(), {"limit": 1})
    except ClusterError as error:
        return isinstance(error, RefusedError) and error.is_forbidden
    return False
