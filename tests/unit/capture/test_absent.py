"""What a recording never heard of what is in its scope."""

from __future__ import annotations

from typing import Any

from kubectl_netpol.capture.absent import absent_cronjobs, absent_pods
from kubectl_netpol.capture.scope import everything
from kubectl_netpol.model import Workload
from kubectl_netpol.neighbors.inventory import Inventory

T0 = 1_700_000_000_000
SPAN = (T0, T0 + 60_000)
REPORT = Workload("shop", "CronJob", "report", "batch/v1")


def pod(name: str, address: str = "10.0.0.5", owner: str = "web", node: str = "n1", **spec: Any) -> dict[str, Any]:
    return {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": {
            "name": name,
            "namespace": "shop",
            "uid": f"uid-{name}",
            "labels": {"app": owner},
            "creationTimestamp": "2023-11-14T00:00:00Z",
            "ownerReferences": [{"kind": "StatefulSet", "apiVersion": "apps/v1", "name": owner, "controller": True}],
        },
        "spec": {"containers": [], "nodeName": node, **spec},
        "status": {"phase": "Running", "podIPs": [{"ip": address}] if address else []},
    }


def inventory(*objects: dict[str, Any]) -> Inventory:
    made = Inventory()
    made.observe(objects, T0 - 1000)
    return made


def test_of_three_replicas_the_one_that_was_not_heard_is_told():
    found = inventory(pod("web-0"), pod("web-1", "10.0.0.6"), pod("web-2", "10.0.0.7", node="n2"))
    (one,) = absent_pods(found, everything, {"uid-web-0", "uid-web-1"}, SPAN)
    assert (one.workload.path, [pod.name for pod in one.pods], one.all) == ("statefulset/web", ["web-2"], 3)


def test_where_all_were_heard_nothing_is_told():
    assert absent_pods(inventory(pod("web-0")), everything, {"uid-web-0"}, SPAN) == []


def test_pods_without_an_address_in_the_nodes_network_or_out_of_scope_are_not_missed():
    found = inventory(pod("web-0", ""), pod("web-1", hostNetwork=True), pod("db-0", "10.0.0.8", owner="db"))
    assert absent_pods(found, lambda workload, _: workload.name == "web", set(), SPAN) == []


def test_pods_that_were_gone_before_or_came_after_are_not_missed():
    found = inventory(pod("web-0"))
    found.remove(pod("web-0"), T0 - 500)
    assert absent_pods(found, everything, set(), SPAN) == []
    assert absent_pods(inventory(pod("web-0")), everything, set(), (1, 2)) == []


def test_a_cronjob_without_a_heard_run_is_told():
    cronjob = {
        "apiVersion": "batch/v1",
        "kind": "CronJob",
        "metadata": {"name": "report", "namespace": "shop"},
        "spec": {"jobTemplate": {"spec": {"template": {"metadata": {"labels": {"app": "report"}}}}}},
    }
    found = inventory(cronjob)
    assert absent_cronjobs(found, everything, []) == [REPORT]
    assert absent_cronjobs(found, everything, [REPORT]) == []
    assert absent_cronjobs(found, lambda workload, _: False, []) == []
