"""Whether the cache can be used: opened, read to its end, and written to. Called by ``capture.doctor``."""

from __future__ import annotations

import os
import shutil
from dataclasses import dataclass
from pathlib import Path

from ..errors import StoreError
from .store import Store, exists, room_of


@dataclass(frozen=True, slots=True)
class Health:
    """``problem`` is why it cannot be used, or None. ``size`` and ``free`` (on that disk) are bytes."""

    directory: Path
    is_new: bool = False
    workloads: int = 0
    clusters: int = 0
    size: int = 0
    free: int = 0
    problem: StoreError | None = None


def examine(directory: Path) -> Health:
    """Reads every recording in the cache directory; makes nothing where there is none yet. Raises nothing."""
    try:
        room = room_of(directory)
        if not exists(directory):
            return _examine_place(room)
        with Store.open(directory) as store:
            info = store.info()
            workloads = sum(1 for _ in store.everything())
    except StoreError as error:
        return Health(directory, problem=error)
    return Health(room, False, workloads, len(info.clusters), info.size, shutil.disk_usage(room).free)


def _examine_place(room: Path) -> Health:
    parent = next(folder for folder in room.parents if os.path.lexists(folder))
    if not parent.is_dir() or not os.access(parent, os.W_OK | os.X_OK):
        problem = StoreError(f"nothing can be kept in {room}: {parent} is not a directory that you may write to", _HINT)
        return Health(room, True, problem=problem)
    return Health(room, True, free=shutil.disk_usage(parent).free)


_HINT = "make it writable for you, or name another directory with --cache-dir"
