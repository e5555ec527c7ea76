"""A million recorded neighbors against a thousand policies, and policies for a thousand workloads; each in a process.

Workloads of ten namespaces talk to each other, and to addresses outside. Their policies are those that ``generate``
writes, without one workload's egress rules, so that something breaks, and a hundred that select all pods of a namespace
by an expression, ten for each pod. Seconds are CPU time; ``growth`` compares the time per neighbor with the first
size's: linear is 1, and less where what is done once for each policy counts.
"""

from __future__ import annotations

import gc
import json
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

from growth import peak_kibibytes

from kubectl_netpol.model import (
    Counts,
    Direction,
    Neighbor,
    NeighborKey,
    NetworkNeighbors,
    Peer,
    PeerKind,
    Port,
    Protocol,
    Selector,
    Workload,
)
from kubectl_netpol.policy.evaluation.reading import read_policy
from kubectl_netpol.policy.generate import generate
from kubectl_netpol.policy.replay.replay import replay

WORKLOADS = 1000
NAMESPACES = 10
SIZES = (100_000, 1_000_000)
QUICK_SIZES = (20_000, 60_000)
PORTS = (53, 80, 443, 5432, 6379, 8080, 8443, 9090)


def workload(number: int) -> Workload:
    return Workload(f"ns-{number % NAMESPACES}", "Deployment", f"app-{number}", "apps/v1")


def selector(number: int) -> Selector:
    return Selector((("app.kubernetes.io/name", f"app-{number}"), ("app.kubernetes.io/part-of", "shop")))


def peer(own: int, other: int) -> Peer:
    there = workload(other)
    elsewhere = None if other % NAMESPACES == own % NAMESPACES else there.namespace
    namespaces = Selector((("kubernetes.io/metadata.name", elsewhere),)) if elsewhere else None
    return Peer(PeerKind.WORKLOAD, f"{there.namespace}/{there.path}", selector(other), namespaces)


def rows(number: int, count: int) -> Iterator[Neighbor]:
    """Half with other workloads, as both of them record it; half with addresses outside."""
    counts = Counts(3, 3, 0, 1, 2)
    for step in range(count // 4):
        port = Port(Protocol.TCP, PORTS[step % len(PORTS)])
        for direction, other in ((Direction.EGRESS, number + step + 1), (Direction.INGRESS, number - step - 1)):
            yield Neighbor(NeighborKey(direction, peer(number, other % WORKLOADS), port), counts)
    for step in range(count - count // 4 * 2):
        address = f"203.{number % 200}.{step // 250}.{step % 250}"
        port = Port(Protocol.TCP, PORTS[step % len(PORTS)])
        yield Neighbor(NeighborKey(Direction.EGRESS, Peer(PeerKind.EXTERNAL, address=address), port), counts)


def accounts(neighbors: int) -> list[NetworkNeighbors]:
    each = neighbors // WORKLOADS
    return [
        NetworkNeighbors(workload(one), selector(one), tuple(rows(one, each)), labels=selector(one).match_labels)
        for one in range(WORKLOADS)
    ]


def by_hand(number: int) -> dict[str, Any]:
    """A policy as people write them: DNS for everyone in the namespace, by expressions."""
    spec = {
        "podSelector": {"matchExpressions": [{"key": "app.kubernetes.io/part-of", "operator": "Exists"}]},
        "policyTypes": ["Egress"],
        "egress": [
            {"ports": [{"port": 10_000 + number, "protocol": "UDP"}], "to": [{"namespaceSelector": {}}]},
            {"ports": [{"port": 20_000, "endPort": 20_000 + number}], "to": [{"ipBlock": {"cidr": "198.51.100.0/24"}}]},
        ],
    }
    metadata = {"name": f"hand-{number}", "namespace": f"ns-{number % NAMESPACES}"}
    return {"apiVersion": "networking.k8s.io/v1", "kind": "NetworkPolicy", "metadata": metadata, "spec": spec}


def measure(neighbors: int) -> dict[str, Any]:
    kept = accounts(neighbors)
    begun = time.process_time()
    generated = generate(kept).policies
    generation = time.process_time() - begun
    policies = [read_policy(one.document) for one in generated]
    policies += [read_policy(by_hand(number)) for number in range(100)]
    policies[0] = replace(policies[0], egress=())
    gc.collect()
    begun = time.process_time()
    found = replay(kept, policies)
    took = time.process_time() - begun
    return {
        "case": f"{sum(len(one.neighbors) for one in kept):,} neighbors",
        "policies": len(policies),
        "replay_s": round(took, 2),
        "microseconds": round(took / found.judged * 1e6, 2),
        "broken": len(found.broken),
        "unjudged": len(found.unjudged),
        "generate_s": round(generation, 2),
        "memory_mib": round(peak_kibibytes() / 1024, 1),
    }


def run(size: int) -> dict[str, Any]:
    done = subprocess.run([sys.executable, __file__, "measure", str(size)], check=True, capture_output=True)
    found: dict[str, Any] = json.loads(done.stdout)
    return found


def main() -> None:
    first = 0.0
    for size in QUICK_SIZES if "--quick" in sys.argv else SIZES:
        figures = run(size)
        growth = {"growth": round(figures["microseconds"] / first, 2)} if first else {}
        first = first or figures["microseconds"]
        print(json.dumps(figures | growth), flush=True)


if __name__ == "__main__":
    gc.set_threshold(100_000, 20, 100)  # as the program itself sets it
    if sys.argv[1:2] == ["measure"]:
        print(json.dumps(measure(int(sys.argv[2]))))
    else:
        main()
