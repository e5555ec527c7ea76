"""The Jobs of sessions as the API server has them: listed, read, and deleted."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any

from ..cluster.api import Api
from ..cluster.lists import Pages
from ..cluster.resources import JOB
from ..cluster.trouble import RefusedError
from .job import SESSION_LABEL, STOPPED_ANNOTATION
from .loose import moment, number, table, tables, text

_MOMENT = re.compile(r"[1-9][0-9]{0,14}")


def ending(found: Mapping[str, Any]) -> str:
    """How a Job has ended, by its condition's reason; empty while it has not."""
    one = _end(found)
    return text(one.get("reason")) or text(one.get("type"))


def expires(found: Mapping[str, Any]) -> int:
    """When the API server removes a Job (ms since the Unix epoch): its TTL after its end, or else its deadline."""
    spec, status = table(found.get("spec")), table(found.get("status"))
    # completionTime: "only set when the job finishes successfully" (batch/v1).
    if done := moment(_end(found).get("lastTransitionTime")) or moment(status.get("completionTime")):
        return done + number(spec.get("ttlSecondsAfterFinished")) * 1000
    begun = moment(status.get("startTime")) or moment(table(found.get("metadata")).get("creationTimestamp"))
    return begun + number(spec.get("activeDeadlineSeconds")) * 1000


def _end(found: Mapping[str, Any]) -> Mapping[str, Any]:
    for one in tables(table(found.get("status")).get("conditions")):
        if one.get("type") in ("Complete", "Failed") and one.get("status") == "True":
            return one
    return {}


def stopped_at(found: Mapping[str, Any]) -> int:
    """When ``stop`` marked that Job (ms), or 0."""
    told = text(table(table(found.get("metadata")).get("annotations")).get(STOPPED_ANNOTATION))
    return int(told) if _MOMENT.fullmatch(told) else 0


def jobs_of(api: Api, namespace: str, session: str = "") -> Iterator[dict[str, Any]]:
    """The Jobs of a session, or of all sessions, in a namespace or (empty) everywhere."""
    return iter(Pages(api, JOB, namespace, f"{SESSION_LABEL}={session}" if session else SESSION_LABEL))


def delete_job(api: Api, path: str) -> dict[str, Any]:
    """Deletes the Job at that path, and its pods in their time; one that is gone is deleted. Raises ClusterError."""
    try:
        return api.delete(path, {"propagationPolicy": "Background"})
    except RefusedError as error:
        if error.status != 404:
            raise
        return {}
