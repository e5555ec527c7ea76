"""``kubectl netpol stop``: the end of a session that runs by itself, or that somebody else watches."""

from __future__ import annotations

from pathlib import Path

import click

from .connection import Connection
from .session_options import Asked, about_a_session


@click.command("stop", short_help="Take in what a session has recorded, and end it.")
@about_a_session
def command(connection: Connection, asked: Asked, quiet: bool, cache_dir: Path) -> None:
    """Take in what a session has recorded, its last words too, and remove it from the cluster.

    Without SESSION the only one there is in the namespace. Whoever watches it is told.

    \b
    Examples:
      kubectl netpol stop
      kubectl netpol stop k7m2px
    """
    from .take_in import take_in  # noqa: PLC0415  # half a second

    take_in(connection, asked, quiet, cache_dir, is_last=True)
