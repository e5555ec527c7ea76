"""From what was typed to policies: what ``generate`` prints or applies, and ``diff`` compares with."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from ..errors import InputError
from ..model import Direction, NetworkNeighbors
from ..policy.default_deny import with_default_deny
from ..policy.generate import BOTH, Generated, Options, generate
from ..policy.rules import Lookup
from .options import Scope
from .recorded import read_chosen
from .selection import Selection, parse_selection

if TYPE_CHECKING:
    from ..policy.aggregation import Aggregate

_TYPES = {"ingress": Direction.INGRESS, "egress": Direction.EGRESS}


@dataclass(frozen=True, slots=True)
class Choice:
    """What was typed about which policies, and of what."""

    scope: Scope
    selection: tuple[str, ...]
    everything: bool
    files: tuple[str, ...]
    policy_types: str | None
    default_deny: bool
    aggregate: Aggregate | None = None


def generated_for(
    choice: Choice, lookup: Lookup, flags: dict[str, bool], command: str
) -> tuple[list[NetworkNeighbors], Generated]:
    """The accounts that are chosen, and what is generated from them; ``flags`` are those of ``Options``.

    ``command`` is what a hint proposes. Raises NetpolError where nothing of that is there.
    """
    if choice.default_deny and (choice.selection or choice.scope.labels):
        raise InputError("--default-deny is for all of a namespace, and some of it was named", "take --all of it")
    chosen = _chosen(choice, command)
    directions = _directions(choice.policy_types) or (BOTH if choice.default_deny else ())
    options = Options(directions, aggregate=choice.aggregate, **flags)
    accounts = read_chosen(choice.files, choice.scope, chosen, command)
    generated = generate(accounts, options, lookup)
    if choice.default_deny:
        generated = with_default_deny(generated, accounts, lookup, directions)
    return accounts, generated


def _chosen(choice: Choice, command: str) -> Selection:
    if choice.everything and choice.selection:
        raise InputError("--all and TYPE/NAME exclude each other", "leave one of them out")
    if not (choice.everything or choice.selection or choice.scope.labels or choice.files):
        hint = f"name workloads as TYPE/NAME, as in: {command} deploy/nginx, or take all of them with --all"
        raise InputError("no workload was named", hint)
    return parse_selection(choice.selection)


def _directions(text: str | None) -> tuple[Direction, ...]:
    if text is None:
        return ()
    parts = [part.strip().lower() for part in text.split(",")]
    unknown = [part for part in parts if part not in _TYPES]
    if unknown:
        raise InputError(f"{unknown[0]!r} is no policy type", "--policy-types takes Ingress, Egress or Ingress,Egress")
    return tuple(direction for name, direction in _TYPES.items() if name in parts)
