"""A rollback whose guard cannot be removed: nobody is left to believe that later policies are safe from it."""

import re

import pytest

from kubectl_netpol.cluster.trouble import RefusedError, UnreachableError

from .shop import JOBS, shop, told
from .test_apply import apply_guarded, ours
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
    """Jobs cannot be deleted, so many times; or they are, and no answer comes."""
    delete = shop.delete

    def prepare(error, times=100, is_done=False):
        left = [error] * times

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


def test_after_an_apply_that_broke_off_a_guard_that_stays_is_told_as_well(shop, capsys, both, refuse_removal):
    ours(shop)
    shop.refused = {"deployment-web": "exceeded quota"}
    refuse_removal(DENIED)
    code, _, said = told(capsys, both)
    assert (code, shop.names()) == (1, ["deployment-web"])
    assert "exceeded quota; the earlier policies are back, but the guard could not be removed: you may not" in said
