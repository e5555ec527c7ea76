"""What the capture costs the traffic: short connections and bulk, with none, with tcx and with socket filters in turn.

Each round measures the three one after another and compares within the round, so that whatever else the machine does
weighs on all of them; a figure is the median over the rounds. ``_to_off`` are rates (1: no cost), ``_cpu_to_off`` the
client's CPU time per connection or byte, which the neighbours' load disturbs less: softirqs run in the client's time.
"""

from __future__ import annotations

import statistics
import sys
from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext
from pathlib import Path

from stage import SERVER_PORT, Agent, Figures, Stage, play, result

from kubectl_netpol.demo.machine import Machine

MODES = ("off", "tcx", "socket")
BULK_PORT = 8081
Sample = tuple[float, float]
"""Units (connections, bytes) per second, and CPU seconds per unit."""
Rounds = list[dict[str, Sample]]


def capture(mode: str, scratch: Path) -> AbstractContextManager[object]:
    return nullcontext() if mode == "off" else Agent(mode, scratch).wait_attached(2)


def connections(stage: Stage, seconds: float) -> Sample:
    found = result(stage.start_client("connect", SERVER_PORT, "1", "100000000", str(seconds)))
    if found["failed"]:
        raise RuntimeError(f"{found['failed']} connections failed")
    return found["connections"] / found["seconds"], found["cpu_seconds"] / found["connections"]


def bulk(stage: Stage, seconds: float) -> Sample:
    found = result(stage.start_client("pour", BULK_PORT, str(seconds)))
    return found["bytes"] / found["seconds"], found["cpu_seconds"] / found["bytes"]


def measure_rounds(stage: Stage, scratch: Path, rounds: int, seconds: float) -> dict[str, Rounds]:
    found: dict[str, Rounds] = {"connections": [], "bulk": []}
    kinds: dict[str, Callable[[Stage, float], Sample]] = {"connections": connections, "bulk": bulk}
    with stage.serving("accept", SERVER_PORT, "1"), stage.serving("sink", BULK_PORT):
        for _ in range(rounds):
            for samples in found.values():
                samples.append({})
            for mode in MODES:
                with capture(mode, scratch):
                    for kind, take in kinds.items():
                        found[kind][-1][mode] = take(stage, seconds)
    return found


def summarise(kind: str, rounds: Rounds) -> Figures:
    scale, unit = (1, "per_s") if kind == "connections" else (1e6, "mb_per_s")
    figures: Figures = {
        f"{kind}_{mode}_{unit}": round(statistics.median(one[mode][0] for one in rounds) / scale) for mode in MODES
    }
    for mode in MODES[1:]:
        rates = [one[mode][0] / one["off"][0] for one in rounds]
        costs = [one[mode][1] / one["off"][1] for one in rounds]
        figures[f"{kind}_{mode}_to_off"] = round(statistics.median(rates), 3)
        figures[f"{kind}_{mode}_to_off_spread"] = round(max(rates) - min(rates), 3)
        figures[f"{kind}_{mode}_cpu_to_off"] = round(statistics.median(costs), 3)
    return figures


def measure(machine: Machine, scratch: Path) -> list[Figures]:
    rounds, seconds = (3, 0.3) if "--quick" in sys.argv else (11, 1.0)
    found = measure_rounds(Stage(machine, scratch), scratch, rounds, seconds)
    return [{"rounds": rounds} | summarise("connections", found["connections"]) | summarise("bulk", found["bulk"])]


if __name__ == "__main__":
    play(measure, 240)
