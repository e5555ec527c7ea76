"""The option ``--known-servers``, which the commands that keep them and ``generate`` share."""

from __future__ import annotations

import os
from functools import lru_cache
from pathlib import Path

import click

from ..known_servers.location import ENVIRONMENT, default_path
from ..policy.rules import Lookup, no_servers

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


def known_servers_lookup(path: Path | None) -> Lookup:
    """The lookup of that file, or of the default one, which need not be there. An address comes several times: as a
    peer, in a comment, in policyRef. Raises InputError.
    """
    file, is_named = known_servers_place(path)
    if not is_named and not file.exists():
        return no_servers
    from ..known_servers.store import read_lookup  # noqa: PLC0415  # YAML, which few need

    return lru_cache(maxsize=1 << 16)(read_lookup(file, is_named))
