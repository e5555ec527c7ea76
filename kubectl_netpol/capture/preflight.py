"""Before anything is made: are the rights there, and would the capture pod be admitted? Each "no" with its remedy."""

from __future__ import annotations

import shlex
from collections.abc import Iterable

from ..cluster.access import missing
from ..cluster.api import Api
from ..cluster.resources import JOB, NAMESPACE, POD
from ..cluster.rights import Right, to_record, to_stop
from ..cluster.trouble import ClusterError, RefusedError
from ..errors import CaptureError
from .job import Capture, job, probe

LEVEL = "pod-security.kubernetes.io/enforce"


def check_rights(api: Api, rights: Iterable[Right], command: str = "kubectl netpol doctor --print-rbac") -> None:
    """Raises CaptureError that names what is missing and how to get it; ClusterError when that cannot be asked.

    ``command`` prints what an admin has to grant.
    """
    lacking = missing(api, rights)
    if not lacking:
        return
    more = f", and {len(lacking) - 1} more" if len(lacking) > 1 else ""
    message = f"you may not {lacking[0]}, which is needed to {lacking[0].why}{more}"
    raise CaptureError(message, f"give an admin what is needed: {command}")


def check_recording(api: Api, namespace: str) -> None:
    """As ``check_rights``, with all that a recording needs. An admin has flags of their own."""
    check_rights(api, to_record(namespace), _printing(namespace))


def check_stopping(api: Api, namespace: str) -> None:
    """As ``check_rights``, with what the end of a session needs whose Jobs are there."""
    check_rights(api, to_stop(namespace), _printing(namespace))


def _printing(namespace: str) -> str:
    return f"kubectl netpol doctor --print-rbac -n {shlex.quote(namespace)}"


def check_admission(api: Api, capture: Capture, node: str) -> None:
    """Creates pod and Job in a dry run, which asks Pod Security, quotas, limits and every admission webhook.

    Raises CaptureError with the remedy when it is refused; ClusterError when that cannot be asked.
    """
    try:
        api.create(POD.path(capture.namespace), probe(capture, node), {"dryRun": "All"})
        api.create(JOB.path(capture.namespace), job(capture, node), {"dryRun": "All"})
    except RefusedError as error:
        raise CaptureError(*_explained(error, capture.namespace)) from error


def _explained(error: RefusedError, namespace: str) -> tuple[str, str]:
    text = error.message
    if error.status == 404:
        return f"namespace {namespace} is not there", "name another for the capture pods: --capture-namespace NAMESPACE"
    if "violates PodSecurity" in text:
        remedy = f"kubectl label namespace {namespace} {LEVEL}=privileged --overwrite"
        return (
            f"Pod Security does not admit the capture pods in namespace {namespace}: {_tail(text)}",
            f"use a namespace that admits them (--capture-namespace NAMESPACE), or: {remedy}",
        )
    if hint := quota_hint(text):
        return f"a quota of namespace {namespace} leaves no room for the captures: {_tail(text)}", hint
    if error.is_forbidden:
        return f"the capture pods are not admitted in namespace {namespace}: {_tail(text)}", _OTHER
    return f"the capture pods are refused in namespace {namespace}: {text}", _OTHER


def quota_hint(refusal: str) -> str:
    """The remedy where a quota has no room; empty where the refusal is another one."""
    is_quota = "exceeded quota" in refusal
    return "raise it, or use another namespace: --capture-namespace NAMESPACE" if is_quota else ""


_OTHER = "ask whoever runs that admission policy, or use another namespace: --capture-namespace NAMESPACE"


# 'pods "x" is forbidden: violates ...': what is forbidden is known here.
def _tail(text: str) -> str:
    return text.partition("is forbidden: ")[2] or text


def cluster_identity(api: Api) -> str:
    """The UID of the kube-system namespace, which stands for the cluster; empty when it may not be read."""
    try:
        metadata = api.get(NAMESPACE.path(name="kube-system")).get("metadata")
    except ClusterError:
        return ""
    uid = metadata.get("uid") if isinstance(metadata, dict) else None
    return uid if isinstance(uid, str) else ""
