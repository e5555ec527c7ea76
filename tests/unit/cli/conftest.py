"""Signals as a terminal leaves them, also where the tests themselves run under nohup or in the background."""

import signal

import pytest

_ENDS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)


@pytest.fixture(autouse=True)
def _signals_of_a_terminal():
    earlier = {number: signal.signal(number, signal.default_int_handler) for number in _ENDS}
    yield
    for number, handler in earlier.items():
        signal.signal(number, handler)
