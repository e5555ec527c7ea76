"""What is known of something's labels, and what a selector makes of it: yes, no, or None for what cannot be told."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from enum import Enum

from ...model import NetworkNeighbors, Requirement, Selector
from ...neighbors import labels
from ...neighbors.labels import Labels, stable

Answer = bool | None
NAMESPACE_NAME = "kubernetes.io/metadata.name"
"""The label that the API server sets on each namespace, and nobody can change."""


class Extent(Enum):
    """How much is known: every label, all but those that change with each roll-out or run, or only some."""

    WHOLE = "whole"
    STABLE = "stable"
    PART = "part"


@dataclass(frozen=True, slots=True, eq=False)
class Facts:
    """``known`` labels; ``demands`` are requirements that hold besides. Compared by identity, so that it is a key.

    ``differing`` are the keys of labels of which it is known that not all the pods have them, or not with one value.
    """

    known: Mapping[str, str] = field(default_factory=dict)
    extent: Extent = Extent.PART
    demands: tuple[Requirement, ...] = ()
    differing: frozenset[str] = frozenset()

    def lacks(self, key: str) -> bool:
        """Whether there is surely no label of that key."""
        if key in self.known or key in self.differing or self.extent is Extent.PART:
            return False
        return self.extent is Extent.WHOLE or bool(stable(((key, ""),)))

    def is_open(self, key: str) -> bool:
        """Whether it is not known if there is a label of that key, or what its value is."""
        return key not in self.known and not self.lacks(key)


def facts_of(labels: Labels, selector: Selector | None = None, extent: Extent = Extent.PART) -> Facts:
    """What labels say, and what a selector demands of those whom it selects."""
    if selector is None:
        return Facts(dict(labels), extent)
    return Facts(dict(selector.match_labels) | dict(labels), extent, selector.match_expressions)


def recorded_facts(one: NetworkNeighbors) -> Facts:
    """Of a recorded workload's pods: their labels without the volatile ones and those in which the pods differ.

    Documents of others have no labels at all: then only what the selector demands is known.
    """
    facts = facts_of(one.labels, one.selector, Extent.STABLE if one.labels else Extent.PART)
    if not one.differing:
        return facts
    shared = {key: value for key, value in facts.known.items() if key not in one.differing}
    return Facts(shared, facts.extent, facts.demands, one.differing)


def namespace_facts(name: str, labels: Labels | None) -> Facts:
    """Of a namespace whose labels are known (None: are not, save the one that bears its name)."""
    own = {NAMESPACE_NAME: name} if name else {}
    return Facts(own) if labels is None else Facts(dict(labels) | own, Extent.WHOLE)


def selects(selector: Selector, facts: Facts) -> Answer:
    """Whether the selector selects what the facts are about."""
    known = facts.known
    for key, value in selector.match_labels:  # the common case, told quickly
        if known.get(key, value) != value:
            return False
    if not selector.match_expressions and all(key in known for key, _ in selector.match_labels):
        return True
    return everything(meets(one, facts) for one in requirements(selector))


def requirements(selector: Selector) -> Iterator[Requirement]:
    """A selector's labels and expressions, all as requirements."""
    for key, value in selector.match_labels:
        yield Requirement(key, "In", (value,))
    yield from selector.match_expressions


def meets(one: Requirement, facts: Facts) -> Answer:
    """Whether a requirement is met."""
    value = facts.known.get(one.key)
    if value is not None or facts.lacks(one.key):
        return labels.meets(one, value)
    match one.operator:
        case "In":
            return _is_among(one, facts.demands)
        case "NotIn":
            return opposite(_is_among(one, facts.demands))
        case "Exists":
            return _exists(one.key, facts.demands)
        case "DoesNotExist":
            return opposite(_exists(one.key, facts.demands))
    return False


def everything(answers: Iterable[Answer]) -> Answer:
    """Whether all hold: no as soon as one does not."""
    found: Answer = True
    for one in answers:
        if one is False:
            return False
        if one is None:
            found = None
    return found


def anything(answers: Iterable[Answer]) -> Answer:
    """Whether one holds: yes as soon as one does."""
    found: Answer = False
    for one in answers:
        if one:
            return True
        if one is None:
            found = None
    return found


def opposite(answer: Answer) -> Answer:
    return None if answer is None else not answer


# Of a label whose value is not known, what a workload's own selector demands of its pods may tell enough.
def _is_among(one: Requirement, demands: tuple[Requirement, ...]) -> Answer:
    possible: set[str] | None = None
    excluded: set[str] = set()
    for other in demands:
        if other.key != one.key:
            continue
        if other.operator == "DoesNotExist":
            return False
        if other.operator == "NotIn":
            excluded.update(other.values)
        elif other.operator == "In":
            possible = set(other.values) if possible is None else possible & set(other.values)
    if possible is None:
        return False if excluded.issuperset(one.values) else None
    possible -= excluded
    if possible.issubset(one.values):
        return True
    return None if possible.intersection(one.values) else False


def _exists(key: str, demands: tuple[Requirement, ...]) -> Answer:
    operators = {one.operator for one in demands if one.key == key}
    if "DoesNotExist" in operators:
        return False
    return True if operators & {"In", "Exists"} else None
