"""A policy as the reference's GeneratedNetworkPolicy: the NetworkPolicy, and what is known of its addresses."""

from __future__ import annotations

from typing import Any

from ..neighbors.document import API_VERSION
from .comments import Comment
from .generate import Policy
from .references import Reference

KIND = "GeneratedNetworkPolicy"


def to_generated(policy: Policy) -> Policy:
    """The same policy with a GeneratedNetworkPolicy for its document.

    It has no creationTimestamp and no resource version, so that the same input gives the same bytes.
    """
    metadata = {key: policy.document["metadata"][key] for key in ("labels", "name", "namespace")}
    document = {
        "apiVersion": API_VERSION,
        "kind": KIND,
        "metadata": metadata,
        "policyRef": [_entry(reference) for reference in policy.references],
        "spec": policy.document,
    }
    comments = tuple(Comment(("spec", *comment.path), comment.text) for comment in policy.comments)
    return Policy(policy.workload, document, policy.references, comments)


def _entry(reference: Reference) -> dict[str, Any]:
    return {
        "dns": reference.dns,
        "ipBlock": reference.cidr,
        "name": reference.name,
        "originalIP": reference.original_address,
        "server": reference.server,
    }
