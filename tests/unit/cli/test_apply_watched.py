"""The look-out of a watched apply: what it says when the guard does not do its part, or cannot be asked about."""

import re
import signal
from dataclasses import replace
from types import SimpleNamespace

import pytest

from kubectl_netpol.apply import guards
from kubectl_netpol.apply.guards import Found
from kubectl_netpol.apply.server import ApplyError
from kubectl_netpol.apply.watch import Blocked
from kubectl_netpol.capture.progress import Progress
from kubectl_netpol.capture.session import decode
from kubectl_netpol.cli import apply_look_out, apply_watched, streams
from kubectl_netpol.cli.connection import Connection
from kubectl_netpol.cli.record_scope import scoped
from kubectl_netpol.cluster.trouble import RefusedError, UnreachableError
from kubectl_netpol.errors import CaptureError, NetpolError, StoreError
from kubectl_netpol.guard.plan import Earlier, Plan
from kubectl_netpol.guard.restore import DONE, RUNNING, Outcome
from kubectl_netpol.model import Workload
from tests.unit.apply.test_watch import TO_API, WEB, account

UNTIL = 1_700_000_000_000
FORBIDDEN = "jobs.batch is forbidden"
GUARD = Found("abc", Plan("shop", "netpol-guard-abc", UNTIL, (Earlier("new", None),)), "", "u", "1")


class Watched:
    """A look-out that has applied. ``look`` does as the API server when it is asked for the guard.

    ``known`` are the recordings, ``heard`` what the captures heard, ``apply`` what makes the guard and applies.
    """

    def __init__(self, monkeypatch, known=(), heard=(), apply=lambda _: GUARD):
        self.at, self.ended = UNTIL - 60_000, []
        self.look = lambda: GUARD
        for module in (apply_look_out, guards):
            monkeypatch.setattr(module, "now", lambda _: self.at)
        monkeypatch.setattr(apply_look_out, "look", lambda *_: self.look())
        monkeypatch.setattr(apply_look_out, "_ASK_SECONDS", 0)
        monkeypatch.setattr(apply_look_out, "_LISTEN_SECONDS", 0)
        connection = Connection(None, None, None, None, "jane", (), 0.0, ("--as", "jane"))
        application = SimpleNamespace(connection=connection)
        plan = SimpleNamespace(
            application=application,
            api=None,
            known=known,
            **dict.fromkeys(("before", "policies"), ()),
            apply=apply,
            fate=lambda _: "FATE",
        )
        monkeypatch.setattr(apply_look_out.LookOut, "_heard", lambda _: list(heard))
        self.look_out = apply_look_out.LookOut(plan, SimpleNamespace(recordings=list), {"shop/deployment/web"})
        self.look_out.end = lambda: self.ended.append(self.at)
        self.tick()

    def tick(self, at=0):
        self.at = at or self.at
        self.look_out.tick(Progress(begun=1.0))

    def failure(self):
        with pytest.raises(ApplyError) as caught:
            self.look_out.conclude()
        return caught.value


@pytest.fixture
def watched(monkeypatch):
    return Watched(monkeypatch)


def test_a_guard_that_does_nothing_at_its_time_is_loud_and_the_way_by_hand_told(watched):
    watched.tick(UNTIL + 30_000)
    assert not watched.ended
    watched.tick(UNTIL + 61_000)
    assert watched.ended
    assert watched.failure().message.startswith("THE ROLLBACK HAS NOT BEGUN")
    assert watched.failure().hint == (
        "put it back now: kubectl netpol rollback abc -n shop --as jane; "
        "what the guard says: kubectl logs -n shop -l kubectl-netpol/guard=abc --as jane"
    )


def test_what_went_unanswered_before_the_apply_is_told_once(monkeypatch, capsys):
    lost = account(WEB, TO_API, 6, 0)
    Watched(monkeypatch, known=[account(WEB, TO_API, 3, 3)], heard=[lost]).tick()
    assert [line for line in capsys.readouterr().err.splitlines() if line.startswith("note: ")] == [
        "note: 1 flow that used to be answered went unanswered before the apply already, so the watch leaves out: "
        "deployment/web in namespace shop: egress to shop/deployment/api at TCP 80"
    ]


def refuse(error):
    def look():
        raise error

    return look


def test_a_right_that_is_lost_is_named_and_the_watch_ends_with_the_guards_time(watched, capsys):
    watched.look = refuse(RefusedError(403, "Forbidden", FORBIDDEN))
    watched.tick()
    watched.tick()
    said = capsys.readouterr().err
    assert said.count("you may not get jobs.batch in namespace shop any more") == 1
    assert "FATE" in said
    assert "not reached" not in said
    watched.tick(UNTIL + 1)
    assert watched.ended
    assert watched.failure().message == "what the guard did could not be asked when its time ran out"


def test_a_right_that_comes_back_is_told_and_a_rollback_seen(watched, capsys):
    watched.look = refuse(RefusedError(403, "Forbidden", FORBIDDEN))
    watched.tick()
    watched.look = lambda: replace(GUARD, state=DONE)
    watched.tick()
    assert "the guard can be asked about again" in capsys.readouterr().err
    assert watched.failure().message.startswith("not confirmed in time")


@pytest.mark.parametrize(
    ("before", "words"), [(30_000, "rolled back from elsewhere: "), (1_000, "not confirmed in time: ")]
)
def test_a_rollback_that_has_begun_is_told_from_one_by_hand_by_the_deadline(watched, before, words):
    watched.look = lambda: replace(GUARD, state=RUNNING)
    watched.tick(UNTIL - before)
    assert watched.ended
    assert watched.failure().message == f"{words}putting back the earlier policies was begun"


def test_a_flow_that_breaks_while_somebody_else_ends_the_session_promises_no_guard_any_more(
    watched, monkeypatch, capsys
):
    def is_gone(*_):
        raise ApplyError("session abc is gone")

    monkeypatch.setattr(apply_look_out, "roll_back", is_gone)
    monkeypatch.setattr(watched.look_out._watch, "look", lambda *_: [Blocked(WEB, TO_API, 3, 1, True)])
    watched.tick()
    assert watched.ended
    assert watched.failure().message == "session abc is gone"
    watched.look_out.tell_fate()
    assert "FATE" not in capsys.readouterr().err.partition("blocked: ")[2]


def test_what_is_blocked_is_rolled_back_also_where_nobody_can_be_told(watched, monkeypatch):
    rolled_back = []

    def unheard(_):
        raise BrokenPipeError

    monkeypatch.setattr(apply_look_out, "roll_back", lambda *_: rolled_back.append(True) or Outcome())
    monkeypatch.setattr(watched.look_out._watch, "look", lambda *_: [Blocked(WEB, TO_API, 3, 1, True)])
    monkeypatch.setattr(streams, "say", unheard)
    with pytest.raises(BrokenPipeError):
        watched.tick()
    assert (rolled_back, len(watched.ended)) == ([True], 1)


def test_the_session_of_a_watch_can_be_read_by_whoever_stops_it(monkeypatch):
    monkeypatch.setattr(apply_watched, "now", lambda _: UNTIL)
    application = SimpleNamespace(capture_namespace="infra", image="i", pull_policy=None, pull_secrets=())
    plan = SimpleNamespace(api=None, application=application, session="abc", steps=[SimpleNamespace(namespace="shop")])
    capture = apply_watched._capture(plan, ["infra/cronjob/report", "shop/deployment/web", "shop/statefulset/db"])
    session = decode(capture.annotation)
    scope = scoped(session.selection, session.namespace, session.labels)
    workloads = [Workload(place, "Deployment", "web", "apps/v1") for place in ("shop", "infra")]
    assert scope.text == "deployment/web, statefulset/db in namespace shop"
    assert [scope.wanted(one, {}) for one in workloads] == [True, False]


def test_without_a_cluster_the_guard_is_given_a_minute(watched, capsys):
    watched.look = refuse(UnreachableError("no route", ""))
    watched.tick(UNTIL + 30_000)
    assert "the cluster is not reached: no route; FATE" in capsys.readouterr().err
    assert not watched.ended
    watched.tick(UNTIL + 61_000)
    assert watched.failure().message == "the cluster was not reached when its time ran out"
    assert watched.failure().hint.endswith("unless somebody confirmed: kubectl get netpol -n shop --as jane")


def stopping(interruption):
    interruption.ask()
    interruption.pass_by()


def test_an_interruption_while_the_guard_starts_ends_the_captures_as_always_and_tells_that_nothing_is_applied(
    monkeypatch, capsys
):
    watched = Watched(monkeypatch, apply=stopping)
    watched.tick()
    assert not watched.look_out.is_late
    with pytest.raises(KeyboardInterrupt):
        watched.look_out.conclude()
    assert capsys.readouterr().err == "nothing was applied\n"


@pytest.mark.parametrize(
    ("is_late", "is_rolling_back", "words"),
    [
        (False, False, "stopping before anything is applied"),
        (True, False, "stopping the watch, not the guard"),
        (True, True, "stopping once the earlier policies are back"),
    ],
)
def test_an_interruption_says_what_it_ends(monkeypatch, capsys, is_late, is_rolling_back, words):
    handlers = {}
    monkeypatch.setattr(signal, "signal", handlers.__setitem__)
    look_out = SimpleNamespace(interrupt=lambda: None, is_late=is_late, is_rolling_back=is_rolling_back)
    apply_watched._catch(look_out)
    handlers[signal.SIGTERM](signal.SIGTERM, None)
    assert capsys.readouterr().err == f"{words}; once more to leave at once\n"


HOPELESS = CaptureError("no node could be captured; n1: a virtual node", "see what is wrong: doctor")


@pytest.fixture
def refused(monkeypatch, tmp_path):
    """What is raised by a watched apply of which one step fails, by default since nothing can be captured.

    ``ticks``: the first one applies. That the captures end fails with ``error``, if it is to, whatever came before.
    """

    def run_watched(fails, ticks=0, error=HOPELESS, apply=lambda interruption: interruption.pass_by() or GUARD):
        def at(step):
            if step == fails:
                raise error

        def recording(_, __, tick):
            def run():
                try:
                    for _ in range(ticks):
                        tick(Progress(begun=1.0))
                finally:  # as the captures end
                    at("run")

            return SimpleNamespace(nodes=lambda: at("nodes") or {"n1"}, run=run, stop=lambda: None)

        def command(*words):
            return " ".join(["kubectl netpol", *words])

        captures = SimpleNamespace(feed=SimpleNamespace(load=lambda: None), remember=lambda: None, capture=None)
        for name, value in {
            "LiveRecording": recording,
            "Captures": lambda *_: captures,
            "check_admission": lambda *_: at("admission"),
            "cluster_identity": lambda _: "id",
            "_capture": lambda *_: None,
            "_catch": lambda _: None,
            "tell_left": lambda *_: streams.say("LEFT"),
        }.items():
            monkeypatch.setattr(apply_watched, name, value)
        monkeypatch.setattr(apply_look_out, "_LISTEN_SECONDS", 0)
        connection = SimpleNamespace(current=lambda: SimpleNamespace(cluster="c"), command=command, flags="")
        plan = SimpleNamespace(
            application=SimpleNamespace(connection=connection),
            api=None,
            scope=SimpleNamespace(directory=tmp_path / "cache"),
            **dict.fromkeys(("steps", "known", "before", "policies"), ()),
            apply=apply,
            fate=lambda _: "FATE",
        )
        with pytest.raises((NetpolError, KeyboardInterrupt, OSError)) as caught:
            apply_watched.run_watched(plan)
        return caught.value

    return run_watched


@pytest.mark.parametrize("step", ["nodes", "admission", "run"])
def test_where_nothing_can_be_captured_the_way_without_a_watch_is_told(refused, step):
    error = refused(step)
    assert error.message == f"the flows cannot be watched: {HOPELESS.message}"
    assert error.hint == f"{HOPELESS.hint}; or add --no-watch"


def test_once_it_is_applied_no_other_way_to_apply_is_told_but_what_becomes_of_it(refused, capsys):
    assert refused("run", ticks=1) is HOPELESS
    assert capsys.readouterr().err.endswith("nobody watches any more; FATE\n")


@pytest.mark.parametrize(
    ("ticks", "words"), [(0, "nothing was applied\nLEFT\n"), (1, "nobody watches any more; FATE\nLEFT\n")]
)
def test_who_leaves_at_once_is_told_what_was_applied_and_that_captures_are_left(refused, capsys, ticks, words):
    assert isinstance(refused("run", ticks, KeyboardInterrupt()), KeyboardInterrupt)
    assert capsys.readouterr().err.endswith(f"\n{words}")


HAND = "finish it by hand: kubectl delete networkpolicy new -n shop"
ENDS = [KeyboardInterrupt(), BrokenPipeError(), StoreError("no space left"), CaptureError("n1 is not captured")]


@pytest.fixture
def no_way_back(monkeypatch):
    """A flow is blocked, and the rollback fails."""

    def fail(*_):
        raise ApplyError("THE ROLLBACK FAILED: new: no more", HAND)

    monkeypatch.setattr(apply_look_out, "roll_back", fail)
    monkeypatch.setattr(apply_look_out, "now", lambda _: UNTIL)
    monkeypatch.setattr(apply_look_out.Watch, "look", lambda *_: [Blocked(WEB, TO_API, 3, 1, True)])


@pytest.mark.parametrize("end", ENDS)
def test_a_rollback_that_failed_is_told_whatever_ends_the_captures(refused, capsys, no_way_back, end):
    assert refused("run", 2, end) is end
    assert f"error: THE ROLLBACK FAILED: new: no more\nhint: {HAND}\n" in capsys.readouterr().err


def test_a_rollback_that_failed_is_raised_also_where_the_candidates_are_interrupted(refused, monkeypatch, no_way_back):
    def interrupt(*_):
        raise KeyboardInterrupt

    monkeypatch.setattr(apply_look_out, "tell_candidates", interrupt)
    assert refused("nowhere", 2).hint == HAND


def test_who_leaves_in_the_midst_of_the_rollback_is_told_how_to_go_on(refused, capsys, monkeypatch, no_way_back):
    def interrupt(*_):
        raise KeyboardInterrupt

    monkeypatch.setattr(apply_look_out, "roll_back", interrupt)
    assert isinstance(refused("nowhere", 2), KeyboardInterrupt)
    _, _, said = capsys.readouterr().err.partition("watching; FATE\n")
    assert re.fullmatch(
        "blocked: .*\n"
        "error: interrupted while the earlier policies are put back\n"
        r"hint: the guard puts the rest back at .*; to do it at once: kubectl netpol rollback abc -n shop\n"
        "LEFT\n",
        said,
    )


def test_in_the_midst_of_the_rollback_an_interruption_knows_it(watched, monkeypatch):
    seen = []
    monkeypatch.setattr(
        apply_look_out, "roll_back", lambda *_: seen.append(watched.look_out.is_rolling_back) or Outcome()
    )
    monkeypatch.setattr(watched.look_out._watch, "look", lambda *_: [Blocked(WEB, TO_API, 3, 1, True)])
    watched.tick()
    assert (seen, watched.look_out.is_rolling_back) == ([True], False)
    assert watched.failure().message == "rolled back: 1 flow that used to be answered went unanswered"


def fail_half(interruption):
    interruption.pass_by()
    raise ApplyError("1 of 2 policies were applied; THE ROLLBACK FAILED", HAND)


@pytest.mark.parametrize("end", ENDS)
def test_an_apply_that_failed_is_told_whatever_ends_the_captures(refused, capsys, end):
    assert refused("run", 1, end, fail_half) is end
    said = capsys.readouterr().err
    assert f"error: 1 of 2 policies were applied; THE ROLLBACK FAILED\nhint: {HAND}\n" in said
    assert "nothing was applied" not in said


def test_an_apply_that_failed_is_left_to_whoever_catches_it(refused, capsys):
    assert refused("nowhere", 1, apply=fail_half).hint == HAND
    assert HAND not in capsys.readouterr().err
