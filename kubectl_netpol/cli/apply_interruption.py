"""Ctrl-C while policies are applied, confirmed or rolled back: when it comes early enough to stop all of an apply."""

from __future__ import annotations

import signal
from collections.abc import Iterator
from contextlib import contextmanager

from .interrupts import not_ignored

NOTHING = "nothing was applied"


class Stopped(KeyboardInterrupt):
    """A watched apply was asked to stop before anything was applied. Its captures have yet to be removed."""


class Told(KeyboardInterrupt):
    """An interruption in the midst of an apply. Which half is there, and what becomes of it, is said."""


class Interruption:
    """The first Ctrl-C of a watched apply. ``is_late``: policies are applied, or are being applied."""

    def __init__(self) -> None:
        self.is_asked = self.is_late = False

    def ask(self) -> None:
        """From a signal handler."""
        self.is_asked = True

    def check(self) -> None:
        """Raises Stopped when it was asked for."""
        if self.is_asked:
            raise Stopped

    def pass_by(self) -> None:
        """To be called right before the first policy is applied. Raises Stopped when it was asked for until then."""
        self.is_late = True  # first, so that a handler that comes in between does not promise too much
        if self.is_asked:
            self.is_late = False
            raise Stopped


@contextmanager
def ends_as_interrupts() -> Iterator[None]:
    """A SIGTERM and the end of the terminal are as a Ctrl-C meanwhile; what is ignored, as by nohup, stays so."""
    earlier = {number: signal.getsignal(number) for number in not_ignored(signal.SIGTERM, signal.SIGHUP)}
    for number in earlier:
        signal.signal(number, signal.default_int_handler)
    try:
        yield
    finally:
        for number, handler in earlier.items():
            signal.signal(number, handler)
