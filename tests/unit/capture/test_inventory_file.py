"""The inventory's file may change while a recording runs."""

from __future__ import annotations

import json
import os

import pytest

from kubectl_netpol.capture import local
from kubectl_netpol.capture.local import InventoryFile
from kubectl_netpol.errors import InputError
from kubectl_netpol.neighbors.inventory import Inventory

FAR_FUTURE = 1 << 50


def pod(name: str, address: str) -> dict:
    metadata = {"name": name, "namespace": "shop", "uid": name, "creationTimestamp": "2023-11-14T00:00:00Z"}
    return {"apiVersion": "v1", "kind": "Pod", "metadata": metadata, "status": {"phase": "Running", "podIP": address}}


@pytest.fixture
def file(tmp_path, monkeypatch):
    monkeypatch.setattr(local, "_INVENTORY_SECONDS", 0.0)
    path = tmp_path / "objects.json"
    path.write_text(json.dumps(pod("web", "10.0.0.5")))
    found = InventoryFile(path, Inventory())
    found.read()
    return found


def owners(file: InventoryFile) -> list[str]:
    found = [file._inventory.owner(address, FAR_FUTURE) for address in ("10.0.0.5", "10.0.0.6")]
    return [pod.name if pod else "" for pod in found]


def test_a_changed_file_is_observed_again(file):
    assert owners(file) == ["web", ""]
    assert file.reread() == ""
    file._path.write_text(json.dumps({"kind": "List", "items": [pod("web", "10.0.0.5"), pod("api", "10.0.0.6")]}))
    assert file.reread() == ""
    assert owners(file) == ["web", "api"]


@pytest.mark.parametrize("text", ["", "{", "kind: [", "- a", '{"kind": "Pod", "metadata": 7}'])
def test_a_broken_new_version_keeps_the_old_and_is_told_once(file, text):
    file._path.write_text(text)
    assert "its last version goes on being used" in file.reread()
    assert file.reread() == ""
    assert owners(file) == ["web", ""]
    file._path.write_text(json.dumps({"kind": "List", "items": [pod("web", "10.0.0.5"), pod("api", "10.0.0.6")]}))
    assert file.reread() == ""
    assert owners(file) == ["web", "api"]


def test_a_file_that_is_gone_keeps_the_old_and_may_come_back(file):
    text = file._path.read_text()
    file._path.unlink()
    assert "its last version goes on being used" in file.reread()
    assert file.reread() == ""
    assert owners(file) == ["web", ""]
    file._path.write_text(text.replace("10.0.0.5", "10.0.0.6"))
    assert file.reread() == ""
    assert owners(file)[1] == "web"


def test_a_file_that_is_replaced_in_its_second_is_noticed(file):
    stamp = file._path.stat()
    other = file._path.with_suffix(".new")
    other.write_text(file._path.read_text().replace("10.0.0.5", "10.0.0.6"))
    os.utime(other, ns=(stamp.st_atime_ns, stamp.st_mtime_ns))
    other.replace(file._path)
    assert file.reread() == ""
    assert owners(file)[1] == "web"


def test_a_first_version_that_is_broken_is_an_error(tmp_path):
    with pytest.raises(InputError, match="objects"):
        InventoryFile(tmp_path / "objects", Inventory()).read()
