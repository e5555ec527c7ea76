"""``kubectl netpol collect``: what a session that runs by itself has said so far, into the cache."""

from __future__ import annotations

from pathlib import Path

import click

from .connection import Connection
from .session_options import Asked, about_a_session


@click.command("collect", short_help="Take in what a session has recorded so far.")
@about_a_session
def command(connection: Connection, asked: Asked, quiet: bool, cache_dir: Path) -> None:
    """Take in what a session has recorded so far, as often as you like; it goes on.

    What was taken in before is not counted twice. Without SESSION the only one there is in the namespace.

    \b
    Examples:
      kubectl netpol collect
      kubectl netpol collect k7m2px
    """
    from .take_in import take_in  # noqa: PLC0415  # half a second

    take_in(connection, asked, quiet, cache_dir, is_last=False)
