"""Ctrl-C at each line of an apply: whatever is in the cluster then, something is said of it."""

import sys
from pathlib import Path

import pytest

from kubectl_netpol.cli import apply, apply_guarded, apply_half, apply_words, rolled_back

from .shop import JOBS, shop, told
from .test_apply import GUARDED
from .test_apply_races import both

__all__ = ["both", "shop"]

FILES = {module.__file__ for module in (apply_guarded, apply_half, apply_words, rolled_back)}
START = "starting the guard of session"


class Interrupter:
    """Raises KeyboardInterrupt at one of the lines of these files, counted from 1. ``place`` is where it did."""

    def __init__(self, line, files):
        self._left = line
        self._files = files
        self.place = ""

    def __enter__(self):
        sys.settrace(self._enter)
        return self

    def __exit__(self, *_):
        sys.settrace(None)

    def _enter(self, frame, event, argument):
        return self._step if frame.f_code.co_filename in self._files else None

    def _step(self, frame, event, argument):
        if event == "line":
            self._left -= 1
            if not self._left:
                self.place = f"{Path(frame.f_code.co_filename).name}:{frame.f_lineno}"
                sys.settrace(None)
                raise KeyboardInterrupt
        return self._step


def interrupted_at_each_line(shop, capsys, words, files):
    """For each line where it is interrupted, what is in the cluster afterwards, and what was printed and said."""
    for line in range(1, 1000):
        shop.objects.clear()
        with Interrupter(line, files) as interrupter:
            _, printed, said = told(capsys, words)
        if not interrupter.place:
            return
        yield interrupter.place, [*shop.names(), *shop.names(JOBS)], printed, said.partition("breaks none\n")[2]


@pytest.mark.parametrize("refused", [{}, {"deployment-web": "exceeded quota"}])
def test_no_guard_and_no_policy_is_left_behind_without_a_word(shop, capsys, both, refused):
    shop.refused = refused
    silent = {
        place: left
        for place, left, _, said in interrupted_at_each_line(shop, capsys, both, FILES)
        if left and not [line for line in said.splitlines() if not line.startswith(START)]
    }
    assert silent == {}


def test_a_plain_apply_tells_each_policy_on_stdout_or_which_half_is_there(shop, capsys, both):
    silent = {
        place: left
        for place, left, printed, said in interrupted_at_each_line(
            shop, capsys, both.removesuffix(GUARDED), {apply.__file__, apply_words.__file__}
        )
        if not said and not all(name in printed for name in left)
    }
    assert silent == {}


def test_once_all_is_applied_an_interruption_asks_for_no_rest(shop, capsys, both):
    complete = [
        said
        for _, _, _, said in interrupted_at_each_line(
            shop, capsys, both.removesuffix(GUARDED), {apply.__file__, apply_words.__file__}
        )
        if "2 of 2 policies were applied" in said
    ]
    assert complete
    assert not [said for said in complete if "for the rest" in said]
    assert all("\nnothing is left to apply; to take back what is new: kubectl delete " in said for said in complete)
