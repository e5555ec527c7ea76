"""From what was typed to policies: what ``generate`` prints or applies, and ``diff`` compares with."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from ..errors import InputError
from ..model import NetworkNeighbors
from ..policy.default_deny import with_default_deny
from ..policy.generate import BOTH, Generated, Options, generate
from ..policy.rules import Lookup
from .demand import Demand
from .options import Scope
from .recorded import read_chosen
from .selection import Selection, parse_selection


@dataclass(frozen=True, slots=True)
class Choice:
    """What was typed about which policies, and what they are to be."""

    scope: Scope
    selection: tuple[str, ...]
    everything: bool
    files: tuple[str, ...]
    demand: Demand


def generated_for(choice: Choice, lookup: Lookup, command: str) -> tuple[list[NetworkNeighbors], Generated]:
    """The accounts that are chosen, and what is generated from them; ``command`` is what a hint proposes.

    Raises NetpolError where nothing of that is there.
    """
    check_whole(choice.demand, choice.selection, choice.scope, "take --all of it")
    chosen = _chosen(choice, command)
    # A default-deny hits also those of which nothing was seen within --since.
    accounts = read_chosen(choice.files, choice.scope, chosen, command, keeps_unseen=choice.demand.default_deny)
    return accounts, generated_from(accounts, choice.demand, lookup)


def generated_from(accounts: Sequence[NetworkNeighbors], demand: Demand, lookup: Lookup) -> Generated:
    """What is generated from these accounts. Raises InputError where they, or what was typed, do not allow it."""
    directions = demand.directions or (BOTH if demand.default_deny else ())
    options = Options(directions, demand.include_unanswered, demand.allow_empty_selector, demand.aggregate)
    generated = generate(accounts, options, lookup)
    return with_default_deny(generated, accounts, lookup, directions) if demand.default_deny else generated


def check_whole(demand: Demand, selection: Sequence[str], scope: Scope, hint: str) -> None:
    """Raises InputError where a default-deny is asked for, and only some of a namespace."""
    if demand.default_deny and (selection or scope.labels):
        raise InputError("--default-deny is for all of a namespace, and some of it was named", hint)


def _chosen(choice: Choice, command: str) -> Selection:
    if choice.everything and choice.selection:
        raise InputError("--all and TYPE/NAME exclude each other", "leave one of them out")
    if not (choice.everything or choice.selection or choice.scope.labels or choice.files):
        hint = f"name workloads as TYPE/NAME, as in: {command} deploy/nginx, or take all of them with --all"
        raise InputError("no workload was named", hint)
    return parse_selection(choice.selection)
