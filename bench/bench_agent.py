"""What the agent keeps of a million connections to one server, and what it costs at the machine's highest rate.

CPU is the agent's and its worker's, by /proc in steps of 10 ms. Its periodic work is in it; what the eBPF programs
take in the traffic's softirqs is not, that is ``program_ns_per_connection`` (with what counting it costs).
"""

from __future__ import annotations

import os
import re
import struct
import sys
import time
from pathlib import Path

from stage import SERVER_PORT, Agent, Figures, Stage, latest_flows, play, result

from kubectl_netpol.agent import syscalls
from kubectl_netpol.demo.machine import Machine

_ENABLE_STATS = 32
_PLENTY = "100000000"


def count_connections(stage: Stage, scratch: Path, wanted: int) -> Figures:
    """Opens ``wanted`` connections to one server's port and compares what both sides' namespaces have of them."""
    before = retransmissions(stage)
    with Agent("tcx", scratch) as agent, stage.serving("accept", SERVER_PORT, "1", urgent=False):
        agent.wait_attached(2)
        made = result(stage.start_client("connect", SERVER_PORT, "1", str(wanted), "200", urgent=False))
        flows = latest_flows(agent.stop())
    entries = [counters for side in flows.values() for counters in side.values()]
    connections = int(made["connections"])
    return {
        "case": "million",
        "connections": connections,
        "clients_failures": int(made["failed"]),
        "retransmissions": retransmissions(stage) - before,
        "entries_per_side": max(map(len, flows.values())),
        "connections_lost": sum(abs(connections - one[0]) + abs(connections - one[1]) for one in entries)
        + abs(2 - len(entries)) * connections,
    }


def retransmissions(stage: Stage) -> int:
    """Segments that both namespaces had to send again: each may stand for an attempt that is counted twice."""
    total = 0
    for pod in (stage.client, stage.server):
        with pod.inside():
            lines = Path("/proc/thread-self/net/snmp").read_text().splitlines()
        names, values = (line.split() for line in lines if line.startswith("Tcp:"))
        total += int(values[names.index("RetransSegs")])
    return total


def measure_cpu(stage: Stage, scratch: Path, ports: int, seconds: float) -> Figures:
    """A client and a server on each of two cores; with many ports, as many entries change in each interval."""
    second = SERVER_PORT + ports
    with (
        Agent("tcx", scratch) as agent,
        stage.serving("accept", SERVER_PORT, str(ports), urgent=False),
        stage.serving("accept", second, str(ports), core=0, urgent=False),
    ):
        agent.wait_attached(2)
        outside, begun = agent.cpu_seconds(), time.monotonic()
        clients = [
            stage.start_client("connect", port, str(ports), _PLENTY, str(seconds), core=core, urgent=False)
            for core, port in enumerate((SERVER_PORT, second))
        ]
        made = sum(result(client)["connections"] for client in clients)
        outside, took = agent.cpu_seconds() - outside, time.monotonic() - begun
        nanoseconds = program_nanoseconds(stage, agent, ports)
    percent = outside / took * 100
    return {
        "case": f"{2 * ports} servers",
        "connections_per_s": round(made / took),
        "cpu_percent_per_10000_a_second": round(percent / (made / took) * 10_000, 2),
        "cpu_percent": round(percent, 2),
        "program_ns_per_connection": nanoseconds,
    }


def program_nanoseconds(stage: Stage, agent: Agent, ports: int) -> int:
    """What all runs of the agent's programs take for one connection, on both sides, by the kernel's own statistics."""
    statistics = syscalls.bpf(_ENABLE_STATS, struct.pack("<I", 0), "enabling statistics")
    try:
        before = run_time(agent.process.pid)
        client = stage.start_client("connect", SERVER_PORT, str(ports), _PLENTY, "0.5", urgent=False)
        made = result(client)["connections"]
        return round((run_time(agent.process.pid) - before) / made)
    finally:
        os.close(statistics)


def run_time(pid: int) -> int:
    """Nanoseconds of the programs that a process holds."""
    texts = [entry.read_text() for entry in Path(f"/proc/{pid}/fdinfo").iterdir()]
    return sum(int(found) for text in texts for found in re.findall(r"^run_time_ns:\s+(\d+)", text, re.MULTILINE))


def measure(machine: Machine, scratch: Path) -> list[Figures]:
    quick = "--quick" in sys.argv
    stage = Stage(machine, scratch)
    return [
        count_connections(stage, scratch, 100_000 if quick else 1_000_000),
        measure_cpu(stage, scratch, 1, 3 if quick else 10),
        measure_cpu(stage, scratch, 1000, 3 if quick else 10),
    ]


if __name__ == "__main__":
    play(measure, 280)
