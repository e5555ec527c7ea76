"""The Jobs of one session, node by node: made, renewed, begun anew, removed. All that ever changes in the cluster.

Requests are sent by a few workers at once; what came of them is taken in by ``settle``, in the caller's thread.
"""

from __future__ import annotations

import re
import time
from collections.abc import Callable, Iterable, Mapping
from concurrent.futures import Future, ThreadPoolExecutor, wait
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any, NamedTuple

from ..cluster.api import Api, Query
from ..cluster.resources import EVENT, JOB
from ..cluster.trouble import ClusterError, RefusedError
from .job import MOST_GENERATIONS, STOPPED_ANNOTATION, Capture, job
from .jobs import delete_job, ending, jobs_of, stopped_at
from .loose import moment, table, tables, text
from .node_capture import NodeCapture

RENEW_SECONDS = 60.0
"""How often a watched session's deadlines are moved; the deadline itself is several times as long."""

_RENEWAL_SILENCE = 10.0
"""A renewal that nobody answers, as on a connection that died in a sleep, is given up then (s) and sent anew."""

_AGAIN_SECONDS = 5.0
_WORKERS = 8
_WANTS_PRIVILEGE = re.compile(r"needs root|not permitted|permission denied", re.IGNORECASE)


class Request(NamedTuple):
    """A request under way for a node, and who takes in what comes of it."""

    one: NodeCapture
    then: Callable[[NodeCapture, Future[Any]], None]
    future: Future[Any]


@dataclass(slots=True)
class Fleet:
    """``say`` gets sentences for people, each once. ``renewed``: deadlines are moved for as long as this lives.

    ``stopped``: when somebody else ended the session, in ms since the Unix epoch; 0 while nobody has.
    """

    api: Api
    capture: Capture
    now: Callable[[], int]
    say: Callable[[str], None]
    renewed: bool = True
    is_closed: bool = False
    stopped: int = 0
    nodes: dict[str, NodeCapture] = field(default_factory=dict)
    _pool: ThreadPoolExecutor = field(default_factory=lambda: ThreadPoolExecutor(_WORKERS, thread_name_prefix="job"))
    _requests: list[Request] = field(default_factory=list)

    def add(self, nodes: Iterable[str]) -> None:
        """Begins to capture the nodes that are not captured yet."""
        for node in nodes:
            if node not in self.nodes:
                self.nodes[node] = NodeCapture(node)
                self._make(self.nodes[node])

    def give_up(self, nodes: Mapping[str, str]) -> None:
        """Notes nodes on which nothing can be captured, with the reason: they have no Job, and their capture failed."""
        for node, why in nodes.items():
            if node not in self.nodes:
                self.nodes[node] = NodeCapture(node, is_removed=True, failure=why)

    @property
    def left(self) -> list[NodeCapture]:
        """Those whose Jobs are not removed."""
        return [one for one in self.nodes.values() if not one.is_removed]

    @property
    def made(self) -> list[NodeCapture]:
        """Those that have a Job, or had one."""
        return [one for one in self.nodes.values() if one.job]

    def adopt(self, found: Mapping[str, Any]) -> None:
        """Takes over a Job that was made before, by another process."""
        metadata, spec = table(found.get("metadata")), table(found.get("spec"))
        node = text(table(table(spec.get("template")).get("spec")).get("nodeName"))
        one = NodeCapture(node, text(metadata.get("name")), is_made=True)
        self._note_deadline(one, found)
        self.nodes[node] = one

    def ask_why(self, one: NodeCapture) -> None:
        """Asks for the newest complaint about its Job among the cluster's events, which ``settle`` takes in."""
        query: Query = {"fieldSelector": f"involvedObject.name={one.job},type=Warning", "limit": 50}
        if not any(request.one is one for request in self._requests):
            self._send(one, _explained, self.api.get, EVENT.path(self.capture.namespace), query)

    def settle(self) -> None:
        """Takes in what came of requests, and sends the renewals that are due."""
        requests, self._requests = self._requests, []
        for request in requests:
            if request.future.done():
                request.then(request.one, request.future)
            else:
                self._requests.append(request)
        if self.is_closed:
            return
        busy = {id(request.one) for request in self._requests}
        for one in self.nodes.values():
            if id(one) not in busy and not one.is_removed and self._is_due(one):
                if one.is_made and self.renewed:
                    self._renew(one)
                elif not one.is_made:
                    self._make(one)

    def _is_due(self, one: NodeCapture) -> bool:
        """By our own clock or the cluster's: while a laptop sleeps, its steady clock may stand still."""
        now = time.monotonic()
        is_late = one.expires - self.now() < (self.capture.deadline - RENEW_SECONDS) * 1000
        return now >= one.next_renewal or (one.is_made and is_late and now >= one.asked_at + _AGAIN_SECONDS)

    def look_at(self, node: str) -> None:
        """Its pod is gone: whether its Job is, too, is asked at once."""
        if one := self.nodes.get(node):
            one.next_renewal = min(one.next_renewal, time.monotonic() + 1.0)

    def begin_anew(self, one: NodeCapture, privileged: bool = False) -> None:
        """Another Job in the place of one that is over, or that could not work as it was."""
        if not one.job:
            return
        if one.generation >= MOST_GENERATIONS:
            one.failure = one.failure or "its capture ended again and again"
            one.is_removed = True
            return
        self._send(one, _ignore, delete_job, self.api, self._path(one))
        one.generation, one.privileged, one.is_made = one.generation + 1, one.privileged or privileged, False
        one.complaint = ""
        self._make(one)

    def wants_privilege(self, one: NodeCapture) -> bool:
        """Whether its failure is one that a privileged pod may not have."""
        return not one.privileged and bool(_WANTS_PRIVILEGE.search(one.failure))

    def remove(self, node: str) -> bool:
        """Deletes the node's Job; its pod is told to end. Whether that was granted; ``kept`` says why it was not.

        A node without a Job is left alone. Called from any thread, blocks, and raises nothing.
        """
        one = self.nodes[node]
        if not one.job:
            return True
        try:
            delete_job(self.api, self._path(one))
        except ClusterError as error:
            is_refused = isinstance(error, RefusedError) and not error.is_passing
            one.kept, one.refused = error.message, (one.refused or time.monotonic()) if is_refused else 0.0
        else:
            one.is_removed, one.kept = True, ""
        return one.is_removed

    def mark_stopped(self) -> None:
        """Tells whoever watches this session that its Jobs are removed on purpose. Blocks, and raises nothing."""
        patch = {"metadata": {"annotations": {STOPPED_ANNOTATION: str(self.now())}}}
        wait([self._pool.submit(self.api.merge, self._path(one), patch) for one in self.made])

    def close(self) -> None:
        """Sends nothing more, and takes in what came of what was sent."""
        self.is_closed = True
        self._pool.shutdown(wait=True, cancel_futures=True)
        self._requests = [request for request in self._requests if not request.future.cancelled()]
        self.settle()

    def _path(self, one: NodeCapture) -> str:
        return JOB.path(self.capture.namespace, one.job)

    def _send(
        self,
        one: NodeCapture,
        then: Callable[[NodeCapture, Future[Any]], None],
        ask: Callable[..., Any],
        *arguments: Any,
    ) -> None:
        if not self.is_closed:
            self._requests.append(Request(one, then, self._pool.submit(ask, *arguments)))

    def _make(self, one: NodeCapture) -> None:
        body = job(self.capture, one.node, one.generation, one.privileged)
        one.job = body["metadata"]["name"]
        one.asked_at = time.monotonic()
        one.next_renewal = one.asked_at + _AGAIN_SECONDS
        self._send(one, self._made, self.api.create, JOB.path(self.capture.namespace), body)

    def _made(self, one: NodeCapture, future: Future[dict[str, Any]]) -> None:
        try:
            made = future.result()
        except RefusedError as error:
            if error.reason != "AlreadyExists":  # the answer to an earlier try was lost on its way
                if not error.is_passing:
                    one.failure, one.hint = error.message, error.hint
                    self.say(f"{one.node} is not captured: {error.message}")
                return
            made = {}
        except ClusterError as error:
            self.say(f"{one.node}: {error.message}; it is tried again")
            return
        one.is_made, one.failure, one.made_at = True, "", time.monotonic()
        self._note_deadline(one, made)
        one.next_renewal = time.monotonic() + RENEW_SECONDS

    def _renew(self, one: NodeCapture) -> None:
        seconds = (self.now() - one.begun) // 1000 + self.capture.deadline
        one.asked_at = time.monotonic()
        one.next_renewal = one.asked_at + RENEW_SECONDS
        patch = {"spec": {"activeDeadlineSeconds": int(seconds)}}
        self._send(one, self._renewed, self.api.merge, self._path(one), patch, _RENEWAL_SILENCE)

    def _renewed(self, one: NodeCapture, future: Future[dict[str, Any]]) -> None:
        try:
            found = future.result()
        except RefusedError as error:
            if error.status == 404 and self.now() < one.expires:
                self._send(one, self._looked, _list, self.api, self.capture)
            elif error.status == 404:
                self._lost(one, "its Job is gone")
            else:
                self.say(f"{one.node}: the deadline could not be moved: {error.message}")
                one.next_renewal = time.monotonic() + _AGAIN_SECONDS
            return
        except ClusterError:
            one.next_renewal = time.monotonic() + _AGAIN_SECONDS
            return
        if stopped := stopped_at(found):
            self.stopped = min(stopped, self.now())
        elif how := ending(found):
            self._lost(one, f"its Job ended ({how})")
        else:
            self._note_deadline(one, found)

    # Before its deadline a Job goes only when somebody deletes it. With all others, or marked, that is an end.
    def _looked(self, one: NodeCapture, future: Future[list[dict[str, Any]]]) -> None:
        try:
            stopped = max(map(stopped_at, future.result()), default=self.now())
        except ClusterError:
            one.next_renewal = time.monotonic() + _AGAIN_SECONDS
            return
        if stopped:
            self.stopped = min(stopped, self.now())
        else:
            self._lost(one, "its Job is gone")

    def _lost(self, one: NodeCapture, why: str) -> None:
        if self.is_closed:
            return
        self.say(f"{one.node}: {why}; its capture begins anew")
        self.begin_anew(one)

    def _note_deadline(self, one: NodeCapture, found: Mapping[str, Any]) -> None:
        one.begun = moment(table(found.get("status")).get("startTime")) or one.begun or self.now()
        seconds = table(found.get("spec")).get("activeDeadlineSeconds")
        one.expires = one.begun + (seconds if type(seconds) is int else self.capture.deadline) * 1000


def _list(api: Api, capture: Capture) -> list[dict[str, Any]]:
    return list(jobs_of(api, capture.namespace, capture.session))


def _explained(one: NodeCapture, future: Future[dict[str, Any]]) -> None:
    with suppress(ClusterError):
        events = tables(future.result().get("items"))
        newest = max(events, key=lambda event: text(event.get("lastTimestamp")), default={})
        one.complaint = text(newest.get("message"))[:400]


def _ignore(_: NodeCapture, future: Future[dict[str, Any]]) -> None:
    future.exception()
