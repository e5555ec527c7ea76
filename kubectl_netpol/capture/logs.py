"""Reads what captures say, as their pods' logs: polled, since records are cumulative and a poll may read too much.

No thread and no connection for each node: a few workers take turns. Bytes come back by a queue, in the caller's thread.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from queue import Empty, SimpleQueue

from ..cluster.api import Api, Chunks
from ..cluster.resources import POD
from ..cluster.trouble import ClusterError, RefusedError
from ..cluster.watch import lines_of
from .job import CONTAINER

_WORKERS = 8
_LARGEST = 32 << 20
"""Of one answer, in bytes: an API server serves one log file, and kubelets rotate it at 10 MiB."""

_OVERLAP_MILLISECONDS = 1500
_LAST_WORDS_SECONDS = 25.0
_SILENCE_SECONDS = 20.0
"""After which a question is given up and asked anew: a node that was out of reach may be back."""


@dataclass(frozen=True, slots=True)
class Place:
    """A pod whose log is read."""

    namespace: str
    pod: str


@dataclass(frozen=True, slots=True)
class Answer:
    """What came of one request: lines, or why there are none. ``is_whole``: the log was read to its very end.

    ``is_previous``: they are of the container before the one that runs now.
    """

    place: Place
    lines: list[bytes]
    error: ClusterError | None = None
    is_whole: bool = False
    is_previous: bool = False


class LogReader:
    """``ask`` and ``follow`` return at once; ``answers`` has what has come since it was last called."""

    def __init__(self, api: Api, workers: int = _WORKERS) -> None:
        self._api = api
        self._pool = ThreadPoolExecutor(workers, thread_name_prefix="log")
        self._answers: SimpleQueue[Answer | None] = SimpleQueue()
        self._is_closed = False
        self._open: set[Chunks] = set()
        self.waiting = 0

    def ask(self, place: Place, since: int = 0) -> None:
        """Asks for what was logged at ``since`` (ms by the node's clock) or later, and a little before it."""
        query: dict[str, str | int | bool] = {"container": CONTAINER, "limitBytes": _LARGEST}
        if since:
            query["sinceTime"] = _moment(since - _OVERLAP_MILLISECONDS)
        self._submit(place, lambda: self._read(place, query))

    def ask_previous(self, place: Place) -> None:
        """Asks for all that the container before the one that runs now has logged."""
        query: dict[str, str | int | bool] = {"container": CONTAINER, "limitBytes": _LARGEST, "previous": True}
        self._submit(place, lambda: self._read(place, query), is_previous=True)

    def follow(self, place: Place, since: int, on_open: Callable[[], bool]) -> None:
        """Reads until the log ends, with the last words of an agent that is being stopped.

        ``on_open`` is called, by a worker, once the log is open: who ends the agent then misses nothing. It says
        whether the agent ends; of one that goes on, what is there by now is read.
        """
        query: dict[str, str | int | bool] = {"container": CONTAINER, "follow": True, "limitBytes": _LARGEST}
        if since:
            query["sinceTime"] = _moment(since - _OVERLAP_MILLISECONDS)
        self._submit(place, lambda: self._read_to_end(place, query, on_open))

    def answers(self, seconds: float) -> list[Answer]:
        """What has come; waits so long for the first, or until ``wake`` is called."""
        come: list[Answer | None] = []
        try:
            come.append(self._answers.get(timeout=seconds) if seconds > 0 else self._answers.get_nowait())
            while True:
                come.append(self._answers.get_nowait())
        except Empty:
            found = [one for one in come if one is not None]
            self.waiting -= len(found)
            return found

    def wake(self) -> None:
        """Whoever waits in ``answers`` waits no more. Called from any thread."""
        self._answers.put(None)

    def close(self) -> None:
        """Waits for nobody: what has not come yet is not wanted any more, and nothing is asked after it.

        Logs that are followed are broken off: the interpreter does not end before the workers do.
        """
        self._is_closed = True
        self._pool.shutdown(wait=False, cancel_futures=True)
        for chunks in list(self._open):
            chunks.abort()

    def _submit(self, place: Place, work: Callable[[], Answer], is_previous: bool = False) -> None:
        if self._is_closed:
            return
        self.waiting += 1
        self._pool.submit(lambda: self._answers.put(replace(_guarded(place, work), is_previous=is_previous)))

    def _read(self, place: Place, query: dict[str, str | int | bool]) -> Answer:
        data = self._api.text(POD.path(place.namespace, place.pod, "log"), query, _SILENCE_SECONDS)
        # A last line without its end is still being written: it comes whole with the next answer.
        return Answer(place, data.split(b"\n")[:-1])

    def _read_to_end(self, place: Place, query: dict[str, str | int | bool], on_open: Callable[[], bool]) -> Answer:
        lines: list[bytes] = []
        try:
            path = POD.path(place.namespace, place.pod, "log")
            with self._api.stream(path, query, self._api.patience(_LAST_WORDS_SECONDS)) as chunks:
                if on_open():
                    lines.extend(lines_of(self._breakable(chunks)))
                    return Answer(place, lines, is_whole=not self._is_closed)
            return self._read(place, query | {"follow": False})
        except RefusedError as error:
            on_open()
            return Answer(place, lines, error)
        except ClusterError as error:
            return Answer(place, lines, error)

    def _breakable(self, chunks: Chunks) -> Iterator[bytes]:
        self._open.add(chunks)
        try:
            if not self._is_closed:
                yield from chunks
        finally:
            self._open.discard(chunks)


def _guarded(place: Place, work: Callable[[], Answer]) -> Answer:
    try:
        return work()
    except ClusterError as error:
        return Answer(place, [], error)


def _moment(milliseconds: int) -> str:
    """RFC 3339, in whole seconds, which is all that the API keeps."""
    return datetime.fromtimestamp(max(0, milliseconds) // 1000, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
