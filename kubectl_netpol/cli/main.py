"""The entry: ``kubectl-netpol``, which kubectl runs as ``kubectl netpol``. Kept light, so that help comes at once."""

from __future__ import annotations

import gc
import sys

from .catalog import asked_words, overview

_ASKS_FOR_OVERVIEW: tuple[list[str], ...] = ([], ["--help"], ["-h"], ["help"])


def main() -> None:
    """Runs the process's command line and exits with the command's code."""
    try:
        words = asked_words(sys.argv)
        if words is not None:
            from .complete import answer  # noqa: PLC0415  # only when a shell asks

            answer(words)
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
    if code == 130:
        _leave_at_once()
    sys.exit(code)


# Whoever was interrupted does not wait for what others are still waiting for, such as a thread that reads a log.
def _leave_at_once() -> None:
    import os  # noqa: PLC0415
    from contextlib import suppress  # noqa: PLC0415

    for stream in (sys.stdout, sys.stderr):
        with suppress(OSError, ValueError):
            stream.flush()
    os._exit(130)


# The reader went away, as `head` does: say nothing, and let the interpreter's own last flush go nowhere. With `2>&1` it
# was the reader of both.
def _leave_pipe() -> int:
    import os  # noqa: PLC0415

    for stream in (sys.stdout, sys.stderr):
        try:
            stream.flush()
        except BrokenPipeError:
            os.dup2(os.open(os.devnull, os.O_WRONLY), stream.fileno())
    return 141
