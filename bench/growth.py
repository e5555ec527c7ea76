"""A bench of lines in a file, at a size and at a greater one: the figures of each, and how the time per item grew."""

from __future__ import annotations

import gc
import json
import re
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

Measure = Callable[[Path, int], tuple[dict[str, Any], float]]
"""Measures a file in so many rounds: the figures to print, and the seconds per item."""


def run(
    sizes: Sequence[int], quick_sizes: Sequence[int], lines: Callable[[int], Iterable[str]], measure: Measure
) -> None:
    """Prints a line of figures for each size; the first is measured in three rounds, with --quick in one."""
    quick = "--quick" in sys.argv
    first = 0.0
    for size, rounds in zip(quick_sizes if quick else sizes, (1, 1) if quick else (3, 1), strict=True):
        with tempfile.NamedTemporaryFile("w", suffix=".ndjson") as file:
            file.writelines(lines(size))
            file.flush()
            figures, per_item = measure(Path(file.name), rounds)
        first = first or per_item
        growth = {} if per_item == first else {"growth": round(per_item / first, 2)}
        print(json.dumps(figures | growth), flush=True)


def worked(work: Mapping[str, Callable[[Path], Any]]) -> bool:
    """Does one side's work in a process of its own, where the command line names one: WORK FILE."""
    gc.set_threshold(100_000, 20, 100)  # as the program itself sets it
    if not (sys.argv[1:2] and sys.argv[1] in work):
        return False
    print(json.dumps(work[sys.argv[1]](Path(sys.argv[2]))))
    return True


def pairs(script: str, path: Path, rounds: int) -> list[tuple[Any, Any]]:
    """What the two sides' work says, ``parse`` and ``policies``, each in a process of its own, in turn."""
    return [(_apart(script, "parse", path), _apart(script, "policies", path)) for _ in range(rounds)]


def _apart(script: str, work: str, path: Path) -> Any:
    return json.loads(subprocess.run([sys.executable, script, work, str(path)], check=True, capture_output=True).stdout)


def peak_kibibytes() -> int:
    """The most that this process had resident."""
    found = re.search(r"^VmHWM:\s+(\d+) kB", Path("/proc/self/status").read_text(), re.MULTILINE)
    return int(found[1]) if found else 0
