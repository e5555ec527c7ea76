"""The entry: ``kubectl-netpol``, which kubectl runs as ``kubectl netpol``. Kept light, so that help comes at once."""

from __future__ import annotations

import gc
import sys

from .catalog import overview

_ASKS_FOR_OVERVIEW: tuple[list[str], ...] = ([], ["--help"], ["-h"], ["help"])


def main() -> None:
    """Runs the process's command line and exits with the command's code."""
    try:
        if sys.argv[1:] in _ASKS_FOR_OVERVIEW:
            sys.stdout.write(overview())
            sys.stdout.flush()
            return
        gc.set_threshold(100_000, 20, 100)  # values by the million, hardly a cycle: looking often costs half the time
        from .application import run  # noqa: PLC0415  # imports click, which takes longer than all of the above

        code = run(sys.argv[1:])
    except KeyboardInterrupt:
        code = 130
    except BrokenPipeError:
        code = _leave_pipe()
    sys.exit(code)


# The reader went away, as `head` does: say nothing, and let the interpreter's own last flush go nowhere.
def _leave_pipe() -> int:
    import os  # noqa: PLC0415

    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
    return 141
