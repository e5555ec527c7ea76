"""Names, addresses and folders of the test cluster. Imports nothing of its neighbours; they all read it.

CACHE (~/.cache/kubectl-netpol-cluster, or KUBECTL_NETPOL_CLUSTER) holds what is built once and, below ``run``, what
lives as long as the cluster. Images are unpacked there, so it must not lie on an overlay.
"""

from __future__ import annotations

import hashlib
import os
from dataclasses import dataclass
from pathlib import Path

SOURCE = Path(__file__).resolve().parent


def _cache() -> Path:
    chosen = os.environ.get("KUBECTL_NETPOL_CLUSTER")
    if chosen:
        return Path(chosen).absolute()
    return Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache").absolute() / "kubectl-netpol-cluster"


CACHE = _cache()
BINARIES = CACHE / "bin"
CNI_PLUGINS = CACHE / "cni"
PACKAGES = CACHE / "packages"
CALICO_TYPES = CACHE / "calico-types"
CILIUM = CACHE / "cilium"
IMAGES = CACHE / "images"
KEYS = CACHE / "keys"
STORES = CACHE / "containerd"
RUN = CACHE / "run"
LOGS = CACHE / "logs"
KUBECONFIG = KEYS / "admin.conf"


def _tree() -> str:
    if os.environ.get("KUBECTL_NETPOL_CLUSTER"):
        return f"netpol-cluster-{hashlib.sha256(str(CACHE).encode()).hexdigest()[:8]}"
    return "netpol-cluster"


TREE = _tree()
"""The name of the control groups. A cluster with a cache and a port of its own runs beside the usual one."""

HUB = "hub"
API_PORT = int(os.environ.get("KUBECTL_NETPOL_CLUSTER_PORT", "16443"))


@dataclass(frozen=True, slots=True)
class Machine:
    """A network and a mount namespace on the bridge."""

    name: str
    ipv4: str
    ipv6: str


@dataclass(frozen=True, slots=True)
class Node(Machine):
    """A machine that runs pods, with the blocks from which they get their addresses."""

    pods_ipv4: str
    pods_ipv6: str


HUB_MACHINE = Machine(HUB, "172.30.0.1", "fd30::1")
NODES = (
    Node("n1", "172.30.0.11", "fd30::11", "10.244.1.0/24", "fd00:10:244:1::/64"),
    Node("n2", "172.30.0.12", "fd30::12", "10.244.2.0/24", "fd00:10:244:2::/64"),
)
MACHINES: tuple[Machine, ...] = (HUB_MACHINE, *NODES)

PODS = "10.244.0.0/16,fd00:10:244::/56"
SERVICES = "10.96.0.0/16,fd00:10:96::/112"
API_SERVICE = ("10.96.0.1", "fd00:10:96::1")
CLUSTER_DNS = "10.96.0.10"

# What stands for the internet: addresses that are set aside for documentation, on the hub's loopback.
# manifests/coredns.yaml gives them their names.
OUTSIDE = ("203.0.113.9", "203.0.113.10", "2001:db8:9::9")
OUTSIDE_PORT = 8000
