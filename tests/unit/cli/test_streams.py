"""What is said while something else is being said."""

from __future__ import annotations

import os
import sys

from kubectl_netpol.cli import streams


class Entered:
    """A stderr in the midst of a write, as a signal handler finds it."""

    def __init__(self, descriptor: int) -> None:
        self._descriptor = descriptor

    def fileno(self) -> int:
        return self._descriptor

    def write(self, _: str) -> int:
        raise RuntimeError("reentrant call inside <_io.BufferedWriter name='<stderr>'>")


def test_a_signal_handler_may_speak_in_the_midst_of_a_line(monkeypatch):
    reader, writer = os.pipe()
    monkeypatch.setattr(sys, "stderr", Entered(writer))
    streams.say_from_handler("stopping\x1b[2J")
    os.close(writer)
    with os.fdopen(reader) as said:
        assert said.read() == "stopping\\x1b[2J\n"


def test_where_nobody_can_be_told_a_handler_goes_on(monkeypatch):
    reader, writer = os.pipe()
    os.close(reader)
    os.close(writer)
    monkeypatch.setattr(sys, "stderr", Entered(writer))
    streams.say_from_handler("stopping")
