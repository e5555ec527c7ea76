"""What a session remembers of its workloads: read back as it was, and read as a stranger's words."""

from __future__ import annotations

import json
from typing import Any

import pytest

from kubectl_netpol.capture.remembered import recall, remember
from kubectl_netpol.capture.scope import everything
from kubectl_netpol.cli.record_scope import scoped
from kubectl_netpol.model import Selector, Workload
from kubectl_netpol.neighbors.inference import Unwatched
from kubectl_netpol.neighbors.inventory import Inventory

NOW = 1_700_000_000_000


def thing(kind: str, name: str, owner: tuple[str, str] = ("", ""), **spec: Any) -> dict[str, Any]:
    metadata: dict[str, Any] = {"name": name, "namespace": "shop", "uid": f"{kind}-{name}"}
    if owner[0]:
        metadata["ownerReferences"] = [{"kind": owner[0], "name": owner[1], "apiVersion": "v1", "controller": True}]
    return {"apiVersion": "apps/v1", "kind": kind, "metadata": metadata, "spec": spec}


def running(app: str, **more: Any) -> dict[str, Any]:
    return {
        "selector": {"matchLabels": {"app": app}},
        "template": {"metadata": {"labels": {"app": app, "tier": "x"}}},
    } | more


def lone(name: str) -> dict[str, Any]:
    pod = thing("Pod", name, nodeName="n1")
    pod["metadata"]["labels"] = {"app": name}
    pod["status"] = {"podIPs": [{"ip": "10.0.0.9"}], "phase": "Running"}
    return pod


def cluster() -> Inventory:
    template = {"spec": {"template": {"metadata": {"labels": {"app": "tick"}}}}}
    found = Inventory()
    found.observe(
        [
            thing("Deployment", "web", **running("web")),
            thing("ReplicaSet", "web-5d4f", ("Deployment", "web"), **running("web")),
            thing("StatefulSet", "db", ("Database", "main"), **running("db")),
            thing("CronJob", "tick", jobTemplate=template),
            lone("lone"),
        ],
        NOW,
    )
    return found


def after(text: str, name: str) -> tuple[Workload, Selector]:
    """Whose a pod of that name is taken for, where nothing is known but the text."""
    inventory = Inventory()
    inventory.recall(recall(text))
    inventory.infer([Unwatched("uid", "shop", name, ("10.0.0.7",), "n1", NOW, NOW)])
    pod = inventory.pod("uid")
    assert pod
    owned = inventory.owned(pod)
    return owned.workload, owned.selector


@pytest.mark.parametrize(
    ("pod", "kind", "name", "labels"),
    [
        ("web-5d4f8c9b7d-x2x4z", "Deployment", "web", {"app": "web"}),
        ("db-0", "Database", "main", {"app": "db"}),
        ("tick-29000000-x2x4z", "CronJob", "tick", {"app": "tick"}),
        ("lone", "Pod", "lone", {"app": "lone"}),
        ("other-5d4f8c9b7d-x2x4z", "Pod", "other-5d4f8c9b7d-x2x4z", {}),
    ],
)
def test_a_pod_of_a_workload_that_is_gone_is_still_its_own(
    pod: str, kind: str, name: str, labels: dict[str, str]
) -> None:
    text, left_out = remember(cluster(), everything)
    workload, selector = after(text, pod)
    assert (workload.kind, workload.name, dict(selector.match_labels)) == (kind, name, labels)
    assert left_out == 0
    assert "web-5d4f" not in text


def test_only_what_was_asked_for_is_remembered() -> None:
    text, _ = remember(cluster(), scoped(("deploy/web",), "shop", "").wanted)
    assert [one.workload.name for one in recall(text)] == ["web"]
    text, _ = remember(cluster(), scoped((), "shop", "app=db").wanted)
    assert [one.workload.name for one in recall(text)] == ["db"]


def test_what_is_there_is_believed_before_what_is_remembered() -> None:
    text, _ = remember(cluster(), everything)
    changed = Inventory()
    changed.observe([thing("Deployment", "web", **running("new"))], NOW)
    assert changed.recall(recall(text)) == 4 - 1
    assert {dict(one.template)["app"] for one in changed.controllers() if one.workload.name == "web"} == {"new"}


def test_what_has_no_room_is_counted_and_the_rest_is_whole() -> None:
    inventory = Inventory()
    inventory.observe([thing("Deployment", f"web-{number}", **running("x" * 60)) for number in range(1000)], NOW)
    text, left_out = remember(inventory, everything)
    assert len(text) <= 64 << 10
    assert len(recall(text)) == 1000 - left_out
    assert 0 < left_out < 1000


@pytest.mark.parametrize("text", [None, 3, "", "{}", "[", "[[[", "null", "[1,null]", "[" * 70_000, "[" * 30_000])
def test_what_is_no_memory_tells_nothing(text: object) -> None:
    assert recall(text) == []


@pytest.mark.parametrize(
    "odd",
    [
        {"kind": "Deploy\nment"},
        {"kind": ""},
        {"metadata": {"namespace": "shop", "name": "a b"}},
        {"metadata": {"namespace": "", "name": "web"}},
        {"spec": {"template": {"metadata": {"labels": {"app": 1}}}}},
        {"spec": {"template": {"metadata": {"labels": {"a b": "x"}}}}},
        {"spec": {"selector": {"matchLabels": {"app": "x\ny"}}}},
    ],
)
def test_what_kubernetes_would_not_take_is_left_out(odd: dict[str, Any]) -> None:
    good = thing("Deployment", "web", **running("web"))
    assert len(recall(json.dumps([good]))) == 1
    assert [one.workload.name for one in recall(json.dumps([good | odd, good]))] == ["web"]
