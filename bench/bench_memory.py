"""What the agent weighs with 100 namespaces, each with an interface and a neighbor, and what it costs when idle.

Resident memory in MiB. ``memory_with_worker_mib`` adds the socket worker, which reads old sockets after a namespace
was found and ends when it has been idle; its ``pss`` form counts pages that both share once, as a cgroup does.
``kernel_maps_mib`` is what the eBPF maps take of the kernel's.
"""

from __future__ import annotations

import re
import sys
import time
from dataclasses import dataclass
from pathlib import Path

from stage import SERVER_PORT, Agent, Figures, play

from kubectl_netpol.demo.machine import Machine

NAMESPACES = 100
SERVER = "10.1.0.1"
_WORKER_SECONDS = 15.0


@dataclass(slots=True)
class Weight:
    """The most that was seen of the agent and its worker together, in KiB."""

    resident: int = 0
    proportional: int = 0

    def look(self, agent: Agent) -> None:
        pids = agent.pids()
        self.resident = max(self.resident, sum(kibibytes(pid, "status", "VmRSS") for pid in pids))
        self.proportional = max(self.proportional, sum(kibibytes(pid, "smaps_rollup", "Pss") for pid in pids))


def kibibytes(pid: int, file: str, field: str) -> int:
    """A field of a process's memory; 0 when it has just ended."""
    try:
        text = Path(f"/proc/{pid}/{file}").read_text()
    except OSError:
        return 0
    found = re.search(rf"^{field}:\s+(\d+) kB", text, re.MULTILINE)
    return int(found[1]) if found else 0


def map_kibibytes(pid: int) -> int:
    """What the kernel charges for the maps that a process holds, each once."""
    maps = {}
    for entry in Path(f"/proc/{pid}/fdinfo").iterdir():
        fields = dict(line.split(":", 1) for line in entry.read_text().splitlines() if ":" in line)
        if "map_id" in fields:
            maps[fields["map_id"]] = int(fields["memlock"])
    return sum(maps.values()) >> 10


def mebibytes(amount: int) -> float:
    return round(amount / 1024, 1)


def measure(machine: Machine, scratch: Path) -> list[Figures]:
    server = machine.add_pod("server", [SERVER])
    server.listen_tcp(SERVER_PORT)
    pods = [machine.add_pod(f"client-{number}", [f"10.1.1.{number}"]) for number in range(1, NAMESPACES)]
    weight = Weight()
    with Agent("tcx", scratch) as agent:
        agent.wait_attached(NAMESPACES, lambda: weight.look(agent))
        for pod in pods:
            pod.try_tcp(SERVER, SERVER_PORT)
        deadline = time.monotonic() + _WORKER_SECONDS
        while len(agent.pids()) > 1 and time.monotonic() < deadline:
            time.sleep(0.2)
            weight.look(agent)
        spent, begun = agent.cpu_seconds(), time.monotonic()
        time.sleep(3 if "--quick" in sys.argv else 10)
        idle = (agent.cpu_seconds() - spent) / (time.monotonic() - begun)
        return [figures(agent.process.pid, weight, idle)]


def figures(pid: int, weight: Weight, idle: float) -> Figures:
    return {
        "namespaces": NAMESPACES,
        "memory_mib": mebibytes(kibibytes(pid, "status", "VmRSS")),
        "memory_peak_mib": mebibytes(kibibytes(pid, "status", "VmHWM")),
        "memory_with_worker_mib": mebibytes(weight.resident),
        "memory_with_worker_pss_mib": mebibytes(weight.proportional),
        "kernel_maps_mib": mebibytes(map_kibibytes(pid)),
        "idle_cpu_percent": round(idle * 100, 2),
    }


if __name__ == "__main__":
    play(measure, 120)
