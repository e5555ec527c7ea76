"""Pods that lived and died while nobody watched: whose they were, by their names, and what becomes of it later."""

from __future__ import annotations

import random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kubectl_netpol.model import Direction, Mark, PeerKind, Selector, Workload
from kubectl_netpol.neighbors.fold import Fold
from kubectl_netpol.neighbors.inference import Unwatched
from kubectl_netpol.neighbors.inventory import Inventory
from kubectl_netpol.neighbors.recording import Recording, summarise
from kubectl_netpol.policy.generate import Options, generate
from kubectl_netpol.wire import FlowsRecord, Namespace, Record, StatusRecord

from .cluster import T0, Object, controller, node, owner, pod, service

SECOND = 1000
REPORT = Workload("shop", "CronJob", "report", "batch/v1")
DB = Workload("shop", "StatefulSet", "db", "apps/v1")
LONG = "a-deployment-whose-name-is-as-long-as-the-name-of-one-can-b"
CONTROLLERS = (
    controller("CronJob", "report", template={"app": "report"}),
    controller("CronJob", "report-2", template={"app": "report-2"}),
    controller("Job", "migrate", template={"app": "migrate", "job-name": "migrate"}),
    controller("Job", "backup-29400001", template={"app": "backup"}, owner=owner("CronJob", "backup")),
    controller("CronJob", "backup", template={"app": "backup"}),
    controller("Deployment", "web", selector={"app": "web"}),
    controller("Deployment", "api", selector={"app": "api"}),
    controller("ReplicaSet", "api-7d4b9c6f8", selector={"app": "api", "pod-template-hash": "7d4b9c6f8"})
    | {"spec": {"selector": {"matchLabels": {"app": "api"}}, "template": {"metadata": {"labels": {"app": "api"}}}}},
    controller("StatefulSet", "db", selector={"app": "db"}),
    controller("DaemonSet", "log", selector={"app": "log"}),
    controller("DaemonSet", "twin", selector={"app": "twin"}),
    controller("Job", "twin", template={"app": "twin"}),
    controller("Deployment", LONG, selector={"app": "long"}),
    controller("DaemonSet", "d" * 57, selector={"app": "d"}),
    controller("CronJob", "c" * 52, template={"app": "c"}),
    controller("Deployment", "web-web", selector={"app": "web-web"}),
    controller("StatefulSet", "elsewhere", namespace="other", selector={"app": "elsewhere"}),
)


def inventory(*objects: Object) -> Inventory:
    found = Inventory()
    found.observe([*CONTROLLERS, *objects], T0 + 600 * SECOND)
    return found


def unwatched(name: str, *addresses: str, uid: str = "u1", begin: int = 0, end: int = 60 * SECOND) -> Unwatched:
    return Unwatched(uid, "shop", name, addresses, "n1", T0 + begin, T0 + end)


@pytest.mark.parametrize(
    ("name", "workload"),
    [
        ("report-29400001-x7k2p", "cronjob/report"),
        ("report-29400001-3-x7k2p", "cronjob/report"),
        ("report-2-29400001-x7k2p", "cronjob/report-2"),
        ("report-2940000-x7k2p", ""),
        ("report-29400001-x7k2", ""),
        ("report-29400001-x7a2p", ""),
        ("report-x7k2p", ""),
        ("backup-29400001-x7k2p", "cronjob/backup"),
        ("migrate-x7k2p", "job/migrate"),
        ("migrate-0-x7k2p", "job/migrate"),
        ("web-5d69cdc5f4-2k8xz", "deployment/web"),
        ("web-web-5d69cdc5f4-2k8xz", "deployment/web-web"),
        ("web-5d69c-2k8xz", ""),
        ("api-7d4b9c6f8-2k8xz", "replicaset/api-7d4b9c6f8"),
        ("db-0", "statefulset/db"),
        ("db-12", "statefulset/db"),
        ("db-01", ""),
        ("db-x", ""),
        ("log-2k8xz", "daemonset/log"),
        ("log-24568", "daemonset/log"),
        ("twin-2k8xz", ""),
        ("elsewhere-0", ""),
        ("tmp", ""),
        (f"{LONG[:58]}2k8xz", "deployment/" + LONG),
        ("d" * 57 + "-2k8xz", "daemonset/" + "d" * 57),
        ("c" * 52 + "-294002k8xz", "cronjob/" + "c" * 52),
        ("c" * 51 + "-2940002k8xz", ""),
    ],
)
def test_a_name_tells_the_controller_that_is_known(name: str, workload: str) -> None:
    found = inventory()
    assert found.infer([unwatched(name)]) == 1
    one = found.pod("u1")
    assert one is not None and one.inferred
    assert found.owned(one).workload.path == (workload or f"pod/{name}")
    assert found.owned(one).selector.is_empty is not bool(workload)


def test_the_templates_labels_make_the_selector() -> None:
    found = inventory()
    found.infer([unwatched("web-5d69cdc5f4-2k8xz", uid="w"), unwatched("migrate-x7k2p", uid="m")])
    for uid, selector in (("w", Selector((("app", "web"),))), ("m", Selector((("app", "migrate"),)))):
        one = found.pod(uid)
        assert one is not None
        assert found.owned(one).selector == selector


def test_a_controller_that_is_known_later_is_taken() -> None:
    found = inventory()
    found.infer([unwatched("late-0")])
    found.upsert(controller("StatefulSet", "late", selector={"app": "late"}), T0)
    assert found.infer([unwatched("late-0")]) == 1
    assert found.infer([unwatched("late-0")]) == 0
    one = found.pod("u1")
    assert one is not None
    assert found.owned(one).workload.path == "statefulset/late"


def test_it_has_its_addresses_for_its_time() -> None:
    found = inventory()
    found.infer([unwatched("db-0", "10.0.0.9", begin=100 * SECOND, end=200 * SECOND)])
    assert [bool(found.tenant("10.0.0.9", T0 + at * SECOND)) for at in (30, 150, 230)] == [False, True, False]


def test_of_several_addresses_those_of_the_cluster_count() -> None:
    found = inventory(node("n1", "192.168.0.1", ranges=["10.0.0.0/24"]))
    found.infer([unwatched("db-0", "10.0.0.9", "172.17.0.1")])
    assert found.tenant("10.0.0.9", T0 + 1) is not None
    assert found.tenant("172.17.0.1", T0 + 1) is None


def test_the_real_pod_takes_its_place() -> None:
    found = inventory()
    found.infer([unwatched("report-29400001-x7k2p", "10.0.0.9", "10.0.0.10")])
    real = pod("report-29400001-x7k2p", "10.0.0.9", uid="u1", labels={"x": "y"}, owner=owner("StatefulSet", "db"))
    revision = found.revision
    found.upsert(real, T0 + 90 * SECOND)
    one = found.pod("u1")
    assert found.revision > revision
    assert one is not None and not one.inferred and not one.end
    assert found.owned(one).workload == DB
    assert found.tenant("10.0.0.10", T0 + 1) is None
    tenant = found.tenant("10.0.0.9", T0 + 300 * SECOND)
    assert tenant is not None and tenant.uid == "u1"
    assert found.pod_named("shop", "report-29400001-x7k2p", T0 + 1) == one
    assert found.infer([unwatched("report-29400001-x7k2p", "10.0.0.9")]) == 0
    assert found.pod("u1") == one


def test_a_static_pod_that_has_another_uid_on_its_node_is_there_already() -> None:
    found = inventory(pod("dns-n1", "10.0.0.9", uid="mirror"))
    assert found.infer([unwatched("dns-n1", "10.0.0.9")]) == 0
    assert found.owner("10.0.0.9", T0 + 1) == found.pod("mirror")


def test_a_pod_that_was_there_before_its_namesake_is_another() -> None:
    found = inventory(pod("db-0", "10.0.0.8", uid="new", begin=T0 + 100 * SECOND))
    assert found.infer([unwatched("db-0", "10.0.0.9")]) == 1
    assert found.infer([unwatched("db-0", "10.0.0.8", uid="u2")]) == 1


# --- records to recordings -------------------------------------------------------------------------------------------


def said(seq: int, uid: str, name: str, address: str, flows: dict[str, list[int]], **more: int) -> FlowsRecord:
    """``more``: at (ms after T0), gone, epoch."""
    place = Namespace(uid, uid, (address, "fe80::1"), bool(more.get("gone")), "shop" if name else "", name)
    return FlowsRecord(f"e{more.get('epoch', 1)}", seq, T0 + more.get("at", SECOND), place, flows)


COUNTED = [3, 3, 0, T0 + 500, T0 + 900, 0]
JOB, DATABASE = "report-29400001-x7k2p", "db-0"
RECORDS: list[Record] = [
    said(1, "u1", "", "10.0.0.5", {"out tcp 10.0.0.5 10.0.0.9 5432": COUNTED}),
    said(2, "u1", JOB, "10.0.0.5", {}, at=2 * SECOND),
    said(3, "db", DATABASE, "10.0.0.9", {"in tcp 10.0.0.9 10.0.0.5 5432": COUNTED}),
    said(4, "u1", JOB, "10.0.0.5", {}, at=5 * SECOND, gone=1),
    said(5, "u1", JOB, "10.0.0.5", {}, at=65 * SECOND, gone=1),
    StatusRecord("e1", 6, T0 + 66 * SECOND, T0, "n1", final=True),
]
DATABASES = (pod(DATABASE, "10.0.0.9", uid="db", labels={"app": "db"}, owner=owner("StatefulSet", "db")),)


def neighbors(recordings: dict[Workload, Recording], workload: Workload) -> list[tuple[str, str, int, bool]]:
    return [
        (one.key.direction, one.key.peer.name, one.key.port.port, Mark.INFERRED_OWNER in one.counts.marks)
        for one in summarise(recordings[workload]).neighbors
    ]


def test_a_cron_jobs_pod_that_nobody_saw_is_the_cron_jobs() -> None:
    found, whole = inventory(*DATABASES), Fold()
    for record in RECORDS:
        whole.add(record)
    assert whole.infer_unwatched(found) == 1
    recordings = whole.recordings(found)
    assert neighbors(recordings, REPORT) == [("egress", "shop/statefulset/db", 5432, True)]
    assert neighbors(recordings, DB) == [("ingress", "shop/cronjob/report", 5432, True)]
    assert recordings[REPORT].selector == Selector((("app", "report"),))
    assert whole.account().unattributed == ()


@given(st.randoms(use_true_random=False))
def test_the_order_of_records_is_no_matter(order: random.Random) -> None:
    records = [*RECORDS, said(7, "u1", JOB, "10.0.0.6", {}, at=30 * SECOND, epoch=2)] * 2
    results = []
    for _ in range(2):
        found, whole = inventory(*DATABASES), Fold()
        for record in records:
            whole.add(record)
        whole.infer_unwatched(found)
        results.append((found.pod("u1"), whole.recordings(found)))
        order.shuffle(records)
    assert results[0] == results[1]
    one = results[0][0]
    assert one is not None
    assert (one.addresses, one.begin, one.end, one.node) == (
        ("10.0.0.5", "10.0.0.6"),
        T0 + 500,
        T0 + 30 * SECOND,
        "n1",
    )


def test_a_live_recording_infers_what_ended_some_time_ago() -> None:
    found, whole = inventory(*DATABASES), Fold()
    for record in RECORDS[:5]:
        whole.add(record)
    assert whole.infer_unwatched(found, T0 + 5 * SECOND) == 0
    assert whole.infer_unwatched(found, T0 + 6 * SECOND) == 1
    assert whole.infer_unwatched(found, T0 + 7 * SECOND) == 0


def test_a_pod_that_lives_is_waited_for() -> None:
    found, whole = inventory(*DATABASES), Fold()
    whole.add(RECORDS[1])
    whole.add(StatusRecord("e1", 9, T0 + 100 * SECOND, T0, "n1"))
    assert whole.infer_unwatched(found, T0 + 70 * SECOND) == 0
    assert whole.infer_unwatched(found, T0 + 101 * SECOND) == 1


def test_a_pod_without_a_name_is_not_inferred() -> None:
    found, whole = inventory(*DATABASES), Fold()
    whole.add(RECORDS[0])
    assert whole.infer_unwatched(found) == 0
    assert whole.recordings(found) == {}
    assert whole.account().unattributed == ("10.0.0.5",)


def test_when_the_real_pod_comes_late_the_recording_is_its_owners() -> None:
    found, whole = inventory(*DATABASES), Fold()
    for record in RECORDS:
        whole.add(record)
    whole.infer_unwatched(found)
    whole.recordings(found)
    found.upsert(pod(JOB, "10.0.0.5", uid="u1", labels={"app": "own"}), T0 + 70 * SECOND)
    recordings = whole.recordings(found)
    own = Workload("shop", "Pod", JOB)
    assert REPORT not in recordings
    assert neighbors(recordings, own) == [("egress", "shop/statefulset/db", 5432, False)]
    assert neighbors(recordings, DB) == [("ingress", f"shop/pod/{JOB}", 5432, False)]


def test_behind_a_service_an_inferred_pod_is_marked() -> None:
    objects = (service("db", "10.1.0.1", selector={"app": "db"}, ports=[{"port": 5432, "targetPort": 5432}]),)
    found, whole = inventory(*objects, pod("web", "10.0.0.5", uid="web")), Fold()
    found.observe([*CONTROLLERS, *objects, pod("web", "10.0.0.5", uid="web")], T0)
    whole.add(said(1, "web", "web", "10.0.0.5", {"out tcp 10.0.0.5 10.1.0.1 5432": COUNTED}))
    whole.add(said(2, "db", DATABASE, "10.0.0.9", {"in tcp 10.0.0.9 10.0.0.5 5432": COUNTED}))
    whole.infer_unwatched(found)
    assert neighbors(whole.recordings(found), Workload("shop", "Pod", "web")) == [
        ("egress", "shop/statefulset/db", 5432, True)
    ]


@pytest.mark.parametrize("options", [Options(), Options(allow_empty_selector=True)])
def test_a_pod_that_fits_nothing_admits_nobody_and_isolates_nobody(options: Options) -> None:
    found, whole = inventory(*DATABASES), Fold()
    flows = {"out tcp 10.0.0.5 10.0.0.9 5432": COUNTED}
    whole.add(said(1, "u1", "tmp", "10.0.0.5", flows))
    whole.add(said(3, "db", DATABASE, "10.0.0.9", {"in tcp 10.0.0.9 10.0.0.5 5432": COUNTED}))
    whole.infer_unwatched(found)
    recordings = whole.recordings(found)
    (met,) = summarise(recordings[DB]).neighbors
    assert (met.key.direction, met.key.peer.kind, met.key.peer.name) == (
        Direction.INGRESS,
        PeerKind.UNKNOWN,
        "shop/pod/tmp",
    )
    made = generate([summarise(one) for one in recordings.values()], options)
    assert made.policies == ()
    assert any("gone before its labels were seen" in note.text for note in made.notes)
    assert whole.account().unknown_peers == ("10.0.0.5",)


def test_the_pods_begin_is_its_first_flow_unless_that_is_told_by_a_clock_that_is_wrong() -> None:
    found, whole = inventory(*DATABASES), Fold()
    flows = {"out tcp 10.0.0.5 10.0.0.9 1": [1, 1, 0, 5, 5, 0], "out tcp 10.0.0.5 10.0.0.9 2": COUNTED}
    whole.add(said(1, "u1", JOB, "10.0.0.5", flows))
    whole.infer_unwatched(found)
    one = found.pod("u1")
    assert one is not None and one.begin == T0 + 500
