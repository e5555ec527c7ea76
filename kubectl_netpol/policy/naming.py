"""The name that a workload's policy bears: stable, and a valid DNS label."""

from __future__ import annotations

import hashlib
import re

from ..model import Workload
from ..neighbors.labels import LONGEST_LABEL, is_dns_label


def policy_name(workload: Workload) -> str:
    """``deployment-nginx``; a name that is too long, or no DNS label, is changed and ends with a hash of the whole."""
    whole = f"{workload.kind.lower()}-{workload.name}"
    if is_dns_label(whole):
        return whole
    digest = hashlib.sha256(whole.encode()).hexdigest()[:8]
    start = re.sub(r"[^a-z0-9]+", "-", whole.lower())[: LONGEST_LABEL - 9].strip("-")
    return f"{start}-{digest}" if start else f"p-{digest}"
