"""A pod's name by its UID, from the kubelet's folders of logs, with few looks at them."""

from __future__ import annotations

from pathlib import Path

import pytest

from kubectl_netpol.agent.pod_names import PodNames

UID = "3d5b6f0e-8a0c-4f0e-9f1d-0123456789ab"


@pytest.fixture
def clock() -> list[float]:
    return [100.0]


@pytest.fixture
def names(tmp_path: Path, clock: list[float]) -> PodNames:
    return PodNames(str(tmp_path), lambda: clock[0])


def test_a_folder_tells_namespace_and_name(names: PodNames, tmp_path: Path) -> None:
    (tmp_path / f"shop_web-5d69cdc5f4-2k8xz_{UID}").mkdir()
    (tmp_path / "kube-system_etcd.node-1_0f8cf2ba1d9e4a6d8f0c7b3a2e1d4c5b").mkdir()
    assert names.find(UID, 100.0) == ("shop", "web-5d69cdc5f4-2k8xz")
    assert names.find("0f8cf2ba1d9e4a6d8f0c7b3a2e1d4c5b", 100.0) == ("kube-system", "etcd.node-1")


@pytest.mark.parametrize(
    "folder",
    [f"shop_{UID}", f"a_b_c_{UID}", f"Shop_web_{UID}", f"shop_we b_{UID}", f"_web_{UID}", f"{'n' * 64}_web_{UID}"],
)
def test_what_is_no_pods_folder_tells_nothing(names: PodNames, tmp_path: Path, folder: str) -> None:
    (tmp_path / folder).mkdir()
    assert names.find(UID, 100.0) is None


def test_it_looks_again_once_a_second_for_ten_seconds(names: PodNames, tmp_path: Path, clock: list[float]) -> None:
    assert names.find(UID, 100.0) is None
    (tmp_path / f"shop_web_{UID}").mkdir()
    clock[0] = 100.9
    assert names.find(UID, 100.0) is None
    clock[0] = 101.0
    assert names.find(UID, 100.0) == ("shop", "web")
    (tmp_path / "shop_late_u2").mkdir()
    clock[0] = 130.0
    assert names.find("u2", 119.0) is None
    assert names.find("u2", 121.0) == ("shop", "late")


def test_a_folder_that_is_not_there_tells_nothing(tmp_path: Path) -> None:
    assert PodNames(str(tmp_path / "absent")).find(UID, 1e12) is None
