"""What is told about a workload or a type that was named and is not there: what can be typed instead, as it works.

``recordings`` and ``documents`` ask here before they read, with the workloads that could have been named.
"""

from __future__ import annotations

import shlex
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass

from ..errors import NetpolError
from ..model import Workload
from ..policy.listing import some_of
from .kinds import is_known_kind
from .options import Scope
from .selection import Selection, Wanted

_FORM = "write TYPE/NAME, as in deploy/web, or TYPE NAME"
_ALL = "all of them are taken when no TYPE is named; generate wants --all for that"
_SHOWN = 5


@dataclass(frozen=True, slots=True)
class Present:
    """What could have been named: in scope, in all namespaces, and what this machine recorded besides the cluster.

    ``advice`` says what to do where none of them helps.
    """

    here: Sequence[Workload]
    anywhere: Sequence[Workload]
    local: Sequence[Workload]
    advice: Callable[[], str]


def refuse_missing(selection: Selection, present: Present, scope: Scope, command: str) -> None:
    """Raises NetpolError for a TYPE that is none, and for a workload that was named and is not there.

    A type is known when it is one of Kubernetes' own, or that of some workload. Of ``deploy,sts web`` one is
    enough, as each name is asked for of each kind. The hint begins a command with ``command``.
    """
    everything = [*present.anywhere, *present.local]
    strange = [one for one in selection.wanted if not is_known_kind(one.kind, everything)]
    if strange:
        problem = f'there is no resource type "{strange[0].kind}"'
        form = _ALL if strange[0].kind == "all" else f"{_FORM}; {_all_there_is(present, scope, command)}"
        raise NetpolError(problem, _near(strange, present, scope, command) or form)
    missing = [one for one in selection.wanted if one.name and not _is_here(one, selection, present.here)]
    if missing:
        names = ", ".join(f'"{one}"' for one in missing)
        problem = f"{'workload' if len(missing) == 1 else 'workloads'} {names} not found in {scope.source}"
        hint = _near(missing, present, scope, command) or _all_there_is(present, scope, command)
        raise NetpolError(problem, hint)


def proposed(command: str, workload: Workload, scope: Scope) -> str:
    """The command for that workload, to be typed as it is: with its namespace and what leads to the same recordings."""
    namespace = () if workload.namespace == scope.home else ("-n", workload.namespace)
    return f"{command} {shlex.join((workload.path, *namespace, *scope.origin))}"


def _is_here(wanted: Wanted, selection: Selection, here: Sequence[Workload]) -> bool:
    alike = [one for one in selection.wanted if one.name == wanted.name]
    return any(one.names(workload) for one in alike for workload in here)


# The same name near by is what was meant, more likely than whatever else is in scope.
def _near(wanted: Sequence[Wanted], present: Present, scope: Scope, command: str) -> str:
    if found := _meant(wanted, present.here):
        return f"there is {found.path}; try: {proposed(command, found, scope)}"
    if found := _meant(wanted, present.anywhere):
        return f"there is {found.described}; try: {proposed(command, found, scope)}"
    if found := _meant(wanted, present.local):
        return f"this machine's own recordings hold it; try: {proposed(command, found, scope.on_this_machine())}"
    return ""


def _all_there_is(present: Present, scope: Scope, command: str) -> str:
    if not present.here:
        return present.advice()
    paths = some_of([workload.path for workload in present.here], _SHOWN)
    are = "is" if len(present.here) == 1 else "are"
    return f"there {are} {paths}; try: {proposed(command, present.here[0], scope)}"


def _meant(wanted: Iterable[Wanted], workloads: Sequence[Workload]) -> Workload | None:
    exact = (workload for one in wanted for workload in workloads if one.name and one.names(workload))
    names = [name for one in wanted for name in (one.name, one.kind) if name]
    alike = (workload for name in names for workload in workloads if workload.name == name)
    return next(exact, None) or next(alike, None)
