"""What ``doctor`` says of what it was told: from facts to checks, each with a finding and, if need be, a remedy. Pure.

``capture.doctor`` gathers the facts. Whether the network plugin enforces policies is judged in ``enforcement``.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from enum import Enum

from ..cache.health import Health
from ..cluster.rights import Right
from ..errors import NetpolError
from ..render.text import counted
from .nodes import NodeFacts

_OLDEST_API = (1, 21)
_OLDEST_KERNEL = (5, 2)
_TCX_KERNEL = (6, 6)
_SMALL_DISK = 64 << 20
_SHOWN = 4


class Verdict(Enum):
    """``FAILURE``: a recording would fail, or miss what it should see. ``WARNING``: worth knowing."""

    OK = "ok"
    WARNING = "warning"
    FAILURE = "failure"


@dataclass(frozen=True, slots=True)
class Check:
    """One row. ``remedy`` says what to type; there is one whenever the verdict is not OK."""

    name: str
    verdict: Verdict
    finding: str
    remedy: str = ""


@dataclass(frozen=True, slots=True)
class Admission:
    """Whether a capture pod is admitted: ``level`` is what Pod Security enforces there, empty for none that is known.

    ``refusal`` is what the API server answered to a dry run, None when it admits the pod.
    """

    namespace: str
    level: str = ""
    refusal: NetpolError | None = None


def trouble(name: str, error: NetpolError, remedy: str, verdict: Verdict = Verdict.FAILURE) -> Check:
    """What could not be asked; ``remedy`` where the error has none, or none that helps here."""
    hint = error.hint if error.hint and "netpol doctor" not in error.hint else remedy
    return Check(name, verdict, error.message, hint)


def judge_connection(server: str, version: str) -> Check:
    """``version`` as the API server says it, such as v1.36.2+k3s1; empty when it does not."""
    finding = f"{server}, Kubernetes {version or 'of an unknown version'}"
    number = version_of(version.removeprefix("v"))
    if number and number < _OLDEST_API:
        oldest = ".".join(map(str, _OLDEST_API))
        finding += f", which is older than {oldest}: it lacks discovery.k8s.io/v1, by which addresses are told"
        return Check("connection", Verdict.FAILURE, finding, "update the cluster; see: kubectl version")
    return Check("connection", Verdict.OK, finding)


def judge_rights(
    command: str, rights: Sequence[Right], lacking: Sequence[Right], verdict: Verdict, remedy: str
) -> list[Check]:
    """Rows of what is granted, by place and verbs, then with ``verdict`` what is not, by place, verb and purpose."""
    name = f"rights to {command}"
    granted = [right for right in rights if right not in lacking]
    good = [Check(name, Verdict.OK, told) for told in _grouped(granted)]
    return good + [Check(name, verdict, told, remedy) for told in _denied(lacking)]


def judge_admission(admission: Admission) -> Check:
    """A refusal brings its own remedy, as ``preflight`` words it."""
    name = "pod security"
    if admission.refusal:
        return trouble(name, admission.refusal, "name another namespace: --capture-namespace NAMESPACE")
    enforced = f", which enforces {admission.level}" if admission.level else ""
    return Check(name, Verdict.OK, f"capture pods are admitted in namespace {admission.namespace}{enforced}")


def judge_nodes(nodes: Iterable[NodeFacts]) -> list[Check]:
    """A row for all nodes that are alike; one more when nothing can be captured on any of them."""
    alike: dict[NodeFacts, list[str]] = {}
    for node in sorted(nodes, key=lambda node: node.name):
        alike.setdefault(replace(node, name=""), []).append(node.name)
    checks = [_judge_alike(facts, names) for facts, names in alike.items()]
    if not any(_can_capture(facts) for facts in alike):
        what = "there is no node" if not alike else "nothing can be captured on any node"
        checks.append(Check("nodes", Verdict.FAILURE, what, "look at them: kubectl get nodes -o wide"))
    return checks


def judge_cache(health: Health) -> Check:
    """What is kept on this disk, and whether more can be."""
    name, room = "cache", _sized(health.free)
    if health.problem:
        return trouble(name, health.problem, "name another directory with --cache-dir")
    if health.is_new:
        finding = f"{health.directory}: nothing is kept yet; {room} free"
    else:
        of = f"{counted(health.workloads, 'workload')} of {counted(health.clusters, 'cluster')}"
        finding = f"{health.directory}: {of}, {_sized(health.size)}, all of it readable; {room} free"
    if health.free < _SMALL_DISK:
        return Check(name, Verdict.WARNING, finding, "make room, or name another directory with --cache-dir")
    return Check(name, Verdict.OK, finding)


def version_of(text: str) -> tuple[int, int] | None:
    """The first two numbers of a version such as 6.18.5-generic; None for anything else."""
    found = re.match(r"(\d{1,9})\.(\d{1,9})", text)
    return (int(found[1]), int(found[2])) if found else None


def names_of(names: Sequence[str]) -> str:
    """``n1``, ``n1 and n2``, ``n1, n2, n3, n4 and 12 more``."""
    shown, more = list(names[:_SHOWN]), len(names) - _SHOWN
    last = f"{more} more" if more > 0 else shown.pop()
    return f"{', '.join(shown)} and {last}" if shown else last


def _grouped(rights: Iterable[Right]) -> list[str]:
    verbs: dict[tuple[str, str], list[str]] = {}
    for right in rights:
        verbs.setdefault((right.namespace, right.what), []).append(right.verb)
    resources: dict[tuple[str, str], list[str]] = {}
    for (namespace, what), found in verbs.items():
        resources.setdefault((namespace, ", ".join(sorted(found))), []).append(what)
    return [
        f"{found} {', '.join(sorted(names))} {_place(namespace)}"
        for (namespace, found), names in sorted(resources.items())
    ]


def _denied(rights: Iterable[Right]) -> list[str]:
    resources: dict[tuple[str, str, str], list[str]] = {}
    for right in rights:
        resources.setdefault((right.namespace, right.verb, right.why), []).append(right.what)
    return [
        f"you may not {verb} {', '.join(names)} {_place(namespace)}, which is needed to {why}"
        for (namespace, verb, why), names in resources.items()
    ]


def _place(namespace: str) -> str:
    return f"in namespace {namespace}" if namespace else "in all namespaces"


def _judge_alike(facts: NodeFacts, names: Sequence[str]) -> Check:
    name, node = "nodes", names[0]
    what = f"{names_of(names)}: {facts.os or 'unknown'}/{facts.architecture or 'unknown'}"
    what += f", kernel {facts.kernel or 'unknown'}, {facts.runtime or 'an unknown runtime'}"
    look = f"look at it: kubectl describe node {node}"
    if facts.obstacle:
        leave = "what runs there is not recorded; name the others: kubectl netpol record --node NAME"
        return Check(name, Verdict.WARNING, f"{what}; nothing can be captured there: {facts.obstacle}", leave)
    kernel = version_of(facts.kernel)
    if kernel and kernel < _OLDEST_KERNEL:
        why = "; a kernel before 5.2 does not load the program"
        return Check(name, Verdict.FAILURE, what + why, "update it, or name others: kubectl netpol record --node NAME")
    if kernel and kernel < _TCX_KERNEL:
        what += " (before 6.6 packet sockets take the place of tcx, and cost more)"
    if not facts.is_ready:
        return Check(name, Verdict.WARNING, f"{what}; not ready, so a capture may not start there", look)
    return Check(name, Verdict.OK, f"{what}, ready")


def _can_capture(facts: NodeFacts) -> bool:
    kernel = version_of(facts.kernel)
    return not facts.obstacle and not (kernel and kernel < _OLDEST_KERNEL)


def _sized(size: int) -> str:
    for unit, limit in (("GiB", 1 << 30), ("MiB", 1 << 20), ("KiB", 1 << 10)):
        if size >= limit:
            return f"{size / limit:.1f} {unit}"
    return f"{size} bytes"
