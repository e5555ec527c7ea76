"""A recording of nodes some of which cannot be captured, of pods that move, and of an API server that is away."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from concurrent.futures import wait
from pathlib import Path
from threading import Event
from typing import Any

import pytest
from cache.recordings import API, OUTSIDE, recording

from kubectl_netpol.cache.store import LOCAL, Store
from kubectl_netpol.capture import captures as captures_module
from kubectl_netpol.capture import farewell, live
from kubectl_netpol.capture.captures import Captures
from kubectl_netpol.capture.job import Capture, job
from kubectl_netpol.capture.live import LiveOptions, LiveRecording
from kubectl_netpol.capture.node_capture import NodeCapture
from kubectl_netpol.capture.nodes import NodeFacts
from kubectl_netpol.capture.pods import CapturePod, read_capture_pod
from kubectl_netpol.capture.progress import Progress
from kubectl_netpol.capture.recorder import Recorder
from kubectl_netpol.capture.scope import everything
from kubectl_netpol.cluster.resources import POD
from kubectl_netpol.cluster.trouble import RefusedError, UnreachableError
from kubectl_netpol.errors import CaptureError
from kubectl_netpol.neighbors.inventory import Inventory
from kubectl_netpol.neighbors.windows import NOT_HEARD

from .test_gaps import pod

FACTS = {name: NodeFacts(name, "linux", "amd64") for name in ("n1", "n2")} | {"n3": NodeFacts("n3", "linux", "s390x")}
WHY = "the image is for amd64 and arm64, and this is s390x"


class FakeFeed:
    """A cluster of which nothing more is heard; it is 100 s after 1970."""

    def __init__(self) -> None:
        self.troubles: dict[str, Exception] = {}

    def now(self) -> int:
        return 100_000

    def __getattr__(self, _: str) -> Any:
        return lambda: 0


class FakeApi:
    """Makes any Job."""

    skew = 0

    def __init__(self) -> None:
        self.created: list[str] = []
        self.deleted: list[str] = []

    def text(self, _path: str, _query: object, _silence: float) -> bytes:
        return b"error: the program cannot be loaded: Operation not permitted\nhint: it needs root\n"

    def create(self, _path: str, body: dict[str, Any]) -> dict[str, Any]:
        self.created.append(body["metadata"]["name"])
        return body

    def delete(self, path: str, _body: object) -> dict[str, Any]:
        self.deleted.append(path.rpartition("/")[2])
        return {}


class World:
    """Captures of what is observed, and what they have said."""

    def __init__(self, store: Store) -> None:
        self.said: list[str] = []
        self.api, self.inventory = FakeApi(), Inventory()
        self.captures = Captures(
            self.api,  # type: ignore[arg-type]
            Recorder(store, LOCAL, self.inventory),
            Capture("abc", "shop", "image"),
            everything,
            self.said.append,
            lambda *words: f"netpol {' '.join(words)}",
        )
        self.captures.facts = FACTS
        self.captures.feed = FakeFeed()  # type: ignore[assignment]

    def recording(self, on_progress: Callable[[Progress], object] = repr, **options: Any) -> LiveRecording:
        return LiveRecording(self.captures, LiveOptions(everything, **options), on_progress)  # type: ignore[arg-type]

    def not_heard(self, **options: Any) -> dict[str, list[tuple[str, int]]]:
        """By workload the nodes that were not heard, and for how long (ms)."""
        found: dict[str, list[tuple[str, int]]] = {}
        for one in self.captures.holes(10_000, **options):
            windows = [(window.node, dict(window.losses)[NOT_HEARD]) for window in one.windows.values()]
            found.setdefault(one.workload.name, []).extend(windows)
        return found


@pytest.fixture
def world(tmp_path: Path) -> Iterator[World]:
    with Store.open(tmp_path / "cache") as store:
        yield World(store)


@pytest.mark.parametrize("options", [{}, {"duration": 5.0}, {"detached": True, "duration": 60.0}, {"nodes": ("n3",)}])
def test_a_recording_of_nodes_on_which_nothing_can_be_captured_fails_at_once(
    world: World, options: dict[str, Any]
) -> None:
    world.inventory.observe([pod("odd", "n3")], 5000)
    recording = world.recording(**options)
    for fails in (recording.nodes, recording.run):
        with pytest.raises(CaptureError) as raised:
            fails()
        assert raised.value.message == f"no node could be captured; n3: {WHY}"
        assert raised.value.hint == "see what is wrong: netpol doctor"
    assert not recording.is_left_running
    assert (recording.progress.nodes, recording.progress.failed) in ((0, 0), (1, 1))
    assert world.api.created == []


def test_a_node_on_which_nothing_can_be_captured_fails_beside_others_and_is_marked(world: World) -> None:
    world.inventory.observe([pod("web"), pod("odd", "n3")], 5000)
    recording = world.recording(on_progress=lambda progress: progress.nodes == 2 and recording.stop())
    assert recording.nodes() == {"n1"}
    recording.run()
    assert world.api.created == ["netpol-abc-n1"]
    assert (recording.progress.nodes, recording.progress.failed) == (2, 1)
    assert world.said[0] == f"n3 is not captured: {WHY}"
    assert world.not_heard()["odd"] == [("n3", 90_000)]


def test_detached_a_node_that_still_starts_has_not_failed_beside_one_that_has(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(live, "_DETACHING_SECONDS", 0.05)
    world.inventory.observe([pod("web"), pod("odd", "n3")], 5000)
    recording = world.recording(detached=True, duration=60.0)
    with pytest.raises(CaptureError) as raised:
        recording.run()
    assert raised.value.message == f"not captured, and marked as not heard: n3: {WHY}"
    assert recording.is_left_running
    assert world.said[-1] == "not heard yet, and still starting: n1; see: netpol sessions -n shop"


def test_where_pods_may_come_to_any_node_one_without_them_is_not_missed(world: World) -> None:
    world.inventory.observe([pod("web")], 5000)
    assert world.recording(everywhere=True).nodes() == {"n1", "n2"}
    assert world.captures.fleet.nodes == {}


def capture_pod(name: str, phase: str, state: dict[str, Any], job: str = "netpol-abc-n1") -> CapturePod:
    return read_capture_pod(
        {
            "metadata": {"name": name, "labels": {"job-name": job}},
            "spec": {"nodeName": "n1"},
            "status": {"phase": phase, "containerStatuses": [{"name": "agent", "state": state}]},
        }
    )


ENDED: dict[str, Any] = {"terminated": {"exitCode": 1}}


def test_a_detached_agent_that_lacks_a_privilege_is_tried_again_with_it(world: World) -> None:
    world.inventory.observe([pod("web")], 5000)
    world.captures.follower.note(capture_pod("first", "Failed", ENDED))
    recording = world.recording(detached=True)
    deadline = time.monotonic() + 10
    while len(world.api.created) < 2 and time.monotonic() < deadline:
        recording._step()
    world.captures.fleet.close()
    assert world.api.created == ["netpol-abc-n1", "netpol-abc-n1-2"]
    assert any("Operation not permitted; trying again with a privileged pod" in one for one in world.said)


@pytest.mark.parametrize(
    ("others", "failure"),
    [([], "its agent ended with exit code 1"), ([("second", "Running", {"running": {}})], "")],
    ids=["alone", "another runs"],
)
def test_a_pod_that_failed_is_no_failure_of_the_one_that_took_its_place(
    world: World, others: list[tuple[str, str, dict[str, Any]]], failure: str
) -> None:
    world.inventory.observe([pod("web")], 5000)
    world.captures.fleet.add(["n1"])
    for one in [("first", "Failed", ENDED), *others]:
        world.captures.follower.note(capture_pod(*one))
    world.recording()._look_at_pods()
    assert world.captures.fleet.nodes["n1"].failure == failure
    world.captures.fleet.close()


def test_a_pod_that_moved_to_a_node_without_a_capture_was_not_heard_there(world: World) -> None:
    world.inventory.observe([pod("web-1"), pod("exporter", "n2", hostNetwork=True)], 5000)
    world.captures.fleet.add(["n1"])
    later = pod("web-2", "n2")
    later["metadata"]["creationTimestamp"] = "1970-01-01T00:01:10Z"
    world.inventory.observe([later], 70_000)
    found = world.not_heard()
    assert found["web-2"] == [("n2", 30_000)]
    assert set(found) == {"web-1", "web-2"}
    assert "n2 was not captured, which is marked in its pods' recordings" in world.said
    assert set(world.not_heard(only=("n1",))) == {"web-1"}


def test_an_api_server_that_is_away_is_told_once_and_so_is_that_it_is_back(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(captures_module, "_BLINK_SECONDS", 0.0)
    troubles = world.captures.feed.troubles
    for why in ("refused", "EOF"):
        for plural in ("pods", "services", "nodes"):
            troubles[plural] = UnreachableError(f"the cluster cannot be reached: {why}")
            world.captures.look(0)
    troubles["pods"] = RefusedError(503, "", "the API server answered with HTTP 503")
    world.captures.look(0)
    troubles.clear()
    world.captures.look(0)
    assert world.said == ["the cluster cannot be reached: refused; it is tried again", "the cluster is reached again"]


def test_a_watch_that_is_cut_off_for_a_moment_is_not_worth_a_word_and_a_refusal_is(world: World) -> None:
    troubles = world.captures.feed.troubles
    troubles["pods"] = UnreachableError("broke off")
    world.captures.look(0)
    troubles["pods"] = RefusedError(403, "Forbidden", "you may not")
    for _ in range(2):
        world.captures.look(0)
    troubles.clear()
    world.captures.look(0)
    assert world.said == ["pods are not followed for now: you may not; it is tried again"]


def test_of_jobs_that_stay_only_those_that_were_made_are_counted(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    world.captures.fleet.give_up({"n3": WHY})
    world.captures.fleet.add(["n1", "n2"])
    for name in ("_REMOVAL_SECONDS", "_UNSURE_SECONDS", "_ABSENCE_SECONDS"):
        monkeypatch.setattr(farewell, name, 0.0)
    world.captures.farewell(lambda: None)
    world.captures.fleet.nodes["n2"].is_removed = True
    with pytest.raises(CaptureError, match="session abc is not removed: 1 of its 2 Jobs could not be"):
        world.captures.check_removed()


@pytest.mark.parametrize("failing", ["begin_farewell", "follow_to_end"])
def test_whatever_fails_the_jobs_are_removed(world: World, monkeypatch: pytest.MonkeyPatch, failing: str) -> None:
    def fail(*_: object) -> None:
        raise ValueError(failing)

    world.inventory.observe([pod("web"), pod("db", "n2")], 5000)
    monkeypatch.setattr(world.captures.follower, failing, fail)
    recording = world.recording(on_progress=lambda progress: progress.nodes == 2 and recording.stop())
    with pytest.raises(ValueError, match=failing):
        recording.run()
    assert world.api.deleted == ["netpol-abc-n1", "netpol-abc-n2"]
    assert world.captures.left == []


def made_pod(world: World, name: str, is_ours: bool = True) -> dict[str, Any]:
    """A pod with our label, of our Job for n1 or of nobody's."""
    owner = {"apiVersion": "batch/v1", "kind": "Job", "name": "netpol-abc-n1", "controller": True}
    return {
        "metadata": {
            "name": name,
            "namespace": "shop",
            "labels": {"kubectl-netpol/session": "abc"},
            "ownerReferences": [owner] if is_ours else [],
        },
        "spec": job(world.captures.capture, "n1")["spec"]["template"]["spec"],
    }


def test_only_pods_of_our_jobs_are_asked_what_they_said(world: World) -> None:
    for is_ours in (True, False):
        world.captures.saw(POD, made_pod(world, f"ours: {is_ours}", is_ours), is_gone=False)
    assert list(world.captures.follower.streams) == ["ours: True"]


def test_news_of_our_pods_end_the_wait_for_logs(world: World) -> None:
    begun = time.monotonic()
    world.captures.foresee(POD, made_pod(world, "ours"))
    assert world.captures.follower.take_answers(5.0) == 0
    assert time.monotonic() - begun < 4
    assert not world.captures.follower.is_waiting
    world.captures.foresee(POD, made_pod(world, "theirs", is_ours=False))
    begun = time.monotonic()
    world.captures.follower.take_answers(0.3)
    assert time.monotonic() - begun > 0.2


@pytest.mark.parametrize(
    ("state", "waited", "fails"),
    [
        ({"waiting": {"reason": "ContainerCreating"}}, 299, False),
        ({"waiting": {"reason": "ContainerCreating"}}, 301, True),
        ({"running": {"startedAt": "x"}}, 89, False),
        ({"running": {"startedAt": "x"}}, 91, True),
    ],
)
def test_a_pod_that_still_pulls_its_image_is_given_more_time_than_one_that_runs_and_is_silent(
    world: World, state: dict[str, Any], waited: float, fails: bool
) -> None:
    world.captures.follower.note(capture_pod("p", "Pending", state))
    one = world.captures.fleet.nodes["n1"] = NodeCapture("n1", "netpol-abc-n1", is_made=True)
    one.made_at = time.monotonic() - waited
    world.recording()._look_at_nodes()
    assert one.failure.startswith("its capture did not start within") is fails


def test_why_a_job_has_no_pod_is_asked_while_the_recording_goes_on(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    may_answer = Event()

    def get(_path: str, _query: object) -> dict[str, Any]:
        may_answer.wait(5)
        return {"items": [{"message": "exceeded quota: pods"}]}

    monkeypatch.setattr(world.api, "get", get, raising=False)
    one = world.captures.fleet.nodes["n1"] = NodeCapture("n1", "netpol-abc-n1", is_made=True)
    one.made_at = one.asked_at = time.monotonic() - 20
    one.next_renewal, one.expires = time.monotonic() + 60, 1 << 60
    recording = world.recording()
    begun = time.monotonic()
    for _ in range(3):
        recording._look_at_nodes()
        world.captures.fleet.settle()
    assert time.monotonic() - begun < 4
    assert one.failure == ""
    may_answer.set()
    wait([request.future for request in world.captures.fleet._requests])
    world.captures.fleet.settle()
    recording._look_at_nodes()
    assert (one.failure, one.hint != "") == ("exceeded quota: pods", True)
    world.captures.fleet.close()


def heard_at(world: World, **nodes: float) -> LiveRecording:
    """A recording of these nodes, each with its last words so many seconds ago, that is to end by silence."""
    recording = world.recording(until_stable=100.0)
    now = time.monotonic()
    for name, ago in nodes.items():
        world.captures.fleet.nodes[name] = NodeCapture(name, heard=now - ago)
    recording.progress.begun = recording.progress.newest = now - 200
    return recording


@pytest.mark.parametrize(
    ("nodes", "is_over"),
    [({"n1": 0.5}, True), ({"n1": 150.0}, False), ({"n1": 0.5, "n2": 150.0}, True), ({"n1": 90.0, "n2": 99.0}, True)],
)
def test_only_while_words_come_does_silence_count(world: World, nodes: dict[str, float], is_over: bool) -> None:
    assert heard_at(world, **nodes)._is_over(0.0) is is_over


def test_a_neighbor_that_takes_anothers_place_is_new() -> None:
    progress = Progress()
    first, other = recording(key=API), recording(key=OUTSIDE)
    progress.count([first], 10.0)
    progress.count([first], 20.0)
    assert (progress.newest, progress.neighbors) == (10.0, 1)
    progress.count([other], 30.0)
    assert (progress.newest, progress.neighbors) == (30.0, 1)
