"""The Jobs of a session, against an API server that is made up."""

from __future__ import annotations

import time
from concurrent.futures import wait
from threading import Event
from typing import Any

import pytest

from kubectl_netpol.capture.fleet import Fleet
from kubectl_netpol.capture.job import Capture
from kubectl_netpol.cluster.resources import JOB
from kubectl_netpol.cluster.trouble import RefusedError, UnreachableError


class FakeApi:
    """Answers when it may; its Jobs are gone when they are to be renewed."""

    def __init__(self) -> None:
        self.may_answer = Event()
        self.created: list[str] = []
        self.jobs: list[dict[str, Any]] = []
        self.refusal: RefusedError | None = None

    def get(self, _path: str, _query: object, _silence: float = 60.0) -> dict[str, Any]:
        return {"metadata": {"resourceVersion": "1"}, "items": self.jobs}

    def create(self, _path: str, body: dict[str, Any]) -> dict[str, Any]:
        self.may_answer.wait(5)
        self.created.append(body["metadata"]["name"])
        return body

    def merge(self, path: str, _body: dict[str, Any], _silence: float = 60.0) -> dict[str, Any]:
        raise RefusedError(404, "NotFound", f"{path} not found")

    def delete(self, _path: str, _body: dict[str, Any]) -> dict[str, Any]:
        if self.refusal:
            raise self.refusal
        return {}


def fleet(api: FakeApi) -> Fleet:
    return Fleet(api, Capture("abc", "shop", "image"), lambda: 0, print)  # type: ignore[arg-type]


def test_a_closed_fleet_takes_in_what_was_made_and_forgets_what_was_not_sent() -> None:
    api = FakeApi()
    found = fleet(api)
    found.add(f"n{number}" for number in range(20))
    api.may_answer.set()
    found.close()
    assert sorted(api.created) == sorted(one.job for one in found.nodes.values() if one.is_made)
    found.settle()
    for node in found.nodes:
        found.remove(node)
    assert all(one.is_removed for one in found.nodes.values())


class Noting(FakeApi):
    """Grants everything, and keeps what was asked."""

    def __init__(self) -> None:
        super().__init__()
        self.asked: list[str] = []

    def create(self, path: str, _body: object) -> dict[str, Any]:
        self.asked.append(path)
        return {}

    merge = delete = create


def test_a_node_on_which_nothing_can_be_captured_has_no_job_that_is_removed_marked_or_made(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    # Its Job's path would be that of all Jobs.
    monkeypatch.setattr(Fleet, "_path", lambda _, one: f"jobs/{one.job}")
    api = Noting()
    found = fleet(api)
    found.give_up({"n3": "its machine is another"})
    one = found.nodes["n3"]
    found.mark_stopped()
    found.begin_anew(one)
    is_removed = found.remove("n3")
    found.close()
    assert (is_removed, api.asked, found.made) == (True, [], [])
    assert (one.job, one.failure, one.kept) == ("", "its machine is another", "")


def test_one_object_without_a_name_has_no_path() -> None:
    assert JOB.path("shop") == "/apis/batch/v1/namespaces/shop/jobs"
    with pytest.raises(ValueError, match="a Job without a name"):
        JOB.path("shop", "")


def test_a_closed_fleet_begins_nothing_anew() -> None:
    api = FakeApi()
    api.may_answer.set()
    found = fleet(api)
    found.add(["n1"])
    while not found.nodes["n1"].is_made:
        found.settle()
    found.nodes["n1"].next_renewal = 0.0
    found.settle()
    found.close()
    assert api.created == ["netpol-abc-n1"]


def job_of(node: str, **annotations: str) -> dict[str, Any]:
    marks = {f"kubectl-netpol/{name}": value for name, value in annotations.items()}
    return {"metadata": {"name": f"netpol-abc-{node}", "annotations": marks}}


def after_its_job_went(jobs: list[dict[str, Any]], at: int = 2000) -> tuple[Fleet, FakeApi]:
    """A fleet of one node, once it has noticed at that time (ms) that its Job is gone, and that these are left."""
    api = FakeApi()
    api.may_answer.set()
    found = fleet(api)
    found.add(["n1"])
    while not found.nodes["n1"].is_made:
        found.settle()
    api.jobs = jobs
    found.now = lambda: at
    found.look_at("n1")
    found.nodes["n1"].next_renewal = 0.0
    deadline = time.monotonic() + 5
    while not found.stopped and len(api.created) < 2 and time.monotonic() < deadline:
        found.settle()
    found.close()
    return found, api


def test_a_session_that_is_marked_as_stopped_is_over() -> None:
    found, api = after_its_job_went([job_of("n2", stopped="1500")])
    assert (found.stopped, api.created) == (1500, ["netpol-abc-n1"])


def test_a_session_of_which_no_job_is_left_before_its_deadline_is_over() -> None:
    found, api = after_its_job_went([])
    assert (found.stopped, api.created) == (2000, ["netpol-abc-n1"])


@pytest.mark.parametrize("jobs", [[job_of("n2")], [job_of("n2", stopped="soon")], [job_of("n2", stopped="-1")]])
def test_one_job_that_was_deleted_by_hand_is_made_again(jobs: list[dict[str, Any]]) -> None:
    found, api = after_its_job_went(jobs)
    assert (found.stopped, api.created) == (0, ["netpol-abc-n1", "netpol-abc-n1-2"])


def test_a_laptop_that_slept_past_the_deadline_begins_anew() -> None:
    found, api = after_its_job_went([], at=301_000)
    assert (found.stopped, api.created) == (0, ["netpol-abc-n1", "netpol-abc-n1-2"])


def test_a_mark_of_the_future_is_of_now() -> None:
    assert after_its_job_went([job_of("n2", stopped="999999999999999")])[0].stopped == 2000


@pytest.mark.parametrize(("status", "is_kept"), [(403, True), (404, False), (429, False), (503, False)])
def test_a_removal_that_is_refused_says_why_and_is_soon_given_up(
    monkeypatch: pytest.MonkeyPatch, status: int, is_kept: bool
) -> None:
    api = FakeApi()
    api.may_answer.set()
    found = fleet(api)
    found.add(["n1"])
    found.close()
    one, api.refusal = found.nodes["n1"], RefusedError(status, "", "jane may not")
    one.failure = "its image is not there"
    assert found.remove("n1") is one.is_removed is (status == 404)
    assert not one.is_kept
    later = time.monotonic() + 60
    monkeypatch.setattr("time.monotonic", lambda: later)
    found.remove("n1")
    assert (one.is_kept, one.kept) == (is_kept, "" if status == 404 else "jane may not")
    assert one.failure == "its image is not there"
    api.refusal = None
    assert found.remove("n1")
    assert (one.is_removed, one.kept) == (True, "")


class Renewing(FakeApi):
    """Moves deadlines as it is told to, of Jobs that began at 1000 ms."""

    def __init__(self) -> None:
        super().__init__()
        self.may_answer.set()
        self.renewed: list[tuple[int, float]] = []

    def create(self, path: str, body: dict[str, Any]) -> dict[str, Any]:
        return super().create(path, body) | {"status": {"startTime": "1970-01-01T00:00:01Z"}}

    def merge(self, _path: str, body: dict[str, Any], silence: float = 60.0) -> dict[str, Any]:
        self.renewed.append((body["spec"]["activeDeadlineSeconds"], silence))
        return {"spec": body["spec"], "status": {"startTime": "1970-01-01T00:00:01Z"}}


def test_a_laptop_that_slept_moves_the_deadline_as_soon_as_it_is_awake(monkeypatch: pytest.MonkeyPatch) -> None:
    api, clock, steady = Renewing(), [1000], [1000.0]
    monkeypatch.setattr("time.monotonic", lambda: steady[0])
    found = fleet(api)
    found.now = lambda: clock[0]
    found.add(["n1"])

    def settle() -> None:
        wait([request.future for request in found._requests])
        for _ in range(3):
            found.settle()
            wait([request.future for request in found._requests])

    settle()
    steady[0] += 59
    clock[0] += 59_000
    settle()
    assert api.renewed == []
    clock[0] += 220_000  # the steady clock stood still
    settle()
    assert api.renewed == [(579, 10.0)]
    steady[0] += 59
    clock[0] += 59_000
    settle()
    found.close()
    assert len(api.renewed) == 1


def test_a_renewal_that_fails_is_not_sent_at_each_turn() -> None:
    api = Renewing()
    found = fleet(api)
    found.add(["n1"])
    while not found.nodes["n1"].is_made:
        found.settle()
    found.now = lambda: 290_000
    found.nodes["n1"].asked_at -= 6

    def fail(_path: str, _body: object, _silence: float) -> dict[str, Any]:
        api.renewed.append((0, 0.0))
        raise UnreachableError("away")

    api.merge = fail  # type: ignore[method-assign]
    for _ in range(5):
        found.settle()
        wait([request.future for request in found._requests])
    found.close()
    assert len(api.renewed) == 1
