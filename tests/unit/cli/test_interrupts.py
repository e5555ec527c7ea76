"""Signals to a recording and to a watched apply: which end it, and which were ignored from the start, as by nohup."""

import signal
from types import SimpleNamespace

import pytest

from kubectl_netpol.cli import apply_watched, interrupts

END = [signal.SIGINT, signal.SIGTERM, signal.SIGHUP]


def catch_for_a_watch(stop):
    apply_watched._catch(SimpleNamespace(interrupt=stop, is_late=True, is_rolling_back=False))


@pytest.fixture(params=[interrupts.catch, catch_for_a_watch])
def caught(request):
    """Ignores these signals, catches what is caught, and notes each stop."""

    def catch(*ignored):
        stopped = []
        for number in ignored:
            signal.signal(number, signal.SIG_IGN)
        request.param(lambda: stopped.append(True))
        return stopped

    return catch


@pytest.mark.parametrize("number", END)
def test_each_ends_it(caught, number):
    stopped = caught()
    signal.raise_signal(number)
    assert stopped == [True]


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGHUP])
def test_what_is_ignored_stays_so(caught, number):
    stopped = caught(number)
    signal.raise_signal(number)
    assert stopped == []
    signal.raise_signal(signal.SIGINT)
    signal.raise_signal(number)
    assert stopped == [True]


def test_a_script_ends_by_sigint_what_it_has_started_in_the_background(caught):
    stopped = caught(signal.SIGINT)
    signal.raise_signal(signal.SIGINT)
    assert stopped == [True]
    with pytest.raises(KeyboardInterrupt):
        signal.raise_signal(signal.SIGINT)


@pytest.mark.parametrize("second", [signal.SIGINT, signal.SIGTERM])
def test_the_second_one_leaves_at_once(caught, second):
    caught()
    signal.raise_signal(signal.SIGHUP)
    with pytest.raises(KeyboardInterrupt):
        signal.raise_signal(second)
