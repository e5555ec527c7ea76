"""The end of a session's captures: their agents' last words, their Jobs removed, and what remains all the same.

``captures`` makes one for its farewell, in the thread that does everything but waiting.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass

from ..cluster.feed import Feed
from .fleet import Fleet
from .follow import Follower, Stream
from .logs import LogReader

FAREWELL_WORKERS = 24
"""So many logs are followed to their end at a time."""

_FAREWELL_SECONDS = 60.0
_REMOVAL_SECONDS = 40.0
_UNSURE_SECONDS = 10.0
_PREVIOUS_SECONDS = 10.0
_ABSENCE_SECONDS = 20.0
_AGAIN_SECONDS = 1.0


@dataclass(frozen=True, slots=True)
class Farewell:
    """``on_tick`` is called while something is waited for."""

    feed: Feed
    fleet: Fleet
    follower: Follower
    on_tick: Callable[[], None]

    def take_last_words(self, reader: LogReader) -> None:
        """Reads each log to its end by that reader; once one is open its node's Job is removed."""
        self.follower.begin_farewell(reader)
        self._wait(_PREVIOUS_SECONDS, lambda: self.follower.is_waiting)
        # An API server that is not there just now is asked again; one that cannot reach a node takes longer to say so.
        until = time.monotonic() + _ABSENCE_SECONDS
        while time.monotonic() < until and not self._is_refused() and self.follower.follow_to_end(self.fleet.remove):
            self._wait(_FAREWELL_SECONDS, lambda: self.follower.is_waiting)
            self._wait(_AGAIN_SECONDS, lambda: self.follower.has_closed)

    def remove_jobs(self) -> None:
        """Removes the Jobs that are still there, for as long as that is not refused."""
        deadline = time.monotonic() + _REMOVAL_SECONDS
        while remaining := [one for one in self.fleet.left if not one.is_kept]:
            for one in remaining:
                if time.monotonic() < deadline:
                    self.fleet.remove(one.node)
            if all(one.is_removed for one in remaining) or time.monotonic() > deadline:
                return
            self._wait(_AGAIN_SECONDS, lambda: True)

    def await_pods(self) -> None:
        """Waits until the pods of removed Jobs are gone."""
        # Where the log could not be read, the node may not answer either, and its pod stays until it does.
        self._wait(_UNSURE_SECONDS, lambda: bool(self._leaving()))
        more = _REMOVAL_SECONDS - _UNSURE_SECONDS
        self._wait(more, lambda: any(not stream.trouble for stream in self._leaving()))

    def remains(self, stop: str) -> Iterator[str]:
        """Sentences on what was not heard and on what is still there; ``stop`` is the command that removes it."""
        kept = {one.node for one in self.fleet.left}
        newest = {one.pod.node: one for one in sorted(self.follower.streams.values(), key=lambda one: one.newest)}
        for stream in newest.values():  # where another spoke after it, the time between them is marked
            if stream.is_cut_off and stream.pod.node not in kept:
                yield f"{stream.pod.node}: the agent's last words were not heard"
        for one in self.fleet.left:
            why = one.kept or "there was no time to ask"
            yield f"{one.node}: its Job could not be removed: {why}; the API server does it in time, or: {stop}"
        for stream in self._leaving():
            yield f"{stream.pod.node}: the pod {stream.pod.name} is still there; it goes once the node answers"

    def _wait(self, seconds: float, goes_on: Callable[[], bool]) -> None:
        deadline = time.monotonic() + seconds
        while goes_on() and time.monotonic() < deadline:
            self.feed.apply()
            if not self.follower.take_answers(0.1):
                time.sleep(0.05)
            self.on_tick()

    def _is_refused(self) -> bool:
        """Whether every Job is removed or refused to be, and there is one of those."""
        left = self.fleet.left
        return bool(left) and all(one.is_kept for one in left)

    def _leaving(self) -> list[Stream]:
        """Those whose pods are still there though their Jobs are removed."""
        kept = {one.node for one in self.fleet.left}
        return [stream for stream in self.follower.present if stream.pod.node not in kept]
