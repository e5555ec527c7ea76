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


def interrupt_at(shop, wanted):
    def after_apply(name):
        if name == wanted:
            raise KeyboardInterrupt

    shop.after_apply = after_apply


def told_half(capsys, words):
    code, printed, said = told(capsys, words)
    assert code == 130
    return printed, said.partition("interrupted: ")[2]


API, WEB = (f"networkpolicy.networking.k8s.io/deployment-{name}" for name in ("api", "web"))


def test_an_interrupted_apply_tells_which_policies_are_there_and_the_way_back(shop, capsys, tmp_path):
    some = tmp_path / "some.yaml"
    some.write_text("---\n".join((tmp_path / name).read_text() for name in ("api.yaml", "web.yaml")))
    interrupt_at(shop, "deployment-web")
    words = f"{APPLY} {some} --default-deny --allow-broken --as jane"
    printed, said = told_half(capsys, words)
    assert printed == f"{API} serverside-applied\n"
    deny = "networkpolicy.networking.k8s.io/default-deny"
    names = "networkpolicy/deployment-api networkpolicy/deployment-web"
    assert said == (
        f"1 of 3 policies were applied ({API} in namespace shop), {WEB} in namespace shop may be there, and these were "
        f"not: {deny} in namespace shop\n"
        "type the same command again for the rest: what is applied already stays as it is; to take back what is new: "
        f"kubectl delete {names} --ignore-not-found -n shop --as jane\n"
    )


def test_at_the_first_policy_an_interruption_promises_nothing(shop, capsys):
    interrupt_at(shop, "deployment-web")
    assert told_half(capsys, f"{APPLY} web.yaml")[1].startswith(
        f"0 of 1 policies were applied, {WEB} in namespace shop may be there\n"
    )


def test_an_interrupted_apply_under_a_guard_tells_which_half_comes_back_when(shop, capsys, both):
    interrupt_at(shop, "deployment-api")
    _, said = told_half(capsys, both)
    assert said.startswith(
        f"0 of 2 policies were applied, {API} in namespace shop may be there, and these were not: {WEB}"
    )
    assert "; the guard puts the earlier state back at " in said
