"""``generate --apply --rollback-after``: a guard first, then the policies, then a look at what breaks."""

from __future__ import annotations

import shlex
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

from ..apply.applied import Step, policies_in, steps
from ..apply.guard_objects import Guard
from ..apply.guard_start import NoGuardError, gone, settled_network, start
from ..apply.guards import Found, changed_since, find, mark_applied, plan_of, refuse_late, remove
from ..apply.server import AGAIN, ApplyError, Manner, apply_all, refuse_theirs
from ..capture.image import IMAGE
from ..capture.preflight import check_recording, check_rights
from ..capture.session import new_name
from ..cluster.api import Api, now
from ..cluster.rights import to_guard
from ..cluster.trouble import ClusterError
from ..errors import CaptureError, InputError, NetpolError
from ..model import NetworkNeighbors
from ..policy.evaluation.reading import read_policy
from ..render.age import clock
from . import streams
from .apply_half import Half
from .apply_interruption import NOTHING, Interruption, Told, ends_as_interrupts
from .apply_options import Application
from .apply_words import command_on, fate, lost_track_words, tell
from .options import Scope
from .other_guards import refuse_guarded


def check_guard(application: Application, api: Api, wanted: Sequence[Step]) -> None:
    """Raises NetpolError where no guard could be made, before anybody is asked."""
    namespaces = sorted({one.namespace for one in wanted})
    if len(namespaces) > 1:
        raise InputError(
            f"--rollback-after is for one namespace at a time, and these are of {', '.join(namespaces)}",
            "a guard has rights in its own namespace only: apply one after the other, with -n",
        )
    command = f"kubectl netpol doctor --print-rbac --for confirmed-apply -n {shlex.quote(namespaces[0])}"
    check_rights(api, to_guard(namespaces[0]), command)
    if application.watch:
        _check_watch(api, application.capture_namespace or namespaces[0])
    settled_network(api, _guard(application, "check", wanted, now(api)), _all_policies(api, wanted))


def _check_watch(api: Api, namespace: str) -> None:
    from .apply_watched import unwatched  # noqa: PLC0415

    try:
        check_recording(api, namespace)
    except CaptureError as error:
        raise unwatched(error) from error


def _guard(application: Application, session: str, wanted: Sequence[Step], at: int) -> Guard:
    until = at + int(application.rollback_after * 1000)
    return Guard(
        session,
        plan_of(session, wanted[0].namespace, until, wanted),
        int(application.rollback_after),
        application.image or IMAGE,
        application.pull_policy or "IfNotPresent",
        application.pull_secrets,
    )


def _all_policies(api: Api, wanted: Sequence[Step]) -> list[dict[str, object]]:
    present = policies_in(api, [wanted[0].namespace])[wanted[0].namespace]
    replaced = {one.name for one in wanted}
    kept = [one for one in present if one["metadata"]["name"] not in replaced]
    return [*kept, *(dict(one.document) for one in wanted)]


@dataclass(frozen=True, slots=True)
class Guarded:
    """One confirmed apply, from its guard to its end. ``known`` are all recordings."""

    application: Application
    api: Api
    scope: Scope
    known: Sequence[NetworkNeighbors]
    steps: Sequence[Step]
    manner: Manner

    def run(self) -> int:
        """The exit code. Raises NetpolError when it was rolled back."""
        session = new_name()
        if self.application.watch:
            from .apply_look_out import Plan  # noqa: PLC0415
            from .apply_watched import run_watched  # noqa: PLC0415

            plan = Plan(
                self.application,
                self.api,
                self.scope,
                session,
                self.steps,
                self.known,
                [read_policy(one) for one in self._present()[self.steps[0].namespace]],
                [read_policy(one) for one in _all_policies(self.api, self.steps)],
                lambda interruption: self._guard_and_apply(session, interruption),
                self._fate,
            )
            return run_watched(plan)
        self._apply_unwatched(session)
        return 0

    def _apply_unwatched(self, session: str) -> None:
        interruption = Interruption()
        try:
            with ends_as_interrupts():
                self._guard_and_apply(session, interruption)
        except KeyboardInterrupt:
            if not interruption.is_late:
                streams.say(NOTHING)
            raise

    def _guard_and_apply(self, session: str, interruption: Interruption) -> Found:
        now_there = self._steps_as_it_is_now()
        guard = _guard(self.application, session, now_there, now(self.api))
        guard = settled_network(self.api, guard, _all_policies(self.api, now_there))
        interruption.check()
        streams.say(f"starting the guard of session {session} in namespace {guard.plan.namespace}")
        try:
            found = self._started(guard, interruption)
            self._apply(found, now_there)
            if not self.application.watch:
                streams.say(f"applied: {self._fate(found)}")
        except Told:
            raise
        except KeyboardInterrupt:  # between two of their steps
            if interruption.is_late:
                streams.say(lost_track_words(guard.plan, self.application.connection))
            raise
        return found

    def _started(self, guard: Guard, interruption: Interruption) -> Found:
        try:
            start(self.api, guard, self.application.rollback_after / 2, interruption.check)
            found = self._found_again(guard)
            interruption.pass_by()
        except NoGuardError:
            raise
        except ClusterError as error:
            self._drop(guard)
            raise ApplyError(f"nothing was applied: {error.message}", error.hint) from error
        except BaseException:  # also Ctrl-C: nothing is applied yet, and a guard would put back what others write
            interruption.is_late = False
            self._drop(guard)
            raise
        return found

    def _drop(self, guard: Guard) -> None:
        is_removed, removal = False, command_on(guard.plan, "confirm", self.application.connection)
        try:
            is_removed = remove(self.api, guard.plan) is None
        finally:  # also after one more Ctrl-C
            if not is_removed:
                streams.note(
                    f"its guard could not be removed: at {clock(guard.plan.until)} it puts back what it holds, over "
                    f"what others write until then; whoever may removes it: {removal}"
                )

    # What comes back is what is there now, and not what was there when somebody was asked, or captures started.
    def _steps_as_it_is_now(self) -> list[Step]:
        found = steps([one.policy for one in self.steps], self.known, self._present())
        refuse_theirs(found, self.manner)
        if [one.change for one in found] != [one.change for one in self.steps]:
            raise ApplyError("the cluster's policies changed meanwhile, and nothing was applied", AGAIN)
        return found

    # The guard is there for others to see by now: of two that start at once at least one sees the other.
    def _found_again(self, guard: Guard) -> Found:
        found = next(iter(find(self.api, guard.plan.namespace, guard.session)), None)
        if found is None:
            raise gone()
        refuse_guarded(self.api, self.application.connection, self.steps, found.session)
        if names := changed_since(found.plan, self._present()[found.plan.namespace]):
            raise ApplyError(
                f"somebody changed networkpolicy/{names[0]} in namespace {found.plan.namespace} while the guard "
                "started, and nothing was applied",
                AGAIN,
            )
        return found

    def _present(self) -> dict[str, list[dict[str, Any]]]:
        return policies_in(self.api, [self.steps[0].namespace])

    def _apply(self, found: Found, wanted: Sequence[Step]) -> None:
        applied: list[Step] = []
        manner, flags = replace(self.manner, is_locked=True), self.application.connection.flags
        try:
            for one in apply_all(self.api, wanted, manner, flags, lambda: refuse_late(self.api, found)):
                applied.append(one)
                tell(one)
            mark_applied(self.api, found)
        except NetpolError as error:
            self._half(found, wanted, applied).fail(error)
        except (KeyboardInterrupt, OSError) as error:
            self._half(found, wanted, applied).interrupt(error)

    def _half(self, found: Found, wanted: Sequence[Step], applied: Sequence[Step]) -> Half:
        return Half(self.api, self.application.connection, found, wanted, applied)

    def _fate(self, found: Found) -> str:
        return fate(found.plan, self.application.connection)
