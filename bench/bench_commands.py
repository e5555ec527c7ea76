"""How long a person waits for ``--help`` and for ``generate`` out of a cache of 500 workloads, as processes.

Milliseconds, medians: of wall time, and of CPU time (``_cpu_ms``), which others' load disturbs less. ``python_ms`` is
an interpreter that does nothing, the floor of them all; ``generate_all_s`` is every workload's policy at once.
"""

from __future__ import annotations

import json
import os
import resource
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from bench_fold import BEGIN, lines, objects

from kubectl_netpol.cache.location import ENVIRONMENT
from kubectl_netpol.cache.store import LOCAL, Store
from kubectl_netpol.neighbors.fold import Fold
from kubectl_netpol.neighbors.inventory import Inventory
from kubectl_netpol.wire import decode

ENTRIES = 15_000
PROGRAM = [sys.executable, "-m", "kubectl_netpol"]
GENERATE = ["generate", "deploy/app-7", "-n", "ns-7", "--local"]
COMMANDS = {
    "python_ms": [sys.executable, "-c", "pass"],
    "help_ms": [*PROGRAM, "--help"],
    "generate_help_ms": [*PROGRAM, "generate", "--help"],
    "generate_ms": [*PROGRAM, *GENERATE],
}
GENERATE_ALL = [*PROGRAM, "generate", "--all", "-A", "--local"]


def fill_cache(directory: Path) -> None:
    inventory = Inventory()
    inventory.observe(objects(), BEGIN)
    fold = Fold(inventory)
    for line in lines(ENTRIES):
        fold.add(decode(line))
    with Store.open(directory) as store:
        store.merge(LOCAL, fold.recordings(inventory).values())


def time_once(command: list[str], environment: dict[str, str]) -> tuple[float, float]:
    """Milliseconds of wall and of CPU time."""
    begun, spent = time.perf_counter(), cpu_seconds()
    subprocess.run(command, env=environment, check=True, capture_output=True)
    return (time.perf_counter() - begun) * 1000, (cpu_seconds() - spent) * 1000


def cpu_seconds() -> float:
    usage = resource.getrusage(resource.RUSAGE_CHILDREN)
    return usage.ru_utime + usage.ru_stime


def imports_kubernetes(arguments: list[str], environment: dict[str, str]) -> bool:
    command = [sys.executable, "-X", "importtime", "-m", "kubectl_netpol", *arguments]
    done = subprocess.run(command, env=environment, check=True, capture_output=True, text=True)
    modules = {line.rpartition("|")[2].strip() for line in done.stderr.splitlines() if line.startswith("import time:")}
    if "kubectl_netpol" not in modules:
        raise RuntimeError("the interpreter did not say what it imports")
    return any(module.partition(".")[0] == "kubernetes" for module in modules)


def main() -> None:
    rounds = 5 if "--quick" in sys.argv else 15
    with tempfile.TemporaryDirectory() as folder:
        environment = os.environ | {ENVIRONMENT: folder, "HOME": folder, "KUBECONFIG": os.devnull}
        fill_cache(Path(folder))
        times: dict[str, list[tuple[float, float]]] = {name: [] for name in COMMANDS}
        for _ in range(rounds):
            for name, command in COMMANDS.items():
                times[name].append(time_once(command, environment))
        figures: dict[str, float] = {}
        for name, found in times.items():
            wall, cpu = (round(statistics.median(side), 1) for side in zip(*found, strict=True))
            figures |= {name: wall, name.replace("_ms", "_cpu_ms"): cpu}
        figures["generate_all_s"] = round(time_once(GENERATE_ALL, environment)[0] / 1000, 2)
        asked = (["--help"], ["generate", "--help"], GENERATE)
        figures["imports_of_kubernetes"] = sum(imports_kubernetes(one, environment) for one in asked)
    print(json.dumps(figures))


if __name__ == "__main__":
    main()
