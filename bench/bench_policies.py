"""Wire lines of 500 workloads to their policies, against parsing the same JSON: each in a process of its own.

``to_json`` is the time of everything (decode, fold, attribute, sum up, generate) over that of ``json.loads`` on the
same lines, taken in turn, CPU time, the median of the rounds. ``memory_mib`` is the most that the process that makes
policies held (its own, not its parent's); ``growth`` compares the time per entry with the first size's: linear is 1.
"""

from __future__ import annotations

import gc
import json
import re
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

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
    return {"seconds": took, "entries": fold.account().entries, "policies": len(policies), "peak_kib": peak_kibibytes()}


def peak_kibibytes() -> int:
    found = re.search(r"^VmHWM:\s+(\d+) kB", Path("/proc/self/status").read_text(), re.MULTILINE)
    return int(found[1]) if found else 0


WORK = {"parse": parse, "policies": make_policies}


def run(work: str, path: Path) -> dict[str, Any]:
    done = subprocess.run([sys.executable, __file__, work, str(path)], check=True, capture_output=True)
    found: dict[str, Any] = json.loads(done.stdout)
    return found


def measure(path: Path, rounds: int) -> tuple[dict[str, Any], float]:
    """The figures of one size, and its seconds per entry, both relative to parsing."""
    pairs = [(run("parse", path), run("policies", path)) for _ in range(rounds)]
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


def main() -> None:
    quick = "--quick" in sys.argv
    first = 0.0
    for size, rounds in zip(QUICK_SIZES if quick else SIZES, (1, 1) if quick else (3, 1), strict=True):
        with tempfile.NamedTemporaryFile("w", suffix=".ndjson") as file:
            file.writelines(lines(size))
            file.flush()
            figures, per_entry = measure(Path(file.name), rounds)
        first = first or per_entry
        print(json.dumps(figures | ({} if per_entry == first else {"growth": round(per_entry / first, 2)})), flush=True)


if __name__ == "__main__":
    gc.set_threshold(100_000, 20, 100)  # as the program itself sets it
    if sys.argv[1:2] and sys.argv[1] in WORK:
        print(json.dumps(WORK[sys.argv[1]](Path(sys.argv[2]))))
    else:
        main()
