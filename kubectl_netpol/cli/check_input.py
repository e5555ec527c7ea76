"""What ``check`` is about: recordings, policies of several sources, and what a cluster tells besides."""

from __future__ import annotations

import sys
import time
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from ..errors import InputError
from ..model import NetworkNeighbors
from ..policy.documents import read_policies
from ..policy.evaluation.reading import read_policy
from ..policy.evaluation.values import NetworkPolicy
from ..policy.listing import some_of
from ..policy.replay.ends import OFFLINE, World
from ..policy.replay.resolver import recorded_namespaces
from ..render.text import counted
from . import streams
from .connection import Connection, need_kubeconfig
from .demand import Demand
from .generation import generated_from
from .known_option import known_servers_lookup
from .options import Scope
from .recorded import Recorded

_HINT = "name files or folders that hold some; recordings in files are named with --neighbors"


@dataclass(frozen=True, slots=True)
class Sources:
    """Where policies come from; they are joined.

    ``named`` are those in files, ``generated`` is what those that ``generate`` would write are to be (None: none of
    them), and ``is_applied`` adds the cluster's.
    """

    named: tuple[NetworkPolicy, ...]
    generated: Demand | None
    is_applied: bool
    known_servers: Path | None = None


def gather_policies(sources: Sources, recorded: Recorded, scope: Scope, connection: Connection) -> list[NetworkPolicy]:
    """The union of what the sources hold. Of two with the same name the later source's counts, as if it were applied.

    Raises NetpolError.
    """
    union = _Union()
    if sources.is_applied:
        union.put(_applied(scope, connection))
    _tell_unrecorded(sources.named, recorded.accounts)
    union.put(sources.named)
    if sources.generated is not None:
        union.put(_generated(recorded.chosen, sources.generated, sources.known_servers))
    union.tell()
    return list(union.policies.values())


def read_world(inventory: str | None, live: bool, connection: Connection) -> World:
    """What is known beside the recordings: from a file of objects, from the cluster, or nothing. Raises NetpolError."""
    if inventory is None and not live:
        return OFFLINE
    from ..policy.replay.world import world_of  # noqa: PLC0415

    return world_of(_objects(inventory) if inventory is not None else _listed(connection), int(time.time() * 1000))


@dataclass(slots=True)
class _Union:
    policies: dict[tuple[str, str], NetworkPolicy] = field(default_factory=dict)
    replaced: int = 0

    def put(self, policies: Iterable[NetworkPolicy]) -> None:
        for policy in policies:
            name = (policy.namespace, policy.name)
            self.replaced += name in self.policies
            self.policies[name] = policy

    def tell(self) -> None:
        if self.replaced:
            streams.note(f"{counted(self.replaced, 'policy')} of the same name replaced")


def policies_of_files(names: Sequence[str], scope: Scope) -> list[NetworkPolicy]:
    """The NetworkPolicies in files and folders; other kinds are told of. Raises InputError where there is none."""
    from ..files.documents import POLICIES  # noqa: PLC0415  # YAML
    from ..files.sources import each_document  # noqa: PLC0415

    home = scope.namespace or scope.home or "default"
    found = read_policies(each_document(names, sys.stdin.buffer, POLICIES), home, is_new=True)
    for sentence in (*found.others, *found.loose):
        streams.note(sentence)
    if found.assumed:
        told = some_of([one.name for one in found.assumed])
        number = counted(len(found.assumed), "policy")
        streams.note(f"{number} without a namespace, read as of {home} (-n names another): {told}")
    if not found.policies:
        raise InputError(f"{', '.join(names)}: no NetworkPolicy there", _HINT)
    return found.policies


# A policy of a namespace that nobody recorded passes every check, and is mostly one that was to stand in another.
def _tell_unrecorded(policies: Sequence[NetworkPolicy], accounts: Iterable[NetworkNeighbors]) -> None:
    places = recorded_namespaces(accounts)
    found = Counter(one.namespace for one in policies if one.namespace not in places)
    if found:
        told = some_of([f"{name} {count}" for name, count in sorted(found.items())])
        streams.note(f"policies of namespaces in which nothing was recorded: {found.total()} ({told})")


def _generated(chosen: list[NetworkNeighbors], demand: Demand, path: Path | None) -> list[NetworkPolicy]:
    named = [one for one in chosen if demand.allow_empty_selector or not one.selector.is_empty]
    if len(named) < len(chosen):
        left = counted(len(chosen) - len(named), "workload")
        streams.note(f"{left} without a selector: generate writes no policy of a whole namespace unasked")
    return [read_policy(one.document) for one in generated_from(named, demand, known_servers_lookup(path)).policies]


def _applied(scope: Scope, connection: Connection) -> list[NetworkPolicy]:
    need_kubeconfig(connection)
    from ..cluster.lists import Pages  # noqa: PLC0415  # half a second
    from ..cluster.resources import NETWORK_POLICY  # noqa: PLC0415
    from ..cluster.trouble import RefusedError  # noqa: PLC0415
    from .other_policies import tell_other_policies  # noqa: PLC0415

    api = connection.open()
    try:
        objects = list(Pages(api, NETWORK_POLICY))
    except RefusedError as error:
        if not error.is_forbidden or not scope.namespace:
            raise
        objects = list(Pages(api, NETWORK_POLICY, scope.namespace))
        streams.note(f"you may list policies in namespace {scope.namespace} only: those of others are not looked at")
    tell_other_policies(api)
    return read_policies((("the cluster:", one) for one in objects), "default").policies


def _objects(path: str | None) -> Iterable[dict[str, Any]]:
    from ..capture.objects import read_objects  # noqa: PLC0415

    return read_objects(Path(path or ""))


def _listed(connection: Connection) -> Iterable[dict[str, Any]]:
    need_kubeconfig(connection)
    from ..cluster.lists import Pages  # noqa: PLC0415
    from ..cluster.resources import CONTROLLERS, NAMESPACE, POD  # noqa: PLC0415

    api = connection.open()
    return [one for resource in (NAMESPACE, *CONTROLLERS, POD) for one in Pages(api, resource)]


def read_enforcer(connection: Connection) -> str:
    """What the cluster seems to enforce policies with, in a sentence."""
    from ..capture.enforcement import judge_enforcement, read_daemon, read_k3s  # noqa: PLC0415
    from ..cluster.lists import Pages  # noqa: PLC0415
    from ..cluster.resources import DAEMON_SET, NODE  # noqa: PLC0415
    from ..cluster.trouble import ClusterError  # noqa: PLC0415

    api = connection.open()
    try:
        daemons = [one for item in Pages(api, DAEMON_SET) if (one := read_daemon(item))]
        groups = {str(group.get("name")) for group in api.get("/apis").get("groups") or () if isinstance(group, dict)}
        return judge_enforcement(daemons, groups, map(read_k3s, Pages(api, NODE))).finding
    except ClusterError as error:
        return f"by what they are enforced is not known: {error.message}"
