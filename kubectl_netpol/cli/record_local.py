"""``record --local``: what the network namespaces of this machine talk to, into the cache."""

from __future__ import annotations

import time
from pathlib import Path

from ..cache.store import Store
from ..capture.local import LocalOptions, LocalSource, check_machine
from ..capture.recorder import Recorder
from ..errors import InputError
from ..render.text import counted, decimal
from . import streams
from .interrupts import catch
from .record_summary import summarise_recording

_PROGRESS_SECONDS = 10.0


def record_local(inventory: str | None, duration: float, attach: str, cache_dir: Path, quiet: bool) -> None:
    """Every namespace of this machine; ``inventory`` is a file that says whose addresses are whose."""
    if not inventory:
        raise InputError("--local needs to know whose addresses are whose", "add --inventory FILE; see --help")
    check_machine()
    with Store.open(cache_dir) as store:
        source = LocalSource(LocalOptions(Path(inventory), duration, attach), store, streams.note)
        catch(source.stop)
        progress = _Progress(f"for {decimal(duration)} s" if duration else "until Ctrl-C", inventory)
        source.run((lambda _: None) if quiet else progress)
        doubt = "are the inventory's addresses those of this machine?"
        summarise_recording(source.recorder, "--local", doubt, quiet=quiet)


class _Progress:
    """A line when the capture stands, and one now and then."""

    def __init__(self, until: str, inventory: str) -> None:
        self._begun = time.monotonic()
        self._next = 0.0
        self._scope = f"{until}; the whole of {inventory} is in scope"

    def __call__(self, recorder: Recorder) -> None:
        now = time.monotonic()
        if now < self._next or not recorder.status:
            return
        namespaces = counted(recorder.status.attached.get("namespaces", 0), "network namespace")
        if not self._next:
            streams.say(f"recording {namespaces} of this machine, and new ones as they come, {self._scope}")
        else:
            heard = recorder.recordings()
            neighbors = counted(sum(len(recording.flows) for recording in heard), "neighbor")
            streams.say(f"{now - self._begun:.0f} s: {namespaces}, {counted(len(heard), 'workload')}, {neighbors}")
        self._next = now + _PROGRESS_SECONDS
