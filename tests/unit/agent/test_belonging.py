"""Of all namespaces that have processes only those of the own kubelet's pods count, and few cgroups are read for it."""

from __future__ import annotations

import pytest

from kubectl_netpol.agent.belonging import Belonging

UID = "3d5b6f0e-8a0c-4f0e-9f1d-0123456789ab"
OTHER = "11111111-8a0c-4f0e-9f1d-0123456789ab"
POD, FOREIGN = 4026531900, 4026531901


class Node:
    """Cgroups by process, a clock, and how often a cgroup was read."""

    def __init__(self, own: str, **cgroups: str) -> None:
        self.cgroups = {int(pid.removeprefix("p")): text for pid, text in cgroups.items()}
        self.time = 0.0
        self.reads: list[int] = []
        self.belonging = Belonging(own, self.read, lambda: self.time)

    def read(self, pid: int) -> str:
        self.reads.append(pid)
        return self.cgroups.get(pid, "")

    def pods(self, processes: dict[int, int], known: frozenset[int] = frozenset()) -> set[int]:
        return set(self.belonging.pods_among(processes, lambda inode, _pid: inode in known))


@pytest.mark.parametrize(
    ("own", "other", "counts"),
    [
        (f"8:pids:/kubepods/besteffort/pod{UID}/a", f"8:pids:/kubepods/pod{OTHER}/b", True),
        (f"8:pids:/kubepods/besteffort/pod{UID}/a", f"8:pids:/docker/77/kubepods/pod{OTHER}/b", False),
        (f"8:pids:/docker/77/kubepods/pod{UID}/a", f"8:pids:/docker/78/kubepods/pod{OTHER}/b", False),
        (f"8:pids:/docker/77/kubepods/pod{UID}/a", f"8:pids:/docker/77/kubepods/burstable/pod{OTHER}/b", True),
        (
            f"0::/kubelet.slice/kubelet-kubepods.slice/kubelet-kubepods-pod{UID.replace('-', '_')}.slice/cri-1.scope",
            f"0::/kubepods.slice/kubepods-pod{OTHER.replace('-', '_')}.slice/cri-2.scope",
            False,
        ),
        ("0::/", f"0::/../../pod{OTHER}/b", True),
        ("0::/", f"0::/kubepods/pod{OTHER}/b", True),
        ("0::/user.slice/session-1.scope", f"0::/any/kubepods/pod{OTHER}/b", True),
        (f"9:cpu:/\n8:pids:/kubepods/pod{UID}/a", f"9:cpu:/kubepods/pod{OTHER}/b\n8:pids:/", True),
        (f"8:pids:/kubepods/pod{UID}/a", "8:pids:/system.slice/private-network.service", False),
        (f"8:pids:/kubepods/pod{UID}/a", "8:pids:/docker/0123", False),
        ("0::/", "0::/../../../system.slice/private-network.service", False),
        ("0::/", "", False),
    ],
)
def test_a_pod_counts_when_its_kubelet_may_be_the_own(own: str, other: str, counts: bool) -> None:
    assert Node(own, p5=other).pods({POD: 5}) == ({POD} if counts else set())


def test_what_is_known_is_not_judged() -> None:
    node = Node("0::/", p5="8:pids:/docker/1")
    assert node.pods({POD: 5}, frozenset({POD})) == {POD}
    assert node.reads == []


def test_a_foreign_namespace_is_judged_for_some_seconds_and_then_remembered() -> None:
    node = Node("0::/", p5="8:pids:/docker/1")
    for node.time in (0.0, 2.0, 4.0, 6.0, 8.0, 10.0):
        assert node.pods({FOREIGN: 5}) == set()
    assert node.reads == [5, 5, 5]


def test_a_process_that_comes_into_its_cgroup_late_counts() -> None:
    node = Node("0::/", p5="8:pids:/containerd")
    assert node.pods({POD: 5}) == set()
    node.cgroups[5], node.time = f"8:pids:/kubepods/pod{UID}/a", 2.0
    assert node.pods({POD: 5}) == {POD}


def test_an_inode_that_is_used_again_is_judged_anew() -> None:
    node = Node("0::/", p5="8:pids:/docker/1", p9=f"8:pids:/kubepods/pod{UID}/a")
    for node.time in (0.0, 9.0):
        assert node.pods({FOREIGN: 5}) == set()
    assert node.pods({FOREIGN: 9}) == {FOREIGN}
    node.time = 20.0
    assert node.pods({FOREIGN: 5}) == set()
    assert node.pods({}) == set()
    node.cgroups[5] = node.cgroups[9]
    assert node.pods({FOREIGN: 5}) == {FOREIGN}
