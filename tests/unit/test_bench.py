"""How the figures of the benches are judged."""

import importlib
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]


@pytest.fixture
def bench(monkeypatch):
    """A module of the benches, by its name."""
    monkeypatch.syspath_prepend(str(ROOT / "bench"))
    return importlib.import_module


@pytest.mark.parametrize(
    ("covered", "rounds", "verdict"),
    [
        (1888, 2000, "met"),
        (1860, 2000, "missed"),
        (188, 200, "met"),
        (18600, 20000, "missed"),
        (18880, 20000, "missed"),
    ],
)
def test_a_coverage_is_judged_with_the_error_that_so_many_rounds_leave(bench, covered, rounds, verdict):
    found = bench("bench_completeness").coverage(covered, rounds)
    assert found["coverage"] == covered / rounds
    goal = bench("goals").GOALS["completeness", "coverage_at_most"]
    assert goal.verdict(found["coverage_at_most"]) == verdict


def test_each_simulated_case_has_the_figure_that_is_judged(bench):
    module, mixes = bench("bench_completeness"), bench("mixes").MIXES
    world = next(iter(module.WORLDS))
    for found in (
        module.by_connections(mixes[0], 30, 5),
        module.again(world, 10, 5),
        module.until_stable(world, 10, 5),
    ):
        assert found["coverage"] <= found["coverage_at_most"] <= 1
