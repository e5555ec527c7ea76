"""How a node's capture fares, read from its pod as the API server has it: pure."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from .job import CONTAINER, SESSION_LABEL, is_job_name
from .loose import number, table, tables, text

_HOPELESS = frozenset(
    {
        "CreateContainerConfigError",
        "CreateContainerError",
        "ErrImageNeverPull",
        "ImageInspectError",
        "ImagePullBackOff",
        "InvalidImageName",
        "RunContainerError",
    }
)
"""Reasons for which a container waits, and will wait until somebody mends something."""


@dataclass(frozen=True, slots=True)
class CapturePod:
    """``restarts`` is the container's count; ``failure`` why it does not run, or empty; ``is_over``: it ended for good.

    ``exit_code`` is that of the container's newest end, None while there was none.
    """

    name: str
    node: str
    job: str
    uid: str
    restarts: int = 0
    is_running: bool = False
    is_leaving: bool = False
    is_over: bool = False
    failure: str = ""
    exit_code: int | None = None

    @property
    def has_log(self) -> bool:
        return self.is_running or self.is_over or self.restarts > 0 or self.exit_code is not None


def is_capture_pod(pod: Mapping[str, object], namespace: str, session: str) -> bool:
    """Whether it is of a Job that the session makes, or made, in that namespace.

    Anyone who may make pods there can give them any label and any owner. What the Jobs' pods do not share with those is
    that the namespace has to admit the node's own processes and network, which is a privileged pod's right.
    """
    metadata, spec = table(pod.get("metadata")), table(pod.get("spec"))
    if metadata.get("namespace") != namespace or table(metadata.get("labels")).get(SESSION_LABEL) != session:
        return False
    owners = [one for one in tables(metadata.get("ownerReferences")) if one.get("controller") is True]
    jobs = [text(one.get("name")) for one in owners if one.get("kind") == "Job" and one.get("apiVersion") == "batch/v1"]
    is_made = any(is_job_name(name, session, text(spec.get("nodeName"))) for name in jobs)
    return is_made and spec.get("hostPID") is True and spec.get("hostNetwork") is True


def read_capture_pod(pod: Mapping[str, object]) -> CapturePod:
    """The state of a capture pod. What is absent or odd in it reads as "not yet"."""
    metadata, spec, status = (table(pod.get(part)) for part in ("metadata", "spec", "status"))
    container = _container(status)
    state, last = table(container.get("state")), table(container.get("lastState"))
    ended = table(state.get("terminated")) or table(last.get("terminated"))
    phase = text(status.get("phase"))
    return CapturePod(
        text(metadata.get("name")),
        text(spec.get("nodeName")),
        text(table(metadata.get("labels")).get("job-name")),
        text(metadata.get("uid")),
        number(container.get("restartCount")),
        bool(state.get("running")),
        bool(metadata.get("deletionTimestamp")),
        phase in ("Succeeded", "Failed"),
        _failure(phase, status, state),
        number(ended.get("exitCode")) if ended else None,
    )


def _failure(phase: str, status: Mapping[str, object], state: Mapping[str, object]) -> str:
    waiting = table(state.get("waiting"))
    reason = text(waiting.get("reason"))
    if reason in _HOPELESS:
        return _sentence(reason, text(waiting.get("message")))
    is_the_agents_end = bool(state.get("terminated")) and not status.get("reason")  # its exit code and words tell more
    if phase == "Failed" and not is_the_agents_end:
        return _sentence(text(status.get("reason")) or "the pod failed", text(status.get("message")))
    return ""


def _container(status: Mapping[str, object]) -> Mapping[str, object]:
    found = tables(status.get("containerStatuses"))
    return next((one for one in found if one.get("name") == CONTAINER), {})


def _sentence(reason: str, message: str) -> str:
    return f"{reason}: {' '.join(message.split())[:500]}" if message else reason
