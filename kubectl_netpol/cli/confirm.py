"""``kubectl netpol confirm``: keeps what was applied with ``--rollback-after``."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import click

from ..errors import NetpolError
from . import streams
from .apply_interruption import ends_as_interrupts
from .connection import Connection, connects, need_kubeconfig
from .namespaces import namespace_option
from .rolled_back import the_guard

if TYPE_CHECKING:
    from ..apply.guards import Found
    from ..cluster.api import Api


@click.command("confirm", short_help="Keep what was applied with --rollback-after.")
@click.argument("session", required=False)
@namespace_option("-n", "--namespace", text="That of the policies; by default the context's.")
@connects
def command(connection: Connection, session: str | None, namespace: str | None) -> None:
    """Keep what was applied with generate --apply --rollback-after, and remove its guard from the cluster.

    Without SESSION it is the only one that waits in the namespace. Once a rollback has begun it is too late. Where the
    apply had not come to its end, the policies that were not applied are named, and the exit code is 1.

    \b
    Examples:
      kubectl netpol confirm
      kubectl netpol confirm k7m2px -n shop
    """
    need_kubeconfig(connection)
    api = connection.open()
    found = the_guard(api, connection, session, namespace)
    unknown = f"it is not known whether session {found.session} is confirmed"
    job = connection.of_kubectl("get", "job", found.plan.job, "-n", found.plan.namespace)
    see = f"it is, if its guard is gone: {job}"
    try:
        with ends_as_interrupts():
            _tell(api, _confirmed(api, found, unknown, see))
    except KeyboardInterrupt:
        streams.say(f"interrupted: {unknown}; {see}")
        raise


def _confirmed(api: Api, found: Found, unknown: str, see: str) -> Found:
    from ..apply.confirmation import confirm  # noqa: PLC0415  # half a second
    from ..cluster.trouble import ClusterError, is_away  # noqa: PLC0415

    try:
        return confirm(api, found)
    except ClusterError as error:
        if not is_away(error):
            raise
        raise NetpolError(f"{unknown}: {error.message}", see) from error


def _tell(api: Api, ended: Found) -> None:
    from ..apply.applied import policies_in  # noqa: PLC0415
    from ..apply.guards import unapplied  # noqa: PLC0415
    from ..cluster.trouble import ClusterError  # noqa: PLC0415

    place = ended.plan.namespace
    try:
        lost = unapplied(ended, policies_in(api, [place])[place])
    except ClusterError as error:
        message = f"session {ended.session} is confirmed, but what is there could not be seen: {error.message}"
        raise NetpolError(message, error.hint) from error
    for one in ended.plan.policies:
        streams.line(f"networkpolicy.networking.k8s.io/{one.name} {_words(ended, one.name in lost)}")
    _judge(ended, lost)


def _words(ended: Found, is_lost: bool) -> str:
    if not is_lost:
        return "confirmed"
    return "not there any more" if ended.is_applied else "not applied"


# Whoever applies takes back what it has applied when it finds its guard gone before the end.
def _judge(ended: Found, lost: Sequence[str]) -> None:
    if not ended.is_applied:
        what = (
            "was confirmed before all of it was applied: its apply"
            if lost
            else "is confirmed, and all of its policies are there, but its apply did not come to its end: it"
        )
        raise NetpolError(
            f"session {ended.session} {what} broke off, or goes on and takes back what it has applied",
            f"see what is there, and apply again: kubectl get netpol -n {ended.plan.namespace}",
        )
    if lost:
        raise NetpolError(f"somebody removed what was applied: {', '.join(lost)}", "apply it again")
