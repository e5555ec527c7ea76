"""The options that say what policies isolate and admit, which the commands that generate some share."""

from __future__ import annotations

import functools
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import click

from ..errors import InputError
from ..model import Direction
from .policy_shape import aggregate_option, read_aggregate

if TYPE_CHECKING:
    from ..policy.aggregation import Aggregate

policy_types_option = click.option(
    "--policy-types",
    metavar="TYPES",
    help="Directions to isolate, also by --default-deny: Ingress, Egress or Ingress,Egress.",
)
include_unanswered_option = click.option(
    "--include-unanswered", is_flag=True, help="Allow what was never answered, too."
)
allow_empty_selector_option = click.option(
    "--allow-empty-selector", is_flag=True, help="Allow a policy of a whole namespace, and peers that are all its pods."
)


_TYPES = {"ingress": Direction.INGRESS, "egress": Direction.EGRESS}


@dataclass(frozen=True, slots=True)
class Demand:
    """What was typed about what policies isolate and admit.

    ``directions``: what is isolated; empty for those in which traffic was recorded, or with ``default_deny`` both.
    """

    directions: tuple[Direction, ...] = ()
    include_unanswered: bool = False
    allow_empty_selector: bool = False
    default_deny: bool = False
    aggregate: Aggregate | None = None

    @property
    def flags(self) -> tuple[str, ...]:
        """The options that were typed."""
        given = {
            "--policy-types": bool(self.directions),
            "--include-unanswered": self.include_unanswered,
            "--allow-empty-selector": self.allow_empty_selector,
            "--default-deny": self.default_deny,
            "--aggregate": self.aggregate is not None,
        }
        return tuple(flag for flag, is_given in given.items() if is_given)


_OPTIONS: tuple[Callable[[Any], Any], ...] = (
    aggregate_option,
    policy_types_option,
    include_unanswered_option,
    allow_empty_selector_option,
    click.option("--default-deny", is_flag=True, help="Each namespace's default-deny, too."),
)


def demands(function: Callable[..., Any]) -> Callable[..., Any]:
    """Adds the options, and hands what they say to the command as ``demand``."""

    @functools.wraps(function)
    def with_demand(
        policy_types: str | None,
        include_unanswered: bool,
        allow_empty_selector: bool,
        default_deny: bool,
        aggregate: str | None,
        **values: Any,
    ) -> Any:
        directions = read_directions(policy_types)
        blocks = None if aggregate is None else read_aggregate(aggregate)
        demand = Demand(directions, include_unanswered, allow_empty_selector, default_deny, blocks)
        return function(demand=demand, **values)

    wrapped: Callable[..., Any] = with_demand
    for option in reversed(_OPTIONS):
        wrapped = option(wrapped)
    return wrapped


def read_directions(text: str | None) -> tuple[Direction, ...]:
    """What ``--policy-types`` says; nothing where it is None. Raises InputError."""
    if text is None:
        return ()
    parts = [part.strip().lower() for part in text.split(",")]
    unknown = [part for part in parts if part not in _TYPES]
    if unknown:
        raise InputError(f"{unknown[0]!r} is no policy type", "--policy-types takes Ingress, Egress or Ingress,Egress")
    return tuple(direction for name, direction in _TYPES.items() if name in parts)
