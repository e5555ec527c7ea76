"""Which flows an apply has broken, told from what was heard before and after it. Pure.

A dropped connection leaves its attempt at the client's own interface, and no answer. So a flow that was answered before
and is only attempted now is blocked: at once where the policies deny it, after a while where they do not, since then it
may be its peer that is down. So is one to an address that never answered, where the policies deny it and its DNS name
was answered before. What went unanswered before the apply already, or was denied until then, is no loss by it. A flow
that was refused came through. One that nobody answers anyway (one-way UDP), one whose client is not captured
(outside of the cluster, on a node), and a connection that stays open cannot be told.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass

from ..model import Counts, Direction, NeighborKey, NetworkNeighbors, PeerKind, Workload
from ..neighbors.document import unnamed
from .moved import Names, Place

MANY_ATTEMPTS = 3
MANY_MILLISECONDS = 4_000
"""So many attempts that nobody answered, over so long, are enough where the policies deny them."""

FEW_MILLISECONDS = 15_000
"""So long is enough for a single one."""

UNEXPLAINED_MILLISECONDS = 45_000
"""So long is enough for a flow that the policies admit."""

Flow = tuple[Workload, NeighborKey]


@dataclass(frozen=True, slots=True)
class Blocked:
    """A flow of ``workload`` that is not answered any more. ``attempts`` since the apply; ``is_denied`` by policies.

    ``name``: the DNS name that was answered before, where this address of it never was.
    """

    workload: Workload
    key: NeighborKey
    attempts: int
    since: int
    is_denied: bool
    name: str = ""


@dataclass(slots=True)
class _Row:
    """``attempts`` and ``settled`` (answered or refused) when something was answered last; ``since`` the first attempt
    after that (ms), 0 for none; ``base`` the attempts at the time of the apply."""

    attempts: int
    settled: int
    base: int
    since: int = 0


class Watch:
    """``subjects`` are the full paths (``shop/deployment/api``) of the workloads whose policies are applied.

    ``is_denied`` says whether the applied policies deny a workload's flow, ``was_denied`` whether the earlier ones did;
    they are asked about few.
    """

    def __init__(
        self,
        subjects: Iterable[str],
        known: Iterable[NetworkNeighbors],
        is_denied: Callable[[NetworkNeighbors, NeighborKey], bool],
        was_denied: Callable[[NetworkNeighbors, NeighborKey], bool] = lambda *_: False,
    ) -> None:
        self._subjects = frozenset(subjects)
        self._is_denied = is_denied
        self._was_denied = was_denied
        self._denied: dict[Place, bool] = {}
        self._met: dict[Place, Blocked] = {}
        self._rows: dict[Place, _Row] = {}
        self._answered: set[Place] = set()
        self._working: set[Place] = set()
        self._names = Names()
        for place, counts in (found for one in known for found in self._counts_of(one).values()):
            self._names.add(place, counts)
            if counts.answered:
                self._answered.add(place)

    def begin(self, heard: Sequence[NetworkNeighbors], earlier: Sequence[NetworkNeighbors]) -> list[Flow]:
        """What was heard until the apply, and until some seconds earlier, of this session only.

        The flows that used to be answered and are not any more, although nothing is applied yet; they do not count from
        now on. An attempt that was not heard ``earlier`` may have its answer on the way.
        """
        for place, counts in (found for one in heard for found in self._counts_of(one).values()):
            if counts.answered:
                self._working.add(place)
                self._names.hear_answered(place, counts)
        self._answered |= self._working
        old = {place for one in earlier for place, counts in self._counts_of(one).values() if counts.attempts}
        lost: list[Flow] = []
        for one in heard:
            for key, (place, counts) in self._counts_of(one).items():
                settled = counts.answered + counts.refused
                self._rows[place] = _Row(counts.attempts, settled, counts.attempts)
                if settled or place not in old - self._working:
                    continue
                is_lost = place in self._answered
                if self._names.lose(place, counts) or is_lost:
                    lost.append((one.workload, key))
                self._answered.discard(place)
        return lost

    def look(self, heard: Iterable[NetworkNeighbors], now: int) -> list[Blocked]:
        """What used to be answered and is blocked by ``now`` (ms), by all that was heard in this session."""
        blocked = []
        for place, one, found in self._unanswered(heard, now):
            if found.is_denied:
                self._met[place] = found
            if (place in self._answered or found.name) and self._is_enough(found, now):
                if place not in self._working and self._was_denied(one, found.key):
                    self._answered.discard(place)
                    self._names.forget(place)
                else:
                    blocked.append(found)
        return blocked

    @property
    def denied(self) -> list[Blocked]:
        """All that the policies denied since the apply, whether it was ever answered before or not."""
        return [found for _, found in sorted(self._met.items(), key=lambda item: str(item[0]))]

    def _unanswered(
        self, heard: Iterable[NetworkNeighbors], now: int
    ) -> Iterator[tuple[Place, NetworkNeighbors, Blocked]]:
        for one in heard:
            for key, (place, counts) in self._counts_of(one).items():
                row = self._note(place, counts, now)
                if not row.since:
                    continue
                is_denied = self._denied.get(place)
                if is_denied is None:
                    is_denied = self._denied[place] = self._is_denied(one, key)
                attempts = counts.attempts - max(row.base, row.attempts)
                is_moved = is_denied and place not in self._answered
                name = self._names.name_of(place, counts) if is_moved else ""
                yield place, one, Blocked(one.workload, key, attempts, row.since, is_denied, name)

    def _note(self, place: Place, counts: Counts, now: int) -> _Row:
        row = self._rows.setdefault(place, _Row(0, 0, 0))
        settled = counts.answered + counts.refused
        if settled > row.settled:
            row.attempts, row.settled, row.since = counts.attempts, settled, 0
        elif counts.attempts > row.attempts and not row.since:
            row.since = now
        return row

    def _is_enough(self, one: Blocked, now: int) -> bool:
        waited = now - one.since
        if not one.is_denied:
            return waited >= UNEXPLAINED_MILLISECONDS
        is_many = one.attempts >= MANY_ATTEMPTS and waited >= MANY_MILLISECONDS
        return is_many or waited >= FEW_MILLISECONDS

    # Of the subjects all flows; of others those that lead to a subject, which its own interface may never see.
    def _counts_of(self, one: NetworkNeighbors) -> Mapping[NeighborKey, tuple[Place, Counts]]:
        path = one.workload.full_path
        is_subject = path in self._subjects
        return {
            neighbor.key: (
                (path, neighbor.key.direction, unnamed(neighbor.key.peer), neighbor.key.port),
                neighbor.counts,
            )
            for neighbor in one.neighbors
            if (is_subject or self._leads_there(neighbor.key)) and neighbor.key.peer.kind is not PeerKind.OWN_NODE
        }

    def _leads_there(self, key: NeighborKey) -> bool:
        return key.direction is Direction.EGRESS and key.peer.name in self._subjects
