"""What was typed after ``record``, checked, and the session and Jobs that it stands for."""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass, replace
from typing import Any

from ..capture.image import IMAGE
from ..capture.job import Capture, job
from ..capture.session import BOUNDS, Session, decode, encode, new_name
from ..errors import InputError
from ..neighbors.labels import is_object_name
from . import streams
from .kinds import is_known_kind
from .labels import parse_labels
from .selection import parse_selection, without_repeats

DEADLINE_SECONDS = 300
"""Of a watched session's Jobs: renewed each minute, so that they outlive us by four to five minutes."""

_TTL_SECONDS = 60
_DETACHED_TTL_SECONDS = 24 * 3600
_DETACHED_SLACK_SECONDS = 900
_LONGEST_LATENESS_SECONDS = 60
_WATCHED_INTERVAL, _DETACHED_INTERVAL = 2.0, 10.0
_NODE = "NODE"


@dataclass(frozen=True, slots=True)
class Wish:
    """What was typed, as ``record`` names it; times in seconds, 0 for none."""

    selection: tuple[str, ...]
    namespace: str | None
    all_namespaces: bool
    labels: str
    duration: float
    until_stable: float
    detach: bool
    ttl: float
    nodes: tuple[str, ...]
    capture_namespace: str | None
    attach: str
    image: str | None
    pull_policy: str | None
    pull_secrets: tuple[str, ...]
    dry_run: str
    output: str | None
    quiet: bool

    def check(self) -> None:
        """Raises InputError for words that are none, or contradict each other. Nothing is asked of a cluster."""
        parse_selection(self.selection)
        parse_labels(self.labels)
        for node in self.nodes:
            if not is_object_name(node):
                raise InputError(f"{node!r:.80} is no name of a node", "see them with: kubectl get nodes")
        if self.detach and not self.duration:
            raise InputError("--detach needs to know when to end", "say for how long: --detach --duration 1h")
        if self.detach and self.until_stable:
            raise InputError("--until-stable needs somebody who watches", "leave out --detach or --until-stable")
        if self.ttl and not self.detach:
            raise InputError("--ttl is for what is captured detached", "add --detach, or leave --ttl out")
        if self.output and self.dry_run == "none":
            raise InputError(
                "-o is for a dry run", "add --dry-run=client, or read the recording with: kubectl netpol neighbors"
            )

        session = self.session(self.namespace or "")
        if decode(encode(session)) != session:
            raise InputError(
                f"so much cannot be kept with a session: {BOUNDS} at most",
                "record it in parts, which add up, or the whole namespace: -n NAMESPACE",
            )

    def session(self, namespace: str, begun: int = 0) -> Session:
        """A new session of this wish; ``begun`` in ms."""
        ends = begun + int(self.duration * 1000) if self.detach and begun else 0
        interval = _DETACHED_INTERVAL if self.detach else _WATCHED_INTERVAL
        words, nodes = without_repeats(self.selection), tuple(dict.fromkeys(self.nodes))
        return Session(new_name(), namespace, words, self.labels, nodes, begun, ends, self.detach, interval)

    def capture(self, session: Session, namespace: str) -> Capture:
        """What the session's Jobs in that namespace have in common."""
        capture = Capture(
            session.name,
            namespace,
            self.image or IMAGE,
            self.pull_policy or "IfNotPresent",
            self.pull_secrets,
            self.attach,
            session.interval,
            deadline=DEADLINE_SECONDS,
            ttl=_TTL_SECONDS,
            annotation=encode(session),
        )
        if not self.detach:
            return capture
        deadline = int(self.duration) + _DETACHED_SLACK_SECONDS
        ttl = math.ceil(self.ttl) or _DETACHED_TTL_SECONDS
        return replace(capture, duration=self.duration, until=self._latest(session), deadline=deadline, ttl=ttl)

    def _latest(self, session: Session) -> int:
        """A little after the session's end (ms), so that an agent that has to be pulled first has its whole time."""
        lateness = min(self.duration / 10, _LONGEST_LATENESS_SECONDS)
        return session.ends + int(lateness * 1000) if session.ends else 0

    def without_a_cluster(self, namespace: str) -> list[dict[str, Any]]:
        """The Jobs as they would be made, for the nodes that are named, or one that stands for any."""
        session = self.session("" if self.all_namespaces else namespace)
        capture = self.capture(session, self.capture_namespace or namespace)
        return [job(capture, node) for node in session.nodes or (_NODE,)]

    def unknown_kinds(self) -> Iterable[str]:
        """What was named as a TYPE and is none of Kubernetes' own: only the cluster knows whether it is one."""
        kinds = (one.kind for one in parse_selection(self.selection).wanted)
        return dict.fromkeys(kind for kind in kinds if not is_known_kind(kind, ()))

    def print_jobs(self, jobs: list[dict[str, Any]]) -> None:
        """The Jobs of a dry run, to stdout."""
        from ..render.document import to_json, to_yaml  # noqa: PLC0415

        if self.output == "yaml":
            streams.data(to_yaml(jobs))
        elif self.output == "json":
            streams.data(to_json(jobs[0] if len(jobs) == 1 else {"apiVersion": "v1", "kind": "List", "items": jobs}))
        else:
            how = "" if self.output == "name" else f" created ({'server ' if self.dry_run == 'server' else ''}dry run)"
            for one in jobs:
                streams.line(f"job.batch/{one['metadata']['name']}{how}")
