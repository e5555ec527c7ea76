"""What Ctrl-C does to whatever captures, and what the end of its terminal does."""

from __future__ import annotations

import signal
from collections.abc import Callable
from typing import Any

from . import streams


def catch(stop: Callable[[], None], words: Callable[[], str] = lambda: "stopping: collecting the last records") -> None:
    """The first Ctrl-C, SIGTERM or end of the terminal calls ``stop`` and says ``words``; another one leaves at once.

    Leaving at once is a KeyboardInterrupt, wherever the program is by then. A SIGTERM or an end of the terminal that is
    ignored, as by nohup, stays so. A SIGINT does not: a shell ignores it in what it starts in the background, and a
    script ends a recording by it.
    """
    once_more = [signal.SIGINT, *not_ignored(signal.SIGTERM)]

    def first(number: int, _frame: Any) -> None:
        for one in once_more:
            signal.signal(one, signal.default_int_handler)
        stop()
        if number != signal.SIGHUP:  # then nobody is there to read it
            streams.say_from_handler(f"{words()}; once more to leave at once")

    for number in (*once_more, *not_ignored(signal.SIGHUP)):
        signal.signal(number, first)


def not_ignored(*numbers: signal.Signals) -> list[signal.Signals]:
    """Those of these signals that whoever started the program did not have it ignore."""
    return [one for one in numbers if signal.getsignal(one) is not signal.SIG_IGN]
