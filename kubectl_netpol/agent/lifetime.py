"""When an agent ends by itself, also one that takes the place of another that was killed.

Such a one cannot know when the first began, so it is told a moment: whichever comes first, that moment by the node's
clock or the whole duration, is the end. A clock that is behind cannot make a capture longer than its duration. One that
is ahead makes it shorter, or no more than a look at what there is; the rest of the session counts as not heard. A clock
by which the Job would long be removed is wrong for sure, and is not asked.
"""

from __future__ import annotations

WRONG_CLOCK = "the node's clock is far ahead of the cluster's, so the times of what was heard are wrong"
_REMOVED_SECONDS = 3600.0
"""So long after the moment no Job is left whose agent could begin: its deadline comes after a quarter of an hour."""


def seconds_left(duration: float, until: int, now: float) -> tuple[float, str]:
    """The seconds from ``now`` (s since the Unix epoch) to the end, and a problem to tell or nothing.

    ``duration`` in seconds, 0 for no such end; ``until`` in ms since the Unix epoch, 0 for none.
    """
    whole = duration or float("inf")
    left = until / 1000 - now if until else whole
    if left < -_REMOVED_SECONDS:
        return whole, WRONG_CLOCK
    return max(0.0, min(whole, left)), ""
