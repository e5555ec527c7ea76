"""The option ``--known-servers``, which the commands that keep them and ``generate`` share."""

from __future__ import annotations

import os
from pathlib import Path

import click

from ..known_servers.location import ENVIRONMENT, default_path

known_servers_option = click.option(
    "--known-servers",
    "path",
    envvar=ENVIRONMENT,
    metavar="FILE",
    type=click.Path(path_type=Path),
    help=f"Their file; {ENVIRONMENT} sets it too. [default: ~/.config/kubectl-netpol/known-servers.yaml]",
)


def known_servers_place(path: Path | None) -> tuple[Path, bool]:
    """The file, and whether it was named."""
    return (path.expanduser(), True) if path else (default_path(os.environ), False)
