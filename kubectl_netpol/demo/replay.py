"""The demo where nothing can be captured: a recording of its own world, shipped with the package.

``recording.ndjson`` and ``inventory.yaml`` are made by ``python -m kubectl_netpol.demo.rerecord``.
"""

from __future__ import annotations

import signal
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from types import FrameType

from ..cache.store import Store
from ..capture.objects import read_objects
from ..capture.replay import replay
from ..errors import InputError, WireError
from ..wire import decode
from .commands import Commands, Say

RECORDING = Path(__file__).with_name("recording.ndjson")
INVENTORY = Path(__file__).with_name("inventory.yaml")


def replay_shipped(say: Say, show: Callable[[Commands], None]) -> None:
    """Feed the shipped recording into a cache that lives only as long as ``show`` runs.

    Raises InputError when the package lacks its recording.
    """
    before = signal.signal(signal.SIGTERM, _interrupt)  # so that the directory is removed then, too
    try:
        with _folder() as directory:
            commands = Commands(directory, say)
            feed(commands.cache_directory)
            show(commands)
    finally:
        signal.signal(signal.SIGTERM, before)


# A signal that comes while the folder is made waits until it is known, and so removed.
@contextmanager
def _folder() -> Iterator[Path]:
    before = signal.pthread_sigmask(signal.SIG_BLOCK, (signal.SIGINT, signal.SIGTERM))
    try:
        with tempfile.TemporaryDirectory(prefix="kubectl-netpol-demo-") as directory:
            signal.pthread_sigmask(signal.SIG_SETMASK, before)
            yield Path(directory)
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)


def feed(cache_directory: Path, recording: Path = RECORDING, inventory: Path = INVENTORY) -> None:
    """Take a recording's lines in as the local source does, with its inventory seen as it was then."""
    try:
        lines = recording.read_bytes().splitlines()
    except OSError as error:
        raise InputError(
            f"the demo's recording is not there: {error.strerror}: {recording}", "install again"
        ) from error
    with Store.open(cache_directory) as store:
        replay(store, read_objects(inventory), lines, _began(lines))


def _began(lines: list[bytes]) -> int:
    for line in lines:
        try:
            return decode(line).time
        except WireError:
            continue
    raise InputError("the demo's recording holds no record", "install the package again")


def _interrupt(_number: int, _frame: FrameType | None) -> None:
    raise KeyboardInterrupt
