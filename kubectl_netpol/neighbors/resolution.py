"""From merged wire entries of one namespace to rows: which workload met which neighbors, how often.

One step of ``fold``. What depends on other namespaces, whether a captured receiver heard a one-way flow, is left
to ``hearing``: such rows say where the flow should have arrived.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Sequence
from dataclasses import dataclass, field, replace

from ..model import Counts, Direction, Mark, NeighborKey, PeerKind, Protocol
from ..wire import Marks
from .attribution import NONE, Attribution, Encounter, attribute
from .flows import Growth, Sample, WireFlow, growth, parse_flow, read_marks
from .inventory import Inventory
from .pods import Pod
from .ranges import is_loopback, is_private
from .tracks import Track

_DNS = 53

_Neighbors = tuple[tuple[NeighborKey, str], ...]


@dataclass(frozen=True, slots=True)
class Row:
    """A neighbor that one pod met. ``receivers``: where a one-way flow of ``local`` should have been heard."""

    pod: Pod
    key: NeighborKey
    counts: Counts
    local: str = ""
    receivers: tuple[tuple[str, int], ...] = ()


@dataclass(slots=True)
class Resolved:
    """All that one namespace's entries say. ``heard``: UDP that came in, as receiver, port and sender."""

    pods: dict[str, Pod] = field(default_factory=dict)
    rows: list[Row] = field(default_factory=list)
    heard: set[tuple[str, int, str]] = field(default_factory=set)
    captured: set[str] = field(default_factory=set)
    unattributed: set[str] = field(default_factory=set)
    unknown: set[str] = field(default_factory=set)
    malformed: int = 0


class Resolver:
    """Names flows by an inventory; remembers its answers as long as the inventory does not change."""

    def __init__(self, inventory: Inventory) -> None:
        self.inventory = inventory
        self._revision = inventory.revision
        self._flows: dict[str, WireFlow | None] = {}
        self._cuts: dict[str, Sequence[int]] = {}
        self._attributions: dict[tuple[object, ...], tuple[Attribution, _Neighbors]] = {}

    def flow(self, key: str) -> WireFlow | None:
        """The parsed key; None for a malformed one."""
        try:
            return self._flows[key]
        except KeyError:
            found = self._flows[key] = parse_flow(key)
            return found

    def cuts_of(self, key: str) -> Sequence[int]:
        """The times at which a flow's peer address changes hands, sorted."""
        flow = self.flow(key)
        return self.cuts_at(flow.peer) if flow else ()

    def renew(self) -> set[str]:
        """Forgets what an older inventory answered; the addresses whose changes are now others."""
        if self.inventory.revision == self._revision:
            return set()
        self._revision = self.inventory.revision
        self._attributions.clear()
        renewed: dict[str, Sequence[int]] = {address: self.inventory.changes(address) for address in self._cuts}
        changed = {address for address, cuts in renewed.items() if cuts != self._cuts[address]}
        self._cuts = renewed
        return changed

    def resolve(self, tracks: Sequence[Track], uid: str) -> Resolved:
        """The rows of one namespace (the tracks' samples together); ``uid`` is its pod's, or empty."""
        found = Resolved(captured={one for track in tracks for one in track.addresses if not is_private(one)})
        place = _Place(self, tracks, uid, found)
        place.register()
        for key in dict.fromkeys(key for samples in place.samples for key in samples):
            flow = self.flow(key)
            if flow is None:
                found.malformed += 1
            else:
                place.meet(flow, [one for samples in place.samples for one in samples.get(key, ())])
        return found

    def attribute(self, pod: Pod, flow: WireFlow, at: int) -> tuple[Attribution, _Neighbors]:
        """The attribution of a flow of ``pod``, and its neighbors with the address that stands for each, or empty."""
        if flow.peer in pod.addresses or is_loopback(flow.peer):
            return NONE, ()
        span = bisect_right(self.cuts_at(flow.peer), at)
        question = (pod.namespace, pod.node, flow.direction, flow.peer, flow.port, span)
        known = self._attributions.get(question)
        if known is None:
            answer = attribute(self.inventory, Encounter(pod, flow.direction, flow.peer, flow.port, at))
            keys = tuple((NeighborKey(flow.direction, peer, port), peer.address) for peer, port in answer.neighbors)
            known = self._attributions[question] = (answer, keys)
        return known

    def cuts_at(self, address: str) -> Sequence[int]:
        """The times at which an address changes hands, sorted."""
        cuts = self._cuts.get(address)
        if cuts is None:
            cuts = self._cuts[address] = self.inventory.changes(address)
        return cuts


class _Place:
    """One namespace while its entries are being named."""

    def __init__(self, resolver: Resolver, tracks: Sequence[Track], uid: str, found: Resolved) -> None:
        self.resolver = resolver
        self.tracks = tracks
        self.pod = resolver.inventory.pod(uid) if uid else None
        self.found = found
        self.own = {address for track in tracks for address in track.addresses}
        self.samples = [track.samples() for track in tracks]

    def register(self) -> None:
        """Takes account of the namespace itself, also when it is silent."""
        at = max(track.gone or track.last for track in self.tracks)
        pods = [self.pod] if self.pod else [self._by_address(one, at) for one in sorted(self.found.captured)]
        for pod in filter(None, pods):
            self.found.pods[pod.uid] = pod
        if self.found.captured and not self.found.pods:
            self.found.unattributed |= self.found.captured

    def meet(self, flow: WireFlow, samples: list[Sample]) -> None:
        if not is_private(flow.local):
            self.found.captured.add(flow.local)
        if flow.port.protocol is Protocol.UDP and flow.direction is Direction.INGRESS and not _is_unheard(samples):
            self.found.heard.add((flow.local, flow.port.port, flow.peer))
        if flow.peer in self.own:
            return
        for part in growth(samples, self.resolver.cuts_at(flow.peer)):
            self._count(flow, part)

    def _count(self, flow: WireFlow, part: Growth) -> None:
        pod = self._local_pod(flow, part.last)
        if pod is None:
            if not is_private(flow.local):
                self.found.unattributed.add(flow.local)
            return
        self.found.pods[pod.uid] = pod
        if pod.host_network:
            return
        attribution, neighbors = self.resolver.attribute(pod, flow, part.last)
        counts = _counts(flow, part, attribution.inferred or pod.inferred)
        receivers = attribution.receivers if flow.direction is Direction.EGRESS and _is_one_way(counts) else ()
        for key, address in neighbors:
            if key.peer.kind is PeerKind.UNKNOWN:
                self.found.unknown.add(address)
            named = self._named(counts, flow, address)
            self.found.rows.append(Row(pod, key, named, flow.local, receivers))

    def _local_pod(self, flow: WireFlow, at: int) -> Pod | None:
        if self.pod is not None:
            return self.pod
        found = self._by_address(flow.local, at)
        if found is None:  # a secondary interface, or link-local IPv6: the namespace's other addresses tell
            owners = {pod.uid: pod for one in self.found.captured if (pod := self._by_address(one, at))}
            found = next(iter(owners.values())) if len(owners) == 1 else None
        return found

    def _by_address(self, address: str, at: int) -> Pod | None:
        return self.resolver.inventory.owner(address, at)

    def _named(self, counts: Counts, flow: WireFlow, address: str) -> Counts:
        if not address or address != flow.peer or flow.direction is Direction.INGRESS:
            return counts
        names = sorted({name for track in self.tracks for name in track.names.get(address, ()) if name})
        return replace(counts, names=tuple(names)) if names else counts


# DNS needs its reply; a datagram that was not answered, and not refused each time, may be one-way.
def _counts(flow: WireFlow, part: Growth, inferred: bool) -> Counts:
    marks = read_marks(part.marks)
    if inferred:
        marks |= {Mark.INFERRED_OWNER}
    silent = part.answered == 0 and part.attempts > part.refused
    if silent and flow.port.protocol is Protocol.UDP and flow.port.port != _DNS:
        marks |= {Mark.ONE_WAY}
    else:
        marks -= {Mark.UNHEARD}
    return Counts(part.attempts, part.answered, part.refused, part.first, part.last, marks)


def _is_unheard(samples: list[Sample]) -> bool:
    return all(sample[5] & Marks.UNHEARD for sample in samples)


def _is_one_way(counts: Counts) -> bool:
    return Mark.ONE_WAY in counts.marks
