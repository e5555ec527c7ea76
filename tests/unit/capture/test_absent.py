"""What a recording never heard of what is in its scope."""

from __future__ import annotations

from typing import Any

import pytest

from kubectl_netpol.capture.absent import absent
from kubectl_netpol.capture.scope import everything
from kubectl_netpol.model import PodLife, Selector, Workload
from kubectl_netpol.neighbors.inventory import Inventory
from kubectl_netpol.neighbors.owners import Owned

T0 = 1_700_000_000_000
SPAN = (T0, T0 + 60_000)
REPORT = Workload("shop", "CronJob", "report", "batch/v1")
CRONJOB = {
    "apiVersion": "batch/v1",
    "kind": "CronJob",
    "metadata": {"name": "report", "namespace": "shop"},
    "spec": {"jobTemplate": {"spec": {"template": {"metadata": {"labels": {"app": "report"}}}}}},
}


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


def job(**more: Any) -> dict[str, Any]:
    owner = {"kind": "CronJob", "apiVersion": "batch/v1", "name": "report", "controller": True}
    metadata = {"name": "report-1", "namespace": "shop", "ownerReferences": [owner]}
    return {"apiVersion": "batch/v1", "kind": "Job", "metadata": metadata | more}


def run_of_report(**spec: Any) -> dict[str, Any]:
    found = pod("report-1-x", "10.0.0.9", owner="report-1", **spec)
    found["metadata"]["ownerReferences"][0] |= {"kind": "Job", "apiVersion": "batch/v1"}
    return found


def test_of_three_replicas_the_one_that_was_not_heard_is_told():
    found = inventory(pod("web-0"), pod("web-1", "10.0.0.6"), pod("web-2", "10.0.0.7", node="n2"))
    ((workload, one),) = absent(found, everything, {"uid-web-0", "uid-web-1"}, SPAN).items()
    assert workload.path == "statefulset/web"
    assert one.pods == {"web-2": PodLife("web-2", "n2", SPAN[1])}
    assert (one.selector, one.labels) == (Selector((("app", "web"),)), (("app", "web"),))
    assert not one.windows
    assert not one.flows


def test_a_pod_lived_until_it_went_or_the_recording_ended():
    found = inventory(pod("web-0"), pod("web-1", "10.0.0.6"))
    found.remove(pod("web-0"), T0 + 500)
    (one,) = absent(found, everything, set(), SPAN).values()
    assert {name: life.lived for name, life in one.pods.items()} == {"web-0": T0 + 500, "web-1": SPAN[1]}


def test_where_all_were_heard_nothing_is_told():
    assert absent(inventory(pod("web-0")), everything, {"uid-web-0"}, SPAN) == {}


def test_pods_without_an_address_in_the_nodes_network_or_out_of_scope_are_not_missed():
    found = inventory(pod("web-0", ""), pod("web-1", hostNetwork=True), pod("db-0", "10.0.0.8", owner="db"))
    assert absent(found, lambda workload, _: workload.name == "web", set(), SPAN) == {}


def test_pods_that_were_gone_before_or_came_after_are_not_missed():
    found = inventory(pod("web-0"))
    found.remove(pod("web-0"), T0 - 500)
    assert absent(found, everything, set(), SPAN) == {}
    assert absent(inventory(pod("web-0")), everything, set(), (1, 2)) == {}


def test_a_cronjob_without_a_heard_run_is_told():
    ((workload, one),) = absent(inventory(CRONJOB), everything, set(), SPAN).items()
    assert workload == one.workload == REPORT
    assert one.selector == Selector((("app", "report"),))
    assert not (one.pods or one.windows or one.flows)
    assert absent(inventory(CRONJOB), lambda workload, _: False, set(), SPAN) == {}


def test_a_cronjob_whose_run_was_heard_is_not_told():
    found = inventory(CRONJOB, job(), run_of_report())
    assert absent(found, everything, {"uid-report-1-x"}, SPAN) == {}


def test_a_run_that_was_not_heard_is_one_of_its_pods():
    found = absent(inventory(CRONJOB, job(), run_of_report()), everything, set(), SPAN)
    assert {workload: list(one.pods) for workload, one in found.items()} == {REPORT: ["report-1-x"]}


def test_runs_in_their_nodes_network_and_runs_of_others_objects_are_not_waited_for():
    assert absent(inventory(CRONJOB, job(), run_of_report(hostNetwork=True)), everything, set(), SPAN) == {}
    owner = {"kind": "Backup", "apiVersion": "example.com/v1", "name": "nightly", "controller": True}
    owned = CRONJOB | {"metadata": {"name": "report", "namespace": "shop", "ownerReferences": [owner]}}
    assert absent(inventory(owned), everything, set(), SPAN) == {}


def gone_job(name: str, **labels: str) -> dict[str, Any]:
    """A run whose Job is not there any more."""
    found = run_of_report()
    found["metadata"]["ownerReferences"][0]["name"] = name
    found["metadata"]["labels"] = labels
    return found


def test_a_run_whose_job_is_gone_is_its_cronjobs():
    found = inventory(CRONJOB, gone_job("report-28391234", app="report", injected="x"))
    (run,) = found.pods()
    assert found.owned(run) == Owned(REPORT, Selector((("app", "report"),)))
    assert absent(found, everything, {run.uid}, SPAN) == {}


@pytest.mark.parametrize(("name", "app"), [("report-28391234", "migration"), ("report-1", "report")])
def test_a_job_of_somebody_elses_labels_or_name_is_no_run(name, app):
    found = inventory(CRONJOB, gone_job(name, app=app))
    (run,) = found.pods()
    assert found.owned(run).workload.kind == "Job"
    assert list(absent(found, everything, {run.uid}, SPAN)) == [REPORT]


def test_a_cronjob_that_runs_in_its_nodes_network_or_was_made_afterwards_is_not_waited_for():
    template = {"metadata": {"labels": {"app": "report"}}, "spec": {"hostNetwork": True, "containers": []}}
    hosted = CRONJOB | {"spec": {"jobTemplate": {"spec": {"template": template}}}}
    assert absent(inventory(hosted), everything, set(), SPAN) == {}
    later = CRONJOB | {"metadata": CRONJOB["metadata"] | {"creationTimestamp": "2023-11-14T23:00:00Z"}}
    assert absent(inventory(later), everything, set(), SPAN) == {}


def test_a_pod_that_began_in_the_last_moment_is_not_missed():
    young = pod("web-0")
    young["status"]["startTime"] = "2023-11-14T22:14:20Z"  # the span's last second
    assert absent(inventory(young), everything, set(), SPAN) == {}


def test_a_pod_that_was_evicted_long_ago_is_not_missed():
    evicted = pod("web-0")
    conditions = [{"type": "Ready", "status": "False", "lastTransitionTime": "2023-11-14T10:00:00Z"}]
    evicted["status"] |= {"phase": "Failed", "conditions": conditions}
    assert absent(inventory(evicted), everything, set(), SPAN) == {}
