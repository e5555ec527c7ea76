"""The machines' namespaces and their wires: a bridge in the hub, a veth pair per node, routes to the nodes' pods.

No interface leads out: the host's own network is never touched, and a stray packet ends in the hub.
"""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

from .layout import HUB, HUB_MACHINE, NODES, OUTSIDE, OUTSIDE_PORT, SOURCE, Machine, Node
from .processes import Daemon, holder, run_in, wait_until


def make_hub() -> None:
    """Makes the hub's namespaces, the bridge, and what stands for the outside world."""
    _hold(HUB)
    outside = " ".join(f"{address}/{128 if ':' in address else 32}" for address in OUTSIDE)
    variables = {"ipv4": HUB_MACHINE.ipv4, "ipv6": HUB_MACHINE.ipv6, "outside": outside}
    run_in(HUB, "sh", str(SOURCE / "machines/hub.sh"), environment=variables)
    outside_world().start()


def outside_world() -> Daemon:
    """The server that answers at every address outside the cluster."""
    return Daemon(HUB, "outside", (sys.executable, str(SOURCE / "outside.py"), str(OUTSIDE_PORT)))


def make_node(node: Node, kubelet: Path, containerd: Path) -> None:
    """Makes a node's namespaces and connects them. The folders are where its kubelet and containerd keep things."""
    _hold(node.name)
    _connect(node)
    variables = {
        "name": node.name,
        "ipv4": node.ipv4,
        "ipv6": node.ipv6,
        "gateway_ipv4": HUB_MACHINE.ipv4,
        "gateway_ipv6": HUB_MACHINE.ipv6,
        "kubelet": str(kubelet),
        "containerd": str(containerd),
    }
    run_in(node.name, "sh", str(SOURCE / "machines/node.sh"), environment=variables)
    for other in NODES:
        if other is not node:
            _route_pods(node, "eth0", other)


def _hold(machine: str) -> None:
    daemon = holder(machine)
    daemon.start()
    own = Path("/proc/self/ns/mnt").readlink()
    wait_until(lambda: _mount_namespace(daemon.number()) not in (None, own), 10, f"{machine} has its namespaces")


def _mount_namespace(number: int | None) -> Path | None:
    # unshare makes the network first and the mounts last; once it is `sleep`, all is private.
    try:
        if Path(f"/proc/{number}/comm").read_text().strip() != "sleep":
            return None
        return Path(f"/proc/{number}/ns/mnt").readlink()
    except OSError:
        return None


def _connect(node: Node) -> None:
    # Made inside the node's namespace, so that the host never sees the interface.
    hub = str(holder(HUB).number())
    run_in(node.name, "ip", "link", "add", "eth0", "type", "veth", "peer", "name", _port(node), "netns", hub)
    run_in(HUB, "ip", "link", "set", _port(node), "master", "bridge0", "up")
    _route_pods(HUB_MACHINE, "bridge0", node)


def _port(node: Node) -> str:
    return f"to-{node.name}"


def _route_pods(machine: Machine, interface: str, node: Node) -> None:
    run_in(machine.name, "ip", "route", "add", node.pods_ipv4, "via", node.ipv4)
    run_in(machine.name, "ip", "-6", "route", "add", node.pods_ipv6, "via", node.ipv6, "dev", interface)


def disconnect(node: Node) -> None:
    """Cuts the node's cable: it reaches neither the API server nor its neighbors."""
    run_in(HUB, "ip", "link", "set", _port(node), "down")


def reconnect(node: Node) -> None:
    """Plugs the node's cable in again. The routes in hub and node have stayed."""
    run_in(HUB, "ip", "link", "set", _port(node), "up")


def host_interfaces() -> str:
    """The interfaces of the host's own network namespace, one per line, without their counters."""
    return subprocess.run(["ip", "-brief", "link"], capture_output=True, text=True, check=True).stdout
