"""The confirmation of a confirmed apply: its guard goes, unless it has begun to roll back."""

from __future__ import annotations

import time
from collections.abc import Callable

from ..cluster.api import Api
from ..cluster.resources import JOB
from ..cluster.trouble import ClusterError, RefusedError, is_away
from .applied import policies_in
from .guards import Found, look, state_words
from .server import ApplyError
from .way_back import differing

_NOT_FOUND, _CONFLICT = 404, 409
_PAUSES = (0.0, 0.2, 0.5, 1.0, 2.0)
"""Seconds before each try."""


def confirm(api: Api, found: Found, pause: Callable[[float], object] = time.sleep) -> Found:
    """Keeps what was applied: removes the guard, unless it has begun to roll back. The guard as it was until then.

    Where the answer is lost, or somebody else was faster, a guard that is gone is confirmed as long as the earlier
    policies are not there again; one that is still there is tried again. ``pause`` takes seconds. Raises ApplyError
    when it is too late, ClusterError: that of a server that is away (``is_away``) leaves open whether it is confirmed.
    """
    current, lost = found, None
    for seconds in _PAUSES:
        _refuse_begun(current)
        pause(seconds)
        try:
            _delete(api, current)
        except ClusterError as error:
            if not _is_open(error):
                raise
            lost = error if is_away(error) else lost
        else:
            return current
        seen = _look(api, found, lost)
        if seen is None:
            _refuse_put_back(api, found, lost)
            return current
        current = seen
    raise lost or ApplyError(f"session {found.session} changes all the time, and could not be confirmed", "try again")


def _refuse_begun(found: Found) -> None:
    if found.state:
        raise ApplyError(
            f"it is too late to confirm session {found.session}: {state_words(found)}",
            "apply again, and confirm it in time",
        )


# A guard goes when it is confirmed, and when somebody rolls back by hand. The connection repeats a request whose
# answer was cut off, so that a Job that is not found any more may have been ours to remove.
def _refuse_put_back(api: Api, found: Found, lost: ClusterError | None) -> None:
    place = found.plan.namespace
    try:
        present = policies_in(api, [place])[place]
    except ClusterError as error:
        raise lost or error from error
    if not differing(found, present):
        raise ApplyError(f"session {found.session} is gone, and the earlier policies are there", "apply again")


# Only as it was looked at: a guard marks its Job before it begins.
def _delete(api: Api, found: Found) -> None:
    seen = {"uid": found.uid, "resourceVersion": found.version}
    body = {"propagationPolicy": "Background", "preconditions": seen}
    api.delete(JOB.path(found.plan.namespace, found.plan.job), body)


def _is_open(error: ClusterError) -> bool:
    return is_away(error) or (isinstance(error, RefusedError) and error.status in (_NOT_FOUND, _CONFLICT))


def _look(api: Api, found: Found, lost: ClusterError | None) -> Found | None:
    try:
        return look(api, found)
    except ClusterError as error:
        raise lost or error from error
