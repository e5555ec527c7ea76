"""What became of policies that were to be applied, for people."""

from __future__ import annotations

import shlex
import time
from collections.abc import Sequence

from ..apply.applied import Step
from ..apply.guards import Found
from ..apply.server import label, place, removal
from ..guard.plan import Plan
from ..guard.restore import PREFIX
from . import streams
from .connection import Connection

_SUFFIXES = {"none": "", "client": " (dry run)", "server": " (server dry run)"}


def tell(step: Step, dry_run: str = "none") -> None:
    """One line to stdout, as kubectl says it; at once, since the next one may take its time."""
    streams.line(f"{label(step)} serverside-applied{_SUFFIXES[dry_run]}")
    streams.flush()


def cause(why: BaseException) -> str:
    """Why an apply broke off: Ctrl-C and its like, or whoever read its stdout went away (BrokenPipeError)."""
    return "nobody reads the output any more" if isinstance(why, BrokenPipeError) else "interrupted"


def half_words(steps: Sequence[Step], count: int, is_unsure: bool = True) -> str:
    """Which of the policies are there, where the first ``count`` of them were applied when that broke off.

    ``is_unsure``: the next one may be there, as after Ctrl-C.
    """
    words = f"{count} of {len(steps)} policies were applied"
    if count:
        words += f" ({', '.join(map(place, steps[:count]))})"
    lost = [place(one) for one in steps[count:]]
    if lost and is_unsure:
        words += f", {lost.pop(0)} may be there"
    return f"{words}, and these were not: {', '.join(lost)}" if lost else words


def half_remedy(steps: Sequence[Step], count: int, flags: str, is_unsure: bool = True) -> str:
    """How to go on after that, or back; ``flags`` are those of the connection, as a shell takes them."""
    undo = removal(steps[: count + is_unsure], flags, "--ignore-not-found")
    return f"type the same command again for the rest: what is applied already stays as it is{undo}"


def fate(found: Found, connection: Connection, is_sure: bool = True) -> str:
    """What its guard will do, and the commands that decide it; ``is_sure``: the guard was there a moment ago."""
    words, guard = session_words(found.plan, connection), "the guard" if is_sure else "the guard, if it is still there,"
    return (
        f"{guard} puts the earlier state back at {clock(found.plan)}, unless you type: kubectl netpol confirm {words}\n"
        f"to put it back at once: kubectl netpol rollback {words}"
    )


def way_back(found: Found, connection: Connection) -> str:
    """The same where its guard cannot be confirmed any more, since what was applied is being put back."""
    words = session_words(found.plan, connection)
    return f"the guard puts the rest back at {clock(found.plan)}; to do it at once: kubectl netpol rollback {words}"


def session_words(plan: Plan, connection: Connection) -> str:
    """The session and the options that follow ``confirm`` and ``rollback``, as a shell takes them."""
    return shlex.join((plan.job.removeprefix(PREFIX), "-n", plan.namespace, *connection.words))


def clock(plan: Plan) -> str:
    """The guard's deadline, as the clock on the wall here shows it: ``10:45:06``."""
    return time.strftime("%H:%M:%S", time.localtime(plan.until / 1000))
