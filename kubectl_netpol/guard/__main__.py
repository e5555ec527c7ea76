"""``python -m kubectl_netpol.guard``: proves that it can put the policies back, waits, and does it.

A SIGTERM ends it without a rollback, and not with success: its Job was deleted, which is the confirmation, or its pod
has to leave its node, and the Job makes another one, which holds the same deadline. Each line that it prints is for
people, but the first words of one are read by the laptop: ``ready`` or ``not ready: REASON``.
"""

from __future__ import annotations

import os
import signal
import sys
import time
from collections.abc import Callable
from contextlib import suppress
from threading import Event

from ..errors import InputError
from .plan import Plan, decode
from .pod import Server
from .restore import DONE, FAILED, Ask, Outcome, by_hand, failure, is_claimed, note, prove, restore, try_mark

READY = "ready"
NOT_READY = "not ready"
TERMINATED = 143
"""As of a process that a SIGTERM ends. Not 0: a Job takes that for its success, and makes no other pod."""

_LOUD = "ROLLBACK FAILED"
_AGAIN_SECONDS = 2.0
_LONGEST_SECONDS = 30.0
_CLOCK_SECONDS = 60.0
"""So often a guard that waits asks for the server's time."""


class Guard:
    """``stop`` may be set from a signal handler; ``now`` is the API server's time in ms, None before it answered."""

    def __init__(
        self, plan: Plan, ask: Ask, now: Callable[[], int | None], stop: Event, say: Callable[[str], None]
    ) -> None:
        self._plan = plan
        self._ask = ask
        self._now = now
        self._stop = stop
        self._say = say

    def run(self) -> int:
        """Until the policies are back, or it was stopped; the exit code."""
        self._hear_the_time()
        self._tell_readiness()
        self._wait()
        is_claimed = not self._stop.is_set() and self._begin()
        if self._stop.is_set():
            self._say("told to end: without a rollback")
            return TERMINATED
        if not is_claimed:
            self._say("confirmed: without a rollback")
            return 0
        return self._go_back()

    # The node's clock may be wrong. Without an end: a server that does not answer cannot be told to put back either.
    def _hear_the_time(self) -> None:
        while not self._stop.is_set() and self._now() is None:
            try:
                try_mark(self._ask, self._plan)
            except OSError as error:
                self._say(f"{NOT_READY}: the API server does not answer: {error}")
                self._stop.wait(_AGAIN_SECONDS)

    def _left(self) -> int:
        return self._plan.until - (self._now() or 0)

    # Each answer tells the server's time; the last one comes when the time seems to be over.
    def _wait(self) -> None:
        while not self._stop.is_set() and (left := self._left()) > 0:
            if not self._stop.wait(min(left / 1000, _CLOCK_SECONDS)):
                with suppress(OSError):
                    try_mark(self._ask, self._plan)

    def _tell_readiness(self) -> None:
        while not self._stop.is_set() and self._left() > 0:
            try:
                hindrance = prove(self._ask, self._plan)
            except OSError as error:
                hindrance = f"the API server does not answer: {error}"
            if not hindrance:
                names = ", ".join(one.name for one in self._plan.policies)
                at = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(self._plan.until / 1000))
                self._say(f"{READY}: puts back at {at} unless confirmed: {names}")
                return
            self._say(f"{NOT_READY}: {hindrance}")
            self._stop.wait(_AGAIN_SECONDS)

    def _begin(self) -> bool:
        wait, hand = _AGAIN_SECONDS, by_hand(self._plan, [one.name for one in self._plan.policies])
        while not self._stop.is_set():
            try:
                return is_claimed(self._ask, self._plan)
            except OSError as error:
                self._say(f"{_LOUD}: it cannot begin, and is tried again: {error}; by hand: {hand}")
                self._stop.wait(wait)
            wait = min(wait * 2, _LONGEST_SECONDS)
        return False

    def _go_back(self) -> int:
        outcome, wait = Outcome(), _AGAIN_SECONDS
        while True:
            restore(self._ask, self._plan, outcome)
            self._tell(outcome)
            if not outcome.failed:
                return 0
            if self._stop.wait(wait):
                return TERMINATED
            wait = min(wait * 2, _LONGEST_SECONDS)

    def _tell(self, outcome: Outcome) -> None:
        told = (
            ("put back", outcome.restored),
            ("removed", outcome.removed),
            ("not there", outcome.absent),
            ("gone", outcome.lost),
            ("left, since somebody else made it", outcome.theirs),
        )
        for words, names in told:
            if names:
                self._say(f"{words}: {', '.join(sorted(names))}")
        state = DONE
        if outcome.failed:
            why = failure(self._plan, outcome.failed)
            self._say(f"{_LOUD}, and is tried again: {why}")
            state = f"{FAILED}: {why}"
        try:
            note(self._ask, self._plan, state)
        except OSError as error:
            self._say(f"the Job could not be marked: {error}")


def _say(text: str) -> None:
    sys.stdout.write(f"{text.encode('ascii', 'backslashreplace').decode()}\n")
    sys.stdout.flush()


def main() -> int:
    try:
        plan = decode(os.environ)
    except InputError as error:
        _say(f"{NOT_READY}: {error.message}")
        return 1
    stop = Event()
    signal.signal(signal.SIGTERM, lambda *_: stop.set())
    server = Server()
    return Guard(plan, server.ask, server.now, stop, _say).run()


if __name__ == "__main__":
    sys.exit(main())
