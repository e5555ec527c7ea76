"""The start of a guard: the network that its pod is admitted with, its objects, and the wait until it is ready."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import replace
from typing import Any

from ..capture.loose import table, tables, text
from ..cluster.api import Api
from ..cluster.lists import Pages
from ..cluster.resources import JOB, POD
from ..cluster.rights import Right
from ..cluster.trouble import RefusedError
from ..errors import InputError
from ..model import Direction
from ..policy.evaluation.evaluate import Evaluator
from ..policy.evaluation.reading import read_policy
from ..policy.evaluation.values import NetworkPolicy, PodEnd
from .guard_objects import CONTAINER, GUARD_LABEL, Guard, job, owned, probe
from .guards import find
from .server import ApplyError

_LOOK_SECONDS = 0.5
_READY, _NOT_READY = "ready", "not ready: "
_SURELY_STARTED = 60.0
_NO_GUARD = "without --rollback-after nothing guards the apply"


class NoGuardError(ApplyError):
    """Nothing of a guard was made."""


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


def _isolating(guard: Guard, policies: Sequence[Mapping[str, Any]]) -> str:
    read: list[NetworkPolicy] = []
    for one in policies:
        with suppress(InputError):
            read.append(read_policy(one))
    pod = PodEnd(guard.plan.namespace, guard.plan.job, tuple(sorted(guard.labels.items())), ())
    found = Evaluator(read).isolating(pod, Direction.EGRESS)
    return f"networkpolicy/{found[0].name}" if found else ""


def start(api: Api, guard: Guard, patience: float, tick: Callable[[], None] = lambda: None) -> None:
    """Makes the guard and waits until it says that it can put everything back. ``tick`` is called as long as it waits.

    Raises ApplyError when it does not within ``patience`` seconds, NoGuardError when none was made; ClusterError.
    Whatever it raises but for NoGuardError, the guard may be there, and has to be removed.
    """
    uid = _make(api, guard)
    for resource, body in owned(guard, uid):
        api.create(resource.path(guard.plan.namespace), body)
    _wait(api, guard, min(patience, _SURELY_STARTED), tick)


def _make(api: Api, guard: Guard) -> str:
    try:
        made = api.create(JOB.path(guard.plan.namespace), job(guard))
    except RefusedError as error:
        if error.is_passing:  # it may be there all the same
            raise
        raise NoGuardError(f"nothing was applied, since no guard could be made: {error.message}", error.hint) from error
    return text(table(made.get("metadata")).get("uid"))


def gone() -> ApplyError:
    """To be raised where the guard goes before anything is applied."""
    return ApplyError("the guard is gone, and nothing was applied", "somebody confirmed or removed it; try again")


def _wait(api: Api, guard: Guard, patience: float, tick: Callable[[], None]) -> None:
    deadline, why = time.monotonic() + patience, "its pod did not start"
    while time.monotonic() < deadline:
        for pod in Pages(api, POD, guard.plan.namespace, f"{GUARD_LABEL}={guard.session}"):
            said = _last_line(api, pod)
            if said.startswith(_READY):
                return
            why = said.removeprefix(_NOT_READY) or _hindrance(pod) or why
        if not find(api, guard.plan.namespace, guard.session):
            raise gone()
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
    except RefusedError as error:
        if error.is_forbidden:
            right = Right("get", POD, "", text(metadata.get("namespace")), "log")
            message = (
                f"nothing was applied: you may not {right} any more, and so nobody hears whether the guard is ready"
            )
            raise ApplyError(message, error.hint) from error
        return ""  # not started yet
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
