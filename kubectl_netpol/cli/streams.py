"""The only module that writes to stdout and stderr, and that knows how an error looks and what it exits with."""

from __future__ import annotations

import io
import os
import sys
import traceback
from collections.abc import Callable
from contextlib import suppress

import click

from ..errors import NetpolError
from ..render.secrets import redact, redact_urls
from ..render.text import escape
from .catalog import PROGRAM

INTERRUPTED = 130
_debugging = [False]


def data(text: str) -> None:
    """What was asked for, to stdout; the text brings its own line feeds."""
    sys.stdout.write(text)


def data_now(text: str) -> None:
    """Like ``data``, and it is there at once: something else will follow later."""
    data(text)
    flush()


def line(text: str) -> None:
    """One line of text to stdout, escaped."""
    sys.stdout.write(f"{escape(text)}\n")


def flush() -> None:
    """What was said by now is there at once, in a pipe too."""
    sys.stdout.flush()


def note(text: str) -> None:
    """Something that the reader should know, to stderr, as one line."""
    sys.stderr.write(f"note: {escape(text)}\n")


def say(text: str) -> None:
    """A plain line to stderr: progress, or that there is nothing to show."""
    sys.stderr.write("".join(f"{escape(one)}\n" for one in text.split("\n")))


def say_from_handler(text: str) -> None:
    """As ``say``, from a signal handler: past Python's own buffer, which does not let itself be entered twice."""
    try:
        descriptor = sys.stderr.fileno()
    except io.UnsupportedOperation:  # no file, and so nothing that a write waits for
        say(text)
        return
    with suppress(OSError):  # nobody can be told any more
        os.write(descriptor, f"{escape(text)}\n".encode(errors="backslashreplace"))


def tell_error(error: Exception) -> int:
    """An error in one line, and its hint in another one, to stderr; its exit code."""
    message, hint, code = _described(error)
    sys.stderr.write(f"error: {escape(redact_urls(message))}\n")
    if hint:
        sys.stderr.write(f"hint: {escape(hint)}\n")
    return code


def trace(text: str) -> None:
    """What is of use only to whoever looks for a fault, to stderr; nothing without --debug."""
    if _debugging[0]:
        sys.stderr.write(f"debug: {escape(redact(text))}\n")


def is_terminal() -> bool:
    """Whether somebody can be asked."""
    return sys.stdin.isatty() and sys.stderr.isatty()


def is_output_terminal() -> bool:
    """Whether what was asked for goes to a terminal."""
    return sys.stdout.isatty()


def takes_colour() -> bool:
    """Whether stdout is a terminal that shows colours, and nobody asked for none (no-color.org)."""
    return is_output_terminal() and not os.environ.get("NO_COLOR") and os.environ.get("TERM", "dumb") != "dumb"


def ask(question: str) -> bool:
    """Asks on stderr; whether the answer is yes."""
    sys.stderr.write(f"{escape(question)} [y/N] ")
    sys.stderr.flush()
    return sys.stdin.readline().strip().lower() in ("y", "yes")


def guard(command: Callable[[], int], debug: bool, failure: int = 1) -> int:
    """Runs a command; its exit code, or that of what it raised, which is told in one line with a hint.

    ``failure`` is the least code of an error. BrokenPipeError passes through: the reader of stdout went away, and
    nobody is there to be told.
    """
    _debugging[0] = debug
    try:
        _make_printable()
        code = command()
        sys.stdout.flush()
        return code
    except BrokenPipeError:
        raise
    except (KeyboardInterrupt, click.Abort):
        return INTERRUPTED
    except Exception as error:  # noqa: BLE001  # the process's edge
        if debug:
            sys.stderr.write(_escaped_lines(redact(traceback.format_exc())))
        _drop_output()
        return max(failure, tell_error(error))


# A terminal that cannot show a letter gets its escape, never a crash in the middle of a table. With PYTHONUNBUFFERED
# Python writes to the file itself, and drops what a full disk, or a pipe without a reader, did not take.
def _make_printable() -> None:
    for name in ("stdout", "stderr"):
        stream = getattr(sys, name)
        is_own = stream is getattr(sys, f"__{name}__")
        if is_own and isinstance(getattr(stream, "buffer", None), io.RawIOBase):
            whole = io.BufferedWriter(stream.buffer)
            stream = io.TextIOWrapper(whole, stream.encoding, line_buffering=True)
            setattr(sys, name, stream)
        reconfigure = getattr(stream, "reconfigure", None)
        if reconfigure is not None:
            reconfigure(errors="backslashreplace")


def _escaped_lines(text: str) -> str:
    return "".join(f"{escape(one)}\n" for one in text.splitlines())


# What stdout could not take once it must not be tried again when the interpreter ends.
def _drop_output() -> None:
    try:
        sys.stdout.flush()
    except OSError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


def _described(error: Exception) -> tuple[str, str, int]:
    if isinstance(error, NetpolError):
        return error.message, error.hint, error.exit_code
    if isinstance(error, click.UsageError):
        path = error.ctx.command_path if error.ctx else PROGRAM
        return _sentence(error.format_message()), f"see '{path} --help' for usage and examples", 1
    if isinstance(error, click.ClickException):
        return _sentence(error.format_message()), "", 1
    if isinstance(error, OSError):
        name = f"{error.filename}: " if error.filename else ""
        return f"{name}{error.strerror or error}", "", 1
    text = f"internal: {type(error).__name__}: {redact(str(error))}"
    return text, "this is a bug; run it again with --debug and report what that prints", 1


def _sentence(text: str) -> str:
    text = " ".join(text.split()).rstrip(".")
    return text[:1].lower() + text[1:]
