"""Asks the cluster and this disk what ``diagnosis`` and ``enforcement`` want to know; changes nothing.

``cli.doctor`` calls ``examine_cluster`` and ``examine_cache``, and prints what they find.
"""

from __future__ import annotations

import shlex
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from ..cache.health import examine
from ..cluster.access import missing
from ..cluster.api import Api
from ..cluster.lists import Pages
from ..cluster.resources import DAEMON_SET, NAMESPACE, NODE, POD
from ..cluster.rights import Right, to_apply, to_record
from ..cluster.trouble import ClusterError, RefusedError
from ..errors import CaptureError
from .diagnosis import (
    Admission,
    Check,
    Verdict,
    judge_admission,
    judge_cache,
    judge_connection,
    judge_nodes,
    judge_rights,
    trouble,
)
from .enforcement import NAME, judge_enforcement, read_daemon, read_k3s
from .image import IMAGE
from .job import Capture
from .loose import table, tables, text
from .nodes import NodeFacts, read_node_facts
from .preflight import LEVEL, check_admission
from .session import new_name

_ANY_NODE = "any"
_READ = "check it with: kubectl get --raw /version"


@dataclass(frozen=True, slots=True)
class Places:
    """The namespace to be recorded, to which policies are applied, and the one in which captures would run."""

    recorded: str
    captures: str

    @property
    def to_record(self) -> str:
        """The command that prints what an admin has to grant."""
        return f"give an admin what is needed: {shlex.join((*_PRINT, '-n', self.captures))}"

    @property
    def to_apply(self) -> str:
        return f"give an admin what is needed: {shlex.join((*_PRINT, '--for', 'apply', '-n', self.recorded))}"


_PRINT = ("kubectl", "netpol", "doctor", "--print-rbac")


def examine_cache(directory: Path) -> Check:
    """Whether recordings can be kept there."""
    return judge_cache(examine(directory))


def examine_cluster(api: Api, places: Places) -> Iterator[Check]:
    """The checks in the order in which they are shown. Without a connection there is only that one."""
    try:
        version = _version(api)
    except ClusterError as error:
        yield trouble("connection", error, _READ)
        return
    yield judge_connection(api.server, version)
    rights = to_record(places.captures)
    try:
        lacking = missing(api, (*rights, *to_apply(places.recorded)))
    except ClusterError as error:
        yield trouble("rights to record", error, _READ)
        return
    yield from _rights(places, lacking)
    nodes, problem = _nodes(api, places)
    yield _admission(api, places, lacking, [read_node_facts(node) for node in nodes])
    yield from [problem] if problem else judge_nodes(map(read_node_facts, nodes))
    yield _enforcement(api, places, nodes)


def _version(api: Api) -> str:
    try:
        return text(api.get("/version").get("gitVersion"))
    except RefusedError as error:
        if not error.is_forbidden:  # it answers, and need not tell everyone
            raise
        return ""


def _rights(places: Places, lacking: Sequence[Right]) -> Iterator[Check]:
    record, apply = to_record(places.captures), to_apply(places.recorded)
    yield from judge_rights("record", record, _of(record, lacking), Verdict.FAILURE, places.to_record)
    yield Check("rights to generate", Verdict.OK, "none are needed: it reads the recordings on this disk")
    yield from judge_rights("apply", apply, _of(apply, lacking), Verdict.WARNING, places.to_apply)


def _of(rights: Sequence[Right], lacking: Sequence[Right]) -> list[Right]:
    return [right for right in rights if right in lacking]


def _nodes(api: Api, places: Places) -> tuple[list[Mapping[str, object]], Check | None]:
    try:
        return list(Pages(api, NODE)), None
    except ClusterError as error:
        return [], trouble("nodes", error, places.to_record, Verdict.WARNING)


def _admission(api: Api, places: Places, lacking: Sequence[Right], nodes: Sequence[NodeFacts]) -> Check:
    may_not = [right for right in lacking if (right.verb, right.resource, right.subresource) == ("create", POD, "")]
    if may_not:
        return Check("pod security", Verdict.WARNING, f"not asked, as you may not {may_not[0]}", places.to_record)
    node = next((one.name for one in nodes if not one.obstacle), _ANY_NODE)
    refusal = None
    try:
        check_admission(api, Capture(new_name(), places.captures, IMAGE), node)
    except CaptureError as error:
        refusal = error
    except ClusterError as error:
        return trouble("pod security", error, _READ)
    return judge_admission(Admission(places.captures, _level(api, places.captures), refusal))


# Who may not read the namespace has its answer by the dry run all the same.
def _level(api: Api, namespace: str) -> str:
    try:
        metadata = table(api.get(NAMESPACE.path(name=namespace)).get("metadata"))
    except ClusterError:
        return ""
    return text(table(metadata.get("labels")).get(LEVEL))


def _enforcement(api: Api, places: Places, nodes: Sequence[Mapping[str, object]]) -> Check:
    try:
        daemons = [one for item in Pages(api, DAEMON_SET) if (one := read_daemon(item))]
        groups = {text(group.get("name")) for group in tables(api.get("/apis").get("groups"))}
    except ClusterError as error:
        return trouble(NAME, error, places.to_record, Verdict.WARNING)
    return judge_enforcement(daemons, groups, map(read_k3s, nodes))
