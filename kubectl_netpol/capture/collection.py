"""Sessions that run, or ran, by themselves: which there are, what they have heard, and their end."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from ..cluster.api import Api
from ..cluster.lists import Pages
from ..cluster.resources import POD
from ..cluster.trouble import ClusterError
from ..errors import WireError
from ..wire import StatusRecord, decode
from .captures import Captures
from .job import CONTAINER, NAME_LABEL, PROGRAM, SESSION_ANNOTATION, SESSION_LABEL, WORKLOADS_ANNOTATION
from .jobs import ending, expires, jobs_of
from .loose import table, text
from .pods import CapturePod, is_capture_pod, read_capture_pod
from .remembered import recall
from .session import Session
from .session import decode as decode_session

_TAIL_LINES = 60
_LARGEST_TAIL = 4 << 20


@dataclass(slots=True)
class Found:
    """A session as its Jobs tell of it. ``expires``: when the API server ends or removes the last of them (ms)."""

    session: Session
    namespace: str
    jobs: list[dict[str, Any]]
    expires: int = 0
    is_over: bool = False

    @property
    def nodes(self) -> list[str]:
        """The nodes that it captures, or captured."""
        specs = (table(table(table(job.get("spec")).get("template")).get("spec")) for job in self.jobs)
        return sorted({node for spec in specs if (node := text(spec.get("nodeName")))})


def find_sessions(
    api: Api, namespace: str = "", unreadable: Callable[[str, str], None] = lambda *_: None
) -> list[Found]:
    """The sessions whose Jobs are in that namespace, or (empty) in any, the oldest first. Raises ClusterError.

    ``unreadable`` gets name and namespace of each whose Jobs are ours by their labels, and do not say what it is.
    """
    found: dict[tuple[str, str], Found] = {}
    strange: dict[tuple[str, str], None] = {}
    for job in jobs_of(api, namespace):
        metadata = table(job.get("metadata"))
        labels, place = table(metadata.get("labels")), text(metadata.get("namespace"))
        session = decode_session(_annotation(job, SESSION_ANNOTATION))
        if session is None or session.name != labels.get(SESSION_LABEL):
            if labels.get(NAME_LABEL) == PROGRAM:  # else somebody else's Job bears our label
                strange[place, text(labels.get(SESSION_LABEL))] = None
            continue
        one = found.setdefault((place, session.name), Found(session, place, [], is_over=True))
        one.jobs.append(job)
        one.expires = max(one.expires, expires(job))
        one.is_over &= bool(ending(job))
    for place, name in strange:
        unreadable(name, place)
    return sorted(found.values(), key=lambda one: (one.session.begun, one.session.name))


def _annotation(job: Mapping[str, Any], name: str) -> object:
    return table(table(job.get("metadata")).get("annotations")).get(name)


def pods_of(api: Api, found: Found) -> list[CapturePod]:
    """The pods of a session."""
    pods = Pages(api, POD, found.namespace, f"{SESSION_LABEL}={found.session.name}")
    return [read_capture_pod(pod) for pod in pods if is_capture_pod(pod, found.namespace, found.session.name)]


def last_word(api: Api, namespace: str, pod: CapturePod) -> StatusRecord | None:
    """What the agent said last of itself, or None when it has not spoken or cannot be asked."""
    try:
        log = api.text(
            POD.path(namespace, pod.name, "log"),
            {"container": CONTAINER, "tailLines": _TAIL_LINES, "limitBytes": _LARGEST_TAIL},
        )
    except ClusterError:
        return None
    for line in reversed(log.splitlines()):
        try:
            record = decode(line)
        except WireError:
            continue
        if isinstance(record, StatusRecord):
            return record
    return None


def collect(captures: Captures, found: Found, tick: Callable[[], None] = lambda: None) -> None:
    """Takes in all that the session has said so far, without ending it. Raises ClusterError, StoreError."""
    _read_all(captures, found, tick)
    _keep(captures, found)


def collect_and_remove(captures: Captures, found: Found, tick: Callable[[], None] = lambda: None) -> None:
    """As ``collect``, then ends the session: the last words too, and every Job removed."""
    try:
        _read_all(captures, found, tick)
        captures.feed.watch()
        captures.fleet.mark_stopped()
        captures.farewell(tick)
    finally:
        _keep(captures, found)


def _read_all(captures: Captures, found: Found, tick: Callable[[], None]) -> None:
    captures.feed.load()
    for job in found.jobs:
        captures.fleet.adopt(job)
        captures.recorder.inventory.recall(recall(_annotation(job, WORKLOADS_ANNOTATION)))
    captures.fleet.renewed = False
    captures.follower.ask_due()
    while captures.follower.is_waiting:
        captures.follower.take_answers(0.25)
        captures.follower.ask_due_again()
        tick()
    for stream in captures.follower.streams.values():
        if stream.trouble and stream.pod.has_log:
            captures.say(f"{stream.pod.node}: what its agent said could not be read: {stream.trouble}")


def _keep(captures: Captures, found: Found) -> None:
    captures.close()
    until = found.session.ends if found.session.detached else 0
    captures.keep(found.session.begun, until, found.session.nodes)
