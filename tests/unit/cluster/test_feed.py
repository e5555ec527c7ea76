"""The feed, against an API server that is played: what it hears of at once, and what it takes in."""

from __future__ import annotations

import json
import queue
import threading
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from kubectl_netpol.cluster import feed as feed_module
from kubectl_netpol.cluster.feed import Feed
from kubectl_netpol.cluster.resources import POD, Resource
from kubectl_netpol.cluster.trouble import UnreachableError
from kubectl_netpol.cluster.watch import Changed
from kubectl_netpol.neighbors.inventory import Inventory

from .server import played, said

LINGERING: dict[str, Any] = {"metadata": {"name": "web", "namespace": "shop", "uid": "u"}, "spec": {}, "status": {}}


class Listening:
    """Keeps what it is told."""

    def __init__(self) -> None:
        self.foreseen: queue.Queue[str] = queue.Queue()
        self.seen: list[str] = []

    def saw(self, _resource: Resource, found: Mapping[str, Any], is_gone: bool) -> None:
        self.seen.append(f"{found['metadata']['name']} {'gone' if is_gone else 'there'}")

    def listed(self, resource: Resource, names: set[tuple[str, str]]) -> None:
        pass

    def foresee(self, _resource: Resource, found: Mapping[str, Any]) -> None:
        self.foreseen.put(found["metadata"]["name"])


def test_what_a_watch_tells_is_foreseen_at_once_and_seen_when_it_is_applied(tmp_path: Path) -> None:
    change = {"type": "DELETED", "object": LINGERING | {"apiVersion": "v1", "kind": "Pod"}}

    def play(path: str, query: dict[str, str]) -> Any:
        if "watch" not in query:
            return said({"metadata": {"resourceVersion": "1"}, "items": []})
        return 200, json.dumps(change).encode() + b"\n" if path == POD.path() else b""

    listening = Listening()
    with played(play, tmp_path) as (api, _):
        feed = Feed(api, Inventory(), listening)
        feed.load()
        feed.watch()
        assert listening.foreseen.get(timeout=10) == "web"
        assert listening.seen == []
        feed.stop()
        feed.apply()
    assert listening.seen[0] == "web gone"


def test_an_answer_about_owners_that_does_not_come_is_not_waited_for_as_long_as_others(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(feed_module, "_OWNER_SILENCE", 0.2)
    owner = {"kind": "ReplicaSet", "apiVersion": "apps/v1", "name": "web-1", "uid": "r", "controller": True}
    pod = LINGERING | {"apiVersion": "v1", "kind": "Pod"}
    pod["metadata"] = {**LINGERING["metadata"], "ownerReferences": [owner]}
    may_answer = threading.Event()

    def play(_path: str, _query: dict[str, str]) -> Any:
        may_answer.wait(5)
        return said({"metadata": {}, "items": []})

    with played(play, tmp_path) as (api, _):
        feed = Feed(api, Inventory(), Listening())
        feed._take(Changed(POD, pod, gone=False))
        begun = time.monotonic()
        feed.apply()
        assert time.monotonic() - begun < 4
        may_answer.set()
    assert isinstance(feed.troubles["owners"], UnreachableError)
