"""The way back as the laptop goes it, by the guard's own code."""

from __future__ import annotations

import time
from collections.abc import Collection, Iterable, Mapping, Sequence
from contextlib import suppress
from dataclasses import replace
from typing import Any

from ..cluster.api import Api
from ..cluster.trouble import ClusterError, RefusedError, UnreachableError, is_away
from ..errors import InputError
from ..guard.plan import Plan
from ..guard.restore import FAILED, GONE, Ask, Outcome, by_hand, failure, is_claimed, note, restore
from ..render.age import clock
from .applied import Document, Step, policies_in
from .guards import Found, is_nearly_over, look, remove, version, versions
from .owned import comparable
from .rescue import rescued
from .server import ApplyError

_PAUSES = (0.2, 0.5, 1.0, 2.0)
"""Seconds between the tries to remove the guard."""

_ALONE = "no guard puts the earlier policies back any more"


def roll_back(api: Api, found: Found, flags: str) -> Outcome:
    """Puts the earlier policies back at once, and removes the guard. Raises ApplyError when not all of that was done.

    A session that is over is left alone: others may have written since. ``flags`` are those of the connection, as a
    shell takes them, for what is to be typed then.
    """
    ask = through(api)
    try:
        current = look(api, found)
        if current is not None and current.is_over:
            raise ApplyError(f"session {found.session} was rolled back already by its guard", "")
        if current is None or not is_claimed(ask, found.plan):
            raise ApplyError(f"session {found.session} is gone: it was confirmed or rolled back by somebody else", "")
    except (OSError, ClusterError) as error:
        raise _not_begun(found, flags, error) from error
    outcome = _restored(ask, found, flags)
    if why := _why_it_stays(api, found.plan):
        raise ApplyError(
            f"the earlier policies are back, but the guard could not be removed: {why}; at {clock(found.plan.until)} "
            "it puts back what it holds, over what others write until then",
            f"whoever may removes it: kubectl delete job {found.plan.job} -n {found.plan.namespace} {flags}".rstrip(),
        )
    return outcome


# Removes the guard, again where the API server is away for a moment; empty when it is gone.
def _why_it_stays(api: Api, plan: Plan) -> str:
    for seconds in _PAUSES:
        error = remove(api, plan)
        if error is None or not is_away(error):
            break
        time.sleep(seconds)
    else:
        error = remove(api, plan)
    return error.message if error else ""


def take_back(api: Api, found: Found, applied: Sequence[Step], unsure: Step | None, flags: str) -> Outcome:
    """Puts back what a confirmed apply that broke off has applied; ``unsure`` may be there as well.

    ``applied`` have as ``present`` what was there right after they were applied. While the guard waits this is the
    session's rollback, and the guard goes. Once it has rolled back by itself, or is gone, only what is still there as
    it was applied is put back: whatever differs by then was put back already, or is somebody else's later policy.
    Raises ApplyError when not all could be; where no guard holds what was there, that is written to a file before.
    """
    names = {one.name for one in (*applied, *filter(None, [unsure]))}
    try:
        current = look(api, found)
    except ClusterError as error:
        raise _not_begun(found, flags, error) from error
    if current is not None and current.is_waiting:
        return roll_back(api, _only(found, names), flags)
    try:
        present = policies_in(api, [found.plan.namespace])[found.plan.namespace]
    except ClusterError as error:
        raise _failed(error.message, _without_guard(found, names, flags)) from error
    left = _only(found, _left(applied, unsure, present))
    return _restored(through(api), left, flags, is_held=current is not None)


def unfinished(api: Api, found: Found, applied: Sequence[Step], unsure: Step | None, flags: str) -> str:
    """What is left to do after an interrupted ``take_back``, for people; empty where the guard does it at its deadline.

    What no guard holds is written to a file; so it is where nobody tells whether one does. Raises nothing.
    """
    why = _ALONE
    try:
        current = look(api, found)
        if current is not None and not current.is_over and not is_nearly_over(api, found):
            return ""  # also after its Job was marked from here: at the deadline it puts back all that it holds
        left = _left(applied, unsure, policies_in(api, [found.plan.namespace])[found.plan.namespace])
    except (ClusterError, KeyboardInterrupt):
        left = {one.name for one in (*applied, *filter(None, [unsure]))}
        why = "the guard may be gone, and puts nothing back then"
    return _without_guard(found, left, flags, why) if left else "none of them is there any more as it was applied"


def differing(found: Found, present: Iterable[Document]) -> list[str]:
    """Those policies that are not what the guard holds, by their spec, labels and annotations."""
    there = {one["metadata"]["name"]: one for one in present}
    return [one.name for one in found.plan.policies if _content(there.get(one.name)) != _content(one.found)]


def _content(policy: Document | None) -> tuple[Any, ...] | None:
    if policy is None:
        return None
    metadata = policy["metadata"]
    return policy.get("spec"), metadata.get("labels") or {}, metadata.get("annotations") or {}


def _left(applied: Sequence[Step], unsure: Step | None, present: Sequence[Document]) -> set[str]:
    there = versions(present)
    left = {one.name for one in applied if one.present and there.get(one.name) == version(one.present)}
    if unsure is not None:
        found = next((one for one in present if one["metadata"]["name"] == unsure.name), None)
        if found is not None and comparable(unsure.document, found) == comparable(found):
            left.add(unsure.name)
    return left


def _only(found: Found, names: Collection[str]) -> Found:
    return replace(
        found, plan=replace(found.plan, policies=tuple(one for one in found.plan.policies if one.name in names))
    )


def _restored(ask: Ask, found: Found, flags: str, is_held: bool = True) -> Outcome:
    outcome = restore(ask, found.plan)
    if not outcome.failed:
        return outcome
    reasons = "; ".join(f"{name}: {why}" for name, why in outcome.failed.items())
    with suppress(OSError):
        is_gone = note(ask, found.plan, f"{FAILED}: {failure(found.plan, outcome.failed)}") == GONE
        is_held = is_held and not is_gone
    if not is_held:
        raise _failed(reasons, _without_guard(found, outcome.failed, flags))
    raise _failed(reasons, f"finish it by hand: {by_hand(found.plan, outcome.failed, flags)}")


def _failed(why: str, hint: str) -> ApplyError:
    return ApplyError(f"THE ROLLBACK FAILED: {why}", hint)


# A guard that is gone, or that has rolled back, puts nothing back any more, and no other command knows what was there.
def _without_guard(found: Found, names: Collection[str], flags: str, why: str = _ALONE) -> str:
    try:
        return f"{why}; finish it by hand: {rescued(found.plan, names, flags)}"
    except InputError as error:
        return f"{why}, and they could not be written: {error.message}"


def _not_begun(found: Found, flags: str, error: OSError | ClusterError) -> ApplyError:
    why = error.message if isinstance(error, ClusterError) else str(error)
    again = f"kubectl netpol rollback {found.session} -n {found.plan.namespace} {flags}".rstrip()
    return ApplyError(
        f"the rollback could not begin: {why}", f"the guard puts the policies back at its deadline; again: {again}"
    )


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
