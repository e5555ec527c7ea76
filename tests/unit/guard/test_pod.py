"""The API server's time, as a guard's pod keeps it: by Date headers, whatever the node's own clock does."""

import http.client
import io
import json
from email.utils import formatdate
from threading import Event

import pytest

from kubectl_netpol.guard import pod
from kubectl_netpol.guard.__main__ import Guard
from kubectl_netpol.guard.plan import Earlier, Plan
from kubectl_netpol.guard.pod import Server

TRUE = 1_700_000_000


class Clocks:
    """The node's clock (s), which may be set, and one that only runs."""

    def __init__(self, monkeypatch, tmp_path):
        self.wall, self.passed = float(TRUE), 100.0
        monkeypatch.setattr(pod, "time", lambda: self.wall)
        monkeypatch.setattr(pod, "_passed", lambda: self.passed)
        monkeypatch.setattr(pod.ssl, "create_default_context", lambda **_: None)
        self._account = tmp_path
        self.start()

    def start(self):
        """A guard's pod starts on the node."""
        self.server = Server({"KUBERNETES_SERVICE_HOST": "192.0.2.1"}, self._account)

    def run(self, seconds):
        self.wall += seconds
        self.passed += seconds

    def hear(self, at):
        self.server._note_clock(formatdate(at, usegmt=True))

    @property
    def true(self):
        """The API server's clock (s)."""
        return TRUE + self.passed - 100.0


@pytest.fixture
def clocks(monkeypatch, tmp_path):
    return Clocks(monkeypatch, tmp_path)


@pytest.mark.parametrize("off", [-3600, 0, 3600])
def test_a_node_whose_clock_is_corrected_while_it_waits_keeps_the_servers_time(clocks, off):
    clocks.wall += off
    clocks.hear(TRUE)
    clocks.wall -= off
    clocks.run(60)
    assert abs(clocks.server.now() - (TRUE + 60) * 1000) <= 500


@pytest.mark.parametrize("off", [-3600, 3600])
def test_a_node_whose_clock_is_set_wrong_while_it_waits_keeps_it_too(clocks, off):
    clocks.hear(TRUE)
    clocks.wall += off
    clocks.run(60)
    assert clocks.server.now() == (TRUE + 60) * 1000


def test_a_node_that_agrees_with_the_server_knows_more_than_whole_seconds(clocks):
    clocks.run(1.75)
    clocks.hear(TRUE + 1)
    assert clocks.server.now() == TRUE * 1000 + 1750


def test_a_later_answer_counts_and_one_without_a_date_does_not(clocks):
    clocks.hear(TRUE + 5000)
    clocks.hear(TRUE + 9000)
    clocks.server._note_clock(None)
    clocks.server._note_clock("noise")
    clocks.run(1)
    assert clocks.server.now() == (TRUE + 9001) * 1000 + 500


def test_an_answer_that_breaks_off_is_none(clocks, monkeypatch, tmp_path):
    def break_off(*_, **__):
        raise http.client.IncompleteRead(b"")

    (tmp_path / "token").write_text("t")
    monkeypatch.setattr(pod.urllib.request, "urlopen", break_off)
    with pytest.raises(OSError, match="the answer broke off"):
        clocks.server.ask("GET", "/", None, "application/json")


class Answer(io.BytesIO):
    """What the API server says to everything, with its time or without."""

    status = 200

    def __init__(self, headers):
        metadata = {"uid": "u", "resourceVersion": "1", "annotations": {"generated-by": "kubectl-netpol"}}
        super().__init__(json.dumps({"metadata": metadata}).encode())
        self.headers = headers


class Stop(Event):
    """Time passes when one waits for it."""

    def __init__(self, clocks):
        super().__init__()
        self._clocks = clocks

    def wait(self, timeout=None):
        self._clocks.run(timeout)
        return self.is_set()


def effects(clocks, monkeypatch, tmp_path, is_silent=False, date=True):
    """When a guard that has ten minutes does something with an effect, in seconds since it was started."""
    (tmp_path / "token").write_text("t")
    clocks.start()
    began, asked, found = clocks.passed, [], []

    def urlopen(request, **_):
        asked.append(request)
        if is_silent and len(asked) <= 3:
            raise ConnectionError("no route")
        if request.method != "GET" and "dryRun" not in request.full_url:
            found.append(clocks.passed - began)
        return Answer({"Date": formatdate(clocks.true, usegmt=True)} if date else {})

    monkeypatch.setattr(pod.urllib.request, "urlopen", urlopen)
    plan = Plan("shop", "netpol-guard-abc", (TRUE + 600) * 1000, (Earlier("new", None),))
    assert Guard(plan, clocks.server.ask, clocks.server.now, Stop(clocks), lambda _: None).run() == 0
    return found


@pytest.mark.parametrize("is_silent", [False, True])
@pytest.mark.parametrize("off", [-3600, 0, 3600])
def test_a_guard_on_a_node_with_a_wrong_clock_acts_at_its_deadline(clocks, monkeypatch, tmp_path, off, is_silent):
    clocks.wall += off
    found = effects(clocks, monkeypatch, tmp_path, is_silent)
    assert all(599 <= at <= 602 for at in found), found
    assert found


@pytest.mark.parametrize("off", [-3600, 3600])
def test_a_guard_that_starts_late_on_a_node_with_a_wrong_clock_acts_at_once(clocks, monkeypatch, tmp_path, off):
    clocks.run(700)
    clocks.wall += off
    found = effects(clocks, monkeypatch, tmp_path)
    assert found
    assert set(found) == {0}


def test_where_answers_come_without_a_time_the_nodes_clock_is_all_there_is(clocks, monkeypatch, tmp_path):
    assert clocks.server.now() is None
    found = effects(clocks, monkeypatch, tmp_path, date=False)
    assert all(599 <= at <= 602 for at in found), found
