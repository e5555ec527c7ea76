"""The rights that each command needs, as data: checked before a recording, shown by doctor, printed as RBAC objects."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from .resources import (
    CONTROLLERS,
    EVENT,
    JOB,
    NETWORK_POLICY,
    POD,
    ROLE,
    ROLE_BINDING,
    SERVICE_ACCOUNT,
    WATCHED,
    Resource,
)


@dataclass(frozen=True, slots=True)
class Right:
    """A verb on a resource; ``namespace`` is empty for the whole cluster. ``why`` completes "needed to"."""

    verb: str
    resource: Resource
    why: str
    namespace: str = ""
    subresource: str = ""

    @property
    def what(self) -> str:
        """``jobs.batch`` or ``pods/log``, as kubectl auth can-i writes it."""
        group = f".{self.resource.group}" if self.resource.group else ""
        return f"{self.resource.plural}{group}" + (f"/{self.subresource}" if self.subresource else "")

    def __str__(self) -> str:
        place = f" in namespace {self.namespace}" if self.namespace else " in all namespaces"
        return f"{self.verb} {self.what}{place}"


def to_attribute() -> tuple[Right, ...]:
    """What says whose an address is; for the whole cluster, since peers are anywhere."""
    why = "tell whose an address is"
    lists = [Right("list", resource, why) for resource in (*WATCHED, *CONTROLLERS)]
    return (*lists, *(Right("watch", resource, "follow what changes meanwhile") for resource in WATCHED))


def to_capture(namespace: str) -> tuple[Right, ...]:
    """What it takes to run capture Jobs in ``namespace`` and to read what they say."""
    return (
        Right("create", JOB, "start a capture on each node", namespace),
        Right("patch", JOB, "renew the capture's deadline", namespace),
        Right("delete", JOB, "remove the capture when it is over", namespace),
        Right("create", POD, "ask beforehand whether capture pods are admitted; none is created", namespace),
        Right("get", POD, "read the capture's records", namespace, "log"),
        Right("list", EVENT, "tell why a capture pod does not start", namespace),
    )


def to_stop(namespace: str) -> tuple[Right, ...]:
    """What it takes to read a session's last words and to remove its Jobs from ``namespace``."""
    return (
        Right("get", POD, "read the capture's records", namespace, "log"),
        Right("patch", JOB, "tell whoever watches that it is stopped", namespace),
        Right("delete", JOB, "remove the captures", namespace),
    )


def to_record(namespace: str) -> tuple[Right, ...]:
    """All that ``record`` needs with its Jobs in ``namespace``."""
    return (*to_attribute(), *to_capture(namespace))


def to_apply(namespace: str) -> tuple[Right, ...]:
    """What it takes to compare policies with those of ``namespace``, and to apply them there on the server's side."""
    return (
        Right("get", NETWORK_POLICY, "compare a policy with the one that is there", namespace),
        Right("list", NETWORK_POLICY, "find the policies that are there", namespace),
        Right("create", NETWORK_POLICY, "apply a policy that is new", namespace),
        Right("patch", NETWORK_POLICY, "apply a policy in the place of an older one", namespace),
        Right("list", JOB, "see whether the guard of another apply holds the same policies", namespace),
    )


def to_guard(namespace: str) -> tuple[Right, ...]:
    """What a confirmed apply needs beside ``to_apply``: a guard there, and to grant it what it may do itself."""
    grant = "grant the guard the same, for the named policies only"
    return (
        Right("update", NETWORK_POLICY, grant, namespace),
        Right("delete", NETWORK_POLICY, grant, namespace),
        Right("create", JOB, "start the guard that puts the earlier policies back", namespace),
        Right("get", JOB, "ask what became of the guard", namespace),
        Right("list", JOB, "find the guard", namespace),
        Right("patch", JOB, "mark the guard when a rollback begins, and grant it the same", namespace),
        Right("delete", JOB, "confirm, which removes the guard", namespace),
        Right("create", SERVICE_ACCOUNT, "give the guard an account of its own", namespace),
        Right("create", ROLE, "give the guard the least rights", namespace),
        Right("create", ROLE_BINDING, "give the guard the least rights", namespace),
        Right("create", POD, "ask beforehand whether the guard's pod is admitted; none is created", namespace),
        Right("list", POD, "see the guard start", namespace),
        Right("get", POD, "hear that the guard is ready", namespace, "log"),
    )


def roles_to_record(namespace: str) -> list[dict[str, Any]]:
    """The least ClusterRole and Role with which ``record`` works, its Jobs in ``namespace``."""
    name = "kubectl-netpol-record"
    return [role(name, to_attribute()), role(name, to_capture(namespace), namespace)]


def roles_to_apply(namespace: str) -> list[dict[str, Any]]:
    """The least Role with which policies of ``namespace`` are compared and applied."""
    return [role("kubectl-netpol-apply", to_apply(namespace), namespace)]


def roles_to_confirm(namespace: str) -> list[dict[str, Any]]:
    """The least Role with which policies of ``namespace`` are applied under a guard, confirmed and rolled back."""
    return [role("kubectl-netpol-confirmed-apply", (*to_apply(namespace), *to_guard(namespace)), namespace)]


def role(name: str, rights: Iterable[Right], namespace: str = "") -> dict[str, Any]:
    """The Role (or, without a namespace, ClusterRole) that grants these rights and nothing else."""
    metadata = {"name": name} | ({"namespace": namespace} if namespace else {})
    return {
        "apiVersion": "rbac.authorization.k8s.io/v1",
        "kind": "Role" if namespace else "ClusterRole",
        "metadata": metadata,
        "rules": _rules(rights),
    }


def _rules(rights: Iterable[Right]) -> list[dict[str, list[str]]]:
    verbs: dict[tuple[str, str], list[str]] = {}
    for right in rights:
        name = right.resource.plural + (f"/{right.subresource}" if right.subresource else "")
        verbs.setdefault((right.resource.group, name), []).append(right.verb)
    merged: dict[tuple[str, tuple[str, ...]], list[str]] = {}
    for (group, name), found in verbs.items():
        merged.setdefault((group, tuple(sorted(set(found)))), []).append(name)
    return [
        {"apiGroups": [group], "resources": sorted(names), "verbs": list(found)}
        for (group, found), names in sorted(merged.items())
    ]
