"""Server-side apply of policies, one after the other, with what hinders it told in words."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from ..cluster.api import Api, Query
from ..cluster.resources import NETWORK_POLICY
from ..cluster.trouble import RefusedError, UnreachableError
from ..errors import NetpolError
from ..guard.ours import FIELD_MANAGER
from ..policy.default_deny import NAME as DEFAULT_DENY
from ..policy.listing import some_of
from .applied import Document, Step
from .half_applied import half_remedy, half_words, place
from .owned import managers

AGAIN = "look at it again with the same command"
"""The hint where policies are not what they were when they were shown."""

_NOT_FOUND, _CONFLICT = 404, 409
_WITH = re.compile(r'conflict with "(?P<manager>[^"]*)"')
_SHOWN = 5


class ApplyError(NetpolError):
    """Policies were not applied, or not all of them.

    ``is_unsure``: that at which it broke off may be there all the same, since no answer came, or that of a server that
    failed.
    """

    def __init__(self, message: str, hint: str = "", is_unsure: bool = False) -> None:
        super().__init__(message, hint)
        self.is_unsure = is_unsure


@dataclass(frozen=True, slots=True)
class Manner:
    """How to apply: under which field manager, and whether fields are taken over that others manage.

    ``is_locked``: only a policy that still is as its step's ``present`` says is written, whatever ``force`` says.
    """

    manager: str = FIELD_MANAGER
    force: bool = False
    is_locked: bool = False

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
            raise ApplyError(
                f"{place(one)} is there and not of this program: it is managed by {managed_by(one.present)}",
                f"take it over with --force-conflicts, or leave {_left_out(one)} out",
            )


def managed_by(policy: Document) -> str:
    """The field managers of a policy of the cluster, for people."""
    return some_of(managers(policy), _SHOWN) or "somebody else"


def _left_out(step: Step) -> str:
    return "--default-deny" if step.name == DEFAULT_DENY else "its workload"


def try_all(api: Api, steps: Sequence[Step], manner: Manner) -> None:
    """Has the API server judge all of them without keeping any. Raises ApplyError, ClusterError."""
    for one in steps:
        _apply(api, one, manner, dry_run=True)


def apply_all(
    api: Api, steps: Sequence[Step], manner: Manner, flags: str, admit: Callable[[], None] = lambda: None
) -> Iterator[Step]:
    """Applies them in their order and yields each once it is there, with what is there now as its ``present``.

    Raises ApplyError when one cannot be, or when ``admit``, which is called before each of them, raises one. It says
    which half is applied, and what may be. ``flags`` are those of the connection, as a shell takes them, for what is to
    be typed then.
    """
    for count, one in enumerate(steps):
        try:
            admit()
            now = _apply(api, one, manner, dry_run=False)
        except NetpolError as error:
            raise _half(error, steps, count, flags) from error
        yield replace(one, present=now)


def _apply(api: Api, step: Step, manner: Manner, dry_run: bool) -> Mapping[str, Any]:
    path = NETWORK_POLICY.path(step.namespace, step.name)
    document = _locked(api, path, step) if manner.is_locked else step.document
    try:
        return api.apply(path, document, manner.query(dry_run))
    except RefusedError as error:
        if manner.is_locked and _is_changed(error):
            raise _changed(step) from error
        if error.status == _CONFLICT and error.causes:
            raise _conflict(step, error) from error
        raise


# The API server takes a resourceVersion as an optimistic lock. It has none for what is not to be there yet, so a look
# right before has to do.
def _locked(api: Api, path: str, step: Step) -> Mapping[str, Any]:
    if step.present is None:
        if _is_there(api, path):
            raise _changed(step)
        return step.document
    lock = {key: step.present["metadata"][key] for key in ("uid", "resourceVersion")}
    return dict(step.document) | {"metadata": dict(step.document["metadata"]) | lock}


def _is_there(api: Api, path: str) -> bool:
    try:
        api.get(path)
    except RefusedError as error:
        if error.status == _NOT_FOUND:
            return False
        raise
    return True


# A conflict of field managers names the fields as its causes. One of versions, and one with an object that is gone,
# have no causes. Another object of that name may be told by its UID, which cannot be changed.
def _is_changed(error: RefusedError) -> bool:
    is_of_versions = error.status == _CONFLICT and not error.causes
    return is_of_versions or any(field == "metadata.uid" for field, _ in error.causes)


def _changed(step: Step) -> ApplyError:
    return ApplyError(f"somebody changed {place(step)} meanwhile, and it is left as it is", AGAIN)


def _conflict(step: Step, error: RefusedError) -> ApplyError:
    fields = [f"{field} is managed by {_manager(message)}" for field, message in error.causes]
    return ApplyError(
        f"{place(step)} conflicts: {some_of(fields, _SHOWN)}",
        "who manages a field decides it: ask them to give it up, or take it over with --force-conflicts",
    )


def _manager(message: str) -> str:
    found = _WITH.search(message)
    return found["manager"] if found else message


def _half(error: NetpolError, steps: Sequence[Step], count: int, flags: str) -> ApplyError:
    is_unsure = _is_unsure(error)
    if not count and isinstance(error, ApplyError):
        return error
    if not count and not is_unsure:
        return ApplyError(f"nothing was applied: {error.message}", error.hint)
    return ApplyError(
        f"{half_words(steps, count, is_unsure)}: {error.message}",
        f"once that is mended, {half_remedy(steps, count, flags, is_unsure)}",
        is_unsure,
    )


# A server that is busy (429) has not begun; one that failed (5xx) may have come to an end.
def _is_unsure(error: NetpolError) -> bool:
    return isinstance(error, UnreachableError) or (isinstance(error, RefusedError) and error.status >= 500)
