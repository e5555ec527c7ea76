"""Guards of other applies that hold the same policies: each would put back what it holds over whatever comes later."""

from __future__ import annotations

from collections.abc import Sequence

from ..apply.applied import Step
from ..apply.guards import Found, find, state_words
from ..apply.server import ApplyError
from ..cluster.api import Api
from .connection import Connection


def refuse_guarded(api: Api, connection: Connection, steps: Sequence[Step], own: str = "") -> None:
    """Raises ApplyError where a guard, but for that of the session ``own``, is not done with one of these policies."""
    for namespace in sorted({one.namespace for one in steps}):
        wanted = {one.name for one in steps if one.namespace == namespace}
        for found in find(api, namespace):
            if found.session == own or found.is_over or not wanted & found.names:
                continue
            raise _held(found, min(wanted & found.names), connection)


def _held(found: Found, name: str, connection: Connection) -> ApplyError:
    words = (found.session, "-n", found.plan.namespace)
    back = connection.command("rollback", *words)
    who = f"session {found.session} in namespace {found.plan.namespace}"
    if found.is_waiting:
        return ApplyError(
            f"{who} waits to be confirmed, and its guard would put networkpolicy/{name} back over this: nothing was "
            "applied",
            f"confirm it or roll it back first: {connection.command('confirm', *words)}, or {back}",
        )
    return ApplyError(
        f"{who} is not done with networkpolicy/{name}: {state_words(found)}; nothing was applied",
        f"wait for it, or roll it back first: {back}",
    )
