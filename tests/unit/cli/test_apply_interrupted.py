"""Ctrl-C at every moment of an apply: what is applied by then, what is left in the cluster, and what is said."""

import os
import signal

import pytest

from kubectl_netpol.cli import apply_guarded as apply_guarded_module
from kubectl_netpol.cli import apply_watched
from kubectl_netpol.cli.apply_interruption import Interruption
from kubectl_netpol.cluster.trouble import RefusedError

from .shop import JOBS, POLICIES, shop, told
from .test_apply import APPLY, GUARDED, apply_guarded, ours
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

    monkeypatch.setattr(apply_guarded_module, "_check_watch", lambda *_: None)
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
    monkeypatch.setattr(apply_guarded_module, "start", made.append)
    assert told(capsys, WATCHED)[0] == 130
    assert made == []


def test_once_policies_are_being_applied_an_interruption_comes_too_late(shop, capsys, interruption):
    shop.after_apply = lambda _: interruption.ask()
    assert told(capsys, WATCHED)[0] == 0
    assert (shop.names(), interruption.is_late) == (["deployment-web"], True)


def test_a_second_interruption_while_the_guard_starts_removes_it_as_well(shop, capsys, monkeypatch, interruption):
    def at_once(*_):
        raise KeyboardInterrupt

    monkeypatch.setattr(shop, "text", at_once)
    assert told(capsys, WATCHED)[0] == 130
    assert shop.names(JOBS) == []


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_whatever_ends_an_apply_that_nobody_watches_removes_its_guard_and_says_so(shop, capsys, monkeypatch, number):
    earlier = [signal.getsignal(one) for one in (signal.SIGTERM, signal.SIGHUP)]

    def at_once(*_):
        os.kill(os.getpid(), number)
        return b"ready: all of it"

    monkeypatch.setattr(shop, "text", at_once)
    code, printed, said = told(capsys, f"{APPLY} web.yaml {GUARDED}")
    assert (code, printed, said.splitlines()[-1]) == (130, "", "nothing was applied")
    assert (shop.names(), shop.names(JOBS)) == ([], [])
    assert [signal.getsignal(one) for one in (signal.SIGTERM, signal.SIGHUP)] == earlier


def test_what_is_ignored_ends_no_apply(shop, capsys, monkeypatch):
    def hang_up(*_):
        os.kill(os.getpid(), signal.SIGHUP)
        return b"ready: all of it"

    monkeypatch.setattr(shop, "text", hang_up)
    earlier = signal.signal(signal.SIGHUP, signal.SIG_IGN)
    try:
        assert told(capsys, f"{APPLY} web.yaml {GUARDED}")[0] == 0
    finally:
        signal.signal(signal.SIGHUP, earlier)


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


def test_a_confirmation_after_an_interruption_tells_what_was_not_applied(shop, capsys, both):
    ours(shop)
    interrupt_at(shop, "deployment-api")
    told_half(capsys, both)
    code, printed, said = told(capsys, "confirm -n shop")
    assert (code, printed, shop.names(JOBS)) == (1, f"{API} confirmed\n{WEB} not applied\n", [])
    assert "was confirmed before all of it was applied" in said
    assert said.endswith("kubectl get netpol -n shop\n")


def test_a_confirmation_of_all_policies_of_an_apply_without_its_end_does_not_say_that_some_are_missing(
    shop, capsys, both
):
    interrupt_at(shop, "deployment-web")
    told_half(capsys, both)
    code, printed, said = told(capsys, "confirm -n shop")
    assert (code, printed) == (1, f"{API} confirmed\n{WEB} confirmed\n")
    assert (
        "is confirmed, and all of its policies are there, but its apply did not come to its end: it broke off" in said
    )


def test_what_an_apply_left_as_it_was_is_confirmed_all_the_same(shop, capsys, both):
    assert told(capsys, f"{APPLY} web.yaml")[0] == 0
    path = f"{POLICIES}/deployment-web"
    before = shop.objects[path]
    shop.after_apply = lambda _: shop.objects.update({path: before})  # the API server keeps what is the same
    assert told(capsys, both)[0] == 0
    assert told(capsys, "confirm -n shop")[:2] == (0, f"{API} confirmed\n{WEB} confirmed\n")


def test_what_somebody_removed_is_not_confirmed(shop, capsys):
    apply_guarded(capsys)
    shop.objects.pop(f"{POLICIES}/deployment-web")
    code, printed, said = told(capsys, "confirm -n shop")
    assert (code, printed) == (1, f"{WEB} not there any more\n")
    assert "error: somebody removed what was applied: deployment-web\n" in said


def test_a_confirmation_after_which_nobody_can_look_says_that_it_is_one(shop, capsys, monkeypatch):
    session, get = apply_guarded(capsys), shop.get

    def may_not_list(path, *more):
        if path == POLICIES:
            raise RefusedError(403, "Forbidden", "you may not")
        return get(path, *more)

    monkeypatch.setattr(shop, "get", may_not_list)
    code, _, said = told(capsys, "confirm -n shop")
    assert (code, shop.names(JOBS)) == (1, [])
    assert f"error: session {session} is confirmed, but what is there could not be seen: you may not\n" in said


def test_a_confirmation_while_the_guard_starts_ends_the_wait(shop, capsys, monkeypatch):
    monkeypatch.setattr(shop, "text", lambda *_: b"not ready: the API server does not answer")
    confirmed = []
    shop.meanwhile = lambda: confirmed.append(told(capsys, "confirm -n shop"))
    code, printed, said = told(capsys, f"{APPLY} web.yaml {GUARDED}")
    assert (code, printed, shop.names()) == (1, "", [])
    assert "error: the guard is gone, and nothing was applied\nhint: somebody confirmed or removed it" in said
    ((code, printed, _),) = confirmed
    assert (code, printed) == (1, f"{WEB} not applied\n")
