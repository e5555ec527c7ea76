"""How far off the estimate of what is missing is: ``python bench/bench_completeness.py [--quick|ROUNDS]`` simulates.

First by connections: a mix of neighbors is known, so that the chance that a connection to come goes to one that was
not drawn is known too. ``coverage`` is how often it lies below the limit, which should be 0.95 or more. Of so many
rounds it is known within an error: ``coverage_at_most`` adds three standard errors, so that among 40 cases chance alone
rarely brings one below 0.95.

Then by time: neighbors come by Poisson processes, or every so often, and a recording ends when nothing new came for so
long, as with --until-stable. ``expected`` new neighbors in as long again are known from the rates.

Everything is seeded: the same figures come out everywhere. Prints one JSON line per case.
"""

from __future__ import annotations

import json
import math
import random
import sys
from collections.abc import Callable
from statistics import fmean

from mixes import MIXES, Mix, zipf

from kubectl_netpol.neighbors.completeness import MOMENTS
from kubectl_netpol.neighbors.unseen import MILLION, poisson_limit, unseen

HORIZON = 400.0
"""Minutes, beyond twice the longest recording."""

CONFIDENCE = 0.95
SIZES = (30, 100, 300, 1000)
Figures = dict[str, object]
Times = Callable[[float, random.Random], list[float]]
"""The moments until then at which a neighbor is talked to."""


def by_connections(mix: Mix, size: int, rounds: int) -> Figures:
    chance = random.Random(f"{mix.name} {size}")  # noqa: S311  # the same figures everywhere
    truths, estimates, limits, covered = [], [], [], 0
    shares = mix.shares
    for _ in range(rounds):
        met: dict[int, list[float]] = {}
        for moment, one in mix.draws(size, chance):
            met.setdefault(one, []).append(moment)
        found = unseen((len(moments), is_brief(moments, 1.0)) for moments in met.values())
        truth = sum(share for one, share in enumerate(shares) if one not in met)
        truths.append(truth)
        estimates.append(found.chance / MILLION)
        limits.append(found.limit / MILLION)
        covered += truth <= limits[-1]
    return {
        "case": f"{mix.name}; {size} connections",
        "truth_percent": round(100 * fmean(truths), 3),
        "estimate_percent": round(100 * fmean(estimates), 3),
        "limit_percent": round(100 * fmean(limits), 3),
        **coverage(covered, rounds),
    }


def coverage(covered: int, rounds: int) -> Figures:
    """The share of rounds in which the limit held, and the same with three standard errors of a true 95 %."""
    error = 3 * math.sqrt(CONFIDENCE * (1 - CONFIDENCE) / rounds)
    return {"coverage": round(covered / rounds, 4), "coverage_at_most": round(min(1.0, covered / rounds + error), 4)}


def is_brief(moments: list[float], whole: float) -> bool:
    return (moments[-1] - moments[0]) * MOMENTS <= whole


def poisson(rate: float) -> Times:
    def times(until: float, chance: random.Random) -> list[float]:
        found, now = [], chance.expovariate(rate)
        while now < until:
            found.append(now)
            now += chance.expovariate(rate)
        return found

    return times


def periodic(period: float) -> Times:
    def times(until: float, chance: random.Random) -> list[float]:
        phase = chance.random() * period
        return [phase + turn * period for turn in range(math.ceil(max(0.0, until - phase) / period))]

    return times


WORLDS: dict[str, list[Times]] = {
    "Poisson, rates by Zipf, 50 neighbors": [poisson(6 * rate) for rate in zipf(50)],
    "Poisson, rates by steep Zipf, 50 neighbors": [poisson(20 * rate) for rate in zipf(50, 2.0)],
    "periodic, every 0.2 to 20 minutes, 30 neighbors": [periodic(0.2 * 1.172**one) for one in range(30)],
    "10 busy, and 5 jobs every hour": [poisson(1.0)] * 10 + [periodic(60)] * 5,
}
"""Minutes are the unit."""


def again(name: str, minutes: float, rounds: int) -> Figures:
    """Recorded for ``minutes``, and as long again: what came new against what was met in one moment only."""
    chance = random.Random(f"again {name} {minutes}")  # noqa: S311  # the same figures everywhere
    news, estimates, limits, within = [], [], [], 0
    for _ in range(rounds):
        whole = [times(2 * minutes, chance) for times in WORLDS[name]]
        first = [[one for one in times if one < minutes] for times in whole]
        brief = sum(bool(times) and is_brief(times, minutes) for times in first)
        new = sum(bool(times) and not before for times, before in zip(whole, first, strict=True))
        news.append(new)
        estimates.append(brief)
        limits.append(math.ceil(poisson_limit(brief)))
        within += new <= limits[-1]
    return {
        "case": f"{name}; {minutes:g} minutes, and again",
        "new": round(fmean(news), 2),
        "estimate": round(fmean(estimates), 2),
        "limit": round(fmean(limits), 2),
        **coverage(within, rounds),
    }


def until_stable(name: str, stable: float, rounds: int) -> Figures:
    """Ends when nothing new came for ``stable`` minutes: what came new in as long again, against the estimate then."""
    chance = random.Random(f"stable {name} {stable}")  # noqa: S311  # the same figures everywhere
    nexts, news, estimates, limits, lengths, within = [], [], [], [], [], 0
    for _ in range(rounds):
        met = [moments for times in WORLDS[name] if (moments := times(HORIZON, chance))]
        end = quiet_end(sorted(moments[0] for moments in met), stable)
        before = [[one for one in moments if one <= end] for moments in met]
        brief = sum(is_brief(moments, end) for moments in before if moments)
        firsts = [moments[0] for moments in met if moments[0] > end]
        lengths.append(end)
        nexts.append(sum(first <= end + stable for first in firsts))
        news.append(sum(first <= 2 * end for first in firsts))
        estimates.append(brief)
        limits.append(math.ceil(poisson_limit(brief)))
        within += news[-1] <= limits[-1]
    return {
        "case": f"{name}; until nothing new came for {stable:g} minutes",
        "minutes": round(fmean(lengths), 1),
        "new_in_the_next": round(fmean(nexts), 2),
        "three_or_more_percent": round(100 * sum(new >= 3 for new in nexts) / rounds, 1),
        "new": round(fmean(news), 2),
        "estimate": round(fmean(estimates), 2),
        "limit": round(fmean(limits), 2),
        **coverage(within, rounds),
    }


def quiet_end(firsts: list[float], stable: float) -> float:
    """When nothing new has come for so long, for the first time."""
    last = 0.0
    for first in firsts:
        if first - last >= stable:
            break
        last = first
    return last + stable


def main() -> None:
    words = sys.argv[1:]
    rounds = 200 if "--quick" in words else int(words[0]) if words else 2000
    for mix in MIXES:
        for size in SIZES:
            print(json.dumps(by_connections(mix, size, rounds)))
    for name in WORLDS:
        for minutes in (10, 60):
            print(json.dumps(again(name, minutes, rounds // 2)))
    for name in WORLDS:
        print(json.dumps(until_stable(name, 10, rounds // 2)))


if __name__ == "__main__":
    main()
