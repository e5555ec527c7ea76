"""What the commands about confirmed applies share: which session is meant, and what a rollback did."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ..errors import InputError, NetpolError
from ..policy.listing import some_of
from ..render.age import clock
from . import streams

if TYPE_CHECKING:
    from ..apply.guards import Found
    from ..cluster.api import Api
    from ..guard.restore import Outcome
    from .connection import Connection

_SHOWN = 5


def the_guard(api: Api, connection: Connection, name: str | None, namespace: str | None) -> Found:
    """The confirmed apply that is named, or the only one that waits; where none does, the only one that is not over.

    Raises NetpolError with what there is.
    """
    from ..apply.guards import find  # noqa: PLC0415  # half a second

    place = namespace or connection.home
    found = find(api, place)
    named = [one for one in found if (not one.is_over if name is None else one.session == name)]
    if name is None:  # one that failed is tried again for a day, which must not hide the one that waits
        named = [one for one in named if one.is_waiting] or named
    if len(named) == 1:
        return named[0]
    if named:
        told = "; ".join(map(described, named[:_SHOWN]))
        raise InputError(f"there are several sessions in namespace {place}, and none was named", f"name one: {told}")
    names = ", ".join(one.session for one in found[:_SHOWN])
    if name is None:
        hint = f"rolled back already: {names}" if found else _hint(place)
        raise NetpolError(f"nothing in namespace {place} waits to be confirmed", hint)
    others = f"there is {names}; " if names else ""
    raise NetpolError(f'session "{name}" not found in namespace {place}', f"{others}{_hint(place)}")


def described(found: Found) -> str:
    """``t4dkfh (deployment-api, deployment-web and 3 more, until 10:45:06)``."""
    return f"{found.session} ({some_of(sorted(found.names))}, until {clock(found.plan.until)})"


def _hint(place: str) -> str:
    return (
        "a session that is gone was confirmed, or rolled back by hand or by whoever watched, or by its guard more than "
        "an hour ago, and policies that meant the same were applied without one; to see what is there: kubectl get "
        f"netpol -n {place}"
    )


def tell_outcome(found: Found, outcome: Outcome) -> None:
    """One line for each policy, to stdout, and a note for each that is not as it was."""
    for names, words in ((outcome.removed, "removed"), (outcome.restored, "restored")):
        for name in names:
            streams.line(f"networkpolicy.networking.k8s.io/{name} {words}")
    for name in outcome.lost:
        streams.note(
            f"networkpolicy/{name} in namespace {found.plan.namespace} was there before the apply, and somebody "
            "removed it meanwhile: it stays removed"
        )
    for name in outcome.theirs:
        streams.note(
            f"networkpolicy/{name} in namespace {found.plan.namespace} was made anew by somebody else meanwhile, and "
            "is left as it is"
        )
