"""How likely a connection to come goes to a neighbor that was not seen yet: Good and Turing's estimate, and a limit.

Where each connection goes is taken as drawn independently from one mix of neighbors, or that of each burst of
connections to one neighbor. What that means for real traffic, and how far off the figures are: docs/completeness.md.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from math import ceil, sqrt

MILLION = 1_000_000
_QUANTILE = 1.6449
"""Of the normal distribution: 95 % lie below."""


@dataclass(frozen=True, slots=True)
class Unseen:
    """``connections`` in the sample; how many neighbors were met ``once``, and ``twice``.

    ``brief`` are the connections to those that were met once, ``squares`` the sum of their squares per neighbor. All
    that falls into one moment is one meeting. A chance is in parts per million. Without connections nothing is known,
    and both are a whole million.
    """

    connections: int = 0
    once: int = 0
    twice: int = 0
    brief: int = 0
    squares: int = 0

    @property
    def chance(self) -> int:
        """Good, 1953: as many as went to what was met once, of all."""
        return _share(self.brief, self.connections)

    @property
    def limit(self) -> int:
        """What the chance is below, with 95 % confidence; three in ``connections`` when none was met once.

        The difference between estimate and truth, in meetings, has the variance once + 2 twice (Esty, 1983, for small
        chances); the margin is what a Poisson count of that size may fall short of its mean. A meeting has as many
        connections as those of the sample had, weighted by their size.
        """
        variance = self.once + 2 * self.twice
        burst = self.squares / self.brief if self.brief else 1.0
        return _share(self.brief + (poisson_limit(variance) - variance) * burst, self.connections)

    @property
    def is_too_small(self) -> bool:
        """Nothing was met once, and the limit is the whole: an estimate of 0 that rests on a few connections."""
        return not self.once and self.limit >= MILLION


NOTHING = Unseen()


def unseen(counts: Iterable[tuple[int, bool]]) -> Unseen:
    """The sample of neighbors with so many connections each, and whether all of these fell into one moment.

    Those without connections are none of it. Met twice are those with no more connections than two meetings have.
    """
    met = [(count, is_brief) for count, is_brief in counts if count > 0]
    once = [count for count, is_brief in met if is_brief or count == 1]
    burst = sum(once) / len(once) if once else 1.0
    twice = sum(count <= 2.5 * burst for count, is_brief in met if not is_brief and count > 1)
    connections = sum(count for count, _ in met)
    return Unseen(connections, len(once), twice, sum(once), sum(count * count for count in once))


def poisson_limit(count: int) -> float:
    """The mean of which a Poisson count is so small or smaller in 5 % of cases.

    By Wilson and Hilferty's approximation of the chi-square quantile: 2.97 for 0 where 3.00 is exact, and nearer above.
    """
    shape = count + 1
    whole: float = shape * (1 - 1 / (9 * shape) + _QUANTILE / (3 * sqrt(shape))) ** 3
    return whole


def _share(part: float, whole: int) -> int:
    return min(MILLION, ceil(MILLION * part / whole)) if whole else MILLION
