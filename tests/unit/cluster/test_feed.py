"""The feed, against an API server that is played: what it hears of at once, and what it takes in."""

from __future__ import annotations

import json
import queue
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from kubectl_netpol.cluster.feed import Feed
from kubectl_netpol.cluster.resources import POD, Resource
from kubectl_netpol.neighbors.inventory import Inventory

from .server import played, said

LINGERING = {"metadata": {"name": "web", "namespace": "shop", "uid": "u"}, "spec": {}, "status": {}}


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
