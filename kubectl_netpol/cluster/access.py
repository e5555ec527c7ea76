"""What this program may do on the cluster: the API server is asked, right by right, before anything is made."""

from __future__ import annotations

from collections.abc import Iterable
from concurrent.futures import ThreadPoolExecutor

from .api import Api
from .resources import ACCESS_REVIEW
from .rights import Right

_AT_ONCE = 8


def missing(api: Api, rights: Iterable[Right]) -> list[Right]:
    """Those of the rights that the API server denies (SelfSubjectAccessReview), in their order.

    Raises ClusterError when it cannot be asked.
    """
    wanted = list(rights)
    with ThreadPoolExecutor(_AT_ONCE) as pool:
        allowed = list(pool.map(lambda right: _is_allowed(api, right), wanted))
    return [right for right, is_allowed in zip(wanted, allowed, strict=True) if not is_allowed]


def _is_allowed(api: Api, right: Right) -> bool:
    attributes = {
        "namespace": right.namespace,
        "verb": right.verb,
        "group": right.resource.group,
        "resource": right.resource.plural,
        "subresource": right.subresource,
    }
    review = {
        "apiVersion": ACCESS_REVIEW.api_version,
        "kind": ACCESS_REVIEW.kind,
        "spec": {"resourceAttributes": {name: value for name, value in attributes.items() if value}},
    }
    answer = api.create(ACCESS_REVIEW.path(), review)
    return (answer.get("status") or {}).get("allowed") is True
