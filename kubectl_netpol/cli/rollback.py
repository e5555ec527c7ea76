"""``kubectl netpol rollback``: puts back at once what was there before a confirmed apply."""

from __future__ import annotations

from collections.abc import Sequence

import click

from . import streams
from .apply_interruption import ends_as_interrupts
from .connection import Connection, connects, need_kubeconfig
from .namespaces import namespace_option
from .rolled_back import described, tell_outcome, the_guard


@click.command("rollback", short_help="Put back at once what was there before an apply with --rollback-after.")
@click.argument("session", required=False)
@namespace_option("-n", "--namespace", text="That of the policies; by default the context's.")
@connects
def command(connection: Connection, session: str | None, namespace: str | None) -> None:
    """Put back at once what was there before generate --apply --rollback-after, and remove its guard.

    Policies that are new are removed; the others get back their earlier spec, labels and annotations. Without SESSION
    it is the only one that waits in the namespace. What was confirmed has no way back but an apply of earlier policies.

    \b
    Examples:
      kubectl netpol rollback
      kubectl netpol rollback k7m2px -n shop
    """
    from ..apply.applied import policies_in  # noqa: PLC0415  # half a second
    from ..apply.guards import remove  # noqa: PLC0415
    from ..apply.way_back import differing, roll_back  # noqa: PLC0415

    need_kubeconfig(connection)
    api = connection.open()
    found = the_guard(api, connection, session, namespace)
    if found.is_over:
        fate = "is removed now" if remove(api, found.plan) else "could not be removed, and goes by itself in an hour"
        streams.say(f"session {found.session} was rolled back already by its guard, which {fate}")
        place = found.plan.namespace
        if names := differing(found, policies_in(api, [place])[place]):
            streams.note(f"written since, and left as it is: {_listed(names)} in namespace {place}")
        return
    try:
        with ends_as_interrupts():
            outcome = roll_back(api, found, connection.flags)
    except KeyboardInterrupt:
        again = connection.command("rollback", found.session, "-n", found.plan.namespace)
        streams.say(f"interrupted: perhaps only some of {described(found)} are back; the rest: {again}")
        raise
    tell_outcome(found, outcome)
    if outcome.absent:
        where = f"{_listed(outcome.absent)} in namespace {found.plan.namespace}"
        streams.note(f"not there, so there was nothing to remove: {where}")


def _listed(names: Sequence[str]) -> str:
    return ", ".join(f"networkpolicy/{name}" for name in names)
