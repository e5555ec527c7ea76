"""A namespace's default-deny beside its workloads' policies: whoever has none is cut off, but for DNS as recorded.

It comes last, so that whoever applies policies in their order never leaves a gap: each workload's own policy is there
before anything is denied by this one.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import Any

from ..model import Direction, Mark, Neighbor, NetworkNeighbors, Workload
from ..neighbors.completeness import is_never_heard
from ..neighbors.document import is_expressible
from .comments import comment, texts_on
from .generate import BOTH, Generated, Policy
from .notes import Note
from .questions import is_question
from .references import references
from .rules import Lookup, no_servers, rules

NAME = "default-deny"


def with_default_deny(
    generated: Generated,
    accounts: Iterable[NetworkNeighbors],
    lookup: Lookup = no_servers,
    directions: Sequence[Direction] = BOTH,
) -> Generated:
    """The same, then a default-deny for each of the accounts' namespaces, and notes on whom it hits.

    ``directions``: what it denies; at least one.
    """
    by_namespace: dict[str, list[NetworkNeighbors]] = {}
    for one in sorted(accounts, key=lambda one: one.workload):
        by_namespace.setdefault(one.workload.namespace, []).append(one)
    denies = [default_deny(namespace, found, lookup, directions) for namespace, found in by_namespace.items()]
    covered = {policy.workload for policy in generated.policies}
    notes = [note for deny in denies for note in _notes(by_namespace[deny.workload.namespace], covered, deny)]
    return Generated((*generated.policies, *denies), generated.notes + tuple(notes))


def default_deny(
    namespace: str,
    accounts: Sequence[NetworkNeighbors],
    lookup: Lookup = no_servers,
    directions: Sequence[Direction] = BOTH,
) -> Policy:
    """The policy of a namespace: these directions, all pods, and only DNS to where it was answered."""
    servers: list[Neighbor] = []
    if Direction.EGRESS in directions:
        servers = [
            neighbor for one in accounts if not one.host_network for neighbor in one.answered if _is_dns(neighbor)
        ]
    isolated = {one: rules(servers, lookup) if one is Direction.EGRESS else () for one in BOTH if one in directions}
    spec: dict[str, Any] = {"podSelector": {}, "policyTypes": [one.capitalize() for one in isolated]}
    spec |= {str(one): [rule.document(one) for rule in found] for one, found in isolated.items()}
    metadata = {
        "name": NAME,
        "namespace": namespace,
        "labels": {},
        "annotations": {"generated-by": "kubectl-netpol"},
    }
    document = {"apiVersion": "networking.k8s.io/v1", "kind": "NetworkPolicy", "metadata": metadata, "spec": spec}
    known = references(servers, (Direction.EGRESS,), lookup)
    texts = texts_on(servers, lookup)
    return Policy(Workload(namespace, "Namespace", namespace), document, known, comment(isolated, texts), texts=texts)


def cuts_off(deny: Policy) -> str:
    """What a namespace's default-deny does to a workload without a policy of its own, in words."""
    spec = deny.document["spec"]
    if "egress" not in spec:
        return f"{NAME} cuts off its ingress"
    what = "it" if "ingress" in spec else "its egress"
    if spec["egress"]:
        return f"{NAME} cuts {what} off but for DNS"
    return f"{NAME} cuts {what} off, from DNS as well, since no answered DNS was recorded in its namespace"


def _is_dns(neighbor: Neighbor) -> bool:
    key, marks = neighbor.key, neighbor.counts.marks
    is_it = key.direction is Direction.EGRESS and is_question(neighbor)
    return is_it and is_expressible(key) and Mark.SECONDARY_INTERFACE not in marks


def _notes(accounts: Iterable[NetworkNeighbors], covered: set[Workload], deny: Policy) -> Iterator[Note]:
    for one in accounts:
        if one.host_network:
            yield Note(one.workload, f"{NAME} does not reach it: its pods are in their node's network (hostNetwork)")
        elif is_never_heard(one):
            when = "not heard within --since" if one.since else "never heard"
            yield Note(one.workload, f"{when}, and {cuts_off(deny)}; record it first if it is to work on")
        elif one.workload not in covered:
            yield Note(one.workload, f"{cuts_off(deny)}: it has no policy of its own")
