"""The sample application does what truth.yaml says, no more and no less."""

from __future__ import annotations

import json
import time
from typing import Any

import pytest
import yaml

from .cluster import Cluster
from .conftest import NAMESPACES
from .layout import SOURCE
from .processes import wait_until
from .witness import Talk, listen, meet

pytestmark = pytest.mark.cluster
PATIENCE = 120  # seconds: the CronJob runs once a minute


def told() -> set[Talk]:
    truth: dict[str, Any] = yaml.safe_load((SOURCE / "truth.yaml").read_text())
    talks = {Talk(row["from"], row["to"], row.get("protocol", "TCP"), row["port"]) for row in truth["connections"]}
    dns = truth["dns"]
    talks |= {Talk(client, dns["server"], dns["protocol"], dns["port"]) for client in dns["clients"]}
    talks |= {Talk(row["from"], address, "TCP", row["port"]) for row in truth["egress"] for address in _addresses(row)}
    return talks | {Talk(row["address"], row["to"], "TCP", row["port"]) for row in truth["ingress"]}


def _addresses(row: dict[str, Any]) -> list[str]:
    return row.get("addresses") or [row.get("external") or row["address"]]


def test_every_call_succeeds(application: Cluster) -> None:
    pods = [
        pod
        for namespace in NAMESPACES
        for pod in json.loads(application.kubectl("-n", namespace, "get", "pods", "-o", "json"))["items"]
        if "job-name" not in pod["metadata"]["labels"]  # it may be gone when it is asked; the next test hears it
    ]
    assert len(pods) == 13
    for pod in pods:
        targets = {word for word in pod["spec"]["containers"][0]["command"] if "://" in word}
        place = ("-n", pod["metadata"]["namespace"], "logs", pod["metadata"]["name"], "--tail=20")

        def succeed(place: tuple[str, ...] = place, targets: set[str] = targets) -> bool:
            lines = application.kubectl(*place).splitlines()
            return targets <= {line.removesuffix(" ok") for line in lines if line.endswith(" ok")}

        wait_until(succeed, 30, f"{place} has called all of {targets}")


@pytest.mark.network("calico", reason="Cilium's traffic passes by the nodes' own connection tracking")
def test_the_nodes_see_what_the_truth_says_and_nothing_else(application: Cluster) -> None:
    expected, seen = told(), set[Talk]()
    deadline = time.monotonic() + PATIENCE
    while seen != expected and time.monotonic() < deadline:
        people = meet(application)
        ours = {name for name in people.workloads.values() if name.split("/")[0] in NAMESPACES}
        seen |= {talk for talk in listen(people) if talk.client in ours or talk.server in ours}
        assert sorted(seen - expected) == []
        time.sleep(1)
    assert sorted(seen) == sorted(expected)
