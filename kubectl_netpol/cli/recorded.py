"""What was recorded, from files or from the cache: what a command was asked for, and all that tells who is who."""

from __future__ import annotations

from dataclasses import dataclass

import click

from ..model import NetworkNeighbors
from .options import Scope
from .selection import Selection

files_option = click.option(
    "-f",
    "--filename",
    "files",
    multiple=True,
    metavar="FILE|DIR|-",
    help="Read NetworkNeighbors from here, not from the cache; may be repeated.",
)


@dataclass(slots=True)
class Recorded:
    """``everything`` that tells who is who, and what was ``chosen`` among it."""

    everything: list[NetworkNeighbors]
    chosen: list[NetworkNeighbors]

    @property
    def accounts(self) -> list[NetworkNeighbors]:
        """All of them, the chosen ones as ``--since`` leaves them."""
        named = {one.workload: one for one in self.everything} | {one.workload: one for one in self.chosen}
        return list(named.values())


def read_chosen(
    files: tuple[str, ...], scope: Scope, selection: Selection, command: str, keeps_unseen: bool = False
) -> list[NetworkNeighbors]:
    """The selected workloads in scope; ``command`` is what a hint proposes. Raises NetpolError where there is none.

    ``keeps_unseen``: also those of which nothing was seen within ``--since``, as long as something was of others.
    """
    if files:
        from .documents import read_files  # noqa: PLC0415  # no YAML for what the cache holds, and no cache for files

        return read_files(files, scope, selection, command, keeps_unseen)
    from .recordings import absence, read  # noqa: PLC0415

    found = read(scope, selection, command, keeps_unseen)
    if not found:
        raise absence(scope, selection)
    return found


def read_recorded(files: tuple[str, ...], scope: Scope, selection: Selection, command: str) -> Recorded:
    """The same, and everything else that is recorded there."""
    if files:
        from .documents import choose, read_everything  # noqa: PLC0415

        everything = read_everything(files)
        return Recorded(everything, choose(everything, scope, selection, command))
    from .recordings import read_everything as read_cache  # noqa: PLC0415

    chosen = read_chosen(files, scope, selection, command)
    return Recorded(read_cache(scope), chosen)
