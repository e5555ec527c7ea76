"""Calico, with kube-proxy: its CNI plugin wires the pods, its Felix enforces the policies."""

from __future__ import annotations

import shutil
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from .go_modules import Module
from .layout import BINARIES, CALICO_TYPES, KEYS, PODS, SOURCE, Node
from .nodes import answers, configure
from .processes import Daemon, run_in

PROXY_MODES = ("iptables", "nftables")
_SOURCE = "github.com/projectcalico/calico"
_MODULE = Module("calico", (f"{_SOURCE}/felix/cmd/calico-felix", f"{_SOURCE}/cni-plugin/cmd/calico"))

# It ends with 129 when its configuration has changed, and expects to be started again.
_FELIX_AGAIN = 'while :; do "$@"; echo "felix ended with $?"; sleep 0.5; done'


@dataclass(frozen=True, slots=True)
class Calico:
    """A networks.Network."""

    proxy_mode: str = PROXY_MODES[0]
    name: str = "calico"
    plugin: str = "calico"
    module: Module = _MODULE
    types: Path = CALICO_TYPES
    resources: Path = SOURCE / "manifests/calico.yaml"

    def gather(self) -> None:
        """Copies its custom resource definitions."""
        if not CALICO_TYPES.exists():
            source = self.module.source(_SOURCE) / "libcalico-go/config/crd"
            shutil.copytree(source, CALICO_TYPES, copy_function=shutil.copyfile)

    def prepare(self, node: Node) -> None:
        """Makes its folders and configures its CNI plugin."""
        run_in(node.name, "sh", str(SOURCE / "machines/calico.sh"), environment={"name": node.name})
        configure(node, "calico.conflist", "/etc/cni/net.d/10-calico.conflist")

    def annotations(self, node: Node) -> Mapping[str, str]:
        """The node's addresses, which else Calico's own node agent would look up."""
        return {
            "projectcalico.org/IPv4Address": f"{node.ipv4}/24",
            "projectcalico.org/IPv6Address": f"{node.ipv6}/64",
        }

    def daemons(self, node: Node) -> tuple[Daemon, ...]:
        """kube-proxy and Felix."""
        return (_kube_proxy(node, self.proxy_mode), _felix(node))

    def is_ready(self, node: Node) -> bool:
        """Whether Felix says that what it enforces is what the API server holds."""
        return answers(node, "http://127.0.0.1:9099/readiness")


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
