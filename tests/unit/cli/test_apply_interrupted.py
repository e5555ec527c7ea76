"""Ctrl-C at every moment of an apply: what is applied by then, what is left in the cluster, and what is said."""

import pytest

from kubectl_netpol.cli import apply_guarded, apply_watched
from kubectl_netpol.cli.apply_interruption import Interruption

from .shop import JOBS, shop, told
from .test_apply import APPLY
from .test_apply_races import both

__all__ = ["both", "shop"]

WATCHED = f"{APPLY} web.yaml --rollback-after 1h"


@pytest.fixture
def interruption(monkeypatch):
    """Of a watched apply, whose captures are left out."""
    found = Interruption()

    def run_watched(plan):
        plan.apply(found)
        return 0

    monkeypatch.setattr(apply_guarded, "_check_watch", lambda *_: None)
    monkeypatch.setattr(apply_watched, "run_watched", run_watched)
    return found


@pytest.mark.parametrize("log", [b"not ready: the API server does not answer", b"ready: all of it"])
def test_an_interrupted_watch_whose_guard_starts_applies_nothing_and_removes_the_guard(
    shop, capsys, monkeypatch, interruption, log
):
    monkeypatch.setattr(shop, "text", lambda *_: log)
    shop.meanwhile = interruption.ask
    assert told(capsys, WATCHED)[:2] == (130, "")
    assert (shop.names(), shop.names(JOBS), interruption.is_late) == ([], [], False)


def test_an_interrupted_watch_makes_no_guard_any_more(shop, capsys, monkeypatch, interruption):
    interruption.ask()
    made = []
    monkeypatch.setattr(apply_guarded, "start", made.append)
    assert told(capsys, WATCHED)[0] == 130
    assert made == []


def test_once_policies_are_being_applied_an_interruption_comes_too_late(shop, capsys, interruption):
    shop.after_apply = lambda _: interruption.ask()
    assert told(capsys, WATCHED)[0] == 0
    assert (shop.names(), interruption.is_late) == (["deployment-web"], True)
