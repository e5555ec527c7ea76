"""The pod's UID out of real cgroup paths, and out of nothing else."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kubectl_netpol.agent.identity import pod_of_cgroup

UID = "3d5b6f0e-8a0c-4f0e-9f1d-0123456789ab"
UNDERSCORES = UID.replace("-", "_")
STATIC = "0f8cf2ba1d9e4a6d8f0c7b3a2e1d4c5b"
CONTAINER = "9" * 64


@pytest.mark.parametrize(
    "path",
    [
        f"0::/kubepods.slice/kubepods-burstable.slice/kubepods-burstable-pod{UNDERSCORES}.slice/cri-containerd-{CONTAINER}.scope",
        f"0::/kubepods.slice/kubepods-besteffort.slice/kubepods-besteffort-pod{UNDERSCORES}.slice/crio-{CONTAINER}.scope",
        f"0::/kubepods.slice/kubepods-pod{UNDERSCORES}.slice/crio-{CONTAINER}.scope/container",
        f"0::/kubepods/burstable/pod{UID}/{CONTAINER}",
        f"0::/kubepods/pod{UID}/{CONTAINER}/init",
        f"12:cpuset:/docker/{CONTAINER}/kubepods/besteffort/pod{UID}/{CONTAINER}",
        f"11:cpu,cpuacct:/kubepods/burstable/pod{UID}/{CONTAINER}",
        f"4:pids:/system.slice/containerd.service/kubepods-burstable-pod{UNDERSCORES}.slice:cri-containerd:{CONTAINER}",
        f"0::/kubelet.slice/kubelet-kubepods.slice/kubelet-kubepods-burstable.slice/kubelet-kubepods-burstable-pod{UNDERSCORES}.slice/cri-containerd-{CONTAINER}.scope",
        f"0::/kubelet/kubepods/besteffort/pod{UID}/{CONTAINER}",
        f"0::/system.slice/docker-{CONTAINER}.scope/kubelet.slice/kubelet-kubepods.slice/kubelet-kubepods-pod{UNDERSCORES}.slice",
        f"0::/../../pod{UID}/{CONTAINER}",
        f"0::/../../../besteffort/pod{UID}/{CONTAINER}",
        f"0::/../../kubepods-besteffort-pod{UNDERSCORES}.slice/cri-containerd-{CONTAINER}.scope",
        f"12:devices:/\n11:freezer:/kubepods/pod{UID}/{CONTAINER}\n0::/",
    ],
)
def test_both_drivers_and_every_runtime_name_the_pod(path):
    assert pod_of_cgroup(path + "\n") == UID


def test_a_static_pod_has_a_uid_without_hyphens():
    assert pod_of_cgroup(f"0::/kubepods/burstable/pod{STATIC}/{CONTAINER}") == STATIC


@pytest.mark.parametrize(
    "text",
    [
        "",
        "0::/\n",
        "0::/init.scope",
        "0::/user.slice/user-1000.slice/session-1.scope",
        f"0::/system.slice/docker-{CONTAINER}.scope",
        f"0::/machine.slice/libpod-{CONTAINER}.scope",
        f"0::/user.slice/pod{UID}/x",
        "0::/kubepods.slice/kubepods-burstable.slice",
        f"0::/kubepods/burstable/pod{UID[:-1]}/x",
        f"0::/kubepods/burstable/pod{UID}0/x",
        f"0::/kubepods/burstable/notpod{UID}/x",
        "0::/../cri-containerd-1.scope",
        "nonsense",
    ],
)
def test_what_is_no_pod_has_no_uid(text):
    assert pod_of_cgroup(text) == ""


@given(st.text(alphabet="/.-_:podkubes0123456789abcdef\n"))
def test_any_text_is_read(text):
    assert pod_of_cgroup(text) == "" or len(pod_of_cgroup(text)) >= 32
