"""Follows the logs of a session's pods: whom to ask next, from when on, and what came of it.

Fed with pods as the API server has them and with answers of a ``LogReader``; hands each line on. A pod's log is one
stream; a container that was restarted leaves its own behind it, which is read once.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from functools import partial

from ..cluster.trouble import RefusedError
from ..wire import Record, StatusRecord
from .logs import Answer, LogReader, Place
from .pods import CapturePod

POLL_SECONDS = 2.0
_PER_SECOND = 50
"""How many logs are asked for in a second: with more nodes, each is asked less often."""

_STALE_ANSWERS = 2
"""After so many answers without a new record all of the log is asked for, once: where the node's clock was set back,
nothing is as new as what was asked for."""

_MOST_WORDS = 4096
_THEIR_FAULT = 500
"""From this status on it is not the question that was wrong."""

Take = Callable[[bytes, str], Record | None]
"""Takes a line that the agent of a node said; the record, if it was one."""


@dataclass(slots=True)
class Stream:
    """``newest``: the time of its newest record (ms, the node's clock, which may be set back).

    ``last``: epoch and number of that record; ``stale``: how many answers in a row had nothing newer.
    ``is_over``: nothing more is to come.

    ``asked_over``: it had ended by the time it was asked; ``asked_restarts``: of how many containers the logs were
    asked for, ``read_restarts``: of how many they were read. ``is_read``: an answer came for the one that runs now.
    ``is_open``: its log is read, or was, until its end.
    ``trouble``: why its newest answer had no lines, or empty.
    """

    pod: CapturePod
    newest: int = 0
    last: tuple[str, int] = ("", 0)
    stale: int = 0
    next_ask: float = 0.0
    is_asked: bool = False
    asked_over: bool = False
    asked_restarts: int = 0
    read_restarts: int = 0
    is_final: bool = False
    is_gone: bool = False
    is_over: bool = False
    is_read: bool = False
    is_followed: bool = False
    is_open: bool = False
    trouble: str = ""
    words: str = ""

    @property
    def since(self) -> int:
        """From when on its log is to be asked for (ms, the node's clock), 0 for all of it.

        Records are cumulative, so that one look at all of it makes up for whatever was not asked for.
        """
        return 0 if self.stale == _STALE_ANSWERS else self.newest

    @property
    def since_for_last_words(self) -> int:
        """As ``since``, when nothing is asked after it."""
        return 0 if self.stale >= _STALE_ANSWERS else self.newest

    def note(self, record: Record) -> None:
        """Its newest record: the last one in its log, whatever the clock said by then."""
        self.newest, self.last = record.time, (record.epoch, record.seq)
        if isinstance(record, StatusRecord):
            self.is_final = record.final

    @property
    def is_cut_off(self) -> bool:
        """Whether it had begun to speak, and its agent's last record never came."""
        return bool(self.newest) and not self.is_final

    @property
    def has_unread(self) -> bool:
        """Whether a container that ended has left a log that was not read."""
        return self.pod.restarts > self.read_restarts


class Follower:
    """``namespace`` is where the capture pods are. ``heard`` is called for each record, with its node."""

    def __init__(self, reader: LogReader, namespace: str, take: Take, heard: Callable[[str, Record], None]) -> None:
        self.reader = reader
        self._namespace = namespace
        self._take = take
        self._heard = heard
        self.streams: dict[str, Stream] = {}
        self.bad_lines = 0

    def note(self, pod: CapturePod, is_gone: bool = False) -> None:
        """The state of a pod, or that it is no more."""
        stream = self.streams.get(pod.name)
        if stream is None:
            stream = self.streams[pod.name] = Stream(pod)
        if pod.is_over and not stream.pod.is_over:
            stream.next_ask = 0.0
        stream.pod = pod
        stream.is_gone |= is_gone
        self._follow_if_leaving(stream)

    def ask_due(self) -> None:
        """Sends the requests that are due."""
        now = time.monotonic()
        period = max(POLL_SECONDS, len(self.streams) / _PER_SECOND)
        for stream in self.streams.values():
            if stream.is_asked or stream.is_over or stream.is_gone or not stream.pod.has_log or now < stream.next_ask:
                continue
            stream.is_asked, stream.next_ask = True, now + period
            if stream.has_unread and stream.asked_restarts < stream.pod.restarts:
                stream.next_ask = 0.0
                self._ask_previous(stream)
            else:
                stream.asked_over, stream.asked_restarts = stream.pod.is_over, stream.read_restarts
                self.reader.ask(self._place(stream), stream.since)

    def ask_due_again(self) -> None:
        """Sends what a first answer has left to ask: the logs of containers that were restarted."""
        for stream in self.streams.values():
            if stream.has_unread and stream.asked_restarts < stream.pod.restarts:
                stream.next_ask = 0.0
            elif not stream.is_asked:
                stream.next_ask = float("inf") if stream.is_read else 0.0
        self.ask_due()

    def begin_farewell(self, reader: LogReader) -> None:
        """Drops what is under way, and asks by this reader for the logs that nothing grows in any more."""
        self.reader = reader
        for stream in self.streams.values():
            stream.is_asked = stream.is_followed = False
            if stream.has_unread and not stream.is_gone:
                stream.is_asked = True
                self._ask_previous(stream)

    def follow_to_end(self, on_open: Callable[[str], bool]) -> bool:
        """Reads every log that is not open yet to its end; whether there was one.

        ``on_open`` gets the pod's node once its log is open, or will never be, and says whether the pod ends now.
        """
        again = [one for one in self.present if not one.is_over and not one.is_asked and not one.is_open]
        for stream in again:
            self._follow(stream, partial(self._opened, stream, on_open))
        return bool(again)

    def take_answers(self, seconds: float) -> int:
        """Takes in what has come, waiting so long for the first; how many answers that were."""
        answers = self.reader.answers(seconds)
        for answer in answers:
            self._take_answer(answer)
        return len(answers)

    @property
    def present(self) -> list[Stream]:
        """Those whose pods are still there."""
        return [stream for stream in self.streams.values() if not stream.is_gone]

    @property
    def has_closed(self) -> bool:
        """Whether there are logs that could not be opened to be read to their end."""
        return any(not stream.is_over and not stream.is_open for stream in self.present)

    @property
    def is_waiting(self) -> bool:
        """Whether requests are under way."""
        return self.reader.waiting > 0

    def words_of(self, node: str) -> tuple[str, str]:
        """The newest error and hint that the node's agent printed, or two empty texts."""
        for stream in reversed(self.streams.values()):
            if stream.pod.node == node and stream.words:
                return _error_and_hint(stream.words)
        return "", ""

    def _follow(self, stream: Stream, on_open: Callable[[], bool]) -> None:
        stream.is_asked = stream.is_followed = True
        stream.asked_over = stream.pod.is_over
        self.reader.follow(self._place(stream), stream.since_for_last_words, on_open)

    def _follow_if_leaving(self, stream: Stream) -> None:
        """The last words of a pod are there for a second, and then it is not."""
        is_done = stream.is_over or stream.is_gone or stream.is_asked or stream.is_followed
        if stream.pod.is_leaving and not is_done:
            self._follow(stream, lambda: True)

    def _opened(self, stream: Stream, on_open: Callable[[str], bool]) -> bool:
        stream.is_open = on_open(stream.pod.node)
        return stream.is_open

    def _ask_previous(self, stream: Stream) -> None:
        stream.asked_restarts = stream.pod.restarts
        self.reader.ask_previous(self._place(stream))

    def _place(self, stream: Stream) -> Place:
        return Place(self._namespace, stream.pod.name)

    def _take_answer(self, answer: Answer) -> None:
        stream = self.streams[answer.place.pod]
        stream.is_asked = False
        stream.trouble = answer.error.message if answer.error else ""
        last = stream.last
        self._take_lines(stream, answer.lines, answer.is_previous)
        if stream.last != last:
            stream.stale = 0
        elif not answer.is_previous and answer.error is None:
            stream.stale += 1
        stream.is_read |= not answer.is_previous
        if answer.is_previous:
            # What is refused stays refused, such as a log that was removed; what nobody answered is asked for again.
            if answer.error is None or (isinstance(answer.error, RefusedError) and answer.error.status < _THEIR_FAULT):
                stream.read_restarts = stream.asked_restarts
        elif answer.is_whole or (stream.asked_over and answer.error is None):
            stream.is_over = not stream.has_unread
        self._follow_if_leaving(stream)

    def _take_lines(self, stream: Stream, lines: Iterable[bytes], is_previous: bool) -> None:
        words: list[str] = []
        for line in lines:
            if not line.startswith(b"{"):
                words.append(line[:500].decode("utf-8", "replace"))
                continue
            record = self._take(line, stream.pod.node)
            if record is not None:
                if not is_previous or record.time >= stream.newest:
                    stream.note(record)
                self._heard(stream.pod.node, record)
        if words:
            stream.words = "\n".join(words)[-_MOST_WORDS:]


def _error_and_hint(words: str) -> tuple[str, str]:
    lines = [line for line in words.splitlines() if line.strip()]
    error = next((line for line in reversed(lines) if line.startswith("error: ")), lines[-1] if lines else "")
    hint = next((line for line in reversed(lines) if line.startswith("hint: ")), "")
    return error.removeprefix("error: "), hint.removeprefix("hint: ")
