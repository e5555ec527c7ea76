"""All that was heard of one workload, epoch by epoch, and how two accounts of it become one.

``fold`` makes recordings from wire records, ``cache`` keeps and joins them, readers take their ``summarise``.
An epoch is one agent's life: within it counters are cumulative, so two accounts of the same epoch are joined
by taking the greater; different epochs are added up only when read. Joining is therefore idempotent,
commutative and associative: collecting the same thing twice, in any order, changes nothing.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from functools import lru_cache, reduce
from ipaddress import ip_address

from ..model import Counts, Mark, Neighbor, NeighborKey, NetworkNeighbors, PodLife, Selector, Window, Workload
from .labels import differing
from .pod_lives import joined, newer, newest
from .recent import recent
from .windows import SETTLED, add_windows, earlier, join_windows

_ONE_WAY_MARKS = frozenset({Mark.ONE_WAY, Mark.UNHEARD})
_NO_SELECTOR = Selector()


@dataclass(frozen=True, slots=True)
class Recording:
    """One workload's account. ``flows``: by neighbor, then by epoch; cumulative per epoch, and raw.

    Raw means that ``answered`` counts what was seen to arrive; one-way UDP is judged when it is summed up
    (see ``judge``), because later evidence may turn it over. ``settled`` are epochs that were summed into the
    epoch ``SETTLED`` and are never added again. ``labels`` are those of one pod, without the volatile ones;
    ``differing`` are the keys of those that others of its pods lack, have besides, or have with another value.
    ``pods`` are those that lived meanwhile, heard or not, by name; from when to when (ms) those are all of them is
    ``accounted``, zeros where nobody knew. One without windows and flows tells that the workload was not heard.
    """

    workload: Workload
    selector: Selector
    labels: tuple[tuple[str, str], ...]
    host_network: bool
    windows: Mapping[str, Window]
    flows: Mapping[NeighborKey, Mapping[str, Counts]]
    settled: frozenset[str] = frozenset()
    differing: frozenset[str] = frozenset()
    pods: Mapping[str, PodLife] = field(default_factory=dict)
    accounted: tuple[int, int] = (0, 0)


def join_counts(a: Counts, b: Counts) -> Counts:
    """Two accounts of the same neighbor in the *same* epoch as one: the greater of each counter.

    Whether it is one-way is told by the account that heard more attempts; among equals, by the one that knows
    more (a reply, then a receiver that did not hear it, then nothing).
    """
    if a == b:
        return a
    marks = _marks(a, b) | (max(a, b, key=_evidence).marks & _ONE_WAY_MARKS)
    return Counts(
        max(a.attempts, b.attempts),
        max(a.answered, b.answered),
        max(a.refused, b.refused),
        earlier(a.first, b.first),
        max(a.last, b.last),
        marks,
        _names(a, b),
    )


def add_counts(a: Counts, b: Counts) -> Counts:
    """Two accounts of the same neighbor from *different* epochs, or of different pods, as one sum.

    The sum is one-way if nothing of it was answered in another way, and unheard if no part was answered.
    """
    return Counts(
        a.attempts + b.attempts,
        a.answered + b.answered,
        a.refused + b.refused,
        earlier(a.first, b.first),
        max(a.last, b.last),
        _marks(a, b) | _added_one_way(a, b),
        _names(a, b),
    )


def judge(counts: Counts) -> Counts:
    """The counts with one-way UDP taken as answered, unless its captured receiver never heard it.

    What was refused in part is answered for the rest.
    """
    if Mark.ONE_WAY not in counts.marks or Mark.UNHEARD in counts.marks:
        return counts
    return replace(counts, answered=max(counts.answered, counts.attempts - counts.refused))


def join(a: Recording, b: Recording) -> Recording:
    """Two accounts of one workload as one; selector and labels are those of the one with the newest window.

    Labels in which they differ are known as ``differing`` from then on.

    Raises ValueError when they speak of two workloads.
    """
    if a.workload != b.workload:
        raise ValueError("two recordings of different workloads cannot be joined")
    latest = max(a, b, key=_identity)
    settled = a.settled | b.settled
    windows = _joined_windows(a, b, settled)
    flows = {key: counts for key in {**a.flows, **b.flows} if (counts := _join_flow(a, b, key, settled))}
    keys = a.differing | b.differing | differing(a.labels, b.labels)
    pods, accounted = joined(a.pods, b.pods), newer(a.accounted, b.accounted)
    whole = replace(latest, windows=windows, flows=flows, settled=settled)
    return replace(whole, differing=keys, pods=pods, accounted=accounted)


def settle(recording: Recording, keep: int) -> Recording:
    """All but the ``keep`` newest epochs summed into the epoch ``SETTLED``, so that a recording stays small."""
    live = sorted(
        (window for epoch, window in recording.windows.items() if epoch != SETTLED),
        key=lambda window: (window.last, window.epoch),
    )
    old = frozenset(window.epoch for window in live[: max(0, len(live) - max(0, keep))])
    if not old:
        return recording
    windows = {epoch: window for epoch, window in recording.windows.items() if epoch not in old and epoch != SETTLED}
    sunk = [recording.windows[epoch] for epoch in (SETTLED, *sorted(old)) if epoch in recording.windows]
    windows[SETTLED] = reduce(add_windows, sunk, Window(SETTLED, 0, 0, sunk[0].node))
    flows = {key: _sink(counts, old) for key, counts in recording.flows.items()}
    return replace(recording, windows=windows, flows=flows, settled=recording.settled | old)


def with_newest_pods(recording: Recording) -> Recording:
    """With no more pods than are kept of a workload. Where some of the newest account are left out it is none."""
    kept = newest(recording.pods)
    if kept is recording.pods:
        return recording
    begin = recording.accounted[0]
    is_account = all(life.lived < begin for name, life in recording.pods.items() if name not in kept)
    return replace(recording, pods=kept, accounted=recording.accounted if is_account else (0, 0))


def summarise(recording: Recording, since: int = 0) -> NetworkNeighbors:
    """The account for people: epochs summed, in canonical order, only what was last seen at ``since`` (ms) or after."""
    neighbors = [_neighbor(key, by_epoch) for key, by_epoch in recording.flows.items()]
    neighbors.sort(key=lambda neighbor: order(neighbor.key))
    windows = sorted(recording.windows.values(), key=lambda window: (window.first, window.last, window.epoch))
    whole = NetworkNeighbors(
        recording.workload,
        recording.selector,
        tuple(neighbors),
        tuple(windows),
        recording.host_network,
        recording.labels,
        recording.differing,
        pods=tuple(recording.pods[name] for name in sorted(recording.pods)),
        accounted=recording.accounted,
    )
    return recent(whole, since) if since else whole


def order(key: NeighborKey) -> tuple[object, ...]:
    """The canonical place of a neighbor among a workload's: a sort key."""
    peer = key.peer
    return (
        key.direction,
        peer.kind,
        _address_order(peer.address),
        peer.name,
        peer.namespace_selector is not None,
        peer.namespace_selector or _NO_SELECTOR,
        peer.pod_selector is not None,
        peer.pod_selector or _NO_SELECTOR,
        peer.block,
        key.port.protocol,
        key.port.port,
    )


@lru_cache(maxsize=1 << 16)
def _address_order(address: str) -> tuple[int, int, str]:
    try:
        parsed = ip_address(address)
    except ValueError:
        return (0, 0, address)
    return (parsed.version, int(parsed), address)


def _neighbor(key: NeighborKey, by_epoch: Mapping[str, Counts]) -> Neighbor:
    parts = _judged(by_epoch, by_epoch)
    met = [counts for counts in parts if Mark.EXISTING not in counts.marks]
    is_mixed = 0 < len(met) < len(parts)
    return Neighbor(key, reduce(add_counts, parts), _bare(reduce(add_counts, met)) if is_mixed else None)


# What the rest is was said of the whole.
def _bare(met: Counts) -> Counts:
    return Counts(met.answered, met.answered, 0, met.first, met.last)


# Seen on a secondary interface only: what the main interface saw as well is covered by policies.
def _marks(a: Counts, b: Counts) -> frozenset[Mark]:
    only_there = a.marks & b.marks & {Mark.SECONDARY_INTERFACE}
    return (a.marks | b.marks) - _ONE_WAY_MARKS - {Mark.SECONDARY_INTERFACE} | only_there


def _names(a: Counts, b: Counts) -> tuple[str, ...]:
    return a.names if a.names == b.names else tuple(sorted({*a.names, *b.names}))


def _evidence(counts: Counts) -> tuple[int, int]:
    if Mark.ONE_WAY not in counts.marks:
        return (counts.attempts, 2 + (Mark.UNHEARD in counts.marks))
    return (counts.attempts, int(Mark.UNHEARD in counts.marks))


def _added_one_way(a: Counts, b: Counts) -> frozenset[Mark]:
    parts = [part for part in (a, b) if judge(part).answered]
    if not parts:
        return (a.marks | b.marks) & _ONE_WAY_MARKS
    return frozenset({Mark.ONE_WAY}) if all(Mark.ONE_WAY in part.marks for part in parts) else frozenset()


def _identity(recording: Recording) -> tuple[object, ...]:
    last = max((window.last for window in recording.windows.values()), default=0)
    return (last, recording.selector, recording.labels, recording.host_network)


def _joined_windows(a: Recording, b: Recording, settled: frozenset[str]) -> dict[str, Window]:
    windows = {epoch: window for epoch, window in a.windows.items() if epoch not in settled}
    for epoch, window in b.windows.items():
        if epoch not in settled and epoch != SETTLED:
            windows[epoch] = join_windows(windows[epoch], window) if epoch in windows else window
    sunk = [side.windows[SETTLED] for side in _settled_sides(a, b) if SETTLED in side.windows]
    windows.pop(SETTLED, None)
    if sunk:
        windows[SETTLED] = reduce(add_windows if not a.settled & b.settled else join_windows, sunk)
    return windows


# Two settled sums cannot be taken apart: one that holds all of the other's epochs stands for both, sums
# without a common epoch are added, and of overlapping ones the greater counters hold, so nothing is doubled.
def _settled_sides(a: Recording, b: Recording) -> tuple[Recording, ...]:
    if a.settled == b.settled or (a.settled & b.settled and not (a.settled <= b.settled or b.settled <= a.settled)):
        return (a, b)
    if a.settled < b.settled and a.settled:
        return (b,)
    if b.settled < a.settled and b.settled:
        return (a,)
    return (a, b)


def _join_flow(a: Recording, b: Recording, key: NeighborKey, settled: frozenset[str]) -> dict[str, Counts]:
    ours, theirs = a.flows.get(key, {}), b.flows.get(key, {})
    joined = {epoch: counts for epoch, counts in ours.items() if epoch not in settled and epoch != SETTLED}
    for epoch, counts in theirs.items():
        if epoch not in settled and epoch != SETTLED:
            joined[epoch] = join_counts(joined[epoch], counts) if epoch in joined else counts
    sides = (side.flows.get(key, {}) for side in _settled_sides(a, b))
    sunk = [by_epoch[SETTLED] for by_epoch in sides if SETTLED in by_epoch]
    if sunk:
        joined[SETTLED] = reduce(join_counts if a.settled & b.settled else add_counts, sunk)
    return joined


def _sink(by_epoch: Mapping[str, Counts], old: frozenset[str]) -> dict[str, Counts]:
    kept = {epoch: counts for epoch, counts in by_epoch.items() if epoch not in old and epoch != SETTLED}
    sunk = _judged(by_epoch, {SETTLED, *old})
    if sunk:
        kept[SETTLED] = reduce(add_counts, sunk)
    return kept


def _judged(by_epoch: Mapping[str, Counts], epochs: Iterable[str]) -> list[Counts]:
    return [
        by_epoch[epoch] if epoch == SETTLED else judge(by_epoch[epoch]) for epoch in sorted(epochs) if epoch in by_epoch
    ]
