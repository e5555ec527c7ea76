"""What a watched apply does while its captures run: applies, and looks at what goes unanswered and at the guard."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from ..apply.applied import Step, policies_in, steps
from ..apply.guard_objects import GUARD_LABEL
from ..apply.guards import Found, is_nearly_over, look, state_words
from ..apply.reach import Denial, denials
from ..apply.server import ApplyError
from ..apply.watch import Blocked, Watch
from ..apply.way_back import roll_back
from ..capture.progress import Progress
from ..capture.recorder import Recorder
from ..cluster.api import Api, now
from ..cluster.resources import JOB
from ..cluster.rights import Right
from ..cluster.trouble import ClusterError, RefusedError
from ..errors import NetpolError
from ..guard.restore import Outcome
from ..model import NetworkNeighbors
from ..neighbors.recording import summarise
from ..policy.evaluation.values import NetworkPolicy
from ..render.text import counted
from . import streams
from .apply_interruption import NOTHING, Interruption, Stopped
from .apply_options import Application
from .apply_words import way_back
from .denied import blocked_words, lost_words, tell_candidates
from .options import Scope
from .rolled_back import tell_outcome

_LISTEN_SECONDS = 6.0
"""Before the apply: what is answered then has to be answered afterwards, whatever the cache knows."""

_ANSWER_SECONDS = 3.0
"""So long before the apply an attempt has to be heard, to count as one without an answer: logs are read by and by."""

_LOOK_SECONDS = 1.0
_ASK_SECONDS = 2.0
_GRACE_SECONDS = 60.0


@dataclass(frozen=True, slots=True)
class Plan:
    """What a watched apply is about. ``apply`` makes the guard and applies; ``fate`` says what will become of it.

    ``known`` are all recordings, ``before`` the namespace's policies until it is done, ``policies`` those afterwards.
    """

    application: Application
    api: Api
    scope: Scope
    session: str
    steps: Sequence[Step]
    known: Sequence[NetworkNeighbors]
    before: Sequence[NetworkPolicy]
    policies: Sequence[NetworkPolicy]
    apply: Callable[[Interruption], Found]
    fate: Callable[[Found], str]


class LookOut:
    """Is called again and again while the captures run; ends them by ``end``.

    ``is_rolling_back``: right now it puts the earlier policies back, which a first interruption lets come to its end.
    """

    def __init__(self, plan: Plan, recorder: Recorder, subjects: set[str]) -> None:
        self._plan = plan
        self._recorder = recorder
        self._denial: Denial = denials(plan.known, plan.policies)
        earlier: Denial = denials(plan.known, plan.before)
        self._watch = Watch(
            subjects,
            plan.known,
            lambda one, key: self._denial(one, key) is not None,
            lambda one, key: (denied := earlier(one, key)) is not None and not denied.is_partial,
        )
        self._earlier: list[NetworkNeighbors] | None = None
        self._found: Found | None = None
        self._listening = self._next_look = self._next_ask = 0.0
        self._interruption = Interruption()
        self._is_cut_off = self._is_confirmed = self.is_rolling_back = False
        self._failure: NetpolError | None = None
        self.end: Callable[[], None] = lambda: None

    def interrupt(self) -> None:
        """From a signal handler: the captures end. Before the apply that is all of it, afterwards the guard stays."""
        self._interruption.ask()
        self.end()

    def tick(self, progress: Progress) -> None:
        """Applies once all is heard, and looks around from then on."""
        at = time.monotonic()
        if progress.is_ending or self._interruption.is_asked or self._is_over or not progress.begun:
            return
        if self._found is None:
            self._listening = self._listening or at + _LISTEN_SECONDS
            if self._earlier is None and at >= self._listening - _ANSWER_SECONDS:
                self._earlier = self._heard()
            if at >= self._listening:
                self._apply()
        else:
            self._look(at)

    @property
    def is_late(self) -> bool:
        """Whether an interruption ends the watch only, since the policies are there, or nearly so."""
        return self._interruption.is_late

    @property
    def _is_over(self) -> bool:
        return self._is_confirmed or self._failure is not None

    def _apply(self) -> None:
        heard = self._heard()
        try:
            self._found = self._plan.apply(self._interruption)
        except Stopped:  # the captures end as always, and ``conclude`` tells it
            return
        except NetpolError as error:
            self._failure = error
            raise
        if lost := self._watch.begin(heard, self._earlier or ()):
            streams.note(lost_words(lost))
        if not self._interruption.is_asked:
            streams.say(f"watching; {self._plan.fate(self._found)}")

    def _heard(self) -> list[NetworkNeighbors]:
        return [summarise(one) for one in self._recorder.recordings()]

    def _look(self, at: float) -> None:
        if at >= self._next_look:
            self._next_look = at + _LOOK_SECONDS
            if blocked := self._watch.look(self._heard(), now(self._plan.api)):
                self._go_back(blocked)
                return
        if at >= self._next_ask:
            self._next_ask = at + _ASK_SECONDS
            self._ask()

    # It tells afterwards: where stderr fails, or its terminal is halted, a say would hinder the rollback.
    def _go_back(self, blocked: Sequence[Blocked]) -> None:
        assert self._found is not None  # noqa: S101 - for the type checker
        try:
            outcome = self._roll_back(self._found, counted(len(blocked), "flow"))
        finally:  # also after Ctrl-C
            self.end()
            for one in blocked:
                streams.say(f"blocked: {blocked_words(one)}")
        if outcome is not None:
            tell_outcome(self._found, outcome)

    def _roll_back(self, found: Found, flows: str) -> Outcome | None:
        connection = self._plan.application.connection
        rest = way_back(found, connection)
        self._failure = ApplyError("interrupted while the earlier policies are put back", rest)
        self.is_rolling_back = True
        try:
            outcome = roll_back(self._plan.api, found, connection.flags)
        except ApplyError as error:
            self._failure = error
            return None
        finally:
            self.is_rolling_back = False
        self._failure = ApplyError(
            f"rolled back: {flows} that used to be answered went unanswered",
            "the earlier policies are back; add what is missing, or record again",
        )
        return outcome

    def _ask(self) -> None:
        assert self._found is not None  # noqa: S101 - for the type checker
        try:
            found = look(self._plan.api, self._found)
        except ClusterError as error:
            self._lose(error)
            return
        if self._is_cut_off:
            self._is_cut_off = False
            streams.say("the guard can be asked about again")
        if found is None:
            self._is_confirmed = True
            self.end()
        elif found.state:
            self._failure = self._rolled_back(found)
            self.end()
        elif self._is_late(_GRACE_SECONDS):
            connection, place = self._plan.application.connection, ("-n", found.plan.namespace)
            back = connection.command("rollback", found.session, *place)
            logs = connection.of_kubectl("logs", *place, "-l", f"{GUARD_LABEL}={found.session}")
            self._failure = ApplyError(
                "THE ROLLBACK HAS NOT BEGUN: the guard's time ran out, and it has put nothing back",
                f"put it back now: {back}; what the guard says: {logs}",
            )
            self.end()

    # Before its time the guard marks nothing: it was somebody's rollback. That it is done only the guard says.
    def _rolled_back(self, found: Found) -> ApplyError:
        if not found.is_over and not is_nearly_over(self._plan.api, found):
            return ApplyError(f"rolled back from elsewhere: {state_words(found)}", "")
        return ApplyError(f"not confirmed in time: {state_words(found)}", "apply it again, and confirm it in time")

    def _is_late(self, grace: float) -> bool:
        assert self._found is not None  # noqa: S101 - for the type checker
        return now(self._plan.api) > self._found.plan.until + grace * 1000

    def _lose(self, error: ClusterError) -> None:
        assert self._found is not None  # noqa: S101 - for the type checker
        is_denied = isinstance(error, RefusedError) and error.is_forbidden
        if not self._is_cut_off:
            self._is_cut_off = True
            right = Right("get", JOB, "", self._found.plan.namespace)
            denied = f"you may not {right} any more, and so nobody here sees what becomes of the apply"
            why = denied if is_denied else f"the cluster is not reached: {error.message}"
            streams.say(f"{why}; {self._plan.fate(self._found)}")
        # A guard that cannot be asked about does its part at its time; without a cluster perhaps later.
        if self._is_late(0 if is_denied else _GRACE_SECONDS):
            what = "what the guard did could not be asked" if is_denied else "the cluster was not reached"
            see = self._plan.application.connection.of_kubectl("get", "netpol", "-n", self._found.plan.namespace)
            self._failure = ApplyError(
                f"{what} when its time ran out",
                f"by now it has put the earlier policies back, unless somebody confirmed: {see}",
            )
            streams.say("the guard's time ran out; ending the captures, which may take a minute")
            self.end()

    def conclude(self) -> int:
        """What is said when the captures are over."""
        if self._found is None:
            streams.say(NOTHING)
            raise KeyboardInterrupt
        try:
            tell_candidates(self._watch.denied, self._heard(), self._denial)
        finally:  # also after one more Ctrl-C
            if self._failure:
                raise self._failure
        if not self._is_confirmed:
            self.tell_fate()
            raise KeyboardInterrupt
        present = policies_in(self._plan.api, [self._found.plan.namespace])
        if not all(one.change.is_none for one in steps([one.policy for one in self._plan.steps], (), present)):
            raise ApplyError("rolled back from elsewhere", "the earlier policies are back")
        streams.say("confirmed")
        return 0

    def tell_fate(self, why: BaseException | None = None) -> None:
        """What becomes of what was applied, or why it failed, where ``conclude`` is not reached or nothing is decided.

        ``why`` is what ended the captures. It is left to whoever catches it: only what else failed is told.
        """
        if self._failure is not None:
            if self._failure is not why:
                streams.tell_error(self._failure)
        elif self._found is not None and not self._is_confirmed:
            streams.say(f"nobody watches any more; {self._plan.fate(self._found)}")
