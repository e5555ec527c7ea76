"""Server-side apply of policies, one after the other, with what hinders it told in words."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from ..cluster.api import Api, Query
from ..cluster.resources import NETWORK_POLICY
from ..cluster.trouble import ClusterError, RefusedError
from ..errors import NetpolError
from ..policy.default_deny import NAME as DEFAULT_DENY
from ..policy.listing import some_of
from .applied import Step
from .owned import FIELD_MANAGER, managers

_CONFLICT = 409
_WITH = re.compile(r'conflict with "(?P<manager>[^"]*)"')
_SHOWN = 5


class ApplyError(NetpolError):
    """Policies were not applied, or not all of them."""


@dataclass(frozen=True, slots=True)
class Manner:
    """How to apply: under which field manager, and whether fields are taken over that others manage."""

    manager: str = FIELD_MANAGER
    force: bool = False

    def query(self, dry_run: bool) -> Query:
        return {
            "fieldManager": self.manager,
            "force": self.force,
            "fieldValidation": "Strict",
            "dryRun": "All" if dry_run else "",
        }


def refuse_theirs(steps: Sequence[Step], manner: Manner) -> None:
    """Raises ApplyError for a policy that is somebody else's, unless it is to be taken over."""
    for one in steps:
        if one.is_theirs and one.present is not None and not manner.force:
            by = ", ".join(managers(one.present)[:_SHOWN]) or "somebody else"
            raise ApplyError(
                f"{place(one)} is there and not of this program: it is managed by {by}",
                f"take it over with --force-conflicts, or leave {_left_out(one)} out",
            )


def _left_out(step: Step) -> str:
    return "--default-deny" if step.name == DEFAULT_DENY else "its workload"


def try_all(api: Api, steps: Sequence[Step], manner: Manner) -> None:
    """Has the API server judge all of them without keeping any. Raises ApplyError, ClusterError."""
    for one in steps:
        _apply(api, one, manner, dry_run=True)


def apply_all(api: Api, steps: Sequence[Step], manner: Manner, flags: str) -> Iterator[Step]:
    """Applies them in their order and yields each once it is there.

    Raises ApplyError that says which half is applied when one cannot be. ``flags`` are those of the connection, as a
    shell takes them, for what is to be typed then.
    """
    done: list[Step] = []
    for one in steps:
        try:
            _apply(api, one, manner, dry_run=False)
        except NetpolError as error:
            raise _half(error, done, steps[len(done) :], flags) from error
        done.append(one)
        yield one


def place(step: Step) -> str:
    """``networkpolicy.networking.k8s.io/web in namespace shop``."""
    return f"{label(step)} in namespace {step.namespace}"


def label(step: Step) -> str:
    return f"networkpolicy.networking.k8s.io/{step.name}"


def _apply(api: Api, step: Step, manner: Manner, dry_run: bool) -> None:
    try:
        api.apply(NETWORK_POLICY.path(step.namespace, step.name), step.document, manner.query(dry_run))
    except RefusedError as error:
        if error.status == _CONFLICT and error.causes:
            raise _conflict(step, error) from error
        raise


def _conflict(step: Step, error: RefusedError) -> ApplyError:
    fields = [f"{field} is managed by {_manager(message)}" for field, message in error.causes]
    return ApplyError(
        f"{place(step)} conflicts: {some_of(fields, _SHOWN)}",
        "who manages a field decides it: ask them to give it up, or take it over with --force-conflicts",
    )


def _manager(message: str) -> str:
    found = _WITH.search(message)
    return found["manager"] if found else message


def _half(error: NetpolError, done: Sequence[Step], left: Sequence[Step], flags: str) -> NetpolError:
    if not done and not isinstance(error, ClusterError):
        return error
    if not done:
        return ApplyError(f"nothing was applied: {error.message}", error.hint)
    names = ", ".join(place(one) for one in done)
    lost = ", ".join(place(one) for one in left)
    words = " ".join(f"networkpolicy/{one.name}" for one in done if one.present is None)
    removal = f"kubectl delete {words} -n {done[0].namespace} {flags}".rstrip()
    undo = f"; to take back what is new: {removal}" if words else ""
    return ApplyError(
        f"{len(done)} of {len(done) + len(left)} policies were applied ({names}), and these were not: {lost}: "
        f"{error.message}",
        f"once that is mended, type the same command again: what is applied already stays as it is{undo}",
    )
