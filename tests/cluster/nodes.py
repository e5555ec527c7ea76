"""What runs on a node: containerd, the kubelet, kube-proxy, and Calico's Felix, which enforces the policies."""

from __future__ import annotations

import shutil
import subprocess
from collections.abc import Mapping, Sequence
from pathlib import Path
from string import Template

from . import cgroups
from .images import PAUSE
from .layout import BINARIES, CLUSTER_DNS, CNI_PLUGINS, IMAGES, KEYS, NODES, PACKAGES, PODS, RUN, SOURCE, STORES, Node
from .network import make_node
from .processes import Daemon, entered, run_in, wait_until

PROXY_MODES = ("iptables", "nftables")
_ENDPOINT = "unix:///run/containerd/containerd.sock"

# It ends with 129 when its configuration has changed, and expects to be started again.
_FELIX_AGAIN = 'while :; do "$@"; echo "felix ended with $?"; sleep 0.5; done'


def prepare(node: Node) -> None:
    """Makes the node's namespaces, control groups and configuration."""
    cgroups.make(node.name)
    cgroups.delegate(node.name)
    store = STORES / node.name
    if not _is_clean(node):
        shutil.rmtree(store, ignore_errors=True)
    store.mkdir(parents=True, exist_ok=True)
    _clean_mark(node).unlink(missing_ok=True)
    (RUN / node.name / "kubelet").mkdir(parents=True)
    make_node(node, RUN / node.name / "kubelet", store)
    for template, target in (
        ("containerd.toml", "/etc/containerd.toml"),
        ("kubelet.yaml", "/etc/kubelet.yaml"),
        ("calico.conflist", "/etc/cni/net.d/10-calico.conflist"),
    ):
        _configure(node, template, target)


def _configure(node: Node, template: str, target: str) -> None:
    values = {
        "name": node.name,
        "keys": str(KEYS),
        "cgroup": f"{cgroups.TREE}/{node.name}",
        "cluster_dns": CLUSTER_DNS,
        "pause": PAUSE,
        "cni_plugins": str(CNI_PLUGINS),
        "runc": str(PACKAGES / "usr/sbin/runc"),
    }
    text = Template((SOURCE / "configuration" / template).read_text()).substitute(values)
    draft = RUN / node.name / template
    draft.write_text(text)
    run_in(node.name, "cp", str(draft), target)


def manifest(node: Node) -> Mapping[str, object]:
    """The Node object. Made before the kubelet starts, so that its pods get the addresses that the routes lead to."""
    annotations = {
        "projectcalico.org/IPv4Address": f"{node.ipv4}/24",
        "projectcalico.org/IPv6Address": f"{node.ipv6}/64",
    }
    return {
        "apiVersion": "v1",
        "kind": "Node",
        "metadata": {"name": node.name, "annotations": annotations},
        "spec": {"podCIDR": node.pods_ipv4, "podCIDRs": [node.pods_ipv4, node.pods_ipv6]},
    }


def daemons(node: Node, proxy_mode: str) -> tuple[Daemon, ...]:
    """All of a node's, in the order in which they start."""
    return (containerd(node), kubelet(node), _kube_proxy(node, proxy_mode), _felix(node))


def containerd(node: Node) -> Daemon:
    """The container runtime. It finds its shim on the PATH."""
    path = f"{PACKAGES}/usr/bin:{PACKAGES}/usr/sbin:/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
    command = (str(PACKAGES / "usr/bin/containerd"), "--config", "/etc/containerd.toml", "--log-level", "warn")
    return Daemon(node.name, "containerd", command, {"PATH": path})


def kubelet(node: Node) -> Daemon:
    """The kubelet."""
    options = (
        "--config=/etc/kubelet.yaml",
        f"--kubeconfig={KEYS}/{node.name}.conf",
        f"--hostname-override={node.name}",
        f"--node-ip={node.ipv4},{node.ipv6}",
        "-v=1",
    )
    return Daemon(node.name, "kubelet", (str(BINARIES / "kubelet"), *options))


def _kube_proxy(node: Node, mode: str) -> Daemon:
    options = (
        f"--kubeconfig={KEYS}/proxy.conf",
        f"--hostname-override={node.name}",
        f"--proxy-mode={mode}",
        f"--cluster-cidr={PODS}",
        "--nodeport-addresses=primary",
        "--iptables-min-sync-period=200ms",
        # These are settings of the whole machine; zero leaves them alone.
        "--conntrack-max-per-core=0",
        "--conntrack-min=0",
        "--conntrack-tcp-timeout-established=0s",
        "--conntrack-tcp-timeout-close-wait=0s",
        "-v=1",
    )
    return Daemon(node.name, "kube-proxy", (str(BINARIES / "kube-proxy"), *options))


def _felix(node: Node) -> Daemon:
    settings = {
        "DATASTORETYPE": "kubernetes",
        "FELIXHOSTNAME": node.name,
        "IPTABLESBACKEND": "nft",
        "DEFAULTENDPOINTTOHOSTACTION": "ACCEPT",
        "ENDPOINTSTATUSPATHPREFIX": "/run/calico",
        "HEALTHENABLED": "true",
        "HEALTHHOST": "127.0.0.1",
        "IPV6SUPPORT": "true",
        "LOGFILEPATH": "none",
        "LOGSEVERITYFILE": "none",
        "LOGSEVERITYSYS": "none",
        "LOGSEVERITYSCREEN": "info",
        # Built without cgo it panics when it cleans up after its own eBPF mode, which never ran.
        "DebugSkipCTLBCleanup": "true",
        **dict.fromkeys(
            ("BPFENABLED", "IPINIPENABLED", "USAGEREPORTINGENABLED", "VXLANENABLED", "WIREGUARDENABLED", "XDPENABLED"),
            "false",
        ),
    }
    environment = {
        "KUBECONFIG": f"{KEYS}/calico.conf",
        "DATASTORE_TYPE": "kubernetes",
        "USE_POD_CIDR": "true",
        **{f"FELIX_{name}": value for name, value in settings.items()},
    }
    command = ("sh", "-c", _FELIX_AGAIN, "sh", str(BINARIES / "calico-felix"))
    return Daemon(node.name, "felix", command, environment)


def felix_is_ready(node: Node) -> bool:
    """Whether Felix says that what it enforces is what the API server holds."""
    ask = "import urllib.request as r; r.urlopen('http://127.0.0.1:9099/readiness', timeout=2)"
    words = (*entered(node.name), "/usr/bin/env", "python3", "-c", ask)
    return subprocess.run(words, capture_output=True, check=False).returncode == 0


def import_images(node: Node, archives: Sequence[Path] = ()) -> None:
    """Gives the node the images in these OCI archives (else all of build.py), unless it has just these."""
    wait_until(
        lambda: _ctr(node, "namespaces", "list", check=False),
        20,
        f"{node.name}'s containerd answers",
        containerd(node).log,
    )
    for archive in archives or sorted(IMAGES.glob("*.tar")):
        mark = STORES / node.name / f"imported-{archive.stem}"
        stamp = f"{archive} {archive.stat().st_mtime_ns}"
        if not mark.exists() or mark.read_text() != stamp:
            _ctr(node, "images", "import", str(archive))
            mark.write_text(stamp)


def _ctr(node: Node, *arguments: str, check: bool = True) -> str:
    return run_in(node.name, str(PACKAGES / "usr/bin/ctr"), "--namespace", "k8s.io", *arguments, check=check)


def remove_containers(node: Node) -> None:
    """Ends the node's containers and removes them from containerd, so that the next start finds its images.

    The kubelet must be stopped. A store that is not clean afterwards is thrown away by the next start.
    """
    cgroups.kill(node.name, "kubepods")
    if containerd(node).number() is None:
        return
    for task in _ctr(node, "tasks", "list", "--quiet", check=False).split():
        _ctr(node, "tasks", "delete", "--force", task, check=False)
    containers = _ctr(node, "containers", "list", "--quiet", check=False).split()
    if containers:
        _ctr(node, "containers", "delete", *containers, check=False)
    table = _ctr(node, "snapshots", "list", check=False).splitlines()
    active = [row.split()[0] for row in table if row.endswith("Active")]
    if active:
        _ctr(node, "snapshots", "remove", *active, check=False)
    if not _ctr(node, "containers", "list", "--quiet").split():
        shutil.rmtree(STORES / node.name / "io.containerd.grpc.v1.cri", ignore_errors=True)
        _clean_mark(node).touch()


def _clean_mark(node: Node) -> Path:
    return STORES / f"{node.name}.clean"


def _is_clean(node: Node) -> bool:
    return _clean_mark(node).exists()


def by_name(name: str) -> Node:
    """The node of that name. KeyError when there is none."""
    return {node.name: node for node in NODES}[name]
