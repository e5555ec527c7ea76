"""``kubectl netpol confirm``: keeps what was applied with ``--rollback-after``."""

from __future__ import annotations

import click

from . import streams
from .connection import Connection, connects, need_kubeconfig
from .namespaces import namespace_option
from .rolled_back import the_guard


@click.command("confirm", short_help="Keep what was applied with --rollback-after.")
@click.argument("session", required=False)
@namespace_option("-n", "--namespace", text="That of the policies; by default the context's.")
@connects
def command(connection: Connection, session: str | None, namespace: str | None) -> None:
    """Keep what was applied with generate --apply --rollback-after, and remove its guard from the cluster.

    Without SESSION it is the only one that waits in the namespace. Once a rollback has begun it is too late.

    \b
    Examples:
      kubectl netpol confirm
      kubectl netpol confirm k7m2px -n shop
    """
    from ..apply.guards import confirm  # noqa: PLC0415  # half a second

    need_kubeconfig(connection)
    api = connection.open()
    found = the_guard(api, connection, session, namespace)
    confirm(api, found)
    for one in found.plan.policies:
        streams.line(f"networkpolicy.networking.k8s.io/{one.name} confirmed")
