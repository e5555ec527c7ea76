"""``make bench``: runs each bench as a process, prints a table of figures and goals, and writes bench.json.

    python bench/run.py [--only NAME] [--quick] [--output FILE]

A bench prints JSON lines, one per case, each a flat object of figures (``case`` names it when there are several). A
goal that is missed is said and no more; the exit code is 1 only when a bench itself broke.

Some benches need the tests' cluster. They use the one that runs, or start one and remove it. What it is made of takes
long to build the first time, so without ``--only`` they are left out until it is built (``make cluster``), and when
quick.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from goals import GOALS
from tabulate import tabulate

HERE = Path(__file__).resolve().parent
PATIENCE = 600.0
"""Seconds that one bench may take."""

BUILDING_PATIENCE = 5400.0
"""As above, where a cluster may have to be built first."""


@dataclass(frozen=True, slots=True)
class Bench:
    """``arguments`` for a full run, ``quick`` for a short one (None: left out of it). ``cluster``: it needs one."""

    name: str
    arguments: tuple[str, ...] = ()
    quick: tuple[str, ...] | None = ("--quick",)
    cluster: bool = False


BENCHES = (
    Bench("commands"),
    Bench("overhead"),
    Bench("agent"),
    Bench("memory"),
    Bench("namespaces"),
    Bench("policies"),
    Bench("imports"),
    Bench("fold", ("300000",), ("30000",)),
    Bench("documents"),
    Bench("known_servers", quick=None),
    Bench("replay"),
    Bench("streams"),
    Bench("completeness"),
    Bench("halves"),
    Bench("recording", cluster=True),
    Bench("inventory", cluster=True),
    Bench("short_pods", cluster=True),
    Bench("throughput", cluster=True),
)


@dataclass(frozen=True, slots=True)
class Result:
    """``cases``: what the bench printed; ``failure``: why it broke, or empty."""

    bench: str
    seconds: float
    cases: tuple[dict[str, Any], ...] = ()
    failure: str = ""


def run_bench(bench: Bench, quick: bool) -> Result:
    command = [sys.executable, str(HERE / f"bench_{bench.name}.py")]
    command += (bench.quick or ()) if quick else bench.arguments
    environment = os.environ | {"PYTHONPATH": str(HERE.parent)}
    begun, patience = time.monotonic(), BUILDING_PATIENCE if bench.cluster else PATIENCE
    try:
        done = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=patience, check=False)
        code, stdout, stderr = done.returncode, done.stdout, done.stderr
    except subprocess.TimeoutExpired:
        code, stdout, stderr = -1, "", f"not done after {patience:g} seconds"
    took = round(time.monotonic() - begun, 1)
    if code:
        return Result(bench.name, took, failure=stderr.strip() or f"exit code {code}")
    return Result(bench.name, took, tuple(json.loads(line) for line in stdout.splitlines()))


def machine_facts() -> dict[str, Any]:
    """What the figures depend on."""
    models = [line for line in Path("/proc/cpuinfo").read_text().splitlines() if line.startswith("model name")]
    return {
        "cpu": models[0].partition(":")[2].strip() if models else platform.machine(),
        "cores": os.cpu_count(),
        "memory_mib": os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") >> 20,
        "kernel": platform.release(),
        "python": platform.python_version(),
        "load": round(os.getloadavg()[0], 2),
    }


def rows(result: Result) -> Iterator[tuple[str, str, str, str, str]]:
    """(bench, figure, value, goal, verdict) of each figure."""
    if result.failure:
        yield result.bench, "broke", result.failure.splitlines()[-1][:80], "", ""
    for case in result.cases:
        place = " ".join(filter(None, (result.bench, str(case.get("case", "")))))
        for figure, value in case.items():
            if figure in ("case", "bench"):
                continue
            goal = GOALS.get((result.bench, figure))
            yield place, figure, show(value), str(goal or ""), goal.verdict(value) if goal else ""


def show(value: object) -> str:
    if isinstance(value, int):
        return f"{value:,}"
    return f"{value:,.4g}" if isinstance(value, float) and abs(value) < 1000 else f"{value}"


def report(results: list[Result], facts: dict[str, Any]) -> str:
    table = [row for result in results for row in rows(result)]
    text = tabulate(
        table,
        headers=["bench", "figure", "value", "goal", "verdict"],
        colalign=("left", "left", "right", "left", "left"),
        disable_numparse=True,
    )
    return f"{text}\n\n{', '.join(f'{name} {value}' for name, value in facts.items())}\n"


def as_document(results: list[Result], facts: dict[str, Any], quick: bool) -> dict[str, Any]:
    figures = [
        {"bench": place, "figure": figure, "goal": goal, "verdict": verdict}
        for result in results
        for place, figure, _, goal, verdict in rows(result)
        if goal
    ]
    runs = {one.bench: {"seconds": one.seconds, "cases": one.cases, "failure": one.failure} for one in results}
    return {"machine": facts, "quick": quick, "goals": figures, "benches": runs}


def parse_options() -> argparse.Namespace:
    of_clusters = ", ".join(bench.name for bench in BENCHES if bench.cluster)
    parser = argparse.ArgumentParser(
        description="Measure speed, memory and losses against their goals.",
        epilog=f"These start a cluster if none runs (as root): {of_clusters}. Without --only they are left out until "
        "the cluster is built, which takes long once (make cluster builds it), and always with --quick.",
    )
    parser.add_argument("--only", choices=[bench.name for bench in BENCHES], help="run this one")
    parser.add_argument("--quick", action="store_true", help="smaller inputs, fewer rounds: about two minutes")
    parser.add_argument("--output", type=Path, default=HERE.parent / "bench.json")
    return parser.parse_args()


def choose(only: str | None, quick: bool) -> list[Bench]:
    if only:
        return [bench for bench in BENCHES if bench.name == only]
    chosen = [bench for bench in BENCHES if not (quick and (bench.quick is None or bench.cluster))]
    if quick or cluster_is_built():
        return chosen
    left_out = ", ".join(bench.name for bench in chosen if bench.cluster)
    print(f"left out, since no cluster would start at once (make cluster, as root): {left_out}", file=sys.stderr)
    return [bench for bench in chosen if not bench.cluster]


def cluster_is_built() -> bool:
    command = [sys.executable, "-c", "import cluster, sys; sys.exit(not cluster.is_built())"]
    environment = os.environ | {"PYTHONPATH": f"{HERE}{os.pathsep}{HERE.parent}"}
    return subprocess.run(command, env=environment, check=False).returncode == 0


def main() -> int:
    options = parse_options()
    chosen = choose(options.only, options.quick)
    facts = machine_facts()
    results = []
    for bench in chosen:
        print(f"{bench.name} ...", file=sys.stderr, flush=True)
        results.append(run_bench(bench, options.quick))
    sys.stdout.write(report(results, facts))
    options.output.write_text(json.dumps(as_document(results, facts, options.quick), indent=1) + "\n")
    for result in results:
        if result.failure:
            print(f"{result.bench} broke:\n{result.failure}", file=sys.stderr)
    return int(any(result.failure for result in results))


if __name__ == "__main__":
    sys.exit(main())
