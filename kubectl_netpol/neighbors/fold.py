"""Wire records become recordings per workload.

Fed by ``capture`` with every record, asked for the recordings now and then or at the end. Merging is cheap and
touches no names; naming happens per distinct flow, only for what changed since it was last asked. The same records
in any order, some of them twice, give the same recordings.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from ..model import Window, Workload
from ..wire import FlowsRecord, Record, StatusRecord
from .drafts import Draft
from .epochs import Epoch
from .hearing import Hearing
from .inference import Unwatched, joined
from .inventory import Inventory
from .pods import Pod
from .ranges import is_private
from .recording import Recording
from .resolution import Resolved, Resolver
from .tracks import MANY, Track

MOST_WAITING = 300_000
"""How many entries may wait for an inventory before they are merged without one."""

EVERYTHING = 1 << 63
"""Later than any record: for ``Fold.infer_unwatched`` when nothing more will be learned."""

_Place = tuple[str, str, str]


@dataclass(frozen=True, slots=True)
class Account:
    """What was read and what was lost on the way, for people.

    ``unattributed`` are captured addresses without an owner, ``unknown_peers`` addresses inside the cluster that are
    nobody's; both and ``losses`` as of the last ``Fold.recordings``. ``missing`` are records that never came.
    """

    records: int = 0
    duplicates: int = 0
    missing: int = 0
    entries: int = 0
    malformed: int = 0
    backwards: int = 0
    unattributed: tuple[str, ...] = ()
    unknown_peers: tuple[str, ...] = ()
    losses: tuple[tuple[str, int], ...] = ()
    problems: tuple[str, ...] = ()


class Fold:
    """Merges wire records; see the module.

    ``inventory``: given at once, an address that changed hands long ago is told apart however much is read before
    ``recordings`` is called. ``is_complete``: nothing will be learned about the time of these records any more, as
    when they are read from a file, so that none has to wait; that is faster.
    """

    def __init__(self, inventory: Inventory | None = None, is_complete: bool = False) -> None:
        self._resolver = Resolver(inventory) if inventory is not None else None
        self._is_complete = is_complete
        self._epochs: dict[str, Epoch] = {}
        self._tracks: dict[tuple[str, str], dict[str, Track]] = {}
        self._resolved: dict[_Place, tuple[object, Resolved]] = {}
        self._records = self._duplicates = self._entries = self._malformed = self._waiting = 0

    def add(self, record: Record) -> None:
        """Takes one record. One that was taken before (epoch and sequence) is counted and changes nothing."""
        self._records += 1
        if not record.epoch:
            self._malformed += 1
            return
        epoch = self._epochs.get(record.epoch)
        if epoch is None:
            epoch = self._epochs[record.epoch] = Epoch(record.epoch)
        if not epoch.take(record.seq, record.time):
            self._duplicates += 1
        elif isinstance(record, StatusRecord):
            epoch.note(record)
        else:
            self._add_flows(record)

    def recordings(self, inventory: Inventory) -> dict[Workload, Recording]:
        """All workloads that were captured, with what was heard of each so far."""
        self._use(inventory)
        places = {place: self._resolve(*place) for place in self._places()}
        hearing = self._hearing(inventory, places)
        self._resolved = {place: self._resolved[place] for place in places}
        drafts: dict[Workload, Draft] = {}
        for (epoch, identifier, uid), resolved in places.items():
            for pod in resolved.pods.values():
                if not pod.host_network:
                    draft = drafts.setdefault(inventory.owned(pod).workload, Draft())
                    draft.hear(pod, self._window(epoch, self._tracks_of(epoch, identifier, uid), pod))
            for row in resolved.rows:
                drafts[inventory.owned(row.pod).workload].count(epoch, row.key, hearing.judge(row))
        return {workload: draft.recording(workload, inventory) for workload, draft in sorted(drafts.items())}

    def infer_unwatched(self, inventory: Inventory, before: int = EVERYTHING) -> int:
        """Has the inventory infer pods that it never saw (``Inventory.infer``); how many were news.

        Of the pods whose names are known these are the ones that ended, or whose agent was last heard of, ``before``
        that time (ms): as long as a pod lives, its object may still come. To be called before ``recordings``.
        """
        found: dict[str, Unwatched] = {}
        for epoch, identifier, uid in self._places():
            known = inventory.pod(uid)
            if uid and (known is None or known.inferred):
                one = self._unwatched(epoch, uid, self._tracks_of(epoch, identifier, uid))
                found[uid] = joined(found[uid], one) if uid in found else one
        return inventory.infer(one for _, one in sorted(found.items()) if one.name and one.end < before)

    def _unwatched(self, epoch: str, uid: str, tracks: Sequence[Track]) -> Unwatched:
        whole = self._epochs[epoch]
        addresses = sorted({one for track in tracks for one in track.addresses if not is_private(one)})
        ends = [track.gone for track in tracks if track.gone]
        begin = min(track.begun() for track in tracks)
        place = max(track.pod for track in tracks)
        return Unwatched(uid, *place, tuple(addresses), whole.node, begin, max(begin, min(ends, default=whole.last)))

    @property
    def heard_pods(self) -> frozenset[str]:
        """The UIDs of the pods whose namespaces were captured, as of the last ``recordings``."""
        return frozenset(uid for _, resolved in self._resolved.values() for uid in resolved.pods)

    @property
    def span(self) -> tuple[int, int]:
        """From when to when (ms) an agent was heard; zeros before the first."""
        whole = [(epoch.since or epoch.last, epoch.last) for epoch in self._epochs.values() if epoch.last]
        return min((first for first, _ in whole), default=0), max((last for _, last in whole), default=0)

    def account(self) -> Account:
        """What was read so far, and what was lost."""
        resolved = [found for _, found in self._resolved.values()]
        losses: dict[str, int] = {}
        for epoch in self._epochs.values():
            for name, count in epoch.losses.items():
                losses[name] = losses.get(name, 0) + count
        tracks = self._all_tracks()
        malformed, backwards = map(sum, zip((0, 0), *(track.waiting_faults() for track in tracks), strict=True))
        return Account(
            self._records,
            self._duplicates,
            sum(epoch.missing for epoch in self._epochs.values()),
            self._entries,
            self._malformed + sum(one.malformed for one in resolved) + sum(one.malformed for one in tracks) + malformed,
            sum(track.backwards for track in tracks) + backwards,
            tuple(sorted({address for one in resolved for address in one.unattributed})),
            tuple(sorted({address for one in resolved for address in one.unknown})),
            tuple(sorted((name, count) for name, count in losses.items() if count)),
            tuple(sorted({problem for epoch in self._epochs.values() for problem in epoch.problems})),
        )

    def _add_flows(self, record: FlowsRecord) -> None:
        self._entries += len(record.flows)
        track = self._track(record)
        track.add(record)
        if self._resolver is None:
            self._waiting += len(record.flows)
            if self._waiting > MOST_WAITING:
                self._merge_blindly()
        elif self._is_complete:
            if track.pending > MANY:
                track.merge(self._resolver.cuts_of, lag=0)
        elif track.is_due:
            track.merge(self._resolver.cuts_of)

    def _track(self, record: FlowsRecord) -> Track:
        by_pod = self._tracks.setdefault((record.epoch, record.netns.id), {})
        track = by_pod.get(record.netns.pod)
        if track is None:
            track = by_pod[record.netns.pod] = Track()
        return track

    def _merge_blindly(self) -> None:
        for track in self._all_tracks():
            track.merge(lambda _: ())
        self._waiting = sum(track.pending for track in self._all_tracks())

    def _use(self, inventory: Inventory) -> None:
        if self._resolver is None or self._resolver.inventory is not inventory:
            self._resolver = Resolver(inventory)
            self._resolved.clear()
            for track in self._all_tracks():
                track.recut(self._resolver.cuts_of, lambda _: True)
        resolver = self._resolver
        changed = resolver.renew()
        for track in self._all_tracks():
            if changed:
                track.recut(
                    resolver.cuts_of, lambda key: (flow := resolver.flow(key)) is not None and flow.peer in changed
                )
            if self._is_complete:
                track.merge(resolver.cuts_of, lag=0)
            elif track.is_due:
                track.merge(resolver.cuts_of)

    def _all_tracks(self) -> list[Track]:
        return [track for by_pod in self._tracks.values() for track in by_pod.values()]

    # The agent may learn a namespace's pod after its first flows: what it said before is the pod's as well. If
    # the namespace's id was used by several pods, what was said without one is told by its addresses.
    def _places(self) -> list[_Place]:
        places = []
        for (epoch, identifier), by_pod in sorted(self._tracks.items()):
            uids = sorted(by_pod)
            uids = uids[1:] if len(uids) == 2 and not uids[0] else uids
            places += [(epoch, identifier, uid) for uid in uids]
        return places

    def _tracks_of(self, epoch: str, identifier: str, uid: str) -> list[Track]:
        by_pod = self._tracks[(epoch, identifier)]
        return list(by_pod.values()) if len(by_pod) == 2 and "" in by_pod else [by_pod[uid]]

    def _resolve(self, epoch: str, identifier: str, uid: str) -> Resolved:
        assert self._resolver is not None  # noqa: S101 - set by _use, for the type checker
        tracks = self._tracks_of(epoch, identifier, uid)
        version = (self._resolver.inventory.revision, *(track.version for track in tracks))
        known = self._resolved.get((epoch, identifier, uid))
        if known is not None and known[0] == version:
            return known[1]
        found = self._resolver.resolve(tracks, uid)
        self._resolved[(epoch, identifier, uid)] = (version, found)
        return found

    def _hearing(self, inventory: Inventory, places: dict[_Place, Resolved]) -> Hearing:
        hearing = Hearing(inventory.node_addresses())
        for (epoch, identifier, uid), resolved in places.items():
            hearing.hear(resolved.heard)
            tracks = self._tracks_of(epoch, identifier, uid)
            window = self._window(epoch, tracks, next(iter(resolved.pods.values()), None))
            for address in resolved.captured:
                hearing.capture(address, window.first, window.last)
        return hearing

    def _window(self, epoch: str, tracks: Iterable[Track], pod: Pod | None) -> Window:
        whole = self._epochs[epoch]
        tracks = list(tracks)
        first = min(track.first for track in tracks)
        if pod is not None and pod.begin and whole.since:
            first = min(first, max(pod.begin, whole.since))
        gone = [track.gone for track in tracks if track.gone]
        losses = tuple(sorted((name, count) for name, count in whole.losses.items() if count))
        return Window(epoch, first, max(first, min(gone) if gone else whole.last), whole.node, losses)
