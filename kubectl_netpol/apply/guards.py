"""The guard of a confirmed apply in the cluster: what it holds, how it is found again, marked, or removed."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from ..capture.loose import table, tables, text
from ..cluster.api import Api, now
from ..cluster.lists import Pages
from ..cluster.resources import JOB
from ..cluster.trouble import ClusterError, RefusedError, is_away
from ..errors import InputError
from ..guard.plan import Earlier, Plan, decode
from ..guard.restore import DONE, PREFIX, RUNNING, STATE
from .applied import Step
from .guard_objects import GUARD_LABEL
from .server import ApplyError

APPLIED = "kubectl-netpol/applied"
"""An annotation of the guard's Job: whoever applied came to the end of it."""

_NOT_FOUND = 404
_PAUSES = (0.2, 0.5, 1.0, 2.0)
"""Seconds between the tries to note something in the guard's Job."""

_NEAR_MILLISECONDS = 3000
"""Before its deadline: an apply takes its time, and two clocks agree within two seconds only."""


@dataclass(frozen=True, slots=True)
class Found:
    """A guard in the cluster. ``state`` is what it said of itself last, empty while it waits.

    ``is_applied``: all that it guards was applied.
    """

    session: str
    plan: Plan
    state: str
    uid: str
    version: str
    is_applied: bool = False

    @property
    def is_waiting(self) -> bool:
        return not self.state

    @property
    def is_over(self) -> bool:
        """Whether it has put all back and does no more; one that failed tries again."""
        return self.state == DONE

    @property
    def names(self) -> frozenset[str]:
        """Of the policies that it holds."""
        return frozenset(one.name for one in self.plan.policies)


def plan_of(session: str, namespace: str, until: int, steps: Iterable[Step]) -> Plan:
    """What has to be held, before these steps are applied."""
    return Plan(namespace, f"{PREFIX}{session}", until, tuple(Earlier(one.name, one.present) for one in steps))


def changed_since(plan: Plan, present: Iterable[Mapping[str, Any]]) -> list[str]:
    """Those policies of the plan that are not what it holds, by the version of the namespace's present ones."""
    there = versions(present)
    return [one.name for one in plan.policies if there.get(one.name) != (one.found and version(one.found))]


def versions(policies: Iterable[Mapping[str, Any]]) -> dict[str, tuple[str, str]]:
    """By name, the version of each."""
    return {text(table(one.get("metadata")).get("name")): version(one) for one in policies}


def version(policy: Mapping[str, Any]) -> tuple[str, str]:
    """Its UID and resource version: equal only for the same object that nobody wrote to."""
    metadata = table(policy.get("metadata"))
    return text(metadata.get("uid")), text(metadata.get("resourceVersion"))


def find(api: Api, namespace: str = "", session: str = "") -> list[Found]:
    """The guards in that namespace, or (empty) in any; what is no guard's Job is left out. Raises ClusterError."""
    return list(_guards(Pages(api, JOB, namespace, f"{GUARD_LABEL}={session}" if session else GUARD_LABEL)))


def look(api: Api, found: Found) -> Found | None:
    """The same guard as it is now; None when it is gone. Raises ClusterError."""
    try:
        one = api.get(JOB.path(found.plan.namespace, found.plan.job))
    except RefusedError as error:
        if error.status == _NOT_FOUND:
            return None
        raise
    return next(iter(_guards([one])), None)


def _guards(jobs: Iterable[Mapping[str, Any]]) -> Iterator[Found]:
    for one in jobs:
        metadata = table(one.get("metadata"))
        spec = table(table(table(one.get("spec")).get("template")).get("spec"))
        variables = {
            text(variable.get("name")): text(variable.get("value"))
            for container in tables(spec.get("containers"))
            for variable in tables(container.get("env"))
        }
        try:
            plan = decode(variables)
        except InputError:
            continue
        session = text(table(metadata.get("labels")).get(GUARD_LABEL))
        is_its_own = (plan.namespace, plan.job) == (metadata.get("namespace"), metadata.get("name"))
        if is_its_own and plan.job == f"{PREFIX}{session}" and not metadata.get("deletionTimestamp"):
            notes = table(metadata.get("annotations"))
            uid, seen = text(metadata.get("uid")), text(metadata.get("resourceVersion"))
            yield Found(session, plan, text(notes.get(STATE)), uid, seen, APPLIED in notes)


def is_nearly_over(api: Api, found: Found) -> bool:
    """Whether the guard's deadline is so near that nothing more is to be applied; by the cluster's clock."""
    return now(api) >= found.plan.until - _NEAR_MILLISECONDS


def refuse_late(api: Api, found: Found) -> None:
    """Raises ApplyError when the guard's deadline is near: what is applied later would not come back."""
    if is_nearly_over(api, found):
        raise ApplyError("the guard's time is almost over, and what is applied now would not come back", "")


def mark_applied(api: Api, found: Found, pause: Callable[[float], object] = time.sleep) -> None:
    """Notes in the guard's Job that all is applied; again where the API server is away, while the deadline is not near.

    ``pause`` takes seconds. Raises ApplyError when the guard waits no more: what was applied meanwhile may not come
    back. ClusterError.
    """
    for seconds in _PAUSES:
        try:
            return _mark_once(api, found)
        except ClusterError as error:
            if not is_away(error) or is_nearly_over(api, found):
                raise
        pause(seconds)
    return _mark_once(api, found)


def _mark_once(api: Api, found: Found) -> None:
    try:
        job = api.merge(
            JOB.path(found.plan.namespace, found.plan.job), {"metadata": {"annotations": {APPLIED: "true"}}}
        )
    except RefusedError as error:
        if error.status != _NOT_FOUND:
            raise
        job = {}
    current = next(_guards([job]), None)
    if current is None:
        raise ApplyError(f"the guard of session {found.session} went before all was applied", "somebody removed it")
    if not current.is_waiting:
        raise ApplyError(f"session {found.session} ended before all was applied: {state_words(current)}", "")


def unapplied(found: Found, present: Sequence[Mapping[str, Any]]) -> list[str]:
    """Those policies that are not among the present ones or, where not all was applied, that are as they were before.

    An apply that changes nothing leaves the version as it was, so the version alone tells it only of an apply that
    broke off.
    """
    there, changed = versions(present), changed_since(found.plan, present)
    return [
        one.name
        for one in found.plan.policies
        if one.name not in there or not (found.is_applied or one.name in changed)
    ]


def state_words(found: Found) -> str:
    """What the guard did, for people."""
    if found.state == RUNNING:
        return "putting back the earlier policies was begun"
    if found.state == DONE:
        return "its time ran out, and the earlier policies were put back"
    return f"the earlier policies could not all be put back ({found.state})"


def remove(api: Api, plan: Plan) -> ClusterError | None:
    """Deletes the guard, whatever it is doing; why it stays, or None where it is gone. Raises nothing."""
    try:
        api.delete(JOB.path(plan.namespace, plan.job), {"propagationPolicy": "Background"})
    except ClusterError as error:
        return None if isinstance(error, RefusedError) and error.status == _NOT_FOUND else error
    return None
