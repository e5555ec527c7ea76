"""An apply that is interrupted: no guard is promised that is not there, and nothing stays without a word."""

import os
import signal
import tempfile

import pytest

from kubectl_netpol.cluster.trouble import RefusedError, UnreachableError

from .shop import JOBS, shop, told
from .test_apply import GUARDED, ours
from .test_apply_deadline import guard_acts, held
from .test_apply_races import both

__all__ = ["both", "shop"]

API, WEB = (f"networkpolicy.networking.k8s.io/deployment-{name}" for name in ("api", "web"))


def once(shop, **acts):
    """Each is called when the policy of that workload is applied."""
    shop.after_apply = lambda name: acts[name.removeprefix("deployment-")]()


def interrupt():
    raise KeyboardInterrupt


@pytest.mark.parametrize("command", ["confirm", "rollback"])
def test_an_interruption_after_the_guard_went_puts_back_what_was_applied(shop, capsys, both, command):
    once(shop, api=lambda: told(capsys, f"{command} -n shop"), web=interrupt)
    code, printed, said = told(capsys, both)
    assert (code, shop.names(), shop.names(JOBS)) == (130, [], [])
    assert f"{WEB} removed\n" in printed
    assert said.endswith("interrupted: what was applied is put back\n")


@pytest.mark.parametrize("trouble", [UnreachableError("no answer in time"), KeyboardInterrupt()])
def test_an_interruption_where_nobody_answers_is_not_sure_of_the_guard(shop, capsys, both, monkeypatch, trouble):
    def no_answer(*_):
        raise trouble

    def cut_off():
        monkeypatch.setattr(shop, "get", no_answer)
        interrupt()

    once(shop, api=lambda: None, web=cut_off)
    code, _, said = told(capsys, both)
    assert (code, shop.names()) == (130, ["deployment-api", "deployment-web"])
    assert f"interrupted: 1 of 2 policies were applied ({API} in namespace shop), {WEB} in namespace shop may" in said
    assert "; the guard, if it is still there, puts the earlier state back at " in said


@pytest.fixture
def interrupted_way_back(shop, monkeypatch, tmp_path):
    """Ctrl-C, or another act, at the first request of the way back with one of these methods."""
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))

    def prepare(*methods, act=interrupt):
        send = shop.send

        def first(method, *more):
            if method in methods:
                monkeypatch.setattr(shop, "send", send)
                act()
            return send(method, *more)

        monkeypatch.setattr(shop, "send", first)

    return prepare


def lose_guard(shop):
    shop.objects.pop(f"{JOBS}/{shop.names(JOBS)[0]}")


def told_rest(capsys, words):
    code, _, said = told(capsys, words)
    assert code == 130
    return said.splitlines()[-1]


def test_an_interrupted_way_back_under_a_guard_tells_why_what_is_there_and_when_it_goes(
    shop, capsys, both, interrupted_way_back
):
    ours(shop)
    shop.refused = {"deployment-web": "no more"}
    interrupted_way_back("DELETE")
    said = told_rest(capsys, both)
    (session,) = (name.removeprefix("netpol-guard-") for name in shop.names(JOBS))
    assert "no more; interrupted while what was applied is put back: 1 of 2 policies were applied (" in said
    assert f"({API} in namespace shop), and these were not: {WEB} in namespace shop; the guard puts the rest" in said
    assert said.endswith(f"; to do it at once: kubectl netpol rollback {session} -n shop")
    guard_acts(shop)
    assert shop.names() == ["deployment-web"]


def test_an_interrupted_way_back_without_a_guard_writes_what_was_there(shop, capsys, both, interrupted_way_back):
    before = shop.objects[ours(shop)]
    interrupted_way_back("PUT", "DELETE")
    once(shop, api=lambda: None, web=lambda: lose_guard(shop))
    said = told_rest(capsys, both)
    assert "2 of 2 policies were applied (" in said
    assert (
        "; no guard puts the earlier policies back any more; finish it by hand: kubectl delete networkpolicy " in said
    )
    assert [one["spec"] for one in held(said)] == [before["spec"]]


def test_what_the_way_back_had_done_by_then_is_not_to_be_done_by_hand(shop, capsys, both, interrupted_way_back):
    ours(shop)
    interrupted_way_back("PUT")
    once(shop, api=lambda: None, web=lambda: lose_guard(shop))
    said = told_rest(capsys, both)
    assert shop.names() == ["deployment-web"]
    assert "kubectl delete" not in said
    assert len(held(said)) == 1


def test_a_way_back_that_is_interrupted_as_its_guard_goes_leaves_nothing_to_do(shop, capsys, both, monkeypatch):
    delete = shop.delete

    def gone_without_an_answer(path, *more):
        delete(path, *more)
        if path.startswith(JOBS):
            interrupt()

    monkeypatch.setattr(shop, "delete", gone_without_an_answer)
    shop.refused = {"deployment-web": "no more"}
    assert told_rest(capsys, both).endswith("; none of them is there any more as it was applied")
    assert (shop.names(), shop.names(JOBS)) == ([], [])


@pytest.mark.parametrize("trouble", [RefusedError(403, "Forbidden", "you may not"), KeyboardInterrupt()])
def test_where_nobody_tells_of_the_guard_an_interrupted_way_back_writes_what_was_there(
    shop, capsys, both, interrupted_way_back, monkeypatch, trouble
):
    def fail(*_):
        raise trouble

    def cut_off():
        monkeypatch.setattr(shop, "get", fail)
        interrupt()

    ours(shop)
    interrupted_way_back("PUT", act=cut_off)
    once(shop, api=lambda: None, web=lambda: lose_guard(shop))
    said = told_rest(capsys, both)
    assert "; the guard may be gone, and puts nothing back then; finish it by hand: kubectl delete network" in said
    assert len(held(said)) == 1


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGHUP])
def test_whatever_ends_a_plain_apply_it_tells_which_half_is_there(shop, capsys, both, number):
    earlier = signal.getsignal(number)
    once(shop, api=lambda: os.kill(os.getpid(), number))
    code, _, said = told(capsys, both.removesuffix(GUARDED))
    assert (code, shop.names(), signal.getsignal(number)) == (130, ["deployment-api"], earlier)
    assert f"interrupted: 0 of 2 policies were applied, {API} in namespace shop may be there, and these were" in said
