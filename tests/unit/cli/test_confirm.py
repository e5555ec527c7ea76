"""``confirm`` whose end is not heard of: whether it is confirmed is told, or how to see it."""

import os
import signal

import pytest

from kubectl_netpol.cluster.trouble import RefusedError, UnreachableError

from .shop import JOBS, shop, told
from .test_apply import apply_guarded

__all__ = ["shop"]

WEB = "networkpolicy.networking.k8s.io/deployment-web"


@pytest.fixture
def end_of_deletion(shop, monkeypatch):
    """Sets what happens right after a guard was deleted."""

    def prepare(act):
        delete = shop.delete

        def delete_and_act(path, *more):
            found = delete(path, *more)
            if path.startswith(JOBS):
                act()
            return found

        monkeypatch.setattr(shop, "delete", delete_and_act)

    return prepare


def raising(error):
    def act(*_):
        raise error

    return act


@pytest.mark.parametrize("error", [UnreachableError("no answer in time"), RefusedError(504, "Timeout", "timed out")])
def test_a_confirmation_whose_answer_is_lost_is_one(shop, capsys, end_of_deletion, error):
    apply_guarded(capsys)
    end_of_deletion(raising(error))
    assert told(capsys, "confirm -n shop") == (0, f"{WEB} confirmed\n", "")
    assert shop.names(JOBS) == []


def test_where_nobody_answers_any_more_the_way_to_see_whether_it_is_confirmed_is_told(
    shop, capsys, monkeypatch, end_of_deletion
):
    session, error = apply_guarded(capsys), UnreachableError("no answer in time")

    def cut_off():
        monkeypatch.setattr(shop, "get", raising(error))
        raise error

    end_of_deletion(cut_off)
    assert told(capsys, "confirm -n shop --as jane") == (
        1,
        "",
        f"error: it is not known whether session {session} is confirmed: no answer in time\n"
        f"hint: it is, if its guard is gone: kubectl get job netpol-guard-{session} -n shop --as jane\n",
    )


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_an_interrupted_confirmation_tells_how_to_see_whether_it_is_one(shop, capsys, end_of_deletion, number):
    session = apply_guarded(capsys)
    end_of_deletion(lambda: os.kill(os.getpid(), number))
    assert told(capsys, "confirm -n shop --as jane") == (
        130,
        "",
        f"interrupted: it is not known whether session {session} is confirmed; "
        f"it is, if its guard is gone: kubectl get job netpol-guard-{session} -n shop --as jane\n",
    )
