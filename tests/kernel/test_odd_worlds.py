"""Worlds that are not plain: translation inside a pod, several interfaces, VLANs, namespaces of every sort, cgroups."""

from __future__ import annotations

import os
import socket
import subprocess
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from pyroute2 import IPRoute
from tagging import join_by_vlan
from truth import ATTACHMENTS, Account, Capture, Counted, Truth, compare, is_attached, within

from kubectl_netpol.demo import namespaces
from kubectl_netpol.demo.machine import Machine
from kubectl_netpol.demo.pod import Attempt, Pod
from kubectl_netpol.demo.servers import Answer
from kubectl_netpol.demo.translation import run_nft
from kubectl_netpol.wire import Marks

SO_MARK = 36


def two_pods(machine: Machine) -> tuple[Pod, Pod]:
    client = machine.add_pod("client", ("10.244.0.2", "fd00:10:244::2"))
    server = machine.add_pod("server", ("10.244.0.3", "fd00:10:244::3"))
    return client, server


def redirect(pod: Pod, hook: str, rule: str) -> None:
    """A REDIRECT in the pod's own namespace, as a sidecar's init container makes it."""
    with pod.inside():
        run_nft(
            [
                "add table inet mesh",
                f"add chain inet mesh {hook} {{ type nat hook {hook} priority -100 ; policy accept ; }}",
                f"add rule inet mesh {hook} {rule}",
            ]
        )


@pytest.mark.kernel
@ATTACHMENTS
def test_a_redirect_on_the_way_in_leaves_the_wires_port(machine: Machine, attach: str):
    client, server = two_pods(machine)
    redirect(server, "prerouting", "tcp dport 8080 redirect to :15006")
    server.listen_tcp(15006)
    truth = Truth(machine)
    for address in server.addresses:
        truth.hold_tcp(client, server, address, 8080, Marks.EXISTING)
    with Capture(attach) as capture:
        for address, source in zip(server.addresses, client.addresses, strict=True):
            capture.wait_for_flow(server, f"in tcp {address} {source} 8080")
            capture.wait_for_flow(client, f"out tcp {source} {address} 8080")
        for address in server.addresses:
            truth.tcp(client, server, address, 8080)
        compare(truth.flows, capture.stop())


@pytest.mark.kernel
@ATTACHMENTS
def test_a_redirect_on_the_way_out_shows_the_proxys_connection_only(machine: Machine, attach: str):
    """The application's socket says that it is connected to the server; the packet goes to the proxy beside it."""
    client, server = two_pods(machine)
    redirect(client, "output", "tcp dport 9090 meta mark != 1337 redirect to :15001")
    server.listen_tcp(9090)
    client.listen_tcp(15001)
    truth = Truth(machine)
    application = client.open_tcp(server.address, 9090)
    proxy = marked_connection(client, server.address, 9090)
    truth.book_both(client, server, "tcp", server.address, 9090, Counted(1, 1, 0, Marks.EXISTING))
    with Capture(attach) as capture:
        capture.wait_for_flow(client, f"out tcp {client.address} {server.address} 9090")
        capture.wait_for_flow(server, f"in tcp {server.address} {client.address} 9090")
        assert client.try_tcp(server.address, 9090) is Attempt.ANSWERED  # by the proxy, without a packet outside
        marked_connection(client, server.address, 9090).close()
        truth.book_both(client, server, "tcp", server.address, 9090, Counted(1, 1))
        compare(truth.flows, capture.stop())
    application.close()
    proxy.close()


def marked_connection(pod: Pod, address: str, port: int) -> socket.socket:
    with pod.inside():
        made = socket.socket()
    made.setsockopt(socket.SOL_SOCKET, SO_MARK, 1337)
    made.connect((address, port))
    return made


@pytest.mark.kernel
@ATTACHMENTS
def test_a_second_interface_is_recorded_and_marked(machine: Machine, attach: str):
    client, server = two_pods(machine)
    machine.add_interface(server, ("10.245.0.3",), "net1")
    server.listen_tcp(80)
    truth = Truth(machine)
    with Capture(attach) as capture:
        capture.wait_for_namespaces(2)
        assert within(5, lambda: is_attached(server, attach, "net1"))
        truth.tcp(client, server, server.address, 80)
        truth.book(client, "out", "tcp", client.address, "10.245.0.3", 80, Counted(1, 1))
        marks = Marks.SECONDARY_INTERFACE
        truth.book(server, "in", "tcp", "10.245.0.3", client.address, 80, Counted(1, 1, 0, marks))
        assert client.try_tcp("10.245.0.3", 80) is Attempt.ANSWERED
        account = capture.stop()
    compare(truth.flows, account)
    place = account.place(server.netns_id)
    assert place and "10.245.0.3" in place.netns.addresses and server.address in place.netns.addresses


@pytest.mark.kernel
@ATTACHMENTS
def test_an_interface_that_comes_later_is_attached(machine: Machine, attach: str):
    server = machine.add_pod("server", ("10.244.0.3",))
    server.listen_tcp(80)
    late = machine.add_namespace("late")
    truth = Truth(machine)
    with Capture(attach) as capture:
        capture.wait_for_namespaces(2)
        machine.add_interface(late, ("10.244.0.9",))
        assert within(5, lambda: is_attached(late, attach))
        truth.tcp(late, server, server.address, 80)
        machine.add_interface(late, ("10.245.0.9",), "net1")
        late.listen_tcp(81)
        assert within(5, lambda: attached_interfaces(capture) == 3)
        assert server.try_tcp("10.245.0.9", 81) is Attempt.ANSWERED
        truth.book(server, "out", "tcp", server.address, "10.245.0.9", 81, Counted(1, 1))
        marks = Marks.SECONDARY_INTERFACE
        truth.book(late, "in", "tcp", "10.245.0.9", server.address, 81, Counted(1, 1, 0, marks))
        compare(truth.flows, capture.stop())


def attached_interfaces(capture: Capture) -> int:
    status = capture.account.status
    return sum(count for way, count in status.attached.items() if way != "namespaces") if status else 0


@pytest.mark.kernel
@ATTACHMENTS
def test_an_interface_that_is_removed_and_made_again_is_attached_again(machine: Machine, attach: str):
    server, other = two_pods(machine)
    server.listen_tcp(80)
    truth = Truth(machine)
    with Capture(attach) as capture:
        capture.wait_for_namespaces(2)
        truth.tcp(other, server, server.address, 80)
        with other.inside(), IPRoute() as routes:
            routes.link("del", index=routes.link_lookup(ifname="eth0")[0])
        other.addresses = ()
        machine.add_interface(other, ("10.244.0.22",))
        assert within(5, lambda: is_attached(other, attach) and attached_interfaces(capture) == 2)
        truth.tcp(other, server, server.address, 80)
        compare(truth.flows, capture.stop())


@pytest.mark.kernel
@ATTACHMENTS
def test_a_pod_with_ipv6_only(machine: Machine, attach: str):
    if not machine.has_ipv6:
        pytest.skip("this kernel has no IPv6")
    client = machine.add_pod("client", ("fd00:10:244::2",))
    server = machine.add_pod("server", ("fd00:10:244::3",))
    server.listen_tcp(80)
    server.listen_udp(53)
    truth = Truth(machine)
    truth.hold_tcp(client, server, server.address, 80, Marks.EXISTING)
    with Capture(attach) as capture:
        for pod, key in ((client, "out tcp fd00:10:244::2 fd00:10:244::3 80"),):
            capture.wait_for_flow(pod, key)
        capture.wait_for_flow(server, "in tcp fd00:10:244::3 fd00:10:244::2 80")
        truth.tcp(client, server, server.address, 80)
        truth.tcp(client, server, server.address, 81)
        truth.udp(client, server, server.address, 53, Answer.ECHO)
        truth.udp(client, server, server.address, 54, None)
        compare(truth.flows, capture.stop())


@pytest.mark.kernel
@ATTACHMENTS
def test_a_flow_on_a_vlan_is_counted_once(machine: Machine, attach: str):
    """Its packets pass both the VLAN's interface and the one below it."""
    left, right = machine.add_namespace("left"), machine.add_namespace("right")
    join_by_vlan(left, right)
    right.listen_tcp(80)
    right.listen_udp(53)
    truth = Truth(machine)
    with Capture(attach) as capture:
        capture.wait_for_namespaces(2)
        assert within(5, lambda: attached_interfaces(capture) == 4)
        for _ in range(3):
            truth.tcp(left, right, "10.100.0.2", 80)
            truth.tcp(left, right, "10.100.0.2", 81)
            truth.udp(left, right, "10.100.0.2", 53, Answer.ECHO, packets=3)
            truth.udp(left, right, "10.100.0.2", 54, None)
        account = capture.stop()
    compare(truth.flows, without_marks(account))


def without_marks(account: Account) -> Account:
    """Which of the two interfaces is the main one is no question here."""
    bare = {key: (seq, [*value[:5], 0]) for key, (seq, value) in account.flows.items()}
    return Account(bare, account.names, account.places, account.status, account.sequence)


# --- namespaces of every sort ----------------------------------------------------------------------------------------


@contextmanager
def process_pod(
    machine: Machine, name: str, addresses: tuple[str, ...]
) -> Iterator[tuple[Pod, subprocess.Popen[bytes]]]:
    """A namespace that only a process has: no mount speaks of it."""
    process = subprocess.Popen(["unshare", "--net", "sleep", "60"])
    place, own = Path(f"/proc/{process.pid}/ns/net"), Path("/proc/self/ns/net").stat().st_ino
    assert within(5, lambda: place.stat().st_ino != own)
    pod = Pod(name, os.open(place, os.O_RDONLY), machine.servers)
    machine.add_interface(pod, addresses)
    try:
        yield pod, process
    finally:
        process.kill()
        process.wait()


@pytest.mark.kernel
@ATTACHMENTS
@pytest.mark.parametrize("when", ["before", "during"])
def test_a_namespace_that_only_a_process_has(machine: Machine, attach: str, when: str):
    server = machine.add_pod("server", ("10.244.0.3",))
    server.listen_tcp(80)
    truth = Truth(machine)
    if when == "before":
        with process_pod(machine, "process", ("10.244.0.9",)) as (pod, process), Capture(attach) as capture:
            use_process_pod(truth, capture, pod, process, server, attach)
    else:
        with Capture(attach) as capture, process_pod(machine, "process", ("10.244.0.9",)) as (pod, process):
            use_process_pod(truth, capture, pod, process, server, attach)


def use_process_pod(
    truth: Truth, capture: Capture, pod: Pod, process: subprocess.Popen[bytes], server: Pod, attach: str
) -> None:
    assert within(5, lambda: is_attached(pod, attach))
    truth.tcp(pod, server, server.address, 80)
    inode = pod.netns_id
    process.kill()
    process.wait()
    pod.close()
    capture.wait(lambda account: account.place(inode) and account.place(inode).netns.gone, "that the process is gone")
    compare(truth.flows, capture.stop())


@pytest.mark.kernel
@ATTACHMENTS
def test_a_namespace_outlives_its_mount_while_a_process_is_in_it(machine: Machine, attach: str):
    """Its events go on being heard by the other path that leads to it."""
    client, server = two_pods(machine)
    server.listen_tcp(80)
    truth = Truth(machine)
    sleeper = client.run(["sleep", "60"])
    with Capture(attach) as capture:
        capture.wait_for_namespaces(2)
        truth.tcp(client, server, server.address, 80)
        namespaces.unmount("/run/netns/client")
        Path("/run/netns/client").unlink()
        capture.settle()
        machine.add_interface(client, ("10.245.0.2",), "net1")
        assert within(10, lambda: is_attached(client, attach, "net1") and attached_interfaces(capture) == 3)
        truth.tcp(client, server, server.address, 80)
        account = capture.stop()
    sleeper.kill()
    sleeper.wait()
    compare(truth.flows, account)
    assert len([place for place in account.places if place.startswith(client.netns_id)]) == 1


@pytest.mark.kernel
@ATTACHMENTS
def test_a_number_used_again_is_another_namespace(machine: Machine, attach: str):
    server = machine.add_pod("server", ("10.244.0.3",))
    server.listen_tcp(80)
    truth = Truth(machine)
    inodes = []
    with Capture(attach) as capture:
        for number in range(12):
            pod = machine.add_pod("again", (f"10.244.1.{number + 1}",))
            assert within(5, lambda pod=pod: is_attached(pod, attach))
            truth.tcp(pod, server, server.address, 80)
            inodes.append(pod.netns_id)
            machine.remove_pod(pod)
        account = capture.stop()
    compare(truth.flows, account)
    # By their flows: a pod that is gone within milliseconds may be gone before its address was read.
    homes = {
        address: {place for place, record in account.places.items() for key in record.flows if f" {address} " in key}
        for address in (f"10.244.1.{number + 1}" for number in range(12))
    }
    mine = {
        address: places - {place for place in places if place.startswith(server.netns_id + "-")}
        for address, places in homes.items()
    }
    assert [len(places) for places in mine.values()] == [1] * 12, mine
    assert len(set().union(*mine.values())) == 12, mine


# --- who it is: the pod's UID by the cgroup's path -------------------------------------------------------------------

UID = "0c7f2d34-9a51-4c1e-8d22-6f0b7a3e5d10"
FLAT = UID.replace("-", "_")
DRIVERS = {
    "cgroupfs": f"kubepods/burstable/pod{UID}/c1",
    "cgroupfs guaranteed": f"kubepods/pod{UID}/c1",
    "systemd": f"kubepods.slice/kubepods-burstable.slice/kubepods-burstable-pod{FLAT}.slice/cri-containerd-c1.scope",
    "systemd guaranteed": f"kubepods.slice/kubepods-pod{FLAT}.slice/crio-c1.scope",
    "kind": f"kubelet.slice/kubelet-kubepods.slice/kubelet-kubepods-besteffort.slice/"
    f"kubelet-kubepods-besteffort-pod{FLAT}.slice/cri-containerd-c1.scope",
}
HIERARCHIES = ("/sys/fs/cgroup/unified", "/sys/fs/cgroup", "/sys/fs/cgroup/pids")


@contextmanager
def cgroup(path: str) -> Iterator[Path]:
    """A cgroup with this path below one of the test's own, in whatever hierarchy lets us; removed at the end."""
    top = next((Path(place) for place in HIERARCHIES if (Path(place) / "cgroup.procs").exists()), None)
    if top is None or not os.access(top, os.W_OK):
        pytest.skip("no cgroup can be made here")
    own = top / f"netpol-test-{uuid.uuid4().hex[:12]}"
    place = own / path
    place.mkdir(parents=True)
    try:
        yield place
    finally:
        while place != top:
            place.rmdir()
            place = place.parent


@pytest.mark.kernel
@pytest.mark.parametrize("driver", sorted(DRIVERS))
def test_the_pods_uid_is_read_off_the_cgroup(machine: Machine, driver: str):
    pod, other = two_pods(machine)
    with cgroup(DRIVERS[driver]) as place:
        sleeper = pod.run(["sleep", "60"])
        (place / "cgroup.procs").write_text(str(sleeper.pid))
        try:
            with Capture("tcx") as capture:
                capture.wait(lambda account: uid_of(account, pod) == UID, "the pod's UID")
                account = capture.stop()
        finally:
            sleeper.kill()
            sleeper.wait()
    assert uid_of(account, pod) == UID
    assert uid_of(account, other) == ""


@pytest.mark.kernel
def test_a_pods_first_process_may_come_later_than_its_namespace(machine: Machine):
    pod, _ = two_pods(machine)
    with Capture("tcx") as capture, cgroup(DRIVERS["systemd"]) as place:
        capture.wait_for_namespaces(2)
        sleeper = pod.run(["sleep", "60"])
        (place / "cgroup.procs").write_text(str(sleeper.pid))
        try:
            capture.wait(lambda account: uid_of(account, pod) == UID, "the pod's UID")
            capture.stop()
        finally:
            sleeper.kill()
            sleeper.wait()


def uid_of(account: Account, pod: Pod) -> str:
    place = account.place(pod.netns_id)
    return place.netns.pod if place else ""
