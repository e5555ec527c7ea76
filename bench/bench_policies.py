"""Wire lines of 500 workloads to their policies, against parsing the same JSON: each in a process of its own.

``to_json`` is the time of everything (decode, fold, attribute, sum up, generate) over that of ``json.loads`` on the
same lines, taken in turn, CPU time, the median of the rounds. ``memory_mib`` is the most that the process that makes
policies held (its own, not its parent's); ``growth`` compares the time per entry with the first size's: linear is 1.
"""

from __future__ import annotations

import json
import statistics
import time
from pathlib import Path
from typing import Any

import growth
from bench_fold import BEGIN, lines, objects

from kubectl_netpol.neighbors.fold import Fold
from kubectl_netpol.neighbors.inventory import Inventory
from kubectl_netpol.neighbors.recording import summarise
from kubectl_netpol.policy.generate import generate
from kubectl_netpol.wire import decode

SIZES = (300_000, 3_000_000)
QUICK_SIZES = (30_000, 150_000)


def parse(path: Path) -> dict[str, Any]:
    begun = time.process_time()
    with path.open("rb") as stream:
        for line in stream:
            json.loads(line)
    return {"seconds": time.process_time() - begun}


def make_policies(path: Path) -> dict[str, Any]:
    begun = time.process_time()
    inventory = Inventory()
    inventory.observe(objects(), BEGIN)
    fold = Fold(inventory, is_complete=True)
    with path.open("rb") as stream:
        for line in stream:
            fold.add(decode(line))
    policies = generate(summarise(one) for one in fold.recordings(inventory).values()).policies
    took = time.process_time() - begun
    return {
        "seconds": took,
        "entries": fold.account().entries,
        "policies": len(policies),
        "peak_kib": growth.peak_kibibytes(),
    }


WORK = {"parse": parse, "policies": make_policies}


def measure(path: Path, rounds: int) -> tuple[dict[str, Any], float]:
    """The figures of one size, and its seconds per entry, both relative to parsing."""
    pairs = growth.pairs(__file__, path, rounds)
    last = pairs[-1][1]
    ratio = statistics.median(made["seconds"] / parsed["seconds"] for parsed, made in pairs)
    figures = {
        "case": f"{last['entries']:,} entries",
        "policies": last["policies"],
        "parse_s": round(statistics.median(parsed["seconds"] for parsed, _ in pairs), 2),
        "policies_s": round(statistics.median(made["seconds"] for _, made in pairs), 2),
        "to_json": round(ratio, 2),
        "memory_mib": round(last["peak_kib"] / 1024, 1),
    }
    return figures, statistics.median(made["seconds"] for _, made in pairs) / last["entries"]


if __name__ == "__main__" and not growth.worked(WORK):
    growth.run(SIZES, QUICK_SIZES, lines, measure)
