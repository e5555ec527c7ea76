"""The chance of a neighbor that was not seen yet: what is said of little, of nothing, and how often it holds."""

from __future__ import annotations

import random
from collections.abc import Callable
from itertools import accumulate

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kubectl_netpol.neighbors.completeness import MOMENTS
from kubectl_netpol.neighbors.unseen import MILLION, Unseen, poisson_limit, unseen

Times = list[float]
samples = st.lists(st.tuples(st.integers(0, 1000), st.booleans()), max_size=30)


def test_without_connections_nothing_is_known():
    assert unseen([]) == unseen([(0, True)]) == Unseen()
    assert (Unseen().chance, Unseen().limit) == (MILLION, MILLION)


def test_where_everything_came_once_the_next_may_be_new_for_certain():
    found = unseen([(1, True)] * 3)
    assert (found.chance, found.limit) == (MILLION, MILLION)


def test_where_nothing_came_once_the_limit_is_three_in_the_connections():
    found = unseen([(400, False), (600, False)])
    assert found.chance == 0
    assert found.limit == pytest.approx(3 * MILLION / 1000, rel=0.02)


def test_the_chance_is_the_share_of_what_was_met_once():
    assert unseen([(95, False), (3, False), (1, False), (1, True)]).chance == 20_000


def test_a_burst_within_a_moment_is_one_meeting_with_all_its_connections():
    found = unseen([(90, False), (10, True)])
    assert (found.once, found.chance) == (1, 100_000)


def test_what_was_met_twice_widens_the_limit():
    without, with_some = unseen([(98, False), (2, True)]), unseen([(94, False), (2, True), (2, False), (2, False)])
    assert with_some.limit > without.limit


@pytest.mark.parametrize(("count", "exact"), [(0, 2.996), (1, 4.744), (5, 10.513), (20, 29.062), (100, 118.079)])
def test_the_poisson_limit_is_within_one_percent_of_the_exact_one(count, exact):
    assert poisson_limit(count) == pytest.approx(exact, rel=0.01)


@given(samples)
def test_whatever_was_counted_the_chance_lies_below_its_limit_and_both_are_shares(counts):
    found = unseen(counts)
    assert 0 <= found.chance <= found.limit <= MILLION
    assert found.limit > 0


def zipf(count: int, exponent: float = 1.0) -> list[float]:
    return [1 / (rank + 1) ** exponent for rank in range(count)]


def draw(weights: list[float], size: int, burst: float, chance: random.Random) -> dict[int, Times]:
    """Whom ``size`` connections go to, and when (0 to 1); a burst's length is geometric."""
    found: dict[int, Times] = {}
    left, cumulated = size, list(accumulate(weights))
    while left:
        (one,), moment, length = chance.choices(range(len(weights)), cum_weights=cumulated), chance.random(), 1
        while chance.random() > 1 / burst:
            length += 1
        length = min(length, left)
        found.setdefault(one, []).extend([moment] * length)
        left -= length
    return found


def simulate(
    weights: list[float], size: int, burst: float = 1.0, rounds: int = 200, seed: int = 7
) -> tuple[float, float, float]:
    """The means of truth and estimate, and how often the truth lies below the limit."""
    chance, whole = random.Random(seed), sum(weights)
    truths, estimates, covered = 0.0, 0.0, 0
    for _ in range(rounds):
        met = draw(weights, size, burst, chance)
        found = unseen((len(times), (max(times) - min(times)) * MOMENTS <= 1) for times in met.values())
        truth = sum(weight for one, weight in enumerate(weights) if one not in met) / whole
        truths, estimates = truths + truth / rounds, estimates + found.chance / MILLION / rounds
        covered += truth <= found.limit / MILLION
    return truths, estimates, covered / rounds


@pytest.mark.parametrize(
    ("weights", "size"),
    [
        ([1.0] * 100, 100),
        ([1.0] * 100, 300),
        (zipf(100), 300),
        (zipf(300), 100),
        (zipf(50, 2.0), 100),
        ([1.0] * 5 + [0.01] * 10, 300),
    ],
    ids=["uniform-100", "uniform-300", "zipf-300", "zipf-100", "steep", "rare"],
)
def test_independent_connections_are_estimated_and_covered(weights, size):
    truth, estimate, coverage = simulate(weights, size)
    assert 0.9 * truth < estimate < 1.25 * truth  # two that fall into one moment by chance count as a burst
    assert coverage >= 0.92  # 0.95, less the noise of 200 rounds


def test_bursts_of_ten_are_estimated_and_covered_too():
    truth, estimate, coverage = simulate(zipf(100), 300, burst=10)
    assert estimate == pytest.approx(truth, rel=0.15)
    assert coverage >= 0.92


def test_bursts_that_outlast_a_moment_are_not_and_the_documentation_says_so():
    chance, covered = random.Random(7), 0
    weights = zipf(100)
    for _ in range(50):
        met = draw(weights, 300, 10, chance)
        found = unseen((len(times), False) for times in met.values())
        truth = sum(weight for one, weight in enumerate(weights) if one not in met) / sum(weights)
        covered += truth <= found.limit / MILLION
    assert covered < 10


def first_times(rates: list[float], until: float, chance: random.Random) -> list[Times]:
    found: list[Times] = []
    for rate in rates:
        times, now = [], chance.expovariate(rate)
        while now < until:
            times.append(now)
            now += chance.expovariate(rate)
        found.append(times)
    return found


def quiet_end(firsts: Times, stable: float) -> float:
    last = 0.0
    for first in sorted(firsts):
        if first - last >= stable:
            break
        last = first
    return last + stable


def news_after(end_of: Callable[[list[Times]], float], rates: list[float], rounds: int = 100) -> tuple[float, float]:
    """How often what comes new in as long again stays within the limit, and how often fewer than three come."""
    chance, within, few = random.Random(3), 0, 0
    for _ in range(rounds):
        met = first_times(rates, 400, chance)
        end = end_of(met)
        before = [seen for times in met if (seen := [one for one in times if one <= end])]
        brief = sum((times[-1] - times[0]) * MOMENTS <= end for times in before)
        new = sum(bool(times) and end < times[0] <= 2 * end for times in met)
        within += new <= poisson_limit(brief)
        few += new < 3
    return within / rounds, few / rounds


def test_as_long_again_brings_no_more_than_the_limit_even_where_the_end_was_chosen_by_a_silence():
    rates = [20 * rate for rate in zipf(50, 2.0)]
    assert news_after(lambda met: 60.0, rates)[0] >= 0.95
    within, few = news_after(lambda met: quiet_end([times[0] for times in met if times], 10), rates)
    assert within >= 0.95
    assert few < 0.5  # so the silence alone would not be worth "fewer than three"
