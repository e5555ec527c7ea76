"""What is said of captures that are left to the API server, since somebody could not wait for their end."""

from __future__ import annotations

import time

from ..capture.captures import Captures
from ..render.age import clock
from . import streams
from .connection import Connection


def tell_left(captures: Captures, connection: Connection) -> None:
    """When the captures that are not removed end by themselves, and the command that ends them now."""
    left, capture = captures.fleet.left, captures.capture
    if not left:
        return
    latest = max(one.expires for one in left) or int(time.time() * 1000) + capture.deadline * 1000
    streams.say(
        f"left at once: the API server ends the captures of session {capture.session} by {clock(latest)} and removes "
        f"their Jobs {capture.ttl} s later; to do it now: {connection.command('stop', capture.session)}"
    )
