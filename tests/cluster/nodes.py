"""What runs on every node, whatever its network: containerd and the kubelet."""

from __future__ import annotations

import shutil
import subprocess
from collections.abc import Mapping, Sequence
from pathlib import Path
from string import Template

from . import cgroups
from .images import PAUSE
from .layout import BINARIES, CLUSTER_DNS, CNI_PLUGINS, IMAGES, KEYS, NODES, PACKAGES, RUN, SOURCE, STORES, TREE, Node
from .network import make_node
from .processes import Daemon, entered, run_in, wait_until

_ENDPOINT = "unix:///run/containerd/containerd.sock"


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
    ):
        configure(node, template, target)


def configure(node: Node, template: str, target: str) -> None:
    """Fills a template of configuration/ in and puts it on the node."""
    values = {
        "name": node.name,
        "keys": str(KEYS),
        "cgroup": f"{TREE}/{node.name}",
        "cluster_dns": CLUSTER_DNS,
        "pause": PAUSE,
        "cni_plugins": str(CNI_PLUGINS),
        "runc": str(PACKAGES / "usr/sbin/runc"),
    }
    text = Template((SOURCE / "configuration" / template).read_text()).substitute(values)
    draft = RUN / node.name / template
    draft.write_text(text)
    run_in(node.name, "cp", str(draft), target)


def manifest(node: Node, annotations: Mapping[str, str]) -> Mapping[str, object]:
    """The Node object. Made before the kubelet starts, so that its pods get the addresses that the routes lead to."""
    return {
        "apiVersion": "v1",
        "kind": "Node",
        "metadata": {"name": node.name, "annotations": dict(annotations)},
        "spec": {"podCIDR": node.pods_ipv4, "podCIDRs": [node.pods_ipv4, node.pods_ipv6]},
    }


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


def answers(node: Node, url: str) -> bool:
    """Whether something in the node's network answers there, and well."""
    ask = f"import urllib.request as r; r.urlopen({url!r}, timeout=2)"
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
