"""Takes in what an agent said once, as if it spoke now: for the demo where nothing can be captured."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from ..cache.store import LOCAL, Store
from ..neighbors.inventory import Inventory
from .recorder import Recorder


def replay(store: Store, objects: Iterable[Mapping[str, Any]], lines: Iterable[bytes], at: int) -> Recorder:
    """Joins what ``lines`` say into the local recordings; ``objects`` were observed at ``at`` (ms)."""
    inventory = Inventory()
    inventory.observe(objects, at)
    recorder = Recorder(store, LOCAL, inventory)
    for line in lines:
        recorder.take(line)
    recorder.save()
    return recorder
