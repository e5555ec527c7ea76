"""Whether policies are likely enforced, by the traces of the network plugins that are known."""

from __future__ import annotations

import pytest

from kubectl_netpol.capture.diagnosis import Verdict
from kubectl_netpol.capture.enforcement import PLUGINS, Daemon, judge_enforcement, read_daemon, read_k3s

OK, WARNING = Verdict.OK, Verdict.WARNING


def daemon(name: str, *images: str, tags: tuple[str, ...] = (), arguments: tuple[str, ...] = ()) -> Daemon:
    return Daemon("kube-system", name, images, tags, arguments)


FLANNEL = daemon("kube-flannel-ds", "ghcr.io/flannel-io/flannel")


@pytest.mark.parametrize(
    ("found", "plugin"),
    [
        (daemon("calico-node"), "Calico"),
        (daemon("renamed", "quay.io/calico/node"), "Calico"),
        (daemon("rke2-canal"), "Canal"),
        (daemon("cilium"), "Cilium"),
        (daemon("anetd"), "GKE Dataplane V2"),
        (daemon("antrea-agent"), "Antrea"),
        (daemon("ovnkube-node"), "OVN-Kubernetes"),
        (daemon("kube-router", arguments=("--run-firewall=true",)), "kube-router"),
        (daemon("weave-net", "weaveworks/weave-kube", "weaveworks/weave-npc"), "Weave Net"),
        (daemon("azure-npm"), "Azure Network Policy Manager"),
        (daemon("romana-agent"), "Romana"),
        (daemon("aws-node", arguments=("--enable-network-policy=true",)), "Amazon VPC CNI"),
        (daemon("kindnet", "docker.io/kindest/kindnetd", tags=("v20240813-c6f155d6",)), "kindnet"),
        (daemon("kube-flannel-ds", "flannel/flannel", "registry.k8s.io/networking/kube-network-policies"), "Flannel"),
    ],
)
def test_a_plugin_that_enforces_is_known_by_its_daemon_set(found: Daemon, plugin: str) -> None:
    check = judge_enforcement([FLANNEL, found], ["apps"])
    assert (check.verdict, check.remedy) == (OK, "")
    assert f"likely enforced, by {plugin} (DaemonSet kube-system/{found.name})" in check.finding or plugin == "Flannel"


@pytest.mark.parametrize(
    "found",
    [
        FLANNEL,
        daemon("kube-router", arguments=("--run-firewall=false",)),
        daemon("aws-node", arguments=("--enable-network-policy=false",)),
        daemon("kindnet", "kindest/kindnetd", tags=("v20240202-8f1494ea",)),
        daemon("azure-cns"),
        daemon("weave-net", "weaveworks/weave-kube"),
    ],
)
def test_a_plugin_that_does_not_enforce_is_a_warning(found: Daemon) -> None:
    check = judge_enforcement([found], [])
    assert check.verdict is WARNING
    assert check.finding.startswith("likely not enforced: ")
    assert check.remedy


@pytest.mark.parametrize("found", [daemon("aws-node"), daemon("terway-eniip"), daemon("kindnet", "mine/kindnetd")])
def test_a_plugin_that_may_or_may_not_is_unknown(found: Daemon) -> None:
    check = judge_enforcement([FLANNEL, found], [])
    assert (check.verdict, check.finding.startswith("unknown: ")) == (WARNING, True)
    assert "Flannel" not in check.finding


@pytest.mark.parametrize("found", [[], [daemon("kube-proxy", "registry.k8s.io/kube-proxy"), daemon("node-exporter")]])
def test_what_is_not_known_is_said_to_be_unknown(found: list[Daemon]) -> None:
    check = judge_enforcement(found, ["apps", "batch", "monitoring.coreos.com"])
    assert check.verdict is WARNING
    assert check.finding == "unknown whether they are enforced: there is no network plugin here that is known"
    assert check.remedy


def test_an_api_group_alone_may_be_a_remainder() -> None:
    for found in ([], [FLANNEL]):
        check = judge_enforcement(found, ["crd.projectcalico.org", "apps"])
        assert check.verdict is WARNING
        assert check.finding.startswith("perhaps enforced: Calico (API group crd.projectcalico.org)")


def test_where_cilium_runs_its_way_with_blocks_of_addresses_is_told() -> None:
    for check in (judge_enforcement([daemon("cilium")], []), judge_enforcement([], ["cilium.io"])):
        assert "an ipBlock never matches a pod, a node or the API server there" in check.finding
    assert "ipBlock" not in judge_enforcement([daemon("calico-node")], []).finding


def test_k3s_enforces_unless_it_was_told_not_to() -> None:
    assert judge_enforcement([], [], [True, True]).finding == "likely enforced, by k3s (its nodes' version)"
    assert judge_enforcement([], [], [True, False]).finding.startswith("likely not enforced: k3s ")
    assert judge_enforcement([daemon("cilium")], [], [False]).verdict is OK
    assert judge_enforcement([], [], [None]).finding.startswith("unknown ")


@pytest.mark.parametrize(
    ("version", "arguments", "expected"),
    [
        ("v1.36.2+k3s1", '["server"]', True),
        ("v1.36.2+k3s1", None, True),
        ("v1.36.2+k3s1", '["server","--disable-network-policy"]', False),
        ("v1.36.2+k3s1", '["server","--disable-network-policy","true"]', False),
        ("v1.36.2+k3s1", '["server","--disable-network-policy","false"]', True),
        ("v1.36.2+rke2r1", '["server"]', None),
        ("v1.36.2", None, None),
    ],
)
def test_a_node_tells_what_its_k3s_does(version: str, arguments: str | None, expected: bool | None) -> None:
    annotations = {} if arguments is None else {"k3s.io/node-args": arguments}
    node = {"metadata": {"annotations": annotations}, "status": {"nodeInfo": {"kubeletVersion": version}}}
    assert read_k3s(node) is expected


def test_a_daemon_set_is_read_with_its_images_parted() -> None:
    containers = [
        {"image": "registry.example.com:5000/cilium/cilium:v1.18.1@sha256:abc", "args": ["--x"], "command": ["agent"]},
        {"image": "kindest/kindnetd", "args": "nonsense"},
    ]
    found = read_daemon(
        {
            "metadata": {"namespace": "kube-system", "name": "net"},
            "spec": {"template": {"spec": {"containers": containers}}},
            "status": {"desiredNumberScheduled": 2},
        }
    )
    assert found == Daemon(
        "kube-system",
        "net",
        ("registry.example.com:5000/cilium/cilium", "kindest/kindnetd"),
        ("v1.18.1", ""),
        ("agent", "--x"),
    )
    assert [plugin.name for plugin in PLUGINS if plugin.owns(found)] == ["Cilium", "kindnet"]


def test_a_daemon_set_that_runs_nowhere_is_no_trace() -> None:
    assert read_daemon({"metadata": {"name": "calico-node"}, "status": {"desiredNumberScheduled": 0}}) is None
    assert read_daemon({}) == Daemon("", "")
