"""The guard of a confirmed apply as objects: a Job, and the account, Role and binding that it owns. Pure.

They are the one exception to the rule that nothing but Jobs is ever made in a cluster. The three go when the Job goes,
by their ownerReferences.

The pod is in its node's network, because NetworkPolicies do not reach it there: a default-deny of the whole namespace
would else cut it off from the API server, and nobody would put anything back. Where Pod Security does not admit that,
it is in the pods' network, provided that no policy, present or to come, isolates it.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from ..capture.job import NAME_LABEL, PROGRAM
from ..cluster.resources import JOB, ROLE, ROLE_BINDING, SERVICE_ACCOUNT, Resource
from ..guard.plan import Plan, encode

GUARD_LABEL = "kubectl-netpol/guard"
CONTAINER = "guard"

_BACKSTOP_SECONDS = 24 * 3600
"""So long after its deadline a guard tries to put things back, where the API server does not let it."""

_TTL_SECONDS = 3600
"""So long one can read what a guard did."""

_MOST_RESTARTS = 1000
_EVICTED_AFTER = 20
"""Seconds without a word from its node until another pod is made (five minutes is Kubernetes' default)."""

_NOBODY = 65532


@dataclass(frozen=True, slots=True)
class Guard:
    """``session`` names it; ``seconds`` until its deadline."""

    session: str
    plan: Plan
    seconds: int
    image: str
    pull_policy: str = "IfNotPresent"
    pull_secrets: tuple[str, ...] = ()
    host_network: bool = True

    @property
    def labels(self) -> dict[str, str]:
        return {NAME_LABEL: PROGRAM, GUARD_LABEL: self.session}


def job(guard: Guard) -> dict[str, Any]:
    """The Job. It is not suspended until what it needs is there too: its owner's end would leave a Job without an end.

    Its controller tries again until the account is there, and the guard until its Role is bound.
    """
    return {
        "apiVersion": JOB.api_version,
        "kind": JOB.kind,
        "metadata": _metadata(guard),
        "spec": {
            "activeDeadlineSeconds": guard.seconds + _BACKSTOP_SECONDS,
            "ttlSecondsAfterFinished": _TTL_SECONDS,
            "backoffLimit": _MOST_RESTARTS,
            "template": {"metadata": {"labels": guard.labels}, "spec": _pod(guard)},
        },
    }


def probe(guard: Guard) -> dict[str, Any]:
    """The pod by itself, for a dry run. Its account is not there yet, so it asks as the namespace's default one."""
    spec = _pod(guard) | {"serviceAccountName": "default", "automountServiceAccountToken": False}
    metadata = _metadata(guard) | {"name": f"{guard.plan.job}-check"}
    return {"apiVersion": "v1", "kind": "Pod", "metadata": metadata, "spec": spec}


def owned(guard: Guard, uid: str) -> list[tuple[Resource, dict[str, Any]]]:
    """The account, the Role and the binding, owned by the Job with that UID."""
    owner = {"apiVersion": JOB.api_version, "kind": JOB.kind, "name": guard.plan.job, "uid": uid}
    metadata = _metadata(guard) | {"ownerReferences": [owner]}
    name, group = guard.plan.job, ROLE.group
    account = {"automountServiceAccountToken": False}
    role = {"rules": rules(guard.plan)}
    binding = {
        "roleRef": {"apiGroup": group, "kind": ROLE.kind, "name": name},
        "subjects": [{"kind": SERVICE_ACCOUNT.kind, "name": name, "namespace": guard.plan.namespace}],
    }
    bodies = ((SERVICE_ACCOUNT, account), (ROLE, role), (ROLE_BINDING, binding))
    return [
        (resource, {"apiVersion": resource.api_version, "kind": resource.kind, "metadata": metadata} | body)
        for resource, body in bodies
    ]


def rules(plan: Plan) -> list[dict[str, Any]]:
    """What the guard may do: put these policies back or remove those that are new, and mark its own Job."""
    old = [one.name for one in plan.policies if one.found is not None]
    new = [one.name for one in plan.policies if one.found is None]
    return [
        *_rule("networking.k8s.io", "networkpolicies", ["get", "update"], old),
        *_rule("networking.k8s.io", "networkpolicies", ["get", "delete"], new),
        *_rule(JOB.group, JOB.plural, ["patch"], [plan.job]),
    ]


def _rule(group: str, plural: str, verbs: Sequence[str], names: Sequence[str]) -> list[dict[str, Any]]:
    if not names:
        return []  # a rule without names would be one for all of them
    return [{"apiGroups": [group], "resources": [plural], "verbs": list(verbs), "resourceNames": list(names)}]


def _metadata(guard: Guard) -> dict[str, Any]:
    return {"name": guard.plan.job, "namespace": guard.plan.namespace, "labels": guard.labels}


def _pod(guard: Guard) -> dict[str, Any]:
    lost = [
        {"key": f"node.kubernetes.io/{key}", "operator": "Exists", "effect": "NoExecute"}
        | {"tolerationSeconds": _EVICTED_AFTER}
        for key in ("not-ready", "unreachable")
    ]
    pod: dict[str, Any] = {
        "serviceAccountName": guard.plan.job,
        "automountServiceAccountToken": True,
        "restartPolicy": "OnFailure",
        "terminationGracePeriodSeconds": 5,
        "enableServiceLinks": False,
        "dnsPolicy": "Default",
        "tolerations": lost,
        "nodeSelector": {"kubernetes.io/os": "linux"},
        "securityContext": {
            "runAsNonRoot": True,
            "runAsUser": _NOBODY,
            "runAsGroup": _NOBODY,
            "fsGroup": _NOBODY,
            "seccompProfile": {"type": "RuntimeDefault"},
        },
        "containers": [_container(guard)],
    }
    if guard.host_network:
        pod["hostNetwork"] = True
    if guard.pull_secrets:
        pod["imagePullSecrets"] = [{"name": name} for name in guard.pull_secrets]
    return pod


def _container(guard: Guard) -> dict[str, Any]:
    return {
        "name": CONTAINER,
        "image": guard.image,
        "imagePullPolicy": guard.pull_policy,
        "command": ["python3", "-m", "kubectl_netpol.guard"],
        "env": [{"name": name, "value": value} for name, value in encode(guard.plan).items()],
        "resources": {"requests": {"cpu": "10m", "memory": "32Mi"}, "limits": {"cpu": "1", "memory": "128Mi"}},
        "securityContext": {
            "allowPrivilegeEscalation": False,
            "readOnlyRootFilesystem": True,
            "capabilities": {"drop": ["ALL"]},
        },
    }
