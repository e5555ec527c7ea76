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

    @property
    def single(self) -> frozenset[str | None]:
        """The value, where it is one; else nothing."""
        return self.told if len(self.told) == 1 and not self.is_rest else frozenset()

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
    """Some boxes, found by the value of the label by which most of them differ."""

    __slots__ = ("_all", "_by_value", "_label", "_others")

    def __init__(self, boxes: Iterable[Box]) -> None:
        self._all = list(boxes)
        told: dict[Label, set[str | None]] = {}
        for box in self._all:
            for label, values in box.items():
                told.setdefault(label, set()).update(values.single)
        self._label = max(told, key=lambda label: len(told[label]), default=None)
        self._by_value: dict[str | None, list[Box]] = {}
        self._others: list[Box] = []
        for box in self._all:
            single = self._single(box)
            (self._by_value.setdefault(next(iter(single)), []) if single else self._others).append(box)

    def hold(self, box: Box) -> bool:
        """Whether all that is in ``box`` surely is in one of these. False also where it takes too long to tell."""
        near = sorted((one for one in self._near(box) if not _is_apart(box, one)), key=len)  # the widest first
        pieces = [(box, 0)]  # and how many of those that are near have been cut out of it
        for _ in range(_INSPECTIONS):
            if not pieces:
                return True
            piece, done = pieces.pop()
            if done == len(near):
                return False
            pieces += [(rest, done + 1) for rest in _without(piece, near[done])]
        return False

    def _near(self, box: Box) -> list[Box]:
        single = self._single(box)
        return self._others + self._by_value.get(next(iter(single)), []) if single else self._all

    def _single(self, box: Box) -> frozenset[str | None]:
        return box.get(self._label, _ANY).single if self._label else frozenset()


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
