"""A guard that does not come to be: what is said of it, and of what stays in the cluster."""

import re

import pytest

from kubectl_netpol.cluster.trouble import RefusedError, UnreachableError

from .shop import JOBS, POLICIES, shop, told
from .test_apply import APPLY, GUARDED

__all__ = ["shop"]


def forbidden(*_):
    raise RefusedError(403, "Forbidden", "you may not", "see what is missing")


def test_who_may_not_read_its_log_any_more_is_told_so_and_the_guard_goes(shop, capsys, monkeypatch):
    monkeypatch.setattr(shop, "text", forbidden)
    code, printed, said = told(capsys, f"{APPLY} web.yaml {GUARDED}")
    assert (code, printed, shop.names(), shop.names(JOBS)) == (1, "", [], [])
    assert said.endswith(
        "error: nothing was applied: you may not get pods/log in namespace shop any more, and so nobody hears whether "
        "the guard is ready\nhint: see what is missing\n"
    )


@pytest.mark.parametrize("trouble", [RefusedError(403, "Forbidden", "no"), UnreachableError("no route")])
def test_a_guard_that_cannot_be_removed_is_told_with_its_time_and_the_command(shop, capsys, monkeypatch, trouble):
    def delete(*_):
        raise trouble

    monkeypatch.setattr(shop, "text", forbidden)
    monkeypatch.setattr(shop, "delete", delete)
    code, _, said = told(capsys, f"{APPLY} web.yaml {GUARDED} --as jane")
    session = shop.names(JOBS)[0].removeprefix("netpol-guard-")
    assert code == 1
    assert re.search(
        r"note: its guard could not be removed: at \d\d:\d\d:\d\d it puts back what it holds, over what others write "
        rf"until then; whoever may removes it: kubectl netpol confirm {session} -n shop --as jane\n",
        said,
    )


@pytest.mark.parametrize(("name", "is_told"), [("jobs", False), ("roles", True)])
def test_only_a_guard_of_which_something_was_made_is_said_to_stay(shop, capsys, monkeypatch, name, is_told):
    create = shop.create

    def refused(path, body, query=None):
        return forbidden() if path.endswith(f"/{name}") else create(path, body, query)

    monkeypatch.setattr(shop, "create", refused)
    monkeypatch.setattr(shop, "delete", forbidden)
    code, printed, said = told(capsys, f"{APPLY} web.yaml {GUARDED}")
    assert (code, printed, shop.names()) == (1, "", [])
    assert ("its guard could not be removed" in said) is is_told
    assert "error: nothing was applied" in said


def test_a_guard_that_is_gone_has_not_to_be_removed(shop, capsys):
    shop.meanwhile = lambda: shop.objects.pop(f"{JOBS}/{shop.names(JOBS)[0]}")
    code, _, said = told(capsys, f"{APPLY} web.yaml {GUARDED}")
    assert (code, "could not be removed" in said) == (1, False)


def test_policies_that_mean_the_same_are_applied_without_a_guard(shop, capsys):
    assert told(capsys, f"{APPLY} web.yaml")[0] == 0
    code, printed, said = told(capsys, f"{APPLY} web.yaml --rollback-after 1h")
    assert (code, printed) == (0, "networkpolicy.networking.k8s.io/deployment-web serverside-applied\n")
    assert "so there is nothing to watch or to put back" in said
    assert shop.names(JOBS) == []


def test_what_is_taken_over_from_others_is_guarded_although_it_means_the_same(shop, capsys):
    assert told(capsys, f"{APPLY} web.yaml")[0] == 0
    path = f"{POLICIES}/deployment-web"
    written = shop.objects[path]
    shop.put(path, written | {"metadata": {"name": "deployment-web", "namespace": "shop"}})
    assert told(capsys, f"{APPLY} web.yaml {GUARDED} --force-conflicts")[0] == 0
    assert len(shop.names(JOBS)) == 1
