"""What became of policies that were to be applied, for people."""

from __future__ import annotations

from ..apply.applied import Step
from ..apply.guards import Found
from ..apply.half_applied import label
from ..guard.plan import Plan
from ..guard.restore import PREFIX
from ..render.age import clock
from . import streams
from .connection import Connection

_SUFFIXES = {"none": "", "client": " (dry run)", "server": " (server dry run)"}


def tell(step: Step, dry_run: str = "none") -> None:
    """One line to stdout, as kubectl says it; at once, since the next one may take its time."""
    streams.line(f"{label(step)} serverside-applied{_SUFFIXES[dry_run]}")
    streams.flush()


def cause(why: KeyboardInterrupt | OSError) -> str:
    """Why an apply broke off: Ctrl-C and its like, or stdout takes no more, since its reader went or a disk is full."""
    if isinstance(why, BrokenPipeError):
        return "nobody reads the output any more"
    return f"the output cannot be written ({why.strerror or why})" if isinstance(why, OSError) else "interrupted"


def fate(plan: Plan, connection: Connection, is_sure: bool = True) -> str:
    """What the guard of that plan will do, and the commands that decide it; ``is_sure``: it was there a moment ago."""
    guard = "the guard" if is_sure else "the guard, if it is still there,"
    keep, undo = (command_on(plan, verb, connection) for verb in ("confirm", "rollback"))
    return (
        f"{guard} puts the earlier state back at {clock(plan.until)}, unless you type: {keep}\n"
        f"to put it back at once: {undo}"
    )


def way_back(found: Found, connection: Connection) -> str:
    """The same where its guard cannot be confirmed any more, since what was applied is being put back."""
    undo = command_on(found.plan, "rollback", connection)
    return f"the guard puts the rest back at {clock(found.plan.until)}; to do it at once: {undo}"


def lost_track_words(plan: Plan, connection: Connection) -> str:
    """What is said of an apply that was interrupted where nothing tells how far it, or its way back, had come."""
    return f"interrupted: it is not known which of the policies are there; {fate(plan, connection, is_sure=False)}"


def command_on(plan: Plan, verb: str, connection: Connection) -> str:
    """The command ``confirm`` or ``rollback`` for that session, to be typed."""
    return connection.command(verb, plan.job.removeprefix(PREFIX), "-n", plan.namespace)
