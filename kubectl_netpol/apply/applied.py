"""The policies of a cluster, and each generated one beside the one of its name that is there."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from ..cluster.api import Api
from ..cluster.lists import Pages
from ..cluster.resources import NETWORK_POLICY
from ..errors import InputError
from ..guard.ours import is_ours
from ..model import NetworkNeighbors
from ..neighbors.labels import matches
from ..policy.evaluation.reading import read_policy
from ..policy.evaluation.values import NetworkPolicy
from ..policy.generate import Policy
from .meaning.compare import Change, compare
from .owned import managers, owned
from .words import peer_names

Document = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Step:
    """One policy to be applied. ``present`` is the object of its name in the cluster, or None.

    ``foreign`` are the names of others' policies that select its workload's pods, with their managers.
    """

    policy: Policy
    document: Document
    read: NetworkPolicy
    present: Document | None
    change: Change
    foreign: tuple[str, ...] = ()

    @property
    def name(self) -> str:
        return str(self.document["metadata"]["name"])

    @property
    def namespace(self) -> str:
        return str(self.document["metadata"]["namespace"])

    @property
    def names(self) -> dict[Any, str]:
        """Whose the peers are, for words."""
        return peer_names(self.policy, self.read)

    @property
    def is_theirs(self) -> bool:
        """Whether the object that is there is somebody else's."""
        return self.present is not None and not is_ours(self.present)


def policies_in(api: Api, namespaces: Iterable[str]) -> dict[str, list[dict[str, Any]]]:
    """All NetworkPolicies of these namespaces. Raises ClusterError."""
    return {namespace: list(Pages(api, NETWORK_POLICY, namespace)) for namespace in sorted(set(namespaces))}


def steps(
    policies: Sequence[Policy], accounts: Iterable[NetworkNeighbors], present: Mapping[str, Sequence[Document]]
) -> list[Step]:
    """What each policy would change, in their order; ``present`` are the cluster's policies by namespace.

    Raises InputError for a policy of the cluster that cannot be read.
    """
    known = {one.workload: one for one in accounts}
    found = []
    for policy in policies:
        account = known.get(policy.workload)
        windows = [account] if account else [one for one in known.values() if _is_near(policy, one)]
        document = owned(policy.document, windows)
        here = present.get(policy.workload.namespace, ())
        name = document["metadata"]["name"]
        there = next((one for one in here if one["metadata"]["name"] == name), None)
        read = read_policy(document)
        change = compare(read_policy(there, "in the cluster: ") if there else None, read)
        others = [one for one in here if one is not there and not is_ours(one)]
        foreign = tuple(_described(one) for one in others if account and _selects(one, account))
        found.append(Step(policy, document, read, there, change, foreign))
    return found


def specs(present: Mapping[str, Sequence[Document]]) -> dict[tuple[str, str], Any]:
    """What each policy says, by namespace and name: all that a change and a verdict depend on."""
    return {place: one.get("spec") for place, one in _by_place(present).items()}


def beside(found: Iterable[Step], present: Mapping[str, Sequence[Document]]) -> list[Step]:
    """The same steps, beside what is there now; of the same ``specs`` as before, so their changes hold."""
    there = _by_place(present)
    return [replace(one, present=there.get((one.namespace, one.name))) for one in found]


def _by_place(present: Mapping[str, Sequence[Document]]) -> dict[tuple[str, str], Document]:
    return {(namespace, one["metadata"]["name"]): one for namespace, here in present.items() for one in here}


def _is_near(policy: Policy, account: NetworkNeighbors) -> bool:
    return account.workload.namespace == policy.workload.namespace


def _selects(document: Document, account: NetworkNeighbors) -> bool:
    try:
        selector = read_policy(document).selector
    except InputError:
        return False
    labels = dict(account.labels) | dict(account.selector.match_labels)
    return matches(selector, tuple(sorted(labels.items())))


def _described(document: Document) -> str:
    name, by = document["metadata"]["name"], managers(document)
    return f"{name} (managed by {', '.join(by)})" if by else str(name)
