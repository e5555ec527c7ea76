"""An estimate of whether policies are enforced, by what is known of network plugins. Pure.

The API has no answer to that: every API server takes a NetworkPolicy, and where no plugin enforces it nothing happens.
So this reads the traces of known plugins: their DaemonSets, which run, and their API groups, which may be left over.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass

from .diagnosis import Check, Verdict, names_of
from .loose import table, tables, text

NAME = "policies"
_LOOK = "kubectl get daemonsets -A -o wide"
_NODE_ARGUMENTS = "k3s.io/node-args"


@dataclass(frozen=True, slots=True)
class Daemon:
    """A DaemonSet, as far as it tells a plugin; ``images`` without tag and digest, ``tags`` beside them."""

    namespace: str
    name: str
    images: tuple[str, ...] = ()
    tags: tuple[str, ...] = ()
    arguments: tuple[str, ...] = ()


Enforces = Callable[[Daemon], bool | None]
"""Whether a plugin with that DaemonSet enforces policies; None when that cannot be told."""


@dataclass(frozen=True, slots=True)
class Plugin:
    """A network plugin, known by its DaemonSets' names, the ends of their images' names, or its API groups."""

    name: str
    daemons: tuple[str, ...]
    images: tuple[str, ...]
    enforces: Enforces
    groups: tuple[str, ...] = ()
    note: str = ""

    def owns(self, daemon: Daemon) -> bool:
        return daemon.name in self.daemons or any(image.endswith(self.images) for image in daemon.images)


def _always(_: Daemon) -> bool | None:
    return True


def _never(_: Daemon) -> bool | None:
    return False


# The node agent is always there; what it does is said by its own flag (amazon-vpc-cni-k8s, the chart's nodeAgent).
def _aws(daemon: Daemon) -> bool | None:
    for value in (True, False):
        if f"--enable-network-policy={str(value).lower()}" in daemon.arguments:
            return value
    return None


# kind 0.24 brought policies, with images that are named after their day: v20240813-c6f155d6.
def _kindnet(daemon: Daemon) -> bool | None:
    days = [found[1] for tag in daemon.tags if (found := re.match(r"v(20\d{6})-", tag))]
    return max(days) >= "20240813" if days else None


def _kube_router(daemon: Daemon) -> bool | None:
    return "--run-firewall=false" not in daemon.arguments


# Its chart can add an enforcer to the same pods.
def _flannel(daemon: Daemon) -> bool | None:
    return any(image.endswith("kube-network-policies") for image in daemon.images)


def _weave(daemon: Daemon) -> bool | None:
    return any(image.endswith("weave-npc") for image in daemon.images)


def _unknown(_: Daemon) -> bool | None:
    return None


_BLOCKS = "an ipBlock never matches a pod, a node or the API server there"

PLUGINS = (
    Plugin(
        "Calico",
        ("calico-node",),
        ("calico/node",),
        _always,
        ("crd.projectcalico.org", "projectcalico.org"),
    ),
    Plugin("Canal", ("canal", "rke2-canal"), (), _always),
    Plugin("Cilium", ("cilium",), ("cilium/cilium",), _always, ("cilium.io",), _BLOCKS),
    Plugin("GKE Dataplane V2", ("anetd",), (), _always, note=f"it is Cilium: {_BLOCKS}"),
    Plugin(
        "Antrea",
        ("antrea-agent",),
        ("antrea/antrea-agent-ubuntu", "antrea/antrea-ubuntu"),
        _always,
        ("crd.antrea.io", "antrea.tanzu.vmware.com"),
    ),
    Plugin("OVN-Kubernetes", ("ovnkube-node",), (), _always, ("k8s.ovn.org",)),
    Plugin("Kube-OVN", ("kube-ovn-cni",), ("kubeovn/kube-ovn",), _always, ("kubeovn.io",)),
    Plugin("kube-router", ("kube-router",), ("cloudnativelabs/kube-router",), _kube_router),
    Plugin("kube-network-policies", ("kube-network-policies",), ("networking/kube-network-policies",), _always),
    Plugin("Weave Net", ("weave-net",), ("weave-kube",), _weave),
    Plugin("Azure Network Policy Manager", ("azure-npm",), ("azure-npm",), _always),
    Plugin("Romana", ("romana-agent",), ("romana/agent",), _always),
    Plugin("Amazon VPC CNI", ("aws-node",), ("amazon-k8s-cni",), _aws),
    Plugin("kindnet", ("kindnet",), ("kindest/kindnetd",), _kindnet),
    Plugin("Terway", ("terway", "terway-eni", "terway-eniip"), (), _unknown),
    Plugin("Flannel", ("kube-flannel", "kube-flannel-ds"), ("flannel/flannel", "flannelcni/flannel"), _flannel),
    Plugin("Azure CNI", ("azure-cns",), ("azure-cns",), _never),
)
"""What is known, and how; a plugin that is not here is said to be unknown."""


@dataclass(frozen=True, slots=True)
class _Trace:
    plugin: str
    evidence: str
    enforces: bool | None
    note: str = ""

    def __str__(self) -> str:
        return f"{self.plugin} ({self.evidence})"


def read_daemon(daemon: Mapping[str, object]) -> Daemon | None:
    """What a DaemonSet object tells; None for one that no node is meant to run."""
    if table(daemon.get("status")).get("desiredNumberScheduled", 1) == 0:
        return None
    metadata, spec = table(daemon.get("metadata")), table(daemon.get("spec"))
    containers = tables(table(table(spec.get("template")).get("spec")).get("containers"))
    images = [_parted(text(one.get("image"))) for one in containers]
    words = [word for one in containers for key in ("command", "args") for word in _words(one.get(key))]
    return Daemon(
        text(metadata.get("namespace")),
        text(metadata.get("name")),
        tuple(name for name, _ in images),
        tuple(tag for _, tag in images),
        tuple(words),
    )


def read_k3s(node: Mapping[str, object]) -> bool | None:
    """Whether k3s enforces policies there, as it does unless it was told not to; None where it is no k3s."""
    info = table(table(node.get("status")).get("nodeInfo"))
    if "+k3s" not in text(info.get("kubeletVersion")):
        return None
    arguments = text(table(table(node.get("metadata")).get("annotations")).get(_NODE_ARGUMENTS))
    return not re.search(r'"--disable-network-policy(=true)?"(?!,"false")', arguments)


def judge_enforcement(daemons: Sequence[Daemon], groups: Collection[str], k3s: Iterable[bool | None] = ()) -> Check:
    """``groups`` are the API's groups; ``k3s`` is ``read_k3s`` of each node."""
    traces = [*_of_daemons(daemons), *_of_k3s(set(k3s))]
    running = {trace.plugin for trace in traces}
    left = [one for one in _of_groups(groups) if one.plugin not in running]
    if sure := [trace for trace in traces if trace.enforces]:
        notes = "".join(f"; {trace.note}" for trace in sure if trace.note)
        return Check(NAME, Verdict.OK, f"likely enforced, by {_listed(sure)}{notes}")
    return _doubtful(traces, left)


def _doubtful(traces: Sequence[_Trace], left: Sequence[_Trace]) -> Check:
    if left:
        notes = "".join(f"; {trace.note}" for trace in left if trace.note)
        what = f"perhaps enforced: {_listed(left)}, but no DaemonSet of it runs here{notes}"
        remedy = f"it may run otherwise, or be a remainder; ask an admin, or look: {_LOOK}"
    elif undecided := [trace for trace in traces if trace.enforces is None]:
        what = f"unknown: {_listed(undecided)} enforces them only if it is set up to"
        remedy = f"ask an admin, or look at its arguments: {_LOOK}"
    elif traces:
        what = f"likely not enforced: {_listed(traces)} does not by itself; recording works all the same"
        remedy = f"add what enforces them, such as Calico or kube-network-policies; look: {_LOOK}"
    else:
        what = "unknown whether they are enforced: there is no network plugin here that is known"
        remedy = f"ask an admin, or look what runs: {_LOOK}"
    return Check(NAME, Verdict.WARNING, what, remedy)


def _of_daemons(daemons: Iterable[Daemon]) -> list[_Trace]:
    return [
        _Trace(plugin.name, f"DaemonSet {daemon.namespace}/{daemon.name}", plugin.enforces(daemon), plugin.note)
        for plugin in PLUGINS
        for daemon in daemons
        if plugin.owns(daemon)
    ]


def _of_groups(groups: Collection[str]) -> list[_Trace]:
    found = [(plugin, [group for group in plugin.groups if group in groups]) for plugin in PLUGINS]
    return [_Trace(plugin.name, f"API group {names_of(its)}", None, plugin.note) for plugin, its in found if its]


def _of_k3s(answers: set[bool | None]) -> list[_Trace]:
    if False in answers:
        return [_Trace("k3s", f"its nodes' {_NODE_ARGUMENTS}", False)]
    return [_Trace("k3s", "its nodes' version", True)] if True in answers else []


def _listed(traces: Iterable[_Trace]) -> str:
    return ", ".join(dict.fromkeys(map(str, traces)))


# registry.example.com:5000/cilium/cilium:v1.18@sha256:... is parted into its name and its tag.
def _parted(image: str) -> tuple[str, str]:
    folder, slash, last = image.partition("@")[0].rpartition("/")
    name, _, tag = last.partition(":")
    return folder + slash + name, tag


def _words(value: object) -> list[str]:
    return [one for one in value if isinstance(one, str)] if isinstance(value, list) else []
