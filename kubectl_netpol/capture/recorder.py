"""Takes records in and keeps what they say: the one path from the wire to the cache, whatever the source."""

from __future__ import annotations

import tempfile
from collections.abc import Iterable
from dataclasses import replace
from pathlib import Path

from ..cache.exchange import lines_of
from ..cache.store import Store
from ..errors import StoreError, WireError
from ..model import Workload
from ..neighbors.fold import EVERYTHING, Account, Fold
from ..neighbors.inventory import Inventory
from ..neighbors.recording import Recording, join
from ..wire import FlowsRecord, Record, StatusRecord, decode
from .absent import absent
from .scope import Wanted, everything, labels_of


class Recorder:
    """Feeds an inventory and lines; ``save`` joins what they say into the store, as often as one likes.

    ``wanted``: which workloads are kept; others are heard too, since what a receiver saw tells of its sender.
    ``statuses`` are the newest words of each agent on itself, by epoch; ``bad_lines`` how many lines were no records;
    ``shared_addresses`` are addresses of pods that two namespaces had at a time: what both did was booked on the pod.
    """

    def __init__(self, store: Store, cluster: str, inventory: Inventory, wanted: Wanted = everything) -> None:
        self._store = store
        self._wanted = wanted
        self._cluster = cluster
        self._fold = Fold(inventory)
        self.inventory = inventory
        self.statuses: dict[str, StatusRecord] = {}
        self.bad_lines = 0
        self.last_problem = ""
        self.shared_addresses: set[str] = set()
        self._bearers: dict[str, set[str]] = {}

    def take(self, line: bytes, node: str = "") -> Record | None:
        """One line of an agent's output, and the record on it. What is none is counted, and the next line is read.

        ``node``: where that agent runs, if it is known. What it says of a pod that runs on another node is no record.
        """
        try:
            record = decode(line)
            self._check_place(record, node)
        except WireError as error:
            self.bad_lines += 1
            self.last_problem = error.message
            return None
        if isinstance(record, StatusRecord):
            known = self.statuses.get(record.epoch)
            if known is None or known.seq < record.seq:
                self.statuses[record.epoch] = record
        else:
            self._note_bearers(record)
        self._fold.add(record)
        return record

    def _check_place(self, record: Record, node: str) -> None:
        pod = self.inventory.pod(record.netns.pod) if node and isinstance(record, FlowsRecord) else None
        if pod is not None and pod.node not in ("", node):
            raise WireError("a record is about a pod of another node than its agent's")

    @property
    def status(self) -> StatusRecord | None:
        """The newest word of an agent on itself."""
        return max(self.statuses.values(), key=lambda status: status.time, default=None)

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

    def infer_unwatched(self, before: int = EVERYTHING) -> int:
        """Infers whose the pods were that the inventory never saw and that ended ``before`` (ms); how many were news.

        While the API server is watched, half a minute ago leaves its events the time to come; once nothing more will be
        learned, all are taken.
        """
        return self._fold.infer_unwatched(self.inventory, before)

    def recordings(self) -> list[Recording]:
        """What has been heard so far, by workload, of those that are wanted."""
        return [one for one in self._fold.recordings(self.inventory).values() if self._keeps(one)]

    def everything(self) -> list[Recording]:
        """What has been heard so far, and which pods and CronJobs in scope have not: an account of all their pods."""
        found = {one.workload: one for one in self.recordings()}
        span = self._fold.span
        if span[1]:  # before the first word nobody is missed
            for workload, one in self._absent().items():
                found[workload] = join(found[workload], one) if workload in found else one
        return [replace(found[workload], accounted=span) for workload in sorted(found)]

    def _absent(self) -> dict[Workload, Recording]:
        return absent(self.inventory, self._wanted, self._fold.heard_pods, self._fold.span)

    def _keeps(self, one: Recording) -> bool:
        labels = None if self._is_ownerless(one) else labels_of(one.selector, one.labels)
        return self._wanted(one.workload, labels)

    def _is_ownerless(self, one: Recording) -> bool:
        if one.workload.kind != "Pod" or one.labels or not one.selector.is_empty:
            return False
        pod = self.inventory.pod_named(one.workload.namespace, one.workload.name, EVERYTHING)
        return pod is not None and pod.inferred

    def ownerless(self) -> list[Workload]:
        """Pods that are gone and whose workload nobody knows any more: each is kept as itself, without labels."""
        return [one.workload for one in self.recordings() if self._is_ownerless(one)]

    @property
    def account(self) -> Account:
        """The fold's own account of what it could not use."""
        return self._fold.account()

    def save(self) -> list[Recording]:
        """Joins what has been heard into the store, and returns it.

        Raises StoreError; nothing is lost by it, call it again.
        """
        heard = self.recordings()
        self._store.merge(self._cluster, heard)
        return heard

    def save_or_rescue(self, others: Iterable[Recording] = ()) -> None:
        """The last save, with what was not heard, and with these others. Where the cache takes no more, a file in the
        temporary directory takes all.

        Raises StoreError that names that file.
        """
        recordings = [*self.everything(), *others]
        try:
            self._store.merge(self._cluster, recordings)
        except StoreError as error:
            rescued = rescue((self._cluster, recording) for recording in recordings)
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
