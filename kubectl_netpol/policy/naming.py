"""The name that a workload's policy bears: stable, and a valid DNS label."""

from __future__ import annotations

import hashlib
import re

from ..model import Workload

MAX_LABEL = 63
"""RFC 1123: the length of a DNS label, and of a Kubernetes label's value."""

_LABEL = re.compile(r"[a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?")


def policy_name(workload: Workload) -> str:
    """``deployment-nginx``; a name that is too long, or no DNS label, is changed and ends with a hash of the whole."""
    whole = f"{workload.kind.lower()}-{workload.name}"
    if _LABEL.fullmatch(whole):
        return whole
    digest = hashlib.sha256(whole.encode()).hexdigest()[:8]
    start = re.sub(r"[^a-z0-9]+", "-", whole.lower())[: MAX_LABEL - 9].strip("-")
    return f"{start}-{digest}" if start else f"p-{digest}"
