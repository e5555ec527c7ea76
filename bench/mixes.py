"""How workloads might choose whom to talk to: for the benches of the estimate of what is missing."""

from __future__ import annotations

import random
from dataclasses import dataclass
from itertools import accumulate

MEAN_BURST = 10


@dataclass(frozen=True, slots=True)
class Mix:
    """Neighbors by their ``weights``; ``burst``: so many connections, at the mean, go to each that was chosen."""

    name: str
    weights: tuple[float, ...]
    burst: float = 1.0

    @property
    def shares(self) -> list[float]:
        whole = sum(self.weights)
        return [weight / whole for weight in self.weights]

    def draws(self, count: int, chance: random.Random) -> list[tuple[float, int]]:
        """When (from 0 to 1, in order) and whom ``count`` connections go to. A burst's length is geometric."""
        found: list[tuple[float, int]] = []
        cumulated = list(accumulate(self.weights))
        while len(found) < count:
            (one,), moment = chance.choices(range(len(self.weights)), cum_weights=cumulated), chance.random()
            found.append((moment, one))
            while chance.random() > 1 / self.burst:
                found.append((moment, one))
        return sorted(found[:count])


def zipf(count: int, exponent: float = 1.0) -> tuple[float, ...]:
    return tuple(1 / (rank + 1) ** exponent for rank in range(count))


MIXES = (
    Mix("uniform, 20 neighbors", (1.0,) * 20),
    Mix("uniform, 100 neighbors", (1.0,) * 100),
    Mix("Zipf, 100 neighbors", zipf(100)),
    Mix("Zipf, 1000 neighbors", zipf(1000)),
    Mix("steep Zipf (2), 50 neighbors", zipf(50, 2.0)),
    Mix("5 busy, 10 rare (1:100)", (1.0,) * 5 + (0.01,) * 10),
    Mix("Zipf, 100 neighbors, bursts of 10", zipf(100), MEAN_BURST),
)
