"""The demo's inventory says what its world is: owners, addresses, ports that agree with each other."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

import pytest
import yaml

from kubectl_netpol.demo import dns_server, world
from kubectl_netpol.demo.objects import Object

NOW = datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)


@pytest.fixture
def items(tmp_path: Path) -> list[Object]:
    world.write_inventory(tmp_path / "inventory.yaml", now=NOW)
    return yaml.safe_load((tmp_path / "inventory.yaml").read_text())["items"]


def of_kind(items: list[Object], kind: str) -> dict[str, Object]:
    return {item["metadata"]["name"]: item for item in items if item["kind"] == kind}


def test_every_pod_leads_to_its_workload(items):
    by_uid = {item["metadata"]["uid"]: item for item in items}
    assert len(by_uid) == len(items)
    tops = set()
    for pod in of_kind(items, "Pod").values():
        owner = pod
        while "ownerReferences" in owner["metadata"]:
            reference = owner["metadata"]["ownerReferences"][0]
            owner = by_uid[reference["uid"]]
            assert (owner["kind"], owner["metadata"]["name"]) == (reference["kind"], reference["name"])
            assert owner["metadata"]["namespace"] == pod["metadata"]["namespace"]
        selector = owner["spec"]["selector"]["matchLabels"]
        assert selector.items() <= pod["metadata"]["labels"].items()
        tops.add((owner["kind"], owner["metadata"]["name"]))
    assert tops == {(one.kind, one.name) for one in world.WORKLOADS}


def test_pods_were_started_before_any_recording(items):
    for pod in of_kind(items, "Pod").values():
        assert pod["status"]["startTime"] == "2026-01-02T02:04:05Z"
        assert pod["status"]["podIP"] == pod["status"]["podIPs"][0]["ip"]


def test_addresses_belong_to_one_pod_only(items):
    addresses = [entry["ip"] for pod in of_kind(items, "Pod").values() for entry in pod["status"]["podIPs"]]
    addresses += [item["spec"]["clusterIP"] for item in of_kind(items, "Service").values()]
    unique = [address for address in addresses if address != "None"]
    assert len(set(unique)) == len(unique)
    assert world.GONE_ADDRESS not in unique


def test_the_service_of_api_differs_from_its_named_target(items):
    port = of_kind(items, "Service")["api"]["spec"]["ports"][0]
    assert (port["port"], port["targetPort"]) == (80, "http-api")
    slices = of_kind(items, "EndpointSlice").values()
    (found,) = [one for one in slices if one["metadata"]["labels"]["kubernetes.io/service-name"] == "api"]
    assert found["ports"][0]["port"] == 8080
    assert found["endpoints"][0]["addresses"] == [world.API.pods[0][0]]


def test_the_name_server_knows_the_worlds_addresses(items):
    services = {
        f"{name}.{item['metadata']['namespace']}.svc.cluster.local.": item["spec"]["clusterIP"]
        for name, item in of_kind(items, "Service").items()
    }
    for name, address in services.items():
        known = dns_server.ZONE.get(name, {})
        if address != "None" and known:
            assert known["A"] == (address,)
    assert dns_server.ZONE["db.shop.svc.cluster.local."]["A"] == (world.DB.pods[0][0],)
    assert dns_server.ZONE["cache.shop.svc.cluster.local."]["AAAA"] == (world.CACHE.pods[0][1],)
    assert dns_server.ZONE["edge.github.com."]["A"] == (world.OUTSIDE_ADDRESS,)


def test_a_kernel_without_ipv6_gets_an_inventory_without_it(tmp_path: Path):
    world.write_inventory(tmp_path / "inventory.yaml", has_ipv6=False, now=NOW)
    items = yaml.safe_load((tmp_path / "inventory.yaml").read_text())["items"]
    shown = [entry["ip"] for pod in of_kind(items, "Pod").values() for entry in pod["status"]["podIPs"]]
    assert shown and not [address for address in shown if ":" in address]


def test_the_same_moment_gives_the_same_objects(tmp_path: Path):
    for name in ("one", "two"):
        world.write_inventory(tmp_path / name, now=NOW)
    assert (tmp_path / "one").read_bytes() == (tmp_path / "two").read_bytes()
