"""The keys of the store's rows: a cluster's identity and a workload, as JSON."""

from __future__ import annotations

import json

from ..model import Workload

Key = tuple[str, Workload]


def key_of(cluster: str, workload: Workload) -> str:
    """The key under which a workload's recording is kept."""
    return json.dumps([cluster, workload.namespace, workload.kind, workload.name, workload.api_version])


def parse_key(key: str) -> Key:
    """The cluster's identity and the workload. Raises ValueError, TypeError or RecursionError for another key."""
    cluster, *workload = json.loads(key)
    if type(cluster) is not str or len(workload) != 4 or any(type(part) is not str for part in workload):
        raise ValueError("no key")
    return cluster, Workload(*workload)
