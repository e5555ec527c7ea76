"""The guard of a confirmed apply: made before anything is applied, found again, confirmed, or forestalled."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from typing import Any

from ..capture.loose import table, tables, text
from ..cluster.api import Api
from ..cluster.lists import Pages
from ..cluster.resources import JOB, POD
from ..cluster.trouble import ClusterError, RefusedError, UnreachableError
from ..errors import InputError
from ..guard.plan import Earlier, Plan, decode
from ..guard.restore import (
    DONE,
    FAILED,
    PREFIX,
    RUNNING,
    STATE,
    Ask,
    Outcome,
    by_hand,
    failure,
    is_claimed,
    note,
    restore,
)
from ..model import Direction
from ..policy.evaluation.evaluate import Evaluator
from ..policy.evaluation.reading import read_policy
from ..policy.evaluation.values import NetworkPolicy, PodEnd
from .applied import Step
from .guard_objects import CONTAINER, GUARD_LABEL, Guard, job, owned, probe
from .server import ApplyError

_LOOK_SECONDS = 0.5
_READY, _NOT_READY = "ready", "not ready: "
_SURELY_STARTED = 60.0
_TRIES = 10


@dataclass(frozen=True, slots=True)
class Found:
    """A guard in the cluster. ``state`` is what it said of itself last, empty while it waits."""

    session: str
    plan: Plan
    state: str
    uid: str
    version: str

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
    now = {text(table(one.get("metadata")).get("name")): _version(one) for one in present}
    return [one.name for one in plan.policies if now.get(one.name) != (one.found and _version(one.found))]


def _version(policy: Mapping[str, Any]) -> tuple[str, str]:
    metadata = table(policy.get("metadata"))
    return text(metadata.get("uid")), text(metadata.get("resourceVersion"))


def settled_network(api: Api, guard: Guard, policies: Sequence[Mapping[str, Any]]) -> Guard:
    """The guard with the network that its pod is admitted with; ``policies`` are those present and those to come.

    Raises ApplyError, with the remedy, where it would not be admitted or could be cut off; ClusterError.
    """
    try:
        api.create(POD.path(guard.plan.namespace), probe(guard), {"dryRun": "All"})
    except RefusedError as error:
        if "violates PodSecurity" not in error.message:
            raise ApplyError(f"the guard's pod is not admitted: {error.message}", _NO_GUARD) from error
        inside = replace(guard, host_network=False)
        if cutting := _isolating(inside, policies):
            level = f"kubectl label namespace {guard.plan.namespace} pod-security.kubernetes.io/enforce=privileged"
            raise ApplyError(
                f"Pod Security admits no guard in its node's network, where policies do not reach it, and in the "
                f"pods' network {cutting} would cut it off",
                f"{level} --overwrite, or leave that policy out; {_NO_GUARD}",
            ) from error
        try:
            api.create(POD.path(guard.plan.namespace), probe(inside), {"dryRun": "All"})
        except RefusedError as second:
            raise ApplyError(f"the guard's pod is not admitted: {second.message}", _NO_GUARD) from second
        return inside
    return guard


_NO_GUARD = "without --rollback-after nothing guards the apply"


def _isolating(guard: Guard, policies: Sequence[Mapping[str, Any]]) -> str:
    read: list[NetworkPolicy] = []
    for one in policies:
        with suppress(InputError):
            read.append(read_policy(one))
    pod = PodEnd(guard.plan.namespace, guard.plan.job, tuple(sorted(guard.labels.items())), ())
    found = Evaluator(read).isolating(pod, Direction.EGRESS)
    return f"networkpolicy/{found[0].name}" if found else ""


def start(api: Api, guard: Guard, patience: float, tick: Callable[[], None] = lambda: None) -> None:
    """Makes the guard and waits until it says that it can put everything back.

    Raises ApplyError when it does not within ``patience`` seconds; nothing of it is left then.
    """
    try:
        made = api.create(JOB.path(guard.plan.namespace), job(guard))
        uid = text(table(made.get("metadata")).get("uid"))
        for resource, body in owned(guard, uid):
            api.create(resource.path(guard.plan.namespace), body)
        api.merge(JOB.path(guard.plan.namespace, guard.plan.job), {"spec": {"suspend": False}})
        _wait(api, guard, min(patience, _SURELY_STARTED), tick)
    except BaseException:  # also Ctrl-C: nothing is applied yet, and nothing stays
        remove(api, guard.plan)
        raise


def remove(api: Api, plan: Plan) -> None:
    """Deletes the guard, whatever it is doing. Raises nothing: its time runs out, and by then nothing is changed."""
    with suppress(ClusterError):
        api.delete(JOB.path(plan.namespace, plan.job), {"propagationPolicy": "Background"})


def _wait(api: Api, guard: Guard, patience: float, tick: Callable[[], None]) -> None:
    deadline, why = time.monotonic() + patience, "its pod did not start"
    while time.monotonic() < deadline:
        for pod in Pages(api, POD, guard.plan.namespace, f"{GUARD_LABEL}={guard.session}"):
            said = _last_line(api, pod)
            if said.startswith(_READY):
                return
            why = said.removeprefix(_NOT_READY) or _hindrance(pod) or why
        tick()
        time.sleep(_LOOK_SECONDS)
    raise ApplyError(
        f"nothing was applied, since the guard was not ready within {patience:.0f} s: {why}",
        "mend that, or give it longer: its start may take half of --rollback-after, and a minute at most",
    )


def _last_line(api: Api, pod: Mapping[str, Any]) -> str:
    metadata = table(pod.get("metadata"))
    path = POD.path(text(metadata.get("namespace")), text(metadata.get("name")), "log")
    try:
        said = api.text(path, {"container": CONTAINER, "tailLines": 1, "limitBytes": 4096})
    except RefusedError:  # not started yet
        return ""
    return said.decode("utf-8", "replace").strip()


def _hindrance(pod: Mapping[str, Any]) -> str:
    status = table(pod.get("status"))
    for one in tables(status.get("containerStatuses")):
        waiting = table(table(one.get("state")).get("waiting"))
        if reason := text(waiting.get("reason")):
            return f"{reason} {text(waiting.get('message'))}".strip()[:400]
    for one in tables(status.get("conditions")):
        if one.get("status") == "False" and text(one.get("message")):
            return text(one.get("message"))[:400]
    return ""


# Found again.


def find(api: Api, namespace: str = "", session: str = "") -> list[Found]:
    """The guards in that namespace, or (empty) in any; what is no guard's Job is left out. Raises ClusterError."""
    return list(_guards(Pages(api, JOB, namespace, f"{GUARD_LABEL}={session}" if session else GUARD_LABEL)))


def look(api: Api, found: Found) -> Found | None:
    """The same guard as it is now; None when it is gone. Raises ClusterError."""
    try:
        one = api.get(JOB.path(found.plan.namespace, found.plan.job))
    except RefusedError as error:
        if error.status == 404:
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
            state = text(table(metadata.get("annotations")).get(STATE))
            yield Found(session, plan, state, text(metadata.get("uid")), text(metadata.get("resourceVersion")))


def confirm(api: Api, found: Found) -> None:
    """Keeps what was applied: removes the guard, unless it has begun to roll back.

    Raises ApplyError when it is too late, ClusterError.
    """
    one: Found | None = found
    for _ in range(_TRIES):
        if one is None:
            raise ApplyError(f"session {found.session} is gone: it was confirmed or rolled back by somebody else", "")
        if one.state:
            raise ApplyError(
                f"it is too late to confirm session {one.session}: {state_words(one)}",
                "apply again, and confirm it in time",
            )
        try:
            body = {
                "propagationPolicy": "Background",
                "preconditions": {"uid": one.uid, "resourceVersion": one.version},
            }
            api.delete(JOB.path(one.plan.namespace, one.plan.job), body)
        except RefusedError as error:
            if error.status not in (404, 409):
                raise
            one = look(api, found)
            continue
        return
    raise ApplyError(f"session {found.session} changes all the time, and could not be confirmed", "try again")


def roll_back(api: Api, found: Found, flags: str) -> Outcome:
    """Puts the earlier policies back at once, and removes the guard. Raises ApplyError when not all could be.

    ``flags`` are those of the connection, as a shell takes them, for what is to be typed then.
    """
    ask = through(api)
    try:
        if not is_claimed(ask, found.plan):
            raise ApplyError(f"session {found.session} is gone: it was confirmed or rolled back by somebody else", "")
        outcome = restore(ask, found.plan)
    except OSError as error:
        again = f"kubectl netpol rollback {found.session} -n {found.plan.namespace} {flags}".rstrip()
        hint = f"the guard puts the policies back at its deadline; again: {again}"
        raise ApplyError(f"the rollback could not begin: {error}", hint) from error
    if outcome.failed:
        reasons = "; ".join(f"{name}: {why}" for name, why in outcome.failed.items())
        with suppress(OSError):
            note(ask, found.plan, f"{FAILED}: {failure(found.plan, outcome.failed)}")
        hand = by_hand(found.plan, outcome.failed, flags)
        raise ApplyError(f"THE ROLLBACK FAILED: {reasons}", f"finish it by hand: {hand}")
    remove(api, found.plan)
    return outcome


def state_words(found: Found) -> str:
    """What the guard did, for people."""
    if found.state == RUNNING:
        return "the earlier policies are being put back"
    if found.state == DONE:
        return "its time ran out, and the earlier policies were put back"
    return f"the earlier policies could not all be put back ({found.state})"


def through(api: Api) -> Ask:
    """The laptop's own way of asking for the guard's code."""

    def ask(method: str, path: str, body: Mapping[str, Any] | None, media: str) -> tuple[int, dict[str, Any]]:
        try:
            return 200, api.send(method, path, body, media)
        except RefusedError as error:
            return error.status, {"message": error.message}
        except UnreachableError as error:
            raise ConnectionError(error.message) from error

    return ask
