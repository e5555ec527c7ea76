"""What became of policies that were to be applied, for people."""

from __future__ import annotations

from collections.abc import Sequence

from ..apply.applied import Step
from ..apply.server import label, place, removal
from . import streams

_SUFFIXES = {"none": "", "client": " (dry run)", "server": " (server dry run)"}


def tell(step: Step, dry_run: str = "none") -> None:
    """One line to stdout, as kubectl says it; at once, since the next one may take its time."""
    streams.line(f"{label(step)} serverside-applied{_SUFFIXES[dry_run]}")
    streams.flush()


def half_words(steps: Sequence[Step], count: int) -> str:
    """Which of the policies are there, where the first ``count`` of them were applied when Ctrl-C came."""
    words = f"{count} of {len(steps)} policies were applied"
    if count:
        words += f" ({', '.join(map(place, steps[:count]))})"
    unsure, *lost = [place(one) for one in steps[count:]] or [""]
    if unsure:
        words += f", {unsure} may be there"
    return f"{words}, and these were not: {', '.join(lost)}" if lost else words


def half_remedy(steps: Sequence[Step], count: int, flags: str) -> str:
    """How to go on after that, or back; ``flags`` are those of the connection, as a shell takes them."""
    undo = removal(steps[: count + 1], flags, "--ignore-not-found")
    return f"type the same command again for the rest: what is applied already stays as it is{undo}"
