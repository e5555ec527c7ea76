"""The agent in a Job's pod: it sees the node's files by its parent process only, and pods of its own kubelet count."""

from __future__ import annotations

import os
import subprocess
import time
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from truth import AGENT, ATTACHMENTS, Account, Capture, Truth, compare, is_attached, within

from kubectl_netpol.demo import namespaces
from kubectl_netpol.demo.machine import Machine
from kubectl_netpol.demo.pod import Pod
from kubectl_netpol.wire import Marks

OWN = "a0a0a0a0-9a51-4c1e-8d22-6f0b7a3e5d10"
WEB = "b1b1b1b1-9a51-4c1e-8d22-6f0b7a3e5d10"
OTHER = "c2c2c2c2-9a51-4c1e-8d22-6f0b7a3e5d10"
HIERARCHIES = ("/sys/fs/cgroup/unified", "/sys/fs/cgroup", "/sys/fs/cgroup/pids")
LOGS = Path("/var/log/pods")
IN_A_POD = """
mount -t tmpfs none /run && mount -t tmpfs none /var/log && echo $$ > "$0/cgroup.procs" && exec "$@"
"""
"""The agent's own mounts hide the node's /run and /var/log; then it goes into its pod's cgroup."""


@contextmanager
def cgroup_tree() -> Iterator[Path]:
    """A cgroup of the test's own in whatever hierarchy lets us; removed at the end with all below it."""
    top = next((Path(place) for place in HIERARCHIES if (Path(place) / "cgroup.procs").exists()), None)
    if top is None or not os.access(top, os.W_OK):
        pytest.skip("no cgroup can be made here")
    tree = top / f"netpol-test-{uuid.uuid4().hex[:12]}"
    tree.mkdir()
    try:
        yield tree
    finally:
        for place, _, _ in os.walk(tree, topdown=False):
            assert within(5, lambda place=place: removed(place))


def removed(place: str) -> bool:
    """A group stays busy for a moment after its last process."""
    try:
        Path(place).rmdir()
    except OSError:
        return False
    return True


@contextmanager
def process_pod(machine: Machine, address: str, group: Path | None = None) -> Iterator[Pod]:
    """A namespace that only a process has, in that cgroup."""
    if group:
        group.mkdir(parents=True, exist_ok=True)
    enter = f'echo $$ > "{group}/cgroup.procs" && ' if group else ""
    process = subprocess.Popen(["sh", "-c", f"{enter}exec unshare --net sleep 60"])
    place, own = Path(f"/proc/{process.pid}/ns/net"), Path("/proc/self/ns/net").stat().st_ino
    assert within(5, lambda: place.stat().st_ino != own)
    pod = Pod(address, os.open(place, os.O_RDONLY), machine.servers)
    machine.add_interface(pod, (address,))
    try:
        yield pod
    finally:
        process.kill()
        process.wait()


@contextmanager
def node_logs() -> Iterator[None]:
    """The node's /var/log, empty."""
    namespaces.mount("none", "/var/log", "tmpfs", 0)
    LOGS.mkdir()
    yield


def in_a_pod(tree: Path) -> tuple[str, ...]:
    group = tree / f"kubepods/besteffort/pod{OWN}/agent"
    group.mkdir(parents=True, exist_ok=True)
    return ("unshare", "--mount", "sh", "-c", IN_A_POD, str(group))


def said(account: Account, pod: Pod) -> tuple[str, str, str]:
    place = account.place(pod.netns_id)
    return (place.netns.pod, place.netns.namespace, place.netns.name) if place else ("", "", "")


@pytest.mark.kernel
@ATTACHMENTS
def test_pods_are_found_by_the_parents_root_and_have_their_names(machine: Machine, attach: str):
    before = machine.add_pod("cni-1", ("10.244.0.2",))
    before.listen_tcp(80)
    pool = machine.add_pod("cni-0", ("10.244.0.4",))
    truth = Truth(machine)
    truth.hold_tcp(pool, before, before.address, 80, Marks.EXISTING)
    with (
        node_logs(),
        cgroup_tree() as tree,
        process_pod(machine, "10.244.0.5", tree / f"kubepods/burstable/pod{WEB}/web") as web,
        Capture(attach, 0.2, "--node-root", "auto", "--pods-only", command=(*in_a_pod(tree), *AGENT)) as capture,
    ):
        capture.wait_for_namespaces(3)
        capture.wait_for_flow(pool, "out tcp 10.244.0.4 10.244.0.2 80")
        capture.wait_for_flow(before, "in tcp 10.244.0.2 10.244.0.4 80")
        during = machine.add_pod("cni-2", ("10.244.0.3",))
        assert within(5, lambda: is_attached(during, attach))
        truth.tcp(during, before, before.address, 80)
        truth.tcp(web, before, before.address, 80)
        capture.wait(lambda account: said(account, web)[0] == WEB, "the pod's UID")
        (LOGS / f"shop_web-5d69cdc5f4-2k8xz_{WEB}").mkdir()
        capture.wait(lambda account: said(account, web) == (WEB, "shop", "web-5d69cdc5f4-2k8xz"), "the pod's name")
        inode = during.netns_id
        machine.remove_pod(during)
        capture.wait(lambda account: (place := account.place(inode)) and place.netns.gone, "that a pod is gone")
        account = capture.stop()
    compare(truth.flows, account)
    assert account.status.problems == ()


@pytest.mark.kernel
def test_a_pod_that_lives_briefly_is_named(machine: Machine):
    """Its mount comes first, then its process; nothing but a look at the processes tells whose it is."""
    with (
        node_logs(),
        cgroup_tree() as tree,
        Capture("tcx", 1.0, "--node-root", "auto", "--pods-only", command=(*in_a_pod(tree), *AGENT)) as capture,
    ):
        pod = machine.add_pod("cni-1", ("10.244.0.2",))
        group = tree / f"kubepods/pod{WEB}/web"
        group.mkdir(parents=True)
        (LOGS / f"shop_web-1_{WEB}").mkdir()
        time.sleep(0.5)
        sleeper = pod.run(["sleep", "0.7"])
        (group / "cgroup.procs").write_text(str(sleeper.pid))
        sleeper.wait()
        inode = pod.netns_id
        machine.remove_pod(pod)
        capture.wait(lambda account: (place := account.place(inode)) and place.netns.gone, "that the pod is gone")
        assert said_of(capture.stop(), inode) == (WEB, "shop", "web-1")


def said_of(account: Account, inode: str) -> tuple[str, str, str]:
    place = account.place(inode)
    return (place.netns.pod, place.netns.namespace, place.netns.name)


@pytest.mark.kernel
def test_what_is_no_pod_of_the_own_kubelet_is_not_captured(machine: Machine):
    with (
        cgroup_tree() as tree,
        process_pod(machine, "10.244.0.5", tree / f"kubepods/burstable/pod{WEB}/web") as web,
        process_pod(machine, "10.244.0.6", tree / f"second/kubepods/burstable/pod{OTHER}/web") as other,
        process_pod(machine, "10.244.0.7", tree / "docker/0123") as docker,
        process_pod(machine, "10.244.0.8") as service,
        Capture("tcx", 0.2, "--node-root", "auto", "--pods-only", command=(*in_a_pod(tree), *AGENT)) as capture,
    ):
        capture.wait_for_namespaces(1)
        time.sleep(3)  # another scan, at least
        assert is_attached(web, "tcx")
        assert not any(is_attached(pod, "tcx") for pod in (other, docker, service))
        account = capture.stop()
        numbers = {place.split("-")[0] for place in account.places}
        assert numbers == {web.netns_id}


@pytest.mark.kernel
def test_pods_of_every_kubelet_count_where_the_own_is_not_in_sight(machine: Machine):
    with (
        cgroup_tree() as tree,
        process_pod(machine, "10.244.0.6", tree / f"second/kubepods/burstable/pod{OTHER}/web") as other,
        process_pod(machine, "10.244.0.7", tree / "docker/0123"),
        Capture("tcx", 0.2, "--pods-only") as capture,
    ):
        capture.wait_for_namespaces(1)
        assert said(capture.stop(), other)[0] == OTHER


@pytest.mark.kernel
def test_a_node_root_that_goes_stale_costs_nothing_but_its_mounts(machine: Machine):
    """The root is that of a process that ends; a pod with a process is found by that one from then on."""
    pod, _ = machine.add_pod("cni-1", ("10.244.0.2",)), machine.add_pod("cni-2", ("10.244.0.3",))
    sleeper = pod.run(["sleep", "60"])
    node = subprocess.Popen(["sleep", "60"])
    with Capture("tcx", 0.2, "--node-root", f"/proc/{node.pid}/root") as capture:
        capture.wait_for_namespaces(2)
        node.kill()
        node.wait()
        capture.wait_for_namespaces(1)
        assert is_attached(pod, "tcx")
        capture.stop()
    sleeper.kill()
    sleeper.wait()


@pytest.mark.kernel
def test_where_the_parents_root_is_the_own_this_is_said(machine: Machine):
    machine.add_pod("cni-1", ("10.244.0.2",))
    with Capture("tcx", 0.2, "--node-root", "auto") as capture:
        capture.wait_for_namespaces(1)
        account = capture.stop()
    assert any("same root" in problem for problem in account.status.problems)
