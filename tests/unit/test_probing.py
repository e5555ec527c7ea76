"""Whether an enforcer does what is expected is told by probes that are all right at once."""

import itertools
from types import SimpleNamespace

import pytest

from tests.cluster import probing
from tests.cluster.probing import Probe, settled

A, B, C = (Probe("red", name, "10.0.0.1", 80) for name in "abc")
EXPECTED = {A: True, B: True, C: False}


@pytest.fixture
def enforcer(monkeypatch):
    """Sets what passes at each try, the last from then on; and lets a second pass with each try."""
    clock = itertools.count()
    monkeypatch.setattr(probing, "time", SimpleNamespace(monotonic=lambda: next(clock), sleep=lambda _: None))

    def passes(*tries):
        answers = itertools.chain(tries, itertools.repeat(tries[-1]))

        def try_all(_, probes):
            passing = next(answers)
            return {one: one in passing for one in probes}

        monkeypatch.setattr(probing, "try_all", try_all)

    return passes


def test_what_passed_only_before_the_policies_were_there_is_wrong(enforcer):
    enforcer({A, B, C}, set())
    assert settled(None, EXPECTED, 5) == [A, B]


def test_an_enforcer_may_take_its_time(enforcer):
    enforcer({A, B, C}, {A, B, C}, {B}, {A, B})
    assert settled(None, EXPECTED, 5) == []


def test_what_goes_on_being_wrong_is_told_when_the_time_is_over(enforcer):
    enforcer({A, C})
    assert settled(None, EXPECTED, 5) == [B, C]
