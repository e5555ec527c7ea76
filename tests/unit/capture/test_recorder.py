"""Lines in, recordings out: whatever is among the lines, nothing is lost and nothing is counted twice."""

from __future__ import annotations

import errno
import tempfile
from pathlib import Path

import pytest

from kubectl_netpol.cache.store import LOCAL, Store
from kubectl_netpol.capture.recorder import Recorder
from kubectl_netpol.cli.record_scope import scoped
from kubectl_netpol.errors import StoreError
from kubectl_netpol.model import Mark
from kubectl_netpol.neighbors.inventory import Inventory
from kubectl_netpol.wire import FlowsRecord, Namespace, StatusRecord, encode

SECOND = 1000
T0 = 1_700_000_000 * SECOND


def pod(name: str, address: str) -> dict:
    return {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": {
            "name": name,
            "namespace": "shop",
            "uid": f"uid-{name}",
            "labels": {"app": name},
            "creationTimestamp": "2023-11-14T00:00:00Z",
        },
        "spec": {"containers": []},
        "status": {"phase": "Running", "podIP": address, "podIPs": [{"ip": address}]},
    }


OBJECTS = [pod("web", "10.0.0.5"), pod("api", "10.0.0.9")]


def flows(seq: int, attempts: int, at: int = T0, port: int = 8080, epoch: str = "e1") -> bytes:
    key = f"out tcp 10.0.0.5 10.0.0.9 {port}"
    record = FlowsRecord(
        epoch,
        seq,
        at,
        Namespace("1", "uid-web", ("10.0.0.5",)),
        {key: [attempts, attempts, 0, T0 - SECOND, at, 0]},
    )
    return encode(record).encode()


def status(seq: int, at: int = T0, epoch: str = "e1") -> bytes:
    return encode(StatusRecord(epoch, seq, at, T0 - SECOND)).encode()


@pytest.fixture
def store(tmp_path):
    with Store.open(tmp_path / "cache") as opened:
        yield opened


@pytest.fixture
def recorder(store):
    inventory = Inventory()
    inventory.observe(OBJECTS, T0 - 10 * SECOND)
    return Recorder(store, LOCAL, inventory)


def answered(recorder: Recorder) -> dict[int, int]:
    """Answered connections of web, by port."""
    return {
        key.port.port: sum(counts.answered for counts in by_epoch.values())
        for recording in recorder.recordings()
        if recording.workload.name == "web"
        for key, by_epoch in recording.flows.items()
    }


def test_records_become_a_workloads_neighbors(recorder):
    for line in (flows(1, 3), status(2), flows(3, 5, T0 + SECOND)):
        recorder.take(line)
    assert answered(recorder) == {8080: 5}
    assert recorder.status.seq == 2
    assert recorder.bad_lines == 0


def test_a_line_cut_anywhere_is_counted_and_harms_no_other(recorder):
    whole = flows(1, 3).rstrip()
    for at in range(len(whole)):
        recorder.take(whole[:at])
    assert recorder.bad_lines == len(whole)
    assert "line" in recorder.last_problem
    recorder.take(whole)
    assert answered(recorder) == {8080: 3}


@pytest.mark.parametrize(
    "line", [b"", b"Traceback (most recent call last):", b"\xff\xfe", b"{}", b'{"netpol":2}', b"null"]
)
def test_foreign_lines_are_counted(recorder, line):
    recorder.take(line)
    recorder.take(flows(1, 1))
    assert recorder.bad_lines == 1
    assert answered(recorder) == {8080: 1}


def test_counters_that_go_backwards_take_nothing_away(recorder):
    for line in (flows(1, 9), flows(2, 2, T0 + SECOND), status(3)):
        recorder.take(line)
    assert answered(recorder) == {8080: 9}
    assert recorder.account.backwards == 1


@pytest.mark.parametrize("at", [T0 - 3600 * SECOND, T0 + 3600 * SECOND, (1 << 63) - 1])
def test_clocks_that_jump_lose_nothing(recorder, at):
    for line in (flows(1, 1), flows(2, 2, at), flows(3, 3, T0 + SECOND), status(4, at)):
        recorder.take(line)
    assert answered(recorder) == {8080: 3}
    recorder.save()


def test_saving_and_hearing_again_never_doubles(recorder, store):
    for line in (flows(1, 3), flows(1, 3), status(2)):
        recorder.take(line)
        recorder.save()
        recorder.save()
    again = Recorder(store, LOCAL, recorder.inventory)
    again.take(flows(1, 3))
    again.save()
    kept = next(found for found in store.read(LOCAL) if found.workload.name == "web")
    assert [sum(count.answered for count in by_epoch.values()) for by_epoch in kept.flows.values()] == [3]


def test_a_pod_that_nobody_saw_is_kept_under_its_cron_job(recorder, store):
    """A live recording leaves its object half a minute to come; what is inferred is marked, in the store as well."""
    cron = {"apiVersion": "batch/v1", "kind": "CronJob", "metadata": {"name": "report", "namespace": "shop"}}
    template = {"metadata": {"labels": {"app": "report"}}}
    recorder.inventory.upsert(cron | {"spec": {"jobTemplate": {"spec": {"template": template}}}}, T0)
    place = Namespace("2", "uid-report", ("10.0.0.7",), True, "shop", "report-29400001-x7k2p")
    key = "out tcp 10.0.0.7 10.0.0.9 8080"
    recorder.take(encode(FlowsRecord("e1", 1, T0, place, {key: [2, 2, 0, T0 - SECOND, T0, 0]})).encode())
    recorder.take(status(2, T0 + 31 * SECOND))
    assert recorder.infer_unwatched(T0) == 0
    assert recorder.infer_unwatched(T0 + SECOND) == 1
    recorder.save()
    kept = {found.workload.path: found for found in store.read(LOCAL)}
    assert kept["cronjob/report"].labels == (("app", "report"),)
    assert [count.marks for flows in kept["cronjob/report"].flows.values() for count in flows.values()] == [
        {Mark.INFERRED_OWNER}
    ]


@pytest.mark.parametrize(
    ("words", "labels", "kept"), [((), "app=gone", True), (("deploy/gone",), "", False), (("pod/gone-abc",), "", True)]
)
def test_a_pod_whose_workload_nobody_knows_may_have_any_labels(store, words, labels, kept):
    """It is kept by its own name, unless other names were asked for; one whose labels are known is judged by them."""
    recorder = Recorder(store, LOCAL, Inventory(), scoped(words, "shop", labels).wanted)
    recorder.inventory.observe(OBJECTS, T0)
    recorder.take(flows(1, 3))
    place = Namespace("2", "uid-gone", ("10.0.0.7",), True, "shop", "gone-abc")
    key = "out tcp 10.0.0.7 10.0.0.9 8080"
    recorder.take(encode(FlowsRecord("e1", 2, T0, place, {key: [2, 2, 0, T0 - SECOND, T0, 0]})).encode())
    recorder.infer_unwatched()
    recorder.save()
    expected = ["pod/gone-abc"] if kept else []
    assert [found.workload.path for found in store.read(LOCAL)] == expected
    assert [one.path for one in recorder.ownerless()] == expected


def test_hostile_keys_and_counters_are_passed_over(recorder):
    good = FlowsRecord("e1", 1, T0, Namespace("1", "uid-web", ("10.0.0.5",)))
    for bad in (
        "",
        "out tcp",
        "out tcp a b 80",
        "out tcp 10.0.0.5 10.0.0.9 99999",
        "sideways tcp 10.0.0.5 10.0.0.9 80",
    ):
        good.flows[bad] = [1, 1, 0, T0, T0, 0]
    good.flows["out tcp 10.0.0.5 10.0.0.9 81"] = [1, -1, 0, T0, T0, 0]
    good.flows["out tcp 10.0.0.5 10.0.0.9 82"] = [1, 1, 0, T0, T0, 0]
    recorder.take(encode(good).encode())
    assert answered(recorder) == {82: 1}


def test_where_the_cache_takes_no_more_a_file_takes_all(recorder, store, monkeypatch, tmp_path):
    def full(*_):
        raise StoreError("the cache cannot be written: No space left on device")

    recorder.take(flows(1, 3))
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    monkeypatch.setattr(store, "merge", full)
    with pytest.raises(StoreError) as failed:
        recorder.save_or_rescue()
    (rescued,) = tmp_path.glob("kubectl-netpol-*.ndjson")
    assert str(rescued) in failed.value.message
    assert f"kubectl netpol cache import -f {rescued}" in failed.value.hint
    assert rescued.stat().st_mode & 0o777 == 0o600
    assert b"web" in rescued.read_bytes()


def test_a_rescue_that_fails_too_leaves_no_half_a_file(recorder, store, monkeypatch, tmp_path):
    def full(*_):
        raise StoreError("the cache cannot be written")

    def lines(_):
        yield "half\n"
        raise OSError(errno.ENOSPC, "No space left on device")

    recorder.take(flows(1, 3))
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    monkeypatch.setattr(store, "merge", full)
    monkeypatch.setattr("kubectl_netpol.capture.recorder.lines_of", lines)
    with pytest.raises(StoreError, match="No space left") as failed:
        recorder.save_or_rescue()
    assert failed.value.hint
    assert list(Path(tmp_path).glob("kubectl-netpol-*")) == []


def test_what_an_agent_says_of_a_pod_of_another_node_is_left_out_and_told(recorder):
    placed = pod("web", "10.0.0.5")
    placed["spec"]["nodeName"] = "n1"
    recorder.inventory.upsert(placed, T0)
    assert recorder.take(flows(1, 1), "n2") is None
    assert (recorder.bad_lines, recorder.recordings()) == (1, [])
    assert recorder.last_problem == "a record is about a pod of another node than its agent's"
    assert recorder.take(flows(1, 1), "n1")
    assert recorder.take(status(2), "n2")
    assert [one.workload.name for one in recorder.recordings()] == ["web"]
