"""Two policies compared: which grants are gained and lost, and what is isolated.

A grant of which all is admitted by the other policy's grants together is not told as gained or lost: a rule for
10.0.0.1/32 adds nothing beside one for 10.0.0.0/8 at the same port. A direction that is not isolated admits all.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from ...model import Direction, Selector
from ...policy.evaluation.values import NetworkPolicy
from .admitted import Admitted
from .grants import Grant, grants
from .pods import is_same


@dataclass(frozen=True, slots=True)
class Change:
    """From what is applied to what would be.

    ``is_new``: nothing was there. ``gained`` and ``lost``: grants of which something is admitted only afterwards, or
    only before. ``kept``: what of a lost grant narrower ones admit still, and all of a direction that is ``isolated``:
    it was open. ``isolated`` and ``opened`` are directions that only the one, or only the other, isolates.
    ``selectors`` are the old and the new one where they differ.
    """

    is_new: bool = False
    gained: tuple[Grant, ...] = ()
    lost: tuple[Grant, ...] = ()
    kept: tuple[Grant, ...] = ()
    isolated: tuple[Direction, ...] = ()
    opened: tuple[Direction, ...] = ()
    selectors: tuple[Selector, Selector] | None = None

    @property
    def is_none(self) -> bool:
        return self == _NONE


_NONE = Change()


def compare(old: NetworkPolicy | None, new: NetworkPolicy) -> Change:
    """What changes when ``new`` takes the place of ``old``, or of nothing; both are of one namespace."""
    sides = [_side(old, new, direction) for direction in Direction]
    return Change(
        old is None,
        tuple(one for side in sides for one in side.gained),
        tuple(one for side in sides for one in side.lost),
        tuple(one for side in sides for one in side.kept),
        tuple(one for side in sides for one in side.isolated),
        tuple(one for side in sides for one in side.opened),
        None if old is None or is_same(old.selector, new.selector) else (old.selector, new.selector),
    )


def _side(old: NetworkPolicy | None, new: NetworkPolicy, direction: Direction) -> Change:
    before, after = _granted(old, direction), _granted(new, direction)
    if before is None:
        return Change() if after is None else Change(kept=after, isolated=(direction,))
    if after is None:
        return Change(opened=(direction,))
    had, has = Admitted(before, new.namespace), Admitted(after, new.namespace)
    lost = _beyond(before, after, has)
    gone, equal = Admitted(lost, new.namespace), set(before)
    kept = tuple(one for one in after if one not in equal and gone.holds(one))
    return Change(gained=_beyond(after, before, had), lost=lost, kept=kept)


# None where it is not isolated. What admits nothing, as a selector that contradicts itself, is no grant.
def _granted(policy: NetworkPolicy | None, direction: Direction) -> tuple[Grant, ...] | None:
    if policy is None or policy.rules(direction) is None:
        return None
    nothing = Admitted((), policy.namespace)
    return tuple(one for one in grants(policy, direction) if not nothing.holds(one))


def _beyond(some: Iterable[Grant], others: Iterable[Grant], admitted: Admitted) -> tuple[Grant, ...]:
    equal = set(others)
    return tuple(one for one in some if one not in equal and not admitted.holds(one))
