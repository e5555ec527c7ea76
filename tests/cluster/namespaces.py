"""Namespaces that are being deleted: tests leave theirs so, and on a cluster that is kept the next run meets them."""

from __future__ import annotations

import json
from typing import Any

from .cluster import Cluster
from .processes import wait_until


def leaving(cluster: Cluster) -> list[str]:
    """The namespaces that are being deleted. Their pods may still be there."""
    found: Any = cluster.get("namespaces")["items"]
    return [one["metadata"]["name"] for one in found if "deletionTimestamp" in one["metadata"]]


def await_gone(cluster: Cluster, *names: str) -> None:
    """Waits until none of these is being deleted: nothing can be made in one that is."""
    wait_until(lambda: not set(names) & set(leaving(cluster)), 120, f"{', '.join(names)} of an earlier run are gone")


def make(cluster: Cluster, name: str, labels: dict[str, str] | None = None) -> None:
    """Makes the namespace, and waits until pods can be made in it.

    It has its labels from its beginning: of later ones admission hears late.
    """
    await_gone(cluster, name)
    namespace = {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": name, "labels": labels or {}}}
    cluster.kubectl("create", "-f", "-", stdin=json.dumps(namespace))
    account = ("-n", name, "get", "serviceaccount", "default")
    wait_until(lambda: cluster.agrees(*account), 30, f"the ServiceAccount of {name} is there")
