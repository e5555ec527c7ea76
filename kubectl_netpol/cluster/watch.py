"""One watch: a list, then its changes for as long as it is wanted, from a thread of its own.

Resumed where it broke off; where the API server no longer knows that place (410) the collection is listed again.
"""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

from .api import Api, Query
from .lists import Pages
from .resources import Resource
from .trouble import ClusterError, RefusedError

_SECONDS = 120
_SILENCE = 135.0
"""A connection that died in silence, as after a sleep, is given up then; what was missed comes after it."""

_RETRY_SECONDS = (0.2, 1.0, 2.0, 5.0)
_GONE = 410


@dataclass(frozen=True, slots=True)
class Listed:
    """The whole collection as it is now."""

    resource: Resource
    objects: list[dict[str, Any]]


@dataclass(frozen=True, slots=True)
class Changed:
    """One object that was added or modified, or, if ``gone``, deleted."""

    resource: Resource
    object: dict[str, Any]
    gone: bool


@dataclass(frozen=True, slots=True)
class Broken:
    """The watch is broken off and tried again; ``error`` says why."""

    resource: Resource
    error: ClusterError


@dataclass(frozen=True, slots=True)
class Mended:
    """The watch that was broken off goes on."""

    resource: Resource


News = Listed | Changed | Broken | Mended


class Watch:
    """Hands news to ``tell``, which is called in the watch's own thread."""

    def __init__(self, api: Api, resource: Resource, tell: Callable[[News], None], namespace: str = "") -> None:
        self._api = api
        self._resource = resource
        self._tell = tell
        self._namespace = namespace
        self._ending = threading.Event()
        self._version = ""
        self._is_broken = False
        self._thread = threading.Thread(target=self._run, name=f"watch-{resource.plural}", daemon=True)

    def start(self, version: str) -> None:
        """Begins from that resourceVersion; from a new list when it is empty."""
        self._version = version
        self._thread.start()

    def stop(self) -> None:
        """No news after this; the thread ends with its request."""
        self._ending.set()

    def _run(self) -> None:
        failures = 0
        while not self._ending.is_set():
            try:
                if not self._version:
                    self._list()
                for one in self._follow():
                    failures = 0
                    self._say(one)
            except ClusterError as error:
                if isinstance(error, RefusedError) and error.status == _GONE:
                    self._version = ""
                else:
                    self._is_broken = True
                    self._say(Broken(self._resource, error))
                self._ending.wait(_RETRY_SECONDS[min(failures, len(_RETRY_SECONDS) - 1)])
                failures += 1

    def _say(self, news: News) -> None:
        if not self._ending.is_set():
            self._tell(news)

    def _list(self) -> None:
        pages = Pages(self._api, self._resource, self._namespace)
        objects = list(pages)
        self._version = pages.version
        self._say(Listed(self._resource, objects))

    def _follow(self) -> Iterator[Changed]:
        query: Query = {
            "watch": True,
            "resourceVersion": self._version,
            "allowWatchBookmarks": True,
            "timeoutSeconds": _SECONDS,
        }
        begun = time.monotonic()
        with self._api.stream(self._resource.path(self._namespace), query, _SILENCE) as chunks:
            if self._is_broken:
                self._is_broken = False
                self._say(Mended(self._resource))
            for line in lines_of(chunks):
                if self._ending.is_set():
                    return
                yield from self._read(line)
        if time.monotonic() - begun < 1.0:  # an API server that ends watches at once is asked no faster
            self._ending.wait(1.0)

    def _read(self, line: bytes) -> Iterator[Changed]:
        try:
            event = json.loads(line)
            kind, found = event["type"], event["object"]
            metadata = found.get("metadata") or {}
        except (ValueError, KeyError, TypeError, AttributeError, RecursionError):
            return
        if kind == "ERROR":
            code = found.get("code") if isinstance(found.get("code"), int) else 500
            raise RefusedError(code, str(found.get("reason", "")), str(found.get("message", "a watch failed")))
        self._version = str(metadata.get("resourceVersion") or self._version)
        if kind in ("ADDED", "MODIFIED", "DELETED"):
            yield Changed(self._resource, found, kind == "DELETED")


def lines_of(chunks: Iterator[bytes]) -> Iterator[bytes]:
    """The lines in a stream of chunks, without their line feeds; also a last one that has none."""
    rest: list[bytes] = []
    for chunk in chunks:
        head, *tail = chunk.split(b"\n")
        rest.append(head)
        if tail:
            yield b"".join(rest)
            yield from tail[:-1]
            rest = [tail[-1]]
    if last := b"".join(rest):
        yield last
