"""The Job that captures one node: pure, from values to a manifest. Nothing else is ever made in the cluster.

Its pod needs the node's own namespaces of processes and of the network, to find the pods' interfaces and to hear of
new ones; what it may do is in ``CAPABILITIES``, each with its reason. It mounts nothing and has no token.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from ..render.text import decimal

NAME_LABEL = "app.kubernetes.io/name"
SESSION_LABEL = "kubectl-netpol/session"
SESSION_ANNOTATION = "kubectl-netpol/session"
WORKLOADS_ANNOTATION = "kubectl-netpol/workloads"
STOPPED_ANNOTATION = "kubectl-netpol/stopped"
PROGRAM = "kubectl-netpol"
CONTAINER = "agent"
_APP_ARMOR = "container.apparmor.security.beta.kubernetes.io/"

CAPABILITIES = {
    "SYS_ADMIN": "enter a pod's network namespace (setns), load and attach eBPF programs",
    "NET_ADMIN": "attach to a pod's interface, read its sockets and its connection tracking",
    "NET_RAW": "open a packet socket, where the kernel has no tcx",
    "NET_BROADCAST": "hear of new interfaces in all namespaces by one socket",
    "SYS_PTRACE": "read which namespaces other processes live in",
}
GRACE_SECONDS = 15
_MOST_RESTARTS = 1000
_MOST_PODS = 50
MOST_GENERATIONS = 20
"""So often a node's capture is begun anew, and no oftener."""

_LONGEST = 52  # of a Job's name: its pods' names add eleven, and the name is a label's value


@dataclass(frozen=True, slots=True)
class Capture:
    """What all Jobs of a session have in common. ``duration``: seconds until an agent ends by itself, 0 for never.

    ``until``: when it ends at the latest, also one that began late or again, in ms since the Unix epoch; 0 for none.
    ``deadline`` and ``ttl`` are the Job's activeDeadlineSeconds and ttlSecondsAfterFinished; ``interval`` is the
    seconds between an agent's reports. ``annotation`` is the session, ``workloads`` what it is about.
    """

    session: str
    namespace: str
    image: str
    pull_policy: str = ""
    pull_secrets: tuple[str, ...] = ()
    attach: str = "auto"
    interval: float = 2.0
    duration: float = 0.0
    deadline: int = 300
    ttl: int = 60
    annotation: str = ""
    workloads: str = ""
    until: int = 0


def job(capture: Capture, node: str, generation: int = 1, privileged: bool = False) -> dict[str, Any]:
    """The Job for a node. ``generation`` counts up when a node's capture is begun anew."""
    labels = {NAME_LABEL: PROGRAM, SESSION_LABEL: capture.session}
    return {
        "apiVersion": "batch/v1",
        "kind": "Job",
        "metadata": {
            "name": job_name(capture.session, node, generation),
            "namespace": capture.namespace,
            "labels": labels,
            "annotations": {SESSION_ANNOTATION: capture.annotation}
            | ({WORKLOADS_ANNOTATION: capture.workloads} if capture.workloads else {}),
        },
        "spec": {
            "activeDeadlineSeconds": capture.deadline,
            "ttlSecondsAfterFinished": capture.ttl,
            "backoffLimit": _MOST_PODS if capture.duration else _MOST_RESTARTS,
            "template": {
                "metadata": {"labels": labels} | _annotations(privileged),
                "spec": _pod(capture, node, privileged),
            },
        },
    }


def probe(capture: Capture, node: str) -> dict[str, Any]:
    """The same pod by itself, for a dry run: Pod Security admission and quotas judge pods, of a Job it only warns."""
    template = job(capture, node)["spec"]["template"]
    metadata = {"name": f"netpol-{capture.session}-check", "namespace": capture.namespace} | template["metadata"]
    return {"apiVersion": "v1", "kind": "Pod", "metadata": metadata, "spec": template["spec"]}


def job_name(session: str, node: str, generation: int = 1) -> str:
    """A name that shows session and node; where they are too long, a digest tells them apart."""
    suffix = f"-{generation}" if generation > 1 else ""
    readable = re.sub(r"[^a-z0-9-]", "-", node.lower()).strip("-")
    name = f"netpol-{session}-{readable}{suffix}"
    if len(name) <= _LONGEST and readable == node:
        return name
    digest = hashlib.sha256(node.encode()).hexdigest()[:8]
    room = _LONGEST - len(f"netpol-{session}--{digest}{suffix}")
    return f"netpol-{session}-{readable[:room].strip('-')}-{digest}{suffix}"


def is_job_name(name: str, session: str, node: str) -> bool:
    """Whether one of the session's Jobs for that node has, or had, that name."""
    return any(name == job_name(session, node, number) for number in range(1, MOST_GENERATIONS + 1))


# API servers older than 1.30 drop appArmorProfile, and know this only. Later ones want both to be the same, and write
# this annotation themselves where they know the field.
def _annotations(privileged: bool) -> dict[str, Any]:
    return {} if privileged else {"annotations": {_APP_ARMOR + CONTAINER: "unconfined"}}


def _pod(capture: Capture, node: str, privileged: bool) -> dict[str, Any]:
    pod: dict[str, Any] = {
        "nodeName": node,
        "hostPID": True,
        "hostNetwork": True,
        "dnsPolicy": "Default",
        "restartPolicy": _restarts(capture),
        "terminationGracePeriodSeconds": GRACE_SECONDS,
        "automountServiceAccountToken": False,
        "enableServiceLinks": False,
        "tolerations": [{"operator": "Exists"}],
        "nodeSelector": {"kubernetes.io/os": "linux"},
        "containers": [_container(capture, privileged)],
    }
    if capture.pull_secrets:
        pod["imagePullSecrets"] = [{"name": name} for name in capture.pull_secrets]
    return pod


def _container(capture: Capture, privileged: bool) -> dict[str, Any]:
    container: dict[str, Any] = {
        "name": CONTAINER,
        "image": capture.image,
        "args": _arguments(capture),
        "env": [{"name": "NODE_NAME", "valueFrom": {"fieldRef": {"fieldPath": "spec.nodeName"}}}],
        "resources": {"requests": {"cpu": "10m", "memory": "64Mi"}, "limits": {"cpu": "1", "memory": "256Mi"}},
        "securityContext": _security(privileged),
    }
    if capture.pull_policy:
        container["imagePullPolicy"] = capture.pull_policy
    return container


def _restarts(capture: Capture) -> str:
    """Where somebody watches, an agent that ended begins again at once, as its log has been read.

    Of a container that ended a kubelet keeps no log once its successor has ended, too. Where nobody reads it until
    then, another pod is its successor: each keeps its own log for as long as the Job is there.
    """
    return "Never" if capture.duration else "OnFailure"


def _arguments(capture: Capture) -> list[str]:
    words = ["--node-root", "auto", "--pods-only", "--attach", capture.attach, "--interval", decimal(capture.interval)]
    words += ["--duration", decimal(capture.duration)] if capture.duration else []
    return words + (["--until", str(capture.until)] if capture.until else [])


def _security(privileged: bool) -> Mapping[str, Any]:
    if privileged:
        return {"privileged": True, "readOnlyRootFilesystem": True, "runAsUser": 0}
    return {
        "allowPrivilegeEscalation": False,
        "readOnlyRootFilesystem": True,
        "runAsUser": 0,
        "runAsNonRoot": False,
        "capabilities": {"drop": ["ALL"], "add": list(CAPABILITIES)},
        "seccompProfile": {"type": "RuntimeDefault"},
        # The runtimes' profile forbids to look at processes outside of the container, which is what finds the pods.
        "appArmorProfile": {"type": "Unconfined"},
        # As above: container_t may not read other processes' /proc, spc_t may. Without SELinux it means nothing.
        "seLinuxOptions": {"type": "spc_t"},
    }
