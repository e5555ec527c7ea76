"""What the agent itself costs: CPU, memory, and the program's run time in brief samples."""

from __future__ import annotations

import os
import resource
import struct
import time
from collections.abc import Iterable
from pathlib import Path

from . import syscalls

_ENABLE_STATS = 32
_INFO_SIZE = 208
_RUN_TIME = 192
_SAMPLE_SECONDS = 0.1
SAMPLE_PERIOD = 60.0
"""BPF statistics tax every program of the node, so they are on for a tenth of a second each minute."""


def cpu_seconds() -> float:
    """Of this process and of the workers that it has waited for."""
    return sum(
        usage.ru_utime + usage.ru_stime
        for usage in map(resource.getrusage, (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN))
    )


def memory_bytes(pids: Iterable[int] = ()) -> int:
    """Resident memory of this process and of those with ``pids``."""
    total = 0
    for pid in ("self", *map(str, pids)):
        try:
            pages = int(Path(f"/proc/{pid}/statm").read_text("ascii").split()[1])
        except (OSError, ValueError, IndexError):
            continue
        total += pages * os.sysconf("SC_PAGESIZE")
    return total


class ProgramSampler:
    """Starts and ends samples; between the two the caller does its ordinary work."""

    def __init__(self) -> None:
        self._descriptor = -1
        self._before: dict[int, tuple[int, int]] = {}
        self._next = 0.0
        self._until = 0.0
        self.nanoseconds = 0
        self.runs = 0

    def step(self, programs: list[int]) -> float:
        """Called often, with the programs that are attached now; returns the seconds until the next call is due."""
        now = time.monotonic()
        if self._descriptor >= 0 and now >= self._until:
            self._end(programs)
        elif self._descriptor < 0 and now >= self._next and programs:
            self._begin(programs, now)
        return max(0.0, (self._until if self._descriptor >= 0 else self._next) - now)

    def _begin(self, programs: list[int], now: float) -> None:
        self._next, self._until = now + SAMPLE_PERIOD, now + _SAMPLE_SECONDS
        try:
            self._descriptor = syscalls.bpf(_ENABLE_STATS, struct.pack("<I", 0), "enabling statistics")
        except OSError:
            return
        self._before = {program: _run_time(program) for program in programs}

    def _end(self, programs: list[int]) -> None:
        for program in programs:
            before = self._before.get(program)
            if before:
                after = _run_time(program)
                self.nanoseconds += max(0, after[0] - before[0])
                self.runs += max(0, after[1] - before[1])
        os.close(self._descriptor)
        self._descriptor, self._before = -1, {}


def _run_time(program: int) -> tuple[int, int]:
    """(nanoseconds, runs) that the kernel counted while statistics were on; struct bpf_prog_info."""
    try:
        return struct.unpack_from("<QQ", syscalls.bpf_info(program, _INFO_SIZE), _RUN_TIME)
    except OSError:
        return 0, 0
