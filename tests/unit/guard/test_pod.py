"""The API server's time, as a guard's pod keeps it: by Date headers, whatever the node's own clock does."""

import http.client
from email.utils import formatdate

import pytest

from kubectl_netpol.guard import pod
from kubectl_netpol.guard.pod import Server

TRUE = 1_700_000_000


class Clocks:
    """The node's clock (s), which may be set, and one that only runs."""

    def __init__(self, monkeypatch, tmp_path):
        self.wall, self.passed = float(TRUE), 100.0
        monkeypatch.setattr(pod, "time", lambda: self.wall)
        monkeypatch.setattr(pod, "_passed", lambda: self.passed)
        monkeypatch.setattr(pod.ssl, "create_default_context", lambda **_: None)
        self.server = Server({"KUBERNETES_SERVICE_HOST": "192.0.2.1"}, tmp_path)

    def run(self, seconds):
        self.wall += seconds
        self.passed += seconds

    def hear(self, at):
        self.server._note_clock(formatdate(at, usegmt=True))


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
