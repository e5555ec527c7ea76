"""What of a policy in the cluster is ours: its labels and annotations; and what two are compared by. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import UTC, datetime
from typing import Any

from .. import __version__
from ..guard.ours import managed_fields
from ..model import NetworkNeighbors

MANAGED_BY = ("app.kubernetes.io/managed-by", "kubectl-netpol")
VERSION_ANNOTATION = "kubectl-netpol/version"
RECORDED_ANNOTATION = "kubectl-netpol/recorded"
_VOLATILE = frozenset(
    {VERSION_ANNOTATION, RECORDED_ANNOTATION, "kubectl.kubernetes.io/last-applied-configuration"},
)


def owned(document: Mapping[str, Any], accounts: Iterable[NetworkNeighbors]) -> dict[str, Any]:
    """The generated document as it is applied: with who wrote it, and from when to when its workload was recorded."""
    metadata = document["metadata"]
    annotations = dict(metadata["annotations"]) | {VERSION_ANNOTATION: __version__}
    if recorded := recording_window(accounts):
        annotations[RECORDED_ANNOTATION] = recorded
    labels = dict(metadata["labels"]) | dict([MANAGED_BY])
    return dict(document) | {"metadata": dict(metadata) | {"labels": labels, "annotations": annotations}}


def recording_window(accounts: Iterable[NetworkNeighbors]) -> str:
    """From the first to the last word of the recording, as an ISO 8601 interval in UTC; empty where none is known."""
    spans = [(one.first, one.last) for account in accounts for one in account.windows if one.first and one.last]
    if not spans:
        return ""
    first, last = min(first for first, _ in spans), max(last for _, last in spans)
    return f"{_time(first)}/{_time(last)}"


def managers(found: Mapping[str, Any]) -> list[str]:
    """The field managers of an object, sorted."""
    return sorted({str(one.get("manager")) for one in managed_fields(found) if one.get("manager")})


def comparable(document: Mapping[str, Any], base: Mapping[str, Any] | None = None) -> dict[str, Any]:
    """What two of them are compared by as text: no version, no time, nothing of the server's own, nor our own label.

    Who applies a policy from a file has not that label, and it changes nothing. A direction without rules is left out,
    as the API server leaves it out. ``base`` is the object that is there: its other labels and annotations stay when
    ours are applied to it.
    """
    metadata = document["metadata"]
    kept: dict[str, Any] = {"name": metadata["name"], "namespace": metadata["namespace"]}
    for part in ("labels", "annotations"):
        told = ((base or {}).get("metadata") or {}).get(part) or {}
        told = dict(told) | dict(metadata.get(part) or {})
        if told := {key: value for key, value in told.items() if key not in _VOLATILE and (key, value) != MANAGED_BY}:
            kept[part] = told
    return {
        "apiVersion": document["apiVersion"],
        "kind": document["kind"],
        "metadata": kept,
        "spec": {key: value for key, value in (document.get("spec") or {}).items() if value != []},
    }


def _time(milliseconds: int) -> str:
    return datetime.fromtimestamp(milliseconds // 1000, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
