"""NetworkPolicies from NetworkNeighbors, with notes on whatever a reader should know before applying them.

The policy allows what was recorded and nothing else. Fed by ``cli`` with summed recordings and a lookup of the
user's KnownServers; other kinds of documents are built from its ``Policy`` values.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from ..errors import InputError
from ..model import Direction, Mark, Neighbor, NetworkNeighbors, Selector, Workload
from ..neighbors.completeness import is_never_heard, is_unheard_cronjob
from ..neighbors.document import is_expressible, selector_document, selects_everyone, workload_labels
from ..neighbors.labels import is_label_value
from .aggregation import Aggregate, widen
from .comments import Comment, comment, texts_on
from .naming import policy_name
from .notes import Note, host_bits, left_out, silent_directions, standing, surplus
from .references import Reference, references
from .rules import Lookup, Rule, RulePeer, no_servers, place, rule_peer, rules
from .unselectable import why_unselectable

BOTH = (Direction.INGRESS, Direction.EGRESS)
_EVERYONE = Selector()


@dataclass(frozen=True, slots=True)
class Options:
    """``directions``: what is isolated, or empty for the directions in which traffic was recorded.

    ``allow_empty_selector``: of the workload, and of peers that are all pods of a namespace. ``aggregate``: how
    external addresses without a known server become blocks; none of them does without it.
    """

    directions: tuple[Direction, ...] = ()
    include_unanswered: bool = False
    allow_empty_selector: bool = False
    aggregate: Aggregate | None = None


@dataclass(frozen=True, slots=True)
class Admitted:
    """A neighbor as it was recorded, and what stands for its peer in a rule."""

    neighbor: Neighbor
    peer: RulePeer


@dataclass(frozen=True, slots=True)
class Policy:
    """One workload's NetworkPolicy as a plain dict, and what is known of each address in it.

    ``selector``, ``directions``, ``admitted`` and ``texts`` (what is known of a peer) are what other kinds of documents
    are built from.
    """

    workload: Workload
    document: dict[str, Any]
    references: tuple[Reference, ...] = ()
    comments: tuple[Comment, ...] = ()
    selector: Selector = _EVERYONE
    directions: tuple[Direction, ...] = ()
    admitted: tuple[Admitted, ...] = ()
    texts: Mapping[RulePeer, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Generated:
    """The policies in the order of their workloads, and the notes on them."""

    policies: tuple[Policy, ...] = ()
    notes: tuple[Note, ...] = ()


def generate(
    neighbors: Iterable[NetworkNeighbors], options: Options = Options(), lookup: Lookup = no_servers
) -> Generated:
    """The policies of these workloads.

    A workload without answered traffic, in its node's network, or of which nobody knows what selects it, gets none, and
    a note. Raises InputError for a workload with an empty selector that was not allowed, and for two whose policies
    would bear the same name.
    """
    policies: list[Policy] = []
    notes: list[Note] = []
    accounts = sorted(neighbors, key=lambda one: one.workload)
    for one in accounts:
        policy = _generate_one(one, options, lookup, notes)
        if policy is not None:
            policies.append(policy)
    _refuse_doubles(policies, {one.workload: one.source for one in accounts})
    return Generated(tuple(policies), tuple(notes))


def _generate_one(one: NetworkNeighbors, options: Options, lookup: Lookup, notes: list[Note]) -> Policy | None:
    if one.host_network:
        text = "no policy: its pods are in their node's network (hostNetwork), where policies do not reach"
        notes.append(Note(one.workload, text))
        return None
    admitted = tuple(neighbor for neighbor in one.neighbors if _is_admitted(neighbor, options))
    notes.extend(left_out(one, admitted, options.include_unanswered))
    if not admitted:
        notes.append(Note(one.workload, _nothing(one)))
        return None
    if reason := why_unselectable(one):
        notes.append(Note(one.workload, f"no policy: {reason}"))
        return None
    if one.selector.is_empty and not options.allow_empty_selector:
        raise _empty_selector(one.workload, one.source)
    directions = options.directions or _directions(admitted)
    notes.extend(silent_directions(one.workload, directions, _directions(admitted), bool(options.directions)))
    notes.extend(standing(one, admitted))
    notes.extend(host_bits(one.workload, admitted, lookup))
    widened = widen(admitted, lookup, options.aggregate)
    notes.extend(surplus(one.workload, widened, directions))
    placed = tuple(map(widened.neighbor, admitted))
    isolated = {
        direction: rules((n for n in placed if n.key.direction is direction), lookup)
        for direction in BOTH
        if direction in directions
    }
    texts = texts_on(placed, lookup, widened.labels)
    return Policy(
        one.workload,
        _document(one, isolated),
        references(admitted, directions, lookup, widened),
        comment(isolated, texts),
        one.selector,
        tuple(isolated),
        _in_order(Admitted(n, rule_peer(p.key.peer, lookup)) for n, p in zip(admitted, placed, strict=True)),
        texts,
    )


def _nothing(one: NetworkNeighbors) -> str:
    lately = " within --since" if one.since else ""
    if is_unheard_cronjob(one):
        return f"no policy: no run of it was heard{lately}; record while one runs"
    if is_never_heard(one):
        return f"no policy: none of its pods was heard{lately}; record the nodes on which they run"
    if lately and not one.neighbors:
        return f"no policy: nothing of it was seen{lately}"
    return "no policy: nothing that a policy can admit was answered; record for longer"


def _in_order(admitted: Iterable[Admitted]) -> tuple[Admitted, ...]:
    return tuple(sorted(set(admitted), key=_place))


def _place(one: Admitted) -> tuple[Any, ...]:
    key, counts = one.neighbor.key, one.neighbor.counts
    seen = (counts.attempts, counts.answered, counts.refused, counts.first, counts.last)
    return (key.direction, place(one.peer), key.port, key.peer.kind, key.peer.address, key.peer.name, seen)


def _is_admitted(neighbor: Neighbor, options: Options) -> bool:
    if not (neighbor.is_answered or options.include_unanswered):
        return False
    if Mark.SECONDARY_INTERFACE in neighbor.counts.marks:
        return False
    return is_expressible(neighbor.key) or (options.allow_empty_selector and selects_everyone(neighbor.key))


def _directions(neighbors: Iterable[Neighbor]) -> tuple[Direction, ...]:
    seen = {neighbor.key.direction for neighbor in neighbors}
    return tuple(direction for direction in BOTH if direction in seen)


def _document(one: NetworkNeighbors, isolated: Mapping[Direction, tuple[Rule, ...]]) -> dict[str, Any]:
    spec: dict[str, Any] = {"podSelector": selector_document(one.selector)}
    for direction, found in isolated.items():
        spec[str(direction)] = [rule.document(direction) for rule in found]
    spec["policyTypes"] = [direction.capitalize() for direction in isolated]
    labels = {key: value for key, value in workload_labels(one.workload).items() if is_label_value(value)}
    metadata = {
        "name": policy_name(one.workload),
        "namespace": one.workload.namespace,
        "labels": labels,
        "annotations": {"generated-by": "kubectl-netpol"},
    }
    return {"apiVersion": "networking.k8s.io/v1", "kind": "NetworkPolicy", "metadata": metadata, "spec": spec}


def _empty_selector(workload: Workload, source: str) -> InputError:
    place = f"{source}: " if source else ""
    problem = f"{place}{workload.described} selects every pod, and so would its policy"
    return InputError(problem, "isolate the whole namespace with --allow-empty-selector, or leave that workload out")


def _refuse_doubles(policies: list[Policy], sources: Mapping[Workload, str]) -> None:
    seen: dict[tuple[str, str], Workload] = {}
    for policy in policies:
        key = (policy.workload.namespace, policy_name(policy.workload))
        other = seen.setdefault(key, policy.workload)
        if other is not policy.workload:
            problem = f"two workloads' policies would bear the same name {key[1]!r} in namespace {key[0]!r}: "
            problem += " and ".join(_described(one, sources[one]) for one in (other, policy.workload))
            raise InputError(problem, "name one of them: kubectl netpol generate TYPE.GROUP/NAME")


def _described(workload: Workload, source: str) -> str:
    return f"{workload.path} ({workload.api_version}{f', {source}' if source else ''})"
