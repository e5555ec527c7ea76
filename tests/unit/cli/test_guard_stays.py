"""A rollback whose guard cannot be removed: nobody is left to believe that later policies are safe from it."""

import re
from threading import Event

import pytest

from kubectl_netpol.apply.guards import find
from kubectl_netpol.apply.way_back import through
from kubectl_netpol.cluster.trouble import RefusedError, UnreachableError
from kubectl_netpol.guard.__main__ import Guard
from kubectl_netpol.guard.restore import DONE, STATE

from .shop import JOBS, shop, told
from .test_apply import apply_guarded, label, ours
from .test_apply_races import both

__all__ = ["both", "shop"]

AWAY = RefusedError(503, "ServiceUnavailable", "not ready"), UnreachableError("no answer in time")
DENIED = RefusedError(403, "Forbidden", "you may not delete jobs")


@pytest.fixture
def waited(monkeypatch):
    """The seconds between the tries."""
    found = []
    monkeypatch.setattr("time.sleep", found.append)
    return found


@pytest.fixture
def refuse_removal(shop, monkeypatch):
    """Jobs cannot be deleted, so many times, nor marked as done; or they are deleted, and no answer comes."""
    delete, merge = shop.delete, shop.merge

    def prepare(error, times=100, is_done=False, marks=False):
        left = [error] * times

        def unmarked(path, body):
            if body["metadata"]["annotations"].get(STATE) == DONE and not marks:
                raise error
            return merge(path, body)

        monkeypatch.setattr(shop, "merge", unmarked)

        def refused(path, *more):
            if not path.startswith(JOBS) or not left:
                return delete(path, *more)
            if is_done and len(left) == times:
                delete(path, *more)
            raise left.pop()

        monkeypatch.setattr(shop, "delete", refused)

    return prepare


@pytest.mark.parametrize("error", [*AWAY, DENIED])
def test_a_guard_that_stays_is_told_with_its_time_and_its_removal(shop, capsys, waited, refuse_removal, error):
    session = apply_guarded(capsys)
    refuse_removal(error)
    code, _, said = told(capsys, "rollback -n shop --as jane")
    assert (code, shop.names(), shop.names(JOBS)) == (1, [], [f"netpol-guard-{session}"])
    assert re.fullmatch(
        f"error: the earlier policies are back, but the guard could not be removed: {error.message}; "
        r"at \d\d:\d\d:\d\d it puts back what it holds, over what others write until then\n"
        f"hint: whoever may removes it: kubectl delete job netpol-guard-{session} -n shop --as jane\n",
        said,
    )
    assert sum(waited) < 10
    assert (waited == []) == (error is DENIED)


@pytest.mark.parametrize("error", AWAY)
@pytest.mark.parametrize("is_done", [False, True])
def test_a_guard_is_removed_once_the_server_is_back(shop, capsys, waited, refuse_removal, error, is_done):
    apply_guarded(capsys)
    refuse_removal(error, times=2 - is_done, is_done=is_done)
    code, printed, _ = told(capsys, "rollback -n shop")
    assert (code, printed) == (0, "networkpolicy.networking.k8s.io/deployment-web removed\n")
    assert (shop.names(), shop.names(JOBS), len(waited)) == ([], [], 2 - is_done)


def test_a_guard_that_stays_is_marked_and_leaves_what_is_written_later(shop, capsys, refuse_removal):
    path = ours(shop)
    session = apply_guarded(capsys)
    refuse_removal(DENIED, times=1, marks=True)
    code, printed, said = told(capsys, "rollback -n shop")
    assert (code, printed, said) == (0, "networkpolicy.networking.k8s.io/deployment-web restored\n", "")
    label(shop, path)
    later = shop.objects[path]
    (found,) = find(shop, "shop")
    ask, asked = through(shop), []

    def now():  # unknown at first, so that the guard asks
        return found.plan.until + 1 if asked else None

    guard = Guard(found.plan, lambda *request: asked.append(request) or ask(*request), now, Event(), lambda _: None)
    assert (guard.run(), shop.objects[path]) == (0, later)
    assert told(capsys, f"rollback {session} -n shop")[0] == 0
    assert shop.names(JOBS) == []


def test_after_an_apply_that_broke_off_a_guard_that_stays_is_told_as_well(shop, capsys, both, refuse_removal):
    ours(shop)
    shop.refused = {"deployment-web": "exceeded quota"}
    refuse_removal(DENIED)
    code, _, said = told(capsys, both)
    assert (code, shop.names()) == (1, ["deployment-web"])
    assert "exceeded quota; the earlier policies are back, but the guard could not be removed: you may not" in said
