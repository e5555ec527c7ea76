"""What Ctrl-C does to a recording, and what the end of its terminal does."""

from __future__ import annotations

import signal
from collections.abc import Callable
from typing import Any

from . import streams


def catch(stop: Callable[[], None]) -> None:
    """The first Ctrl-C or SIGTERM collects the last records, the second leaves at once; so does a closed terminal.

    Leaving at once is a KeyboardInterrupt, wherever the program is by then.
    """

    def first(number: int, _frame: Any) -> None:
        signal.signal(signal.SIGINT, signal.default_int_handler)
        signal.signal(signal.SIGTERM, signal.default_int_handler)
        stop()
        if number != signal.SIGHUP:  # then nobody is there to read it
            streams.say_from_handler("stopping: collecting the last records; once more to leave at once")

    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, first)
