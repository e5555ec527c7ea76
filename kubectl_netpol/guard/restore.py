"""The way back: each policy becomes what it was before the apply. The same for the guard and for the laptop.

Nothing here talks by itself; ``Ask`` does, which the guard has by urllib and the laptop by its own connection.
"""

from __future__ import annotations

from collections.abc import Callable, Container, Mapping
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import quote

from .ours import is_ours
from .plan import Earlier, Plan

STATE = "kubectl-netpol/guard-state"
"""An annotation of the guard's Job: what became of the apply."""

RUNNING = "rolling back"
DONE = "rolled back"
FAILED = "failed"
MANAGER = "kubectl-netpol-rollback"

GONE = 404
_CONFLICT = 409
_THEIRS = 0
"""No status of HTTP: nothing was done, since what is there is somebody else's."""

_TRIES = 5
_LONGEST_REASONS = 1000

Ask = Callable[[str, str, Mapping[str, Any] | None, str], tuple[int, dict[str, Any]]]
"""Method, path with its query, body and media type; the answer's status and body. OSError when none comes."""

MERGE = "application/merge-patch+json"
JSON = "application/json"


@dataclass(slots=True)
class Outcome:
    """By policy: what was put back, what was removed because it is new, and what could not be, with the reason.

    ``lost`` were there before and are gone: somebody removed them, and a rollback cannot make policies. ``absent`` are
    new and not there: never applied, or removed by somebody. ``theirs`` are there anew, made by somebody else.
    """

    restored: list[str] = field(default_factory=list)
    removed: list[str] = field(default_factory=list)
    lost: list[str] = field(default_factory=list)
    absent: list[str] = field(default_factory=list)
    theirs: list[str] = field(default_factory=list)
    failed: dict[str, str] = field(default_factory=dict)


def is_claimed(ask: Ask, plan: Plan) -> bool:
    """Notes in the guard's Job that the rollback begins. False: the Job is gone, so the apply was confirmed.

    A confirmation deletes the Job as it was seen without this note, so that only one of the two can come first.
    Raises OSError, or PermissionError for a refusal.
    """
    status = note(ask, plan, RUNNING)
    if status == GONE:
        return False
    if status >= 400:
        raise PermissionError(f"the guard's Job cannot be marked: HTTP {status}")
    return True


def note(ask: Ask, plan: Plan, state: str) -> int:
    """Writes the state into the Job's annotation; HTTP's status."""
    body = {"metadata": {"annotations": {STATE: state}}}
    return ask("PATCH", job_path(plan), body, MERGE)[0]


def prove(ask: Ask, plan: Plan) -> str:
    """Does all of the way back without any effect; what hinders it, or empty. Raises OSError when nobody answers."""
    status, told = try_mark(ask, plan)
    if status >= 400:
        return _said(status, told)
    for one in plan.policies:
        is_new = one.found is None
        status, told = _try_removal(ask, plan, one) if is_new else _put(ask, plan, one, "&dryRun=All")
        if status >= 400 and not (is_new and status == GONE):
            return f"{one.name}: {_said(status, told)}"
    return ""


# Both rights are tried, whether it is there yet or not.
def _try_removal(ask: Ask, plan: Plan, one: Earlier) -> tuple[int, dict[str, Any]]:
    path = policy_path(plan, one)
    status, told = ask("GET", path, None, JSON)
    return (status, told) if status >= 400 and status != GONE else ask("DELETE", f"{path}?dryRun=All", None, JSON)


def try_mark(ask: Ask, plan: Plan) -> tuple[int, dict[str, Any]]:
    """Marks the guard's Job without any effect; the answer, as of ``Ask``. Raises OSError when none comes."""
    return ask("PATCH", f"{job_path(plan)}?dryRun=All", {"metadata": {"annotations": {STATE: RUNNING}}}, MERGE)


def restore(ask: Ask, plan: Plan, done: Outcome | None = None) -> Outcome:
    """Puts every policy back, the last applied first; those in ``done`` are done already.

    What is new is removed first, all of it: a default-deny among it is then gone before anything else changes. What
    somebody else has made meanwhile in the place of one of them is left.
    """
    outcome = done or Outcome()
    outcome.failed.clear()
    finished = {*outcome.restored, *outcome.removed, *outcome.lost, *outcome.absent, *outcome.theirs}
    backwards = [one for one in reversed(plan.policies) if one.name not in finished]
    for one in sorted(backwards, key=lambda one: one.found is not None):
        try:
            _restore_one(ask, plan, one, outcome)
        except OSError as error:
            outcome.failed[one.name] = str(error) or type(error).__name__
    return outcome


def _restore_one(ask: Ask, plan: Plan, one: Earlier, outcome: Outcome) -> None:
    is_new = one.found is None
    status, told = _remove(ask, plan, one) if is_new else _put(ask, plan, one)
    if status == _THEIRS:
        outcome.theirs.append(one.name)
    elif status == GONE:
        (outcome.absent if is_new else outcome.lost).append(one.name)
    elif status >= 400:
        outcome.failed[one.name] = _said(status, told)
    else:
        if not is_new:
            _put(ask, plan, one, with_managers=True)
        (outcome.removed if is_new else outcome.restored).append(one.name)


def _remove(ask: Ask, plan: Plan, one: Earlier) -> tuple[int, dict[str, Any]]:
    def remove(present: Mapping[str, Any]) -> tuple[int, dict[str, Any]]:
        seen = {key: present["metadata"][key] for key in ("uid", "resourceVersion")}
        return ask("DELETE", policy_path(plan, one), {"preconditions": seen}, JSON)

    return _write(ask, plan, one, remove)


# The object as it is, with the earlier spec, labels and annotations. A second time with the earlier managers as well:
# nothing else changes by then, so the API server takes them as they are, and the next apply meets no conflict.
def _put(
    ask: Ask, plan: Plan, one: Earlier, query: str = "", with_managers: bool = False
) -> tuple[int, dict[str, Any]]:
    def put(present: Mapping[str, Any]) -> tuple[int, dict[str, Any]]:
        body = _as_it_was(present, one, with_managers)
        return ask("PUT", f"{policy_path(plan, one)}?fieldManager={MANAGER}{query}", body, JSON)

    return _write(ask, plan, one, put)


# ``write`` is given what is there, and holds only for that.
def _write(
    ask: Ask, plan: Plan, one: Earlier, write: Callable[[Mapping[str, Any]], tuple[int, dict[str, Any]]]
) -> tuple[int, dict[str, Any]]:
    for _ in range(_TRIES):
        status, told = ask("GET", policy_path(plan, one), None, JSON)
        if status >= 400:
            return status, told
        if _is_theirs(told, one):
            return _THEIRS, {}
        status, told = write(told)
        if status != _CONFLICT:
            return status, told
    return status, told


# An apply makes no other object of one that is there. Who made this one took the earlier one away.
def _is_theirs(present: Mapping[str, Any], one: Earlier) -> bool:
    is_another = one.found is None or present["metadata"]["uid"] != one.found["metadata"].get("uid")
    return is_another and not is_ours(present)


def _as_it_was(present: Mapping[str, Any], one: Earlier, with_managers: bool) -> dict[str, Any]:
    assert one.found is not None  # noqa: S101 - for the type checker
    before, now = one.found["metadata"], dict(present["metadata"])
    for part in ("labels", "annotations", *(("managedFields",) if with_managers else ())):
        now.pop(part, None)
        if before.get(part):
            now[part] = before[part]
    return {
        "apiVersion": one.found["apiVersion"],
        "kind": one.found["kind"],
        "metadata": now,
        "spec": one.found["spec"],
    }


def policy_path(plan: Plan, one: Earlier) -> str:
    """Where the policy is."""
    return f"/apis/networking.k8s.io/v1/namespaces/{quote(plan.namespace)}/networkpolicies/{quote(one.name)}"


def job_path(plan: Plan) -> str:
    """Where the guard's Job is."""
    return f"/apis/batch/v1/namespaces/{quote(plan.namespace)}/jobs/{quote(plan.job)}"


def failure(plan: Plan, failed: Mapping[str, str]) -> str:
    """Why policies could not be put back, by their names, and the commands that do it by hand."""
    reasons = "; ".join(f"{name}: {why}" for name, why in failed.items())
    return f"{reasons[:_LONGEST_REASONS]}; by hand: {by_hand(plan, failed)}"


def by_hand(plan: Plan, names: Container[str], flags: str = "") -> str:
    """The commands that finish a rollback by hand, for these policies; empty where there is none.

    ``flags`` are those of the connection, as a shell takes them.
    """
    new = [one.name for one in plan.policies if one.found is None and one.name in names]
    old = [one.name for one in plan.policies if one.found is not None and one.name in names]
    place = f"-n {plan.namespace} {flags}".rstrip()
    words = [f"kubectl delete networkpolicy {' '.join(new)} {place}"] if new else []
    if old:
        words.append(f"kubectl netpol rollback {plan.job.removeprefix(PREFIX)} {place}")
    return "; ".join(words)


PREFIX = "netpol-guard-"
"""Of the name of a guard's Job; the session's name follows."""


def _said(status: int, told: Mapping[str, Any]) -> str:
    message = told.get("message")
    return message[:300] if isinstance(message, str) and message else f"HTTP {status}"
