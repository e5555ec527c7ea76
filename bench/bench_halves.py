"""How far off the estimate of what is missing is on real recordings: what the first half says of the second.

On a private machine pods connect to a server's ports, by the mixes of ``mixes``, some to one port every so often, and
the demo's shop talks. The agent records all of it by eBPF. What it said until half the time is folded by itself: its
estimates are held against what the second half brought. Root; prints one JSON line per kind of traffic.
"""

from __future__ import annotations

import json
import math
import random
import sys
import tempfile
import threading
import time
from datetime import UTC, datetime, timedelta
from pathlib import Path
from statistics import fmean

from mixes import MIXES, Mix
from stage import Agent

from kubectl_netpol.demo.isolation import Ending, obstacle, run_isolated
from kubectl_netpol.demo.machine import Machine
from kubectl_netpol.demo.objects import Application, inventory
from kubectl_netpol.demo.pod import Pod
from kubectl_netpol.demo.world import NODE, SERVICES, WORKLOADS, World
from kubectl_netpol.model import Direction, Neighbor, NetworkNeighbors
from kubectl_netpol.neighbors.completeness import completeness
from kubectl_netpol.neighbors.document import covered
from kubectl_netpol.neighbors.fold import Fold
from kubectl_netpol.neighbors.inventory import Inventory
from kubectl_netpol.neighbors.recording import summarise
from kubectl_netpol.neighbors.unseen import MILLION
from kubectl_netpol.wire import Record

CLIENTS = 5
"""Pods of each kind, each a workload and so a sample of its own."""

RATE = 12
"""Connections per second of each."""

FIRST_PORT, PORTS = 20_000, 300
PERIODIC = Mix("one port every so often, 1 to 40 s", (1.0,) * 20)
CHOSEN = tuple(mix for mix in MIXES if len(mix.weights) <= PORTS)
KINDS = (*CHOSEN, PERIODIC)
SERVER = Application("bench", "server", (("10.244.1.1",),))
Account = dict[str, NetworkNeighbors]


def client(kind: int, number: int) -> Application:
    return Application("bench", f"client-{kind}-{number}", ((f"10.244.{2 + kind}.{1 + number}",),))


def schedule(mix: Mix, seconds: float, chance: random.Random) -> list[tuple[float, int]]:
    """When (s) and to which port."""
    if mix is not PERIODIC:
        return [(moment * seconds, port) for moment, port in mix.draws(int(RATE * seconds), chance)]
    found = []
    for port in range(len(mix.weights)):
        period = 40 ** (port / (len(mix.weights) - 1))
        first = chance.random() * period
        found += [(first + turn * period, port) for turn in range(math.ceil(max(0.0, seconds - first) / period))]
    return sorted(found)


def talk(pod: Pod, plan: list[tuple[float, int]], begun: float) -> None:
    for moment, port in plan:
        time.sleep(max(0.0, begun + moment - time.monotonic()))
        pod.try_tcp(SERVER.pods[0][0], FIRST_PORT + port)


def record(seconds: float, scratch: Path) -> list[Record]:
    """What the agent says of all pods while they talk."""
    world = World(Machine())
    server = world.machine.add_pod("server", SERVER.pods[0])
    for port in range(PORTS):
        server.listen_tcp(FIRST_PORT + port)
    talkers = []
    for kind, mix in enumerate(KINDS):
        for number in range(CLIENTS):
            pod = world.machine.add_pod(f"client-{kind}-{number}", client(kind, number).pods[0])
            chance = random.Random(f"{kind} {number}")  # noqa: S311  # the same traffic each time
            talkers.append((pod, schedule(mix, seconds, chance)))
    world.open_pool()
    with Agent("auto", scratch) as agent:
        agent.wait_attached(len(talkers) + 1)
        begun = time.monotonic() + 0.5
        threads = [threading.Thread(target=talk, args=(pod, plan, begun)) for pod, plan in talkers]
        for thread in threads:
            thread.start()
        while time.monotonic() < begun + seconds:
            world.talk()
            time.sleep(0.5)
        for thread in threads:
            thread.join()
        return agent.stop()


def account(records: list[Record]) -> Account:
    """What these records say, by workload."""
    clients = [client(kind, number) for kind in range(len(KINDS)) for number in range(CLIENTS)]
    found = Inventory()
    begun = min(record.time for record in records)
    started = datetime.fromtimestamp(begun / 1000, UTC) - timedelta(hours=1)
    found.observe([inventory(NODE, (*WORKLOADS, SERVER, *clients), SERVICES, started)], begun)
    fold = Fold(found, is_complete=True)
    for record in records:
        fold.add(record)
    return {workload.name: summarise(one) for workload, one in fold.recordings(found).items()}


def compare(first: NetworkNeighbors, whole: NetworkNeighbors) -> dict[str, float]:
    """The first half's estimates, and the second half's truth, of egress."""
    known = {one.key: one.counts.answered for one in egress(first)}
    second = {one.key: one.counts.answered - known.get(one.key, 0) for one in egress(whole)}
    found = completeness(first, egress(first))
    fresh = sum(count for key, count in second.items() if key not in known)
    connections = sum(second.values())
    share, limit = fresh / connections, found.egress.limit / MILLION
    new = sum(key not in known for key in second)
    return {
        "connections": connections,
        "share": share,
        "estimate": found.egress.chance / MILLION,
        "limit": limit,
        # The share of so many is a sample itself: two of its deviations above the limit still agree with it.
        "above": share > limit + 2 * math.sqrt(limit * (1 - limit) / connections),
        "new": new,
        "again": found.again,
        "again_limit": found.again_limit,
        "again_above": new > found.again_limit,
    }


def egress(one: NetworkNeighbors) -> list[Neighbor]:
    return [neighbor for neighbor in covered(one) if neighbor.key.direction is Direction.EGRESS]


def table(records: list[Record], seconds: float) -> list[dict[str, object]]:
    last = max(record.time for record in records)
    half = last - int(seconds * 500)
    first, whole = account([record for record in records if record.time <= half]), account(records)
    kinds = [(mix.name, [f"client-{kind}-{number}" for number in range(CLIENTS)]) for kind, mix in enumerate(KINDS)]
    kinds.append(("the demo's shop", ["gateway", "web", "api", "legacy"]))
    return [
        row(name, [compare(first[one], whole[one]) for one in names if egress(whole[one])]) for name, names in kinds
    ]


def row(name: str, found: list[dict[str, float]]) -> dict[str, object]:
    mean = {figure: fmean(one[figure] for one in found) for figure in found[0]}
    return {
        "case": name,
        "workloads": len(found),
        "connections": round(mean["connections"]),
        "to_new_percent": round(100 * mean["share"], 2),
        "estimate_percent": round(100 * mean["estimate"], 2),
        "limit_percent": round(100 * mean["limit"], 2),
        "above_limit": sum(bool(one["above"]) for one in found),
        "new": round(mean["new"], 1),
        "new_estimate": round(mean["again"], 1),
        "new_limit": round(mean["again_limit"], 1),
        "new_above_limit": sum(bool(one["again_above"]) for one in found),
    }


def main() -> None:
    reason = obstacle()
    if reason:
        sys.exit(f"cannot measure here: {reason}")
    seconds = 12.0 if "--quick" in sys.argv else 60.0
    with tempfile.TemporaryDirectory() as folder:
        body = lambda: json.dumps(table(record(seconds, Path(folder)), seconds))  # noqa: E731
        outcome = run_isolated(body, 300)
    if outcome.ending is not Ending.RETURNED:
        sys.exit(f"{outcome.ending}: {outcome.text}")
    for case in json.loads(outcome.text):
        print(json.dumps(case))


if __name__ == "__main__":
    main()
