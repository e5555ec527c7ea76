"""Sets of pods, told by labels: whether some of them together hold another.

What a selector asks for is a box in the space of all labels: for some labels the values that they may have, the others
free. Whether boxes hold another one is found out by cutting each of them out of it.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from ...model import Requirement, Selector
from ...policy.evaluation.values import PolicyPeer

_INSPECTIONS = 20_000
"""How often a box is looked at before it counts as unknown whether it is held: that can take exponentially long."""

_NAMESPACES_NAME = "kubernetes.io/metadata.name"


@dataclass(frozen=True, slots=True)
class Values:
    """Values of a label: those that are ``told``, or with ``is_rest`` all others. None stands for its absence."""

    told: frozenset[str | None] = frozenset()
    is_rest: bool = False

    @property
    def is_empty(self) -> bool:
        return not self.told and not self.is_rest

    def is_apart(self, other: Values) -> bool:
        """Whether no value is in both."""
        if self.is_rest:
            return not other.is_rest and other.told <= self.told
        return self.told <= other.told if other.is_rest else self.told.isdisjoint(other.told)

    def __invert__(self) -> Values:
        return Values(self.told, not self.is_rest)

    def __and__(self, other: Values) -> Values:
        if self.is_rest and other.is_rest:
            return Values(self.told | other.told, is_rest=True)
        if self.is_rest:
            return Values(other.told - self.told)
        return Values(self.told - other.told if other.is_rest else self.told & other.told)


Label = tuple[str, str]
"""Whose label it is, a namespace's or a pod's, and its key."""

Box = Mapping[Label, Values]
"""All that have one of these values of each of these labels."""

_ANY = Values(is_rest=True)


def boxes_of(peer: PolicyPeer | None, namespace: str) -> tuple[Box, ...]:
    """The pods that a peer of a policy in ``namespace`` names: one box, or none. None is everyone.

    Each namespace has its name for a label, so that the own one is one of the many.
    """
    if peer is None:
        return ({},)
    if peer.cidr:
        return ()
    own = Selector(((_NAMESPACES_NAME, namespace),))
    namespaces = _values("namespace", own if peer.namespaces is None else peer.namespaces)
    return _box([*namespaces, *_values("pod", peer.pods or Selector())])


def is_same(one: Selector, other: Selector) -> bool:
    """Whether two selectors select the same labels, however they say it."""
    return _box(_values("pod", one)) == _box(_values("pod", other))


class Boxes:
    """Some boxes, found by the values of the label by which most of them differ."""

    __slots__ = ("_all", "_by_value", "_label", "_others")

    def __init__(self, boxes: Iterable[Box]) -> None:
        self._all = sorted(boxes, key=len)  # the widest first
        told: dict[Label, set[frozenset[str | None]]] = {}
        for box in self._all:
            for label, values in box.items():
                if not values.is_rest:
                    told.setdefault(label, set()).add(values.told)
        self._label = max(told, key=lambda label: len(told[label]), default=None)
        self._by_value: dict[str | None, list[int]] = {}  # places in _all
        self._others: list[int] = []
        for place, box in enumerate(self._all):
            values = self._told(box)
            if values.is_rest:
                self._others.append(place)
            for value in () if values.is_rest else values.told:
                self._by_value.setdefault(value, []).append(place)

    def hold(self, box: Box) -> bool:
        """Whether all that is in ``box`` surely is in one of these. False also where it takes too long to tell."""
        near = [one for one in self._near(box) if not _is_apart(box, one)]
        pieces = [(box, 0)]  # and how many of those that are near have been cut out of it
        for _ in range(_INSPECTIONS):
            if not pieces:
                return True
            piece, done = pieces.pop()
            if done == len(near):
                return False
            pieces += [(rest, done + 1) for rest in _without(piece, near[done])]
        return False

    # The others are apart from it by the label.
    def _near(self, box: Box) -> Iterable[Box]:
        values = self._told(box)
        if values.is_rest:
            return self._all
        near = {place for value in values.told for place in self._by_value.get(value, ())}
        return [self._all[place] for place in sorted(near.union(self._others))]

    def _told(self, box: Box) -> Values:
        return box.get(self._label, _ANY) if self._label else _ANY


def _values(whose: str, selector: Selector) -> Iterable[tuple[Label, Values]]:
    for key, value in selector.match_labels:
        yield (whose, key), Values(frozenset({value}))
    for one in selector.match_expressions:
        yield (whose, one.key), _asked(one)


# As neighbors.labels.meets judges: none meets an unknown operator.
def _asked(one: Requirement) -> Values:
    match one.operator:
        case "In":
            return Values(frozenset(one.values))
        case "NotIn":
            return ~Values(frozenset(one.values))
        case "Exists":
            return ~Values(frozenset({None}))
        case "DoesNotExist":
            return Values(frozenset({None}))
    return Values()


def _box(parts: Iterable[tuple[Label, Values]]) -> tuple[Box, ...]:
    box: dict[Label, Values] = {}
    for label, values in parts:
        box[label] = box.get(label, _ANY) & values
    return () if any(values.is_empty for values in box.values()) else (box,)


def _is_apart(one: Box, other: Box) -> bool:
    return any(label in one and one[label].is_apart(values) for label, values in other.items())


# What is not in the other by its first label; what is by that, and not by its second; and so on.
def _without(box: Box, other: Box) -> list[Box]:
    if _is_apart(box, other):
        return [box]
    found: list[Box] = []
    rest = dict(box)
    for label, values in other.items():
        here = rest.get(label, _ANY)
        outside = here & ~values
        if not outside.is_empty:
            found.append({**rest, label: outside})
        rest[label] = here & values
    return found
