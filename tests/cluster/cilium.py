"""Cilium without kube-proxy: its agent wires the pods, balances Services in the sockets, enforces the policies.

Agent and CNI plugin run as processes of the node; there is no operator and no Envoy. Maps are pinned in the node's own
mount namespace and the socket programs attached to the node's control group: they go with these.
"""

from __future__ import annotations

import os
import shutil
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from . import cgroups
from .go_modules import Module
from .layout import BINARIES, CILIUM, KEYS, PODS, SOURCE, TREE, Node
from .nodes import answers
from .processes import ClusterError, Daemon, run_in

VERSION = "1.20.2"
_SOURCE = "github.com/cilium/cilium"
_MODULE = Module(
    "cilium",
    tuple(f"{_SOURCE}/{command}" for command in ("daemon", "plugins/cilium-cni", "cilium-dbg", "hubble")),
    (f"{_SOURCE}/pkg/version.ciliumVersion={VERSION}",),
)

_TYPES = CILIUM / "types"
_PROGRAMS = CILIUM / "bpf"
_COMPILED = CILIUM / "compiled"


@dataclass(frozen=True, slots=True)
class Cilium:
    """A networks.Network."""

    proxy_mode: None = None
    name: str = "cilium"
    plugin: str = "cilium-cni"
    module: Module = _MODULE
    types: Path = _TYPES
    resources: None = None

    def gather(self) -> None:
        """Copies its custom resource definitions and its BPF programs."""
        if not CILIUM.exists():
            source = self.module.source(_SOURCE)
            with tempfile.TemporaryDirectory(dir=CILIUM.parent) as name:
                _copy(source, Path(name) / "draft")
                (Path(name) / "draft").rename(CILIUM)

    def prepare(self, node: Node) -> None:
        """Makes the mounts that its agent expects. The agent itself configures the CNI plugin, once it is ready."""
        root = cgroups.version_2()
        if root is None:
            raise ClusterError("Cilium's socket load balancer needs control groups of version 2")
        variables = {"sources": str(_PROGRAMS), "cgroup": str(root / TREE / node.name)}
        run_in(node.name, "sh", str(SOURCE / "machines/cilium.sh"), environment=variables)

    def annotations(self, node: Node) -> Mapping[str, str]:
        """None: it reads what the kubelet says of the node."""
        return {}

    def daemons(self, node: Node) -> tuple[Daemon, ...]:
        """The agent. Its binary is called as the folder of its source is."""
        path = f"{SOURCE}/compiler:{os.environ['PATH']}"
        environment = {"PATH": path, "COMPILED": str(_COMPILED), "K8S_NODE_NAME": node.name, "HOME": "/root"}
        flags = (f"--{name}={value}" for name, value in {**_options(), **_SMALL}.items())
        return (Daemon(node.name, "cilium-agent", (str(BINARIES / "daemon"), *flags), environment),)

    def is_ready(self, node: Node) -> bool:
        """Whether the agent says that it is well, which it is once all of its programs run."""
        return answers(node, "http://127.0.0.1:9879/healthz")


def _copy(source: Path, target: Path) -> None:
    types = source / "pkg/k8s/apis/cilium.io/client/crds"
    for version in ("v2", "v2alpha1"):
        shutil.copytree(types / version, target / "types" / version, copy_function=shutil.copyfile)
    unwanted = shutil.ignore_patterns("tests", "complexity-tests")
    shutil.copytree(source / "bpf", target / "bpf", ignore=unwanted, copy_function=shutil.copyfile)


def _options() -> Mapping[str, str]:
    ipv4, ipv6 = PODS.split(",")
    return {
        "k8s-kubeconfig-path": f"{KEYS}/cilium.conf",
        "k8s-namespace": "kube-system",
        "enable-dynamic-config": "false",  # it would read a ConfigMap, which nobody made
        "identity-allocation-mode": "crd",
        # The addresses are those on the Node object, and the routes are made by network.py.
        "ipam": "kubernetes",
        "k8s-require-ipv4-pod-cidr": "true",
        "k8s-require-ipv6-pod-cidr": "true",
        "enable-ipv4": "true",
        "enable-ipv6": "true",
        "routing-mode": "native",
        "ipv4-native-routing-cidr": ipv4,
        "ipv6-native-routing-cidr": ipv6,
        "auto-direct-node-routes": "false",
        "enable-ipv4-masquerade": "false",
        "enable-ipv6-masquerade": "false",
        "devices": "eth0",
        "kube-proxy-replacement": "true",
        "bpf-lb-sock": "true",
        # DNS rules are enforced by the agent itself; there is no Envoy for anything else.
        "enable-l7-proxy": "true",
        # As its chart has it: a DNS server sees the pod that asks, and not the node whose proxy asks for it.
        "dnsproxy-enable-transparent-mode": "true",
        "external-envoy-proxy": "true",
        "enable-envoy-config": "false",
        "disable-envoy-version-check": "true",
        "enable-hubble": "true",
        "hubble-disable-tls": "true",
        "monitor-aggregation": "none",
        "enable-health-checking": "false",
        "enable-endpoint-health-checking": "false",
        "enable-gops": "false",
        "enable-policy-secrets-sync": "false",
        "bpf-root": "/sys/fs/bpf",
        "cgroup-root": "/run/cilium/cgroupv2",
        "cni-exclusive": "true",
        "write-cni-conf-when-ready": "/etc/cni/net.d/05-cilium.conflist",
    }


# Two nodes with maps of the usual size take 437 MB of the kernel's memory.
_SMALL = {
    "bpf-auth-map-max": "4096",
    "bpf-ct-global-tcp-max": "32768",
    "bpf-ct-global-any-max": "16384",
    "bpf-nat-global-max": "32768",
    "bpf-neigh-global-max": "4096",
    "bpf-lb-map-max": "4096",
    "bpf-policy-map-max": "2048",
    "bpf-policy-stats-map-max": "4096",
    "preallocate-bpf-maps": "false",
}
