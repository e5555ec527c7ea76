"""An apply whose answer is lost, or comes from a server that failed: the policy may be there, and this is said."""

import pytest

from kubectl_netpol.cluster.trouble import RefusedError, UnreachableError

from .shop import JOBS, shop, told
from .test_apply import GUARDED, ours
from .test_apply_races import both

__all__ = ["both", "shop"]

API, WEB = (f"networkpolicy.networking.k8s.io/deployment-{name} in namespace shop" for name in ("api", "web"))
NO_ANSWER = UnreachableError("no answer in time")
AGAIN = "once that is mended, type the same command again for the rest: what is applied already stays as it is"


def lose_answer(shop, wanted, error=NO_ANSWER):
    def after_apply(name):
        if name == wanted:
            raise error

    shop.after_apply = after_apply


def told_error(capsys, words):
    code, _, said = told(capsys, words)
    assert code == 1
    return said.partition("error: ")[2].splitlines()


@pytest.mark.parametrize("error", [NO_ANSWER, RefusedError(504, "Timeout", "no answer in time")])
def test_without_an_answer_to_the_first_policy_it_is_not_said_that_nothing_was_applied(shop, capsys, both, error):
    lose_answer(shop, "deployment-api", error)
    assert told_error(capsys, f"{both.removesuffix(GUARDED)} --as jane") == [
        f"0 of 2 policies were applied, {API} may be there, and these were not: {WEB}: no answer in time",
        f"hint: {AGAIN}; to take back what is new: kubectl delete networkpolicy/deployment-api --ignore-not-found "
        "-n shop --as jane",
    ]


def test_without_an_answer_to_the_last_policy_it_is_not_said_to_be_absent(shop, capsys, both):
    lose_answer(shop, "deployment-web")
    assert told_error(capsys, both.removesuffix(GUARDED)) == [
        f"1 of 2 policies were applied ({API}), {WEB} may be there: no answer in time",
        f"hint: {AGAIN}; to take back what is new: kubectl delete networkpolicy/deployment-api "
        "networkpolicy/deployment-web --ignore-not-found -n shop",
    ]


def test_what_was_there_before_is_not_to_be_deleted(shop, capsys, both):
    ours(shop)
    lose_answer(shop, "deployment-web")
    hint = told_error(capsys, both.removesuffix(GUARDED))[1]
    assert hint.endswith(": kubectl delete networkpolicy/deployment-api --ignore-not-found -n shop")


def test_what_may_be_there_under_a_guard_is_said_to_be_put_back(shop, capsys, both):
    lose_answer(shop, "deployment-api")
    assert told_error(capsys, both)[0] == (
        f"0 of 2 policies were applied, {API} may be there, and these were not: {WEB}: no answer in time; "
        "what was applied is put back"
    )
    assert (shop.names(), shop.names(JOBS)) == ([], [])
