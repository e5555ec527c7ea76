"""The captures of one session together: the cluster's objects, the Jobs, their logs, and what was heard by when.

``live`` runs them while somebody watches; ``collection`` reads those of a session that runs, or ran, by itself.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import replace
from typing import Any

from ..cluster.api import Api
from ..cluster.feed import Feed
from ..cluster.resources import NODE, POD, Resource
from ..cluster.trouble import is_away
from ..errors import CaptureError
from ..neighbors.recording import Recording
from ..render.text import counted
from ..wire import RESEND_SECONDS, Record, StatusRecord
from .farewell import FAREWELL_WORKERS, Farewell
from .fleet import Fleet
from .follow import Follower
from .gaps import Patience, Span, holes, unheard
from .job import Capture
from .logs import LogReader
from .node_capture import NodeCapture
from .nodes import NodeFacts, read_node_facts
from .plan import hosts
from .pods import is_capture_pod, read_capture_pod
from .recorder import Recorder
from .remembered import remember
from .scope import Wanted

_CLOCKS_MILLISECONDS = 2000
"""How far a node's clock may be from the API server's."""

_STARTING_MILLISECONDS = 10_000
_BLINK_SECONDS = 3.0
"""A watch that is cut off and goes on at once is not worth a word."""


class Captures:
    """``say`` gets sentences for people, each once. ``begun`` is when the first node was heard (ms), 0 before.

    ``facts`` are the cluster's nodes by name. ``command`` makes of a verb and its words what is to be typed.
    """

    def __init__(
        self,
        api: Api,
        recorder: Recorder,
        capture: Capture,
        wanted: Wanted,
        say: Callable[[str], None],
        command: Callable[..., str],
    ) -> None:
        self._api = api
        self._complain, self._said = say, set[str]()
        self._wanted = wanted
        self._is_away, self._away_since = False, 0.0
        self._heard: dict[str, dict[str, Span]] = {}
        self._late: set[str] = set()
        self._ended = 0
        self.command = command
        self.capture = capture
        self.recorder = recorder
        self.facts: dict[str, NodeFacts] = {}
        self.begun = 0
        self.feed = Feed(api, recorder.inventory, self)
        self.fleet = Fleet(api, capture, self.feed.now, self.say)
        self.reader = LogReader(api)
        self.follower = Follower(self.reader, capture.namespace, recorder.take, self._note_record)

    def say(self, sentence: str) -> None:
        """Tells people something, once."""
        if sentence not in self._said:
            self._said.add(sentence)
            self._complain(sentence)

    def look(self, seconds: float) -> None:
        """Takes in whatever came, waiting so long for the logs, and sends the requests that are due."""
        self.feed.apply()
        self.fleet.settle()
        self.follower.ask_due()
        self.follower.take_answers(seconds)
        self._tell_troubles()

    def _tell_troubles(self) -> None:
        """An API server that is away is told once, whatever it is asked meanwhile, and once when it is back."""
        troubles, now = self.feed.troubles, time.monotonic()
        away = next(filter(is_away, troubles.values()), None)
        self._away_since = (self._away_since or now) if away else 0.0
        if away and not self._is_away and now - self._away_since >= _BLINK_SECONDS:
            self._is_away = True
            self._complain(f"{away.message}; it is tried again")
        elif self._is_away and not away:
            self._is_away = False
            self._complain("the cluster is reached again")
        for plural, error in troubles.items():
            if not away:
                self.say(f"{plural} are not followed for now: {error.message}; it is tried again")

    def remember(self) -> None:
        """Has the Jobs that are made from now on tell what is in scope now, for when it is gone before its records."""
        workloads, left_out = remember(self.recorder.inventory, self._wanted)
        if left_out:
            self.say(f"{left_out} workloads more than can be remembered: collect before they are deleted")
        self.capture = self.fleet.capture = replace(self.capture, workloads=workloads)

    def holes(self, since: int = 0, until: int = 0, only: tuple[str, ...] = ()) -> list[Recording]:
        """For each workload in scope, when a node that hosts it was not heard: from ``since`` (else the first word) on.

        ``until``: the end of the session, where it is over (ms). ``only``: the nodes that were asked for, where they
        were named; of others nothing is missed.
        """
        begin = since or self.begun
        if not begin:
            return []
        end = self._ended or self.feed.now()
        whole = begin, min(until or end, end)
        inventory, found = self.recorder.inventory, list[Recording]()
        for node in sorted({*self.fleet.nodes, *(only or hosts(inventory, self._wanted))}):
            is_captured = node in self.fleet.nodes
            heard = self._heard.get(node, {}).values()
            spans = holes(heard, whole, self._patience()) if is_captured else [whole]
            marked = list(unheard(inventory, node, spans, self.capture.session, self._wanted))
            if is_captured and spans:
                seconds = sum(last - first for first, last in spans) / 1000
                self.say(f"{node} was not heard for {seconds:.0f} s, which is marked in its pods' recordings")
            elif marked:
                self.say(f"{node} was not captured, which is marked in its pods' recordings")
            found += marked
        return found

    def _patience(self) -> Patience:
        """An agent's end is known once all was read; before that, what it says next may be under way."""
        interval = int(self.capture.interval * 1000)
        start = 2 * interval + _STARTING_MILLISECONDS
        return Patience(start, interval + _CLOCKS_MILLISECONDS if self._ended else start)

    def farewell(self, on_tick: Callable[[], None] = lambda: None) -> None:
        """Takes the last words of every agent, and removes every Job. The feed has to be watching.

        Where that fails, whatever the reason, each Job has been asked to go before the error is raised.
        """
        try:
            self._part(on_tick)
        except Exception:
            self._ended = self._ended or self.feed.now()
            for one in self.left:
                self.fleet.remove(one.node)
            raise

    def _part(self, on_tick: Callable[[], None]) -> None:
        self.fleet.close()
        self._ended = self.fleet.stopped or self.feed.now()
        self.reader.close()
        self.reader = LogReader(self._api, FAREWELL_WORKERS)
        farewell = Farewell(self.feed, self.fleet, self.follower, on_tick)
        farewell.take_last_words(self.reader)
        farewell.remove_jobs()
        farewell.await_pods()
        for sentence in farewell.remains(self._stop):
            self.say(sentence)

    @property
    def left(self) -> list[NodeCapture]:
        """Those whose Jobs are still there after the farewell."""
        return self.fleet.left if self._ended else []

    def check_removed(self) -> None:
        """Raises CaptureError where Jobs are still there after the farewell; why was told of each."""
        if left := self.left:
            count = f"{len(left)} of its {counted(len(self.fleet.made), 'Job')}"
            remedy = f"the API server removes it in time; sooner, by who may: {self._stop}"
            raise CaptureError(f"session {self.capture.session} is not removed: {count} could not be", remedy)

    def keep(self, since: int = 0, until: int = 0, only: tuple[str, ...] = ()) -> None:
        """The last save, with what the cluster's own word never came for and what was not heard; see ``holes``."""
        self.feed.apply()
        self.recorder.infer_unwatched()
        self.recorder.save_or_rescue(self.holes(since, until, only))

    def close(self) -> None:
        """Nothing is asked any more."""
        self.feed.stop()
        self.reader.close()

    @property
    def _stop(self) -> str:
        return self.command("stop", self.capture.session)

    # What the feed and the logs say.

    def saw(self, resource: Resource, found: dict[str, Any], is_gone: bool) -> None:
        """An object of the cluster: nodes and our own pods are looked at."""
        if resource is NODE:
            facts = read_node_facts(found)
            self.facts[facts.name] = facts
            if is_gone:
                del self.facts[facts.name]
        elif resource is POD and is_capture_pod(found, self.capture.namespace, self.capture.session):
            pod = read_capture_pod(found)
            self.follower.note(pod, is_gone)
            if is_gone or pod.is_leaving:
                self.fleet.look_at(pod.node)

    def foresee(self, resource: Resource, found: dict[str, Any]) -> None:
        """News of our own pods are taken in at once: of one that leaves, the last words are there for a moment."""
        if resource is POD and is_capture_pod(found, self.capture.namespace, self.capture.session):
            self.reader.wake()

    def listed(self, resource: Resource, names: set[tuple[str, str]]) -> None:
        """A new list: our pods that it lacks have gone while nobody watched."""
        if resource is POD:
            for stream in self.follower.present:
                if (self.capture.namespace, stream.pod.name) not in names:
                    self.follower.note(stream.pod, is_gone=True)
                    self.fleet.look_at(stream.pod.node)

    def _note_record(self, node: str, record: Record) -> None:
        if one := self.fleet.nodes.get(node):
            one.heard, one.failure, one.hint = time.monotonic(), "", ""
        self.begun = self.begun or record.time
        spans = self._heard.setdefault(node, {})
        if record.epoch not in spans and record.seq > 1:
            self._late.add(record.epoch)
        first, last = spans.get(record.epoch, (record.time, record.time))
        spans[record.epoch] = min(first, record.time), max(last, record.time)
        if record.epoch in self._late and isinstance(record, StatusRecord) and self._is_resent(first, record):
            spans[record.epoch] = min(first, record.since), spans[record.epoch][1]

    def _is_resent(self, first: int, record: StatusRecord) -> bool:
        """Whether what an agent said before ``first`` (ms), which a rotated log no longer has, was said again."""
        return record.final or record.time - first > (RESEND_SECONDS + self.capture.interval) * 1000
