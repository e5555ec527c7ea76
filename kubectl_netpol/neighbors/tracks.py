"""What one agent said of one network namespace, merged: the hot path of ``fold``.

A flow is one sample, the newest, as long as its peer's address changed hands at no time since the flow began. Else
one sample is kept for each span between those changes (``cuts``), so that each owner gets its own part. News of such
a change comes seconds late, so the records of the last seconds are kept apart, whole, before they are merged.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import NamedTuple

from ..wire import Namespace
from .flows import Entries, Sample, pairs, unpack
from .reading import canonical_addresses

LAG = 5_000
"""For how long (ms) records of a live recording are kept apart."""

CutsOf = Callable[[str], Sequence[int]]
"""The times at which a flow's peer address changes hands, by the flow's key."""


class Said(NamedTuple):
    """A flows record whose entries were checked and taken apart."""

    seq: int
    time: int
    netns: Namespace
    flows: Entries
    names: Mapping[str, Mapping[str, int]]


@dataclass(slots=True)
class Track:
    """One namespace of one epoch. ``version`` rises with each record."""

    addresses: set[str] = field(default_factory=set)
    names: dict[str, dict[str, int]] = field(default_factory=dict)
    first: int = 0
    last: int = 0
    gone: int = 0
    version: int = 0
    pending: int = 0
    backwards: int = 0
    _stated: tuple[str, ...] = ()
    _newest_seq: int = -1
    _recent: list[Said] = field(default_factory=list)
    _single: dict[str, Sample] = field(default_factory=dict)
    _spans: dict[str, dict[int, Sample]] = field(default_factory=dict)

    def add(self, record: Said) -> None:
        """Takes a record whose flows are sound; its entries wait until ``merge``."""
        self._note(record)
        if record.flows[0]:
            self._recent.append(record)
            self.pending += len(record.flows[0])

    def add_at_once(self, record: Said, cuts_of: CutsOf) -> None:
        """Takes a record whose flows are sound, and merges it."""
        self._note(record)
        self._merge(record, cuts_of)

    def _note(self, record: Said) -> None:
        self.version += 1
        self.first = min(self.first or record.time, record.time)
        self.last = max(self.last, record.time)
        if record.netns.gone:
            self.gone = min(self.gone or record.time, record.time)
        if record.netns.addresses != self._stated:
            self._stated = record.netns.addresses
            self.addresses.update(canonical_addresses(self._stated))
        for address, names in record.names.items():
            known = self.names.setdefault(address, {})
            for name, last in names.items():
                known[name] = max(last, known.get(name, 0))

    @property
    def is_due(self) -> bool:
        """Whether enough waits that is old enough to merge."""
        return bool(self._recent) and self.last - self._recent[0].time > 2 * LAG

    def merge(self, cuts_of: CutsOf) -> None:
        """Merges what is older than ``LAG``, in the order in which it was said."""
        horizon = self.last - LAG
        due = [one for one in self._recent if one.time < horizon]
        self._recent = [one for one in self._recent if one.time >= horizon]
        self.pending = sum(len(one.flows[0]) for one in self._recent)
        for record in sorted(due, key=lambda one: one.seq):
            self._merge(record, cuts_of)

    def _merge(self, record: Said, cuts_of: CutsOf) -> None:
        self.backwards += self._put(record.flows, cuts_of, record.seq > self._newest_seq)
        self._newest_seq = max(self._newest_seq, record.seq)

    def recut(self, cuts_of: CutsOf, is_touched: Callable[[str], bool]) -> None:
        """Begins to keep spans for the flows that are touched by a change that was not known before."""
        for key in [key for key in self._single if is_touched(key)]:
            sample = self._single[key]
            cuts = cuts_of(key)
            if cuts and cuts[-1] > unpack(sample)[3]:
                del self._single[key]
                self._spans[key] = {_span(cuts, sample): sample}

    def samples(self) -> Mapping[str, list[Sample]]:
        """All samples that are known, by flow; one of a flow's is its newest."""
        found = {key: [sample] for key, sample in self._single.items()}
        for key, spans in self._spans.items():
            found[key] = list(spans.values())
        for record in self._recent:
            for key, sample in pairs(record.flows):
                known = found.get(key)
                if known is None:
                    found[key] = [sample]
                else:
                    known.append(sample)
        return found

    def waiting_backwards(self) -> int:
        """How many of the waiting records' counters went backwards."""
        newest: dict[str, Sample] = {}
        count = 0
        for record in sorted(self._recent, key=lambda one: one.seq):
            for key, sample in pairs(record.flows):
                old = newest.get(key) or self._single.get(key)
                if old is not None and record.seq > self._newest_seq and _went_backwards(old, sample):
                    count += 1
                else:
                    newest[key] = sample
        return count

    def _put(self, flows: Entries, cuts_of: CutsOf, is_newer: bool) -> int:
        backwards = 0
        single = self._single
        for key, sample in pairs(flows):
            old = single.get(key)
            if old is None:
                self._put_new(key, sample, cuts_of)
            elif old <= sample:
                single[key] = sample
            elif is_newer and _went_backwards(old, sample):
                backwards += 1
        return backwards

    # A flow's first-seen time never changes, so that one look at the cuts after it settles how it is kept.
    def _put_new(self, key: str, sample: Sample, cuts_of: CutsOf) -> None:
        spans = self._spans.get(key)
        cuts = cuts_of(key)
        if spans is None and not (cuts and cuts[-1] > unpack(sample)[3]):
            self._single[key] = sample
            return
        if spans is None:
            spans = self._spans[key] = {}
        span = _span(cuts, sample)
        if span not in spans or spans[span] < sample:
            spans[span] = sample


# Named by its beginning, which stays the same when other cuts become known.
def _span(cuts: Sequence[int], sample: Sample) -> int:
    index = bisect_right(cuts, unpack(sample)[4])
    return cuts[index - 1] if index else 0


def _went_backwards(old: Sample, new: Sample) -> bool:
    return any(after < before for before, after in zip(unpack(old)[:3], unpack(new)[:3], strict=True))
