"""What is said when a recording is left running."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pytest

from kubectl_netpol.capture.node_capture import NodeCapture
from kubectl_netpol.cli import record_cluster
from kubectl_netpol.cli.record_cluster import _Run
from kubectl_netpol.errors import CaptureError


@pytest.mark.parametrize(
    ("nodes", "count"),
    [
        ([NodeCapture("n1", heard=1.0), NodeCapture("n2", failure="exceeded quota")], "1 node"),
        ([NodeCapture("n1", heard=1.0), NodeCapture("n2")], "2 nodes"),
        ([NodeCapture("n1", heard=1.0), NodeCapture("n2", heard=1.0, failure="its Job ended")], "2 nodes"),
    ],
    ids=["one was refused", "one still starts", "one was heard and ended"],
)
def test_the_nodes_that_go_on_by_themselves_are_counted(
    capsys: pytest.CaptureFixture[str], nodes: list[NodeCapture], count: str
) -> None:
    captures: Any = SimpleNamespace(fleet=SimpleNamespace(nodes={one.node: one for one in nodes}))
    connection: Any = SimpleNamespace(command=lambda *words: f"kubectl netpol {' '.join(words)}")
    wish: Any = SimpleNamespace(detach=True, quiet=False)
    session: Any = SimpleNamespace(name="k7m2px")
    scope: Any = None
    recording: Any = SimpleNamespace(is_left_running=True)
    _Run(connection, wish, scope, captures, session)._conclude(recording)
    told = capsys.readouterr()
    assert told.out == "k7m2px\n"
    assert told.err.startswith(f"session k7m2px captures {count} by itself now\n")


@pytest.mark.parametrize("is_left_running", [True, False])
def test_what_failed_of_a_session_that_goes_on_is_told_after_its_name(
    monkeypatch: pytest.MonkeyPatch, is_left_running: bool
) -> None:
    failure = CaptureError("not captured, and marked as not heard: n3: no image")

    def run() -> None:
        raise failure

    monkeypatch.setattr(record_cluster, "catch", lambda _: None)
    unknown: Any = None
    nobody_spoke: Any = SimpleNamespace(recorder=SimpleNamespace(statuses={}))
    recording: Any = SimpleNamespace(run=run, stop=None, is_left_running=is_left_running)
    session = _Run(unknown, unknown, unknown, nobody_spoke, unknown)
    if is_left_running:
        assert session._record(recording) is failure
        return
    with pytest.raises(CaptureError, match="n3"):
        session._record(recording)
