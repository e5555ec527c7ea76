"""How a recording fares, on stderr: a live display on a terminal, a plain line now and then elsewhere."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

from ..render.text import counted
from . import streams

if TYPE_CHECKING:
    from ..capture.progress import Progress

_PLAIN_SECONDS = 10.0

Show = Callable[["Progress"], None]


@contextmanager
def progress_shown(quiet: bool) -> Iterator[Show]:
    """What takes the progress of a recording, as often as one likes."""
    if quiet:
        yield lambda _: None
    elif sys.stderr.isatty():
        with _live() as show:
            yield show
    else:
        yield _Plain()


class _Plain:
    """A line when something changed that matters, and one every ten seconds."""

    def __init__(self) -> None:
        self._next = 0.0
        self._last: tuple[int, int, bool] | None = None

    def __call__(self, progress: Progress) -> None:
        now = time.monotonic()
        state = (progress.heard, progress.failed, progress.is_ending)
        if (state == self._last and now < self._next) or not (progress.nodes or progress.is_ending):
            return
        self._last, self._next = state, now + _PLAIN_SECONDS
        streams.say(describe(progress, now))


@contextmanager
def _live() -> Iterator[Show]:
    from rich.console import Console  # noqa: PLC0415  # only where somebody looks
    from rich.live import Live  # noqa: PLC0415
    from rich.spinner import Spinner  # noqa: PLC0415
    from rich.text import Text  # noqa: PLC0415

    console = Console(stderr=True, highlight=False, markup=False)
    spinner = Spinner("dots", Text("asking the API server"))
    with Live(spinner, console=console, refresh_per_second=8, transient=True):
        yield lambda progress: spinner.update(
            text=Text(describe(progress, time.monotonic()), no_wrap=True, overflow="ellipsis")
        )


def describe(progress: Progress, now: float) -> str:
    """``2/2 nodes, watching 14 pods; 23 neighbors of 9 workloads, 4 new in the last minute; 4m12s left``."""
    if progress.is_ending:
        return "collecting the last records"
    parts = [f"{progress.heard}/{counted(progress.nodes, 'node')}, watching {counted(progress.pods, 'pod')}"]
    if progress.failed:
        parts[0] += f", {progress.failed} failed"
    if progress.neighbors:
        of = f"{counted(progress.neighbors, 'neighbor')} of {counted(progress.workloads, 'workload')}"
        parts.append(f"{of}, {progress.recent} new in the last minute")
    if progress.losses:
        parts.append(f"{progress.losses} lost")
    if progress.ends:
        parts.append(f"{_span(progress.ends - now)} left")
    elif progress.begun:
        parts.append(f"{_span(now - progress.begun)} so far")
    return "; ".join(parts)


def _span(seconds: float) -> str:
    whole = max(0, round(seconds))
    hours, minutes = whole // 3600, whole // 60 % 60
    return f"{hours}h{minutes:02d}m" if hours else f"{minutes}m{whole % 60:02d}s" if minutes else f"{whole}s"
