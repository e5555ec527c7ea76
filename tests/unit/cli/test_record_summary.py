"""What is said at the end of a recording of how complete it is."""

from __future__ import annotations

import json
import subprocess
from functools import partial
from types import SimpleNamespace
from typing import Any

import pytest

from kubectl_netpol.cache.store import LOCAL, Store
from kubectl_netpol.capture.job import Capture, job
from kubectl_netpol.capture.local import LocalSource
from kubectl_netpol.capture.recorder import Recorder
from kubectl_netpol.capture.session import Session
from kubectl_netpol.capture.session import encode as encode_session
from kubectl_netpol.cli import record_cluster, record_local
from kubectl_netpol.cli.application import run
from kubectl_netpol.cli.connection import Connection
from kubectl_netpol.cli.record_summary import summarise_recording
from kubectl_netpol.cluster.resources import CONTROLLERS, WATCHED
from kubectl_netpol.neighbors.inventory import Inventory
from kubectl_netpol.wire import FlowsRecord, Namespace, StatusRecord, encode
from tests.unit.cluster.server import Answer, played, said

T0 = 1_700_000_000_000
HOUR = 3_600_000
CRONJOB = {
    "apiVersion": "batch/v1",
    "kind": "CronJob",
    "metadata": {"name": "report", "namespace": "shop"},
    "spec": {"jobTemplate": {"spec": {"template": {"metadata": {"labels": {"app": "report"}}}}}},
}


def pod(name: str, address: str) -> dict[str, Any]:
    owner = name.partition("-")[0]
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
        "spec": {"containers": [], "nodeName": "n1"},
        "status": {"phase": "Running", "podIPs": [{"ip": address}]},
    }


def flows(seq: int, counts: dict[int, tuple[int, int, int]]) -> bytes:
    """Of web-0 to api: by port how many connections, and when the first and the last was."""
    told = {
        f"out tcp 10.0.0.5 10.0.0.9 {port}": [count, count, 0, T0 + first, T0 + last, 0]
        for port, (count, first, last) in counts.items()
    }
    return encode(FlowsRecord("e1", seq, T0 + HOUR, Namespace("1", "uid-web-0", ("10.0.0.5",)), told)).encode()


SAID = [
    flows(1, {80: (990, 0, HOUR), 81: (10, 60_000, 60_100)}),
    encode(
        StatusRecord("e1", 2, T0 + HOUR, T0, "n1", final=True, attached={"namespaces": 1}, losses={"events_lost": 7})
    ).encode(),
]
"""By an agent of n1, in an hour."""


@pytest.fixture
def recorder(tmp_path):
    inventory = Inventory()
    inventory.observe([pod("web-0", "10.0.0.5"), pod("web-1", "10.0.0.6"), CRONJOB], T0)
    with Store.open(tmp_path / "cache") as store:
        made = Recorder(store, LOCAL, inventory)
        for line in SAID:
            made.take(line)
        yield made


def told(recorder: Recorder, capsys: pytest.CaptureFixture[str], stable: float = 0.0) -> list[str]:
    summarise_recording(recorder, "", "", stable)
    return capsys.readouterr().err.splitlines()


def test_each_workload_is_told_what_as_long_again_brings(recorder, capsys):
    line = told(recorder, capsys)[0]
    assert line.startswith(
        "shop/statefulset/web: 2 neighbors, 2 answered; as long again brings about 1, and fewer than 5"
    )
    assert line.endswith("chance of one per connection: egress 1% (below 4.7%)")


def test_replicas_and_cronjobs_in_scope_that_were_not_heard_are_named(recorder, capsys):
    lines = told(recorder, capsys)
    assert "note: not heard: 1 of 2 pods of shop/statefulset/web (web-1 on n1)" in lines
    assert "note: no run was heard of shop/cronjob/report" in lines


def test_what_was_not_heard_is_kept_and_told_of_the_recording(recorder, capsys, tmp_path):
    recorder.save_or_rescue()
    words = ["--local", "-n", "shop", "--cache-dir", str(tmp_path / "cache")]
    for command in (["neighbors"], ["neighbors", "-o", "wide"], ["neighbors", "-o", "summary"], ["graph"]):
        assert run([*command, *words]) == 0
        assert set(capsys.readouterr().err.splitlines()) >= SILENCES
    assert run(["generate", "--all", *words, "-o", "name"]) == 0
    printed = capsys.readouterr()
    assert printed.out == "networkpolicy.networking.k8s.io/statefulset-web\n"
    notes = printed.err.splitlines()
    assert "note: not heard: 1 of 2 pods of shop/statefulset/web (web-1 on n1)" in notes
    assert "note: cronjob/report in namespace shop: no policy: no run of it was heard; record while one runs" in notes


def test_what_is_heard_later_is_missed_no_more(recorder, capsys, tmp_path):
    recorder.save_or_rescue()
    recorder.take(encode(FlowsRecord("e1", 3, T0 + HOUR, Namespace("2", "uid-web-1", ("10.0.0.6",)), {})).encode())
    recorder.save_or_rescue()
    words = ["--local", "-n", "shop", "--cache-dir", str(tmp_path / "cache")]
    assert run(["neighbors", "-o", "summary", *words]) == 0
    printed = capsys.readouterr()
    assert printed.out.splitlines()[2].split()[:5] == ["statefulset/web", "60m", "0s", "n1", "2/2"]
    assert "pods of" not in printed.err


def test_before_the_first_word_nobody_is_missed(tmp_path):
    inventory = Inventory()
    inventory.observe([pod("web-0", "10.0.0.5"), CRONJOB], T0)
    with Store.open(tmp_path / "cache") as store:
        made = Recorder(store, LOCAL, inventory)
        made.save_or_rescue()
        assert store.workloads(LOCAL) == ()


def test_an_end_by_silence_does_not_claim_more_than_the_estimate(recorder, capsys):
    sentence = "note: that nothing new was seen for 10m proves little alone"
    assert any(line.startswith(sentence) for line in told(recorder, capsys, stable=600))
    assert not any(line.startswith(sentence) for line in told(recorder, capsys))


SILENCES = {
    "note: not heard: 1 of 2 pods of shop/statefulset/web (web-1 on n1)",
    "note: no run was heard of shop/cronjob/report",
}
QUIET_NOTES = SILENCES | {"note: lossy: events lost: 7"}


def is_quiet(lines: list[str]) -> bool:
    """Whether all of the notes are there, and nothing else: no line of a workload, nor what explains these."""
    others = [line for line in lines if not line.startswith("note: ") or "and the chances" in line]
    return set(lines) >= QUIET_NOTES and not others


def has_all(lines: list[str]) -> bool:
    """Whether the notes are there, and the lines of workloads too."""
    return set(lines) >= QUIET_NOTES and any(line.startswith("shop/statefulset/web: 2 neighbors") for line in lines)


def test_quietly_notes_and_losses_stay_and_the_lines_of_workloads_go(recorder, capsys):
    assert not is_quiet(told(recorder, capsys))
    summarise_recording(recorder, "", "", 600, quiet=True)
    lines = capsys.readouterr().err.splitlines()
    assert is_quiet(lines)
    sentence = "note: that nothing new was seen for 10m proves little alone: neighbors -o summary tells"
    assert any(line.startswith(sentence) for line in lines)


CONNECTION = Connection(None, None, None, None, None, (), 0.0, ())


def end_of_record(quiet: bool, recorder: Recorder) -> None:
    wish: Any = SimpleNamespace(quiet=quiet, detach=False, until_stable=0.0, all_namespaces=False, nodes=())
    scope: Any = SimpleNamespace(text="namespace shop", widening="", count=lambda _: "2 pods")
    wish.duration = 8.0
    captures: Any = SimpleNamespace(recorder=recorder)
    recording: Any = SimpleNamespace(progress=SimpleNamespace(is_stable=False))
    run = record_cluster._Run(CONNECTION, wish, scope, captures, Session("s", "shop"))
    run._announce(["n1"], everywhere=True)
    run._conclude(recording)


def test_minus_q_leaves_the_notes_at_the_end_of_record(recorder, capsys):
    end_of_record(True, recorder)
    lines = capsys.readouterr().err.splitlines()
    assert is_quiet(lines)
    assert any("CronJobs are in scope" in line for line in lines)
    end_of_record(False, recorder)
    assert has_all(capsys.readouterr().err.splitlines())


SESSION = Session("k7m2px", "shop", begun=T0, ends=T0 + HOUR, detached=True)
CAPTURE = job(Capture(SESSION.name, "shop", "image", annotation=encode_session(SESSION)), "n1")
CONTROLLER = {"kind": "Job", "apiVersion": "batch/v1", "name": CAPTURE["metadata"]["name"], "controller": True}
CAPTURING = {
    "metadata": {
        "name": "netpol-n1",
        "namespace": "shop",
        "uid": "u",
        "labels": CAPTURE["metadata"]["labels"],
        "ownerReferences": [CONTROLLER],
    },
    "spec": CAPTURE["spec"]["template"]["spec"],
    "status": {
        "phase": "Running",
        "containerStatuses": [{"name": "agent", "state": {"running": {"startedAt": "2023-11-14T22:13:20Z"}}}],
    },
}
LISTS = {
    "pods": [pod("web-0", "10.0.0.5"), pod("web-1", "10.0.0.6"), CAPTURING],
    "cronjobs": [CRONJOB],
    "jobs": [CAPTURE],
}


def api_server(path: str, _: dict[str, str]) -> Answer:
    """A cluster with a session whose only agent has said ``SAID``."""
    last = path.rpartition("/")[2]
    if last == "log":
        return 200, b"".join(SAID)
    if last == "kube-system":
        return said({"metadata": {"uid": "cluster"}})
    if last in {resource.plural for resource in (*WATCHED, *CONTROLLERS)}:
        return said({"metadata": {"resourceVersion": "7"}, "items": LISTS.get(last, [])})
    return said({}, 404)


@pytest.mark.parametrize("quiet", [False, True])
def test_minus_q_leaves_the_notes_at_the_end_of_collect(quiet, capsys, tmp_path):
    words = ["collect", "-n", "shop", "--kubeconfig", str(tmp_path / "config"), "--cache-dir", str(tmp_path / "cache")]
    with played(api_server, tmp_path):
        assert run([*words, "-q"] if quiet else words) == 0
    lines = capsys.readouterr().err.splitlines()
    assert is_quiet(lines) if quiet else has_all(lines)
    assert ("session k7m2px: 1 node; it goes on" in lines) is not quiet


@pytest.mark.parametrize("quiet", [False, True])
def test_minus_q_leaves_the_notes_at_the_end_of_a_local_recording(quiet, capsys, tmp_path, monkeypatch):
    """The agent is another program, which says the same and ends."""
    (tmp_path / "said").write_bytes(b"".join(SAID))
    objects = [pod("web-0", "10.0.0.5"), pod("web-1", "10.0.0.6"), CRONJOB]
    (tmp_path / "objects.json").write_text(json.dumps({"apiVersion": "v1", "kind": "List", "items": objects}))
    agent = partial(subprocess.Popen, ["cat", tmp_path / "said"], stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    monkeypatch.setattr(LocalSource, "_start", lambda _: agent())
    for name in ("check_machine", "catch"):
        monkeypatch.setattr(record_local, name, lambda *_: None)
    words = ["record", "--local", "--inventory", str(tmp_path / "objects.json"), "--cache-dir", str(tmp_path / "cache")]
    assert run([*words, "-q"] if quiet else words) == 0
    lines = capsys.readouterr().err.splitlines()
    assert is_quiet(lines) if quiet else has_all(lines)
    assert any(line.startswith("recording 1 network namespace") for line in lines) is not quiet


def test_no_policy_is_offered_where_nobody_was_heard_to_talk(tmp_path, capsys):
    inventory = Inventory()
    inventory.observe([pod("web-0", "10.0.0.5")], T0)
    with Store.open(tmp_path / "silent") as store:
        silent = Recorder(store, LOCAL, inventory)
        silent.take(flows(1, {}))
        lines = told(silent, capsys)
    assert lines[0].startswith("shop/statefulset/web: 0 neighbors, 0 answered")
    assert not any(line.startswith("next: ") for line in lines)


def test_the_workload_with_the_most_neighbors_is_the_next_one(recorder, capsys):
    assert told(recorder, capsys)[-1] == "next: kubectl netpol generate statefulset/web -n shop"
