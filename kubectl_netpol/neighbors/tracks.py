"""What one agent said of one network namespace, merged: the hot path of ``fold``.

A flow is one sample, the newest, as long as its peer's address changed hands at no time since the flow began. Else
one sample is kept for each span between those changes (``cuts``), so that each owner gets its own part. News of such
a change comes seconds late, so the records of the last seconds are kept apart, whole, before they are merged.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from ..wire import FlowsRecord, is_counters
from .flows import Sample, merge, sound
from .reading import canonical_addresses
from .tenancy import EARLY

LAG = 5_000
"""For how long (ms) records of a live recording are kept apart."""

CutsOf = Callable[[str], Sequence[int]]
"""The times at which a flow's peer address changes hands, by the flow's key."""


MANY = 250
"""How many entries may wait although nothing more will be learned about their time."""


@dataclass(slots=True)
class Track:
    """One namespace of one epoch. ``version`` rises with each record; ``pod`` is the pod's namespace and name."""

    addresses: set[str] = field(default_factory=set)
    pod: tuple[str, str] = ("", "")
    names: dict[str, dict[str, int]] = field(default_factory=dict)
    first: int = 0
    last: int = 0
    gone: int = 0
    version: int = 0
    pending: int = 0
    malformed: int = 0
    backwards: int = 0
    _stated: tuple[str, ...] = ()
    _newest_seq: int = -1
    _recent: list[FlowsRecord] = field(default_factory=list)
    _single: dict[str, Sample] = field(default_factory=dict)
    _spans: dict[str, dict[int, Sample]] = field(default_factory=dict)

    def add(self, record: FlowsRecord) -> None:
        """Takes a record; its entries wait until ``merge``, unchecked."""
        self._note(record)
        if record.flows:
            self._recent.append(record)
            self.pending += len(record.flows)

    def _note(self, record: FlowsRecord) -> None:
        self.version += 1
        self.first = min(self.first or record.time, record.time)
        self.last = max(self.last, record.time)
        if record.netns.gone:
            self.gone = min(self.gone or record.time, record.time)
        self.pod = max(self.pod, (record.netns.namespace, record.netns.name))
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

    def merge(self, cuts_of: CutsOf, lag: int = LAG) -> None:
        """Merges what is older than ``lag`` ms, in the order in which it was said."""
        horizon = self.last - lag
        due = sorted((one for one in self._recent if one.time < horizon or not lag), key=lambda one: one.seq)
        if not due:
            return
        self._recent = [one for one in self._recent if one.time >= horizon] if lag else []
        self.pending = sum(len(one.flows) for one in self._recent)
        self._put([one.flows for one in due], cuts_of, due[0].seq > self._newest_seq)
        self._newest_seq = max(self._newest_seq, due[-1].seq)

    def recut(self, cuts_of: CutsOf, is_touched: Callable[[str], bool]) -> None:
        """Begins to keep spans for the flows that are touched by a change that was not known before."""
        for key in [key for key in self._single if is_touched(key)]:
            sample = self._single[key]
            cuts = cuts_of(key)
            if cuts and cuts[-1] > sample[3]:
                del self._single[key]
                self._spans[key] = {_span(cuts, sample): sample}

    def samples(self) -> Mapping[str, list[Sample]]:
        """All samples that are known, by flow; one of a flow's is its newest."""
        found = {key: [sample] for key, sample in self._single.items()}
        for key, spans in self._spans.items():
            found[key] = list(spans.values())
        for record in self._recent:
            for key, sample in sound(record.flows).items():
                known = found.get(key)
                if known is None:
                    found[key] = [sample]
                else:
                    known.append(sample)
        return found

    def begun(self) -> int:
        """When (ms) the namespace was first heard of: its first flow, if that came shortly before the first record."""
        firsts = (sample[3] for samples in self.samples().values() for sample in samples)
        return min([self.first, *(first for first in firsts if first >= self.first - EARLY)])

    def waiting_faults(self) -> tuple[int, int]:
        """(malformed entries, counters that went backwards) of the records that wait."""
        waiting = sorted(self._recent, key=lambda one: one.seq)
        is_newer = bool(waiting) and waiting[0].seq > self._newest_seq
        merged = merge([self._single] * is_newer + [one.flows for one in waiting])
        return merged.malformed, merged.backwards

    def _put(self, records: Sequence[Mapping[str, Any]], cuts_of: CutsOf, is_newer: bool) -> None:
        merged = merge(records)
        self.malformed += merged.malformed
        self.backwards += merged.backwards
        single = self._single
        for key, sample in merged.samples.items():
            old = single.get(key)
            if old is None:
                self._put_new(key, sample, records, cuts_of)
            elif old < sample:
                single[key] = sample
            elif is_newer and old != sample:
                self.backwards += 1

    # A flow's first-seen time never changes, so that one look at the cuts after it settles how it is kept.
    def _put_new(self, key: str, sample: Sample, records: Sequence[Mapping[str, Any]], cuts_of: CutsOf) -> None:
        cuts = cuts_of(key)
        if key not in self._spans and not (cuts and cuts[-1] > sample[3]):
            self._single[key] = sample
            return
        spans = self._spans.setdefault(key, {})
        for one in (record[key] for record in records if is_counters(record.get(key))):
            span = _span(cuts, one)
            if span not in spans or spans[span] < one:
                spans[span] = one


# Named by its beginning, which stays the same when other cuts become known.
def _span(cuts: Sequence[int], sample: Sample) -> int:
    index = bisect_right(cuts, sample[4])
    return cuts[index - 1] if index else 0
