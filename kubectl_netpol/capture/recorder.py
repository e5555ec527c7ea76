"""Takes records in and keeps what they say: the one path from the wire to the cache, whatever the source."""

from __future__ import annotations

import tempfile
from collections.abc import Iterable
from pathlib import Path

from ..cache.exchange import lines_of
from ..cache.store import Store
from ..errors import StoreError, WireError
from ..neighbors.fold import Account, Fold
from ..neighbors.inventory import Inventory
from ..neighbors.recording import Recording
from ..wire import FlowsRecord, StatusRecord, decode


class Recorder:
    """Feeds an inventory and lines; ``save`` joins what they say into the store, as often as one likes.

    ``status`` is the newest word of the agent on itself, ``bad_lines`` how many lines were no records;
    ``shared_addresses`` are addresses of pods that two namespaces had at a time: what both did was booked on the pod.
    """

    def __init__(self, store: Store, cluster: str, inventory: Inventory) -> None:
        self._store = store
        self._cluster = cluster
        self._fold = Fold(inventory)
        self.inventory = inventory
        self.status: StatusRecord | None = None
        self.bad_lines = 0
        self.last_problem = ""
        self.shared_addresses: set[str] = set()
        self._bearers: dict[str, set[str]] = {}

    def take(self, line: bytes) -> None:
        """One line of an agent's output. What is no record is counted, and the next line is read."""
        try:
            record = decode(line)
        except WireError as error:
            self.bad_lines += 1
            self.last_problem = error.message
            return
        if isinstance(record, StatusRecord):
            self.status = record
        else:
            self._note_bearers(record)
        self._fold.add(record)

    # A namespace without a pod's UID is known by its addresses, and two of them may have the same one.
    def _note_bearers(self, record: FlowsRecord) -> None:
        for address in record.netns.addresses:
            bearers = self._bearers.setdefault(address, set())
            if record.netns.gone or record.netns.pod:
                bearers.discard(record.netns.id)
                continue
            bearers.add(record.netns.id)
            if len(bearers) > 1 and self.inventory.owner(address, record.time):
                self.shared_addresses.add(address)

    def recordings(self) -> list[Recording]:
        """What has been heard so far, by workload."""
        return list(self._fold.recordings(self.inventory).values())

    @property
    def account(self) -> Account:
        """The fold's own account of what it could not use."""
        return self._fold.account()

    def save(self) -> None:
        """Joins what has been heard into the store. Raises StoreError; nothing is lost by it, call it again."""
        self._store.merge(self._cluster, self.recordings())

    def save_or_rescue(self) -> None:
        """The last ``save``. Where the cache takes no more, a file in the temporary directory takes all.

        Raises StoreError that names that file.
        """
        try:
            self.save()
        except StoreError as error:
            rescued = rescue((self._cluster, recording) for recording in self.recordings())
            hint = f"mend the cache, then: kubectl netpol cache import -f {rescued}"
            raise StoreError(f"{error.message}; the recording was saved in {rescued}", hint) from error


def rescue(recordings: Iterable[tuple[str, Recording]]) -> Path:
    """Writes an export to a new file of the temporary directory. Raises StoreError when that fails too."""
    written: Path | None = None
    try:
        with tempfile.NamedTemporaryFile(
            "w", encoding="utf-8", prefix="kubectl-netpol-", suffix=".ndjson", delete=False
        ) as file:
            written = Path(file.name)
            file.writelines(lines_of(recordings))
        return written
    except OSError as error:
        if written:
            written.unlink(missing_ok=True)  # half a recording is none, and takes the space
        hint = "free some space; the recording could not be kept"
        raise StoreError(f"the cache and the temporary directory cannot be written: {error.strerror}", hint) from error
