"""The error classes of the whole package.

Domain code raises them; only ``cli`` turns them into one line, a hint and an exit code.
Standard library only: every room may import this one.
"""


class NetpolError(Exception):
    """Something the user can act upon: one clear line, a hint on what to do next, and an exit code."""

    exit_code = 1

    def __init__(self, message: str, hint: str = "") -> None:
        super().__init__(message)
        self.message = message
        self.hint = hint


class InputError(NetpolError):
    """A file, a flag or a stream holds something that cannot be used."""


class CaptureError(NetpolError):
    """The capture could not start or could not go on."""


class StoreError(NetpolError):
    """The cache cannot be read or written."""


class WireError(NetpolError):
    """A line of the agent's output is not a record; the reader counts it and goes on."""
