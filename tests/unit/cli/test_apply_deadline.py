"""A confirmed apply that takes longer than its guard waits: nothing stays that nobody holds, and nobody else's goes."""

import json
import re
import tempfile
from pathlib import Path
from threading import Event

import pytest

from kubectl_netpol.apply import guards
from kubectl_netpol.apply.guards import find
from kubectl_netpol.apply.way_back import through
from kubectl_netpol.cluster.trouble import RefusedError, UnreachableError
from kubectl_netpol.guard.__main__ import Guard
from kubectl_netpol.guard.restore import RUNNING, STATE

from .shop import JOBS, POLICIES, shop, told
from .test_apply import apply_guarded, label, ours
from .test_apply_races import both

__all__ = ["both", "shop"]

API, WEB = f"{POLICIES}/deployment-api", f"{POLICIES}/deployment-web"


def guard_acts(shop):
    """The guard's time runs out: it puts back what is there by now."""
    (found,) = find(shop, "shop")
    assert Guard(found.plan, through(shop), lambda: found.plan.until + 1, Event(), lambda _: None).run() == 0


def once(shop, wanted, act):
    """``act`` is called when the policy is applied, but not again when it is put back."""
    shop.after_apply = lambda name: act() if name == wanted else None


@pytest.mark.parametrize("last", ["deployment-api", "deployment-web"])
def test_what_is_applied_after_the_guard_rolled_back_is_put_back_from_here(shop, capsys, both, last):
    ours(shop)
    before = dict(shop.objects[WEB]["spec"])

    def late(name):  # the laptop slept for long within this request
        if name == last:
            written = shop.objects[f"{POLICIES}/{name}"]
            guard_acts(shop)
            shop.objects[f"{POLICIES}/{name}"] = written

    shop.after_apply = late
    code, _, said = told(capsys, both)
    assert (code, shop.names(), shop.objects[WEB]["spec"]) == (1, ["deployment-web"], before)
    assert "ended before all was applied: its time ran out" in said or last == "deployment-api"
    assert "what was applied is put back" in said


@pytest.fixture
def at_the_deadline(monkeypatch):
    """Call it, and for the laptop the guard's time is almost over from then on."""
    return lambda: monkeypatch.setattr(guards, "now", lambda _: 1 << 60)


def test_near_the_deadline_no_more_is_applied(shop, capsys, both, at_the_deadline):
    once(shop, "deployment-api", at_the_deadline)
    code, printed, said = told(capsys, both)
    api = "networkpolicy.networking.k8s.io/deployment-api"
    assert (code, printed) == (1, f"{api} serverside-applied\n{api} removed\n")
    assert (shop.names(), shop.names(JOBS)) == ([], [])
    assert "the guard's time is almost over" in said


def test_a_guard_that_is_removed_meanwhile_leaves_nothing_unguarded(shop, capsys, both):
    once(shop, "deployment-web", lambda: shop.objects.pop(f"{JOBS}/{shop.names(JOBS)[0]}"))
    code, _, said = told(capsys, both)
    assert (code, shop.names()) == (1, [])
    assert "went before all was applied; what was applied is put back" in said


@pytest.fixture
def no_way_back(shop, monkeypatch, tmp_path):
    """Once ``web`` is applied the guard is gone, and what is asked for by one of these methods is refused."""
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))

    def prepare(*methods):
        def refuse(method, path, body, media, send=shop.send):
            if method in methods:
                raise RefusedError(403, "Forbidden", f"you may not {method}")
            return send(method, path, body, media)

        def lose():
            shop.objects.pop(f"{JOBS}/{shop.names(JOBS)[0]}")
            monkeypatch.setattr(shop, "send", refuse)

        once(shop, "deployment-web", lose)

    return prepare


def held(said):
    """The policies in the file that the hint names."""
    file = Path(re.search(r"kubectl replace -f (\S+) -n shop", said)[1])
    assert file.stat().st_mode & 0o777 == 0o600
    return json.loads(file.read_text())["items"]


@pytest.mark.parametrize("rights", [("PUT", "DELETE"), ("PUT", "DELETE", "PATCH")])
def test_what_no_guard_holds_and_cannot_be_put_back_is_written_to_a_file(shop, capsys, both, no_way_back, rights):
    before = shop.objects[ours(shop, labels={"team": "red"})]
    no_way_back(*rights)
    code, _, said = told(capsys, both)
    assert code == 1
    assert "THE ROLLBACK FAILED: deployment-api: you may not DELETE; deployment-web: you may not PUT" in said
    assert "finish it by hand: kubectl delete networkpolicy deployment-api -n shop; kubectl replace -f " in said
    assert "kubectl netpol rollback" not in said.partition("hint: ")[2]
    (policy,) = held(said)
    wanted = {key: before["metadata"][key] for key in ("name", "namespace", "labels", "annotations")}
    assert (policy["metadata"], policy["spec"]) == (wanted, before["spec"])


def test_where_nobody_can_look_what_is_left_is_written_too(shop, capsys, both, no_way_back, monkeypatch):
    ours(shop)
    no_way_back()
    lose = shop.after_apply

    def lose_all(name):
        lose(name)
        if name == "deployment-web":
            get = shop.get
            refused = RefusedError(403, "Forbidden", "you may not list")
            monkeypatch.setattr(shop, "get", lambda path, *more: _raise(refused) if path == POLICIES else get(path))

    shop.after_apply = lose_all
    code, _, said = told(capsys, both)
    assert (code, "THE ROLLBACK FAILED: you may not list" in said) == (1, True)
    assert [one["metadata"]["name"] for one in held(said)] == ["deployment-web"]


def _raise(error):
    raise error


def test_where_that_file_cannot_be_written_either_it_is_said(shop, capsys, both, no_way_back, monkeypatch, tmp_path):
    ours(shop)
    no_way_back("PUT")
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path / "none"))
    assert "they could not be written: no file in the temporary directory" in told(capsys, both)[2]


def test_what_others_wrote_after_the_guard_rolled_back_is_theirs(shop, capsys, both):
    def later():
        guard_acts(shop)
        label(shop, ours(shop))

    once(shop, "deployment-web", later)
    assert (told(capsys, both)[0], shop.names()) == (1, ["deployment-web"])
    assert shop.objects[WEB]["metadata"]["labels"] == {"team": "red"}


@pytest.mark.parametrize("trouble", [UnreachableError("no answer in time"), KeyboardInterrupt()])
def test_what_came_without_an_answer_after_the_guard_rolled_back_is_put_back(
    shop, capsys, both, at_the_deadline, trouble
):
    def late():
        written = shop.objects[WEB]
        guard_acts(shop)
        shop.objects[WEB] = written
        at_the_deadline()
        raise trouble

    once(shop, "deployment-web", late)
    code, printed, _ = told(capsys, both)
    assert (code in (1, 130), shop.names()) == (True, [])
    assert "deployment-web removed" in printed


def test_a_rollback_by_hand_in_the_midst_of_an_apply_leaves_nothing(shop, capsys, both):
    def begun():
        shop.merge(f"{JOBS}/{shop.names(JOBS)[0]}", {"metadata": {"annotations": {STATE: RUNNING}}})

    once(shop, "deployment-web", begun)
    assert (told(capsys, both)[0], shop.names()) == (1, [])


def test_a_rollback_of_a_session_that_is_over_leaves_later_policies_and_tells_of_them(shop, capsys):
    session = apply_guarded(capsys)
    guard_acts(shop)
    label(shop, ours(shop))
    code, printed, said = told(capsys, f"rollback {session} -n shop")
    assert (code, printed, shop.names(JOBS)) == (0, "", [])
    assert shop.objects[WEB]["metadata"]["labels"] == {"team": "red"}
    assert "note: written since, and left as it is: networkpolicy/deployment-web in namespace shop\n" in said
