"""What the agent keeps of a million connections to one server, and what it costs at the machine's highest rate.

CPU is told by the agent itself and by /proc from outside, in percent of one core per 10,000 connections a second: its
periodic work is in it, the program's own time in the traffic's softirqs is not (``program_ns_per_packet`` is that, from
the agent's first sample).
"""

from __future__ import annotations

import sys
import time
from pathlib import Path

from stage import SERVER_PORT, Agent, Figures, Stage, latest_flows, play, result

from kubectl_netpol.demo.machine import Machine
from kubectl_netpol.wire import StatusRecord

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
    """Two clients on each core's full power; with many ports, as many entries change in each interval."""
    second = SERVER_PORT + ports
    with (
        Agent("tcx", scratch) as agent,
        stage.serving("accept", SERVER_PORT, str(ports), urgent=False),
        stage.serving("accept", second, str(ports), core=0, urgent=False),
    ):
        agent.wait_attached(2)
        outside, begun = agent.cpu_seconds(), time.monotonic()
        told = len(agent.statuses())
        clients = [
            stage.start_client("connect", port, str(ports), _PLENTY, str(seconds), core=core, urgent=False)
            for core, port in enumerate((SERVER_PORT, second))
        ]
        made = sum(result(client)["connections"] for client in clients)
        outside, took = agent.cpu_seconds() - outside, time.monotonic() - begun
        statuses = agent.statuses()[told:]
    last = statuses[-1].cost
    return {
        "case": f"{2 * ports} servers",
        "connections_per_s": round(made / took),
        "cpu_percent_per_10000_a_second": round(outside / made * 1e6, 2),
        "cpu_percent": round(outside / took * 100, 2),
        "cpu_percent_by_its_own_word": round(own_cpu(statuses), 2),
        "program_ns_per_packet": round(last["program_nanoseconds"] / max(1, last["program_runs"])),
    }


def own_cpu(statuses: list[StatusRecord]) -> float:
    """Percent of a core between the first and the last of these records."""
    first, last = statuses[0], statuses[-1]
    return (last.cost["cpu_seconds"] - first.cost["cpu_seconds"]) / max(1, last.time - first.time) * 1e5


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
