"""Hubble's flows of 500 workloads to their policies, against parsing the same JSON: each in a process of its own.

The lines have the fields and lengths of real ones (Cilium 1.19, ``hubble observe -o jsonpb``): eight events of each
connection, as both nodes tell of it. ``to_json`` is the CPU time of everything (read, count, name, keep in a cache,
sum up, generate) over that of ``json.loads`` on each line, taken in turn, the median of the rounds; ``processes`` is
the same with the interpreter's start. ``memory_mib`` is the most that the importing process held; ``growth`` compares
the time per flow with the first size's: linear is 1.
"""

from __future__ import annotations

import json
import random
import statistics
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import growth

SIZES = (300_000, 3_000_000)
QUICK_SIZES = (30_000, 150_000)
WORKLOADS, REPLICAS, NODES, PEERS = 500, 3, 20, 10
_BEGIN = 1_700_000_000
_NODE_LABELS = [
    "beta.kubernetes.io/arch=amd64",
    "beta.kubernetes.io/os=linux",
    "kubernetes.io/arch=amd64",
    "kubernetes.io/hostname={node}",
    "kubernetes.io/os=linux",
]
_VERDICT = {"event_type": {"type": 5}, "is_reply": False, "policy_match_type": 2}
_EVENTS: tuple[tuple[str, str, dict[str, Any]], ...] = (
    ("client", "SYN", {"event_type": {"type": 4, "sub_type": 5}, "trace_observation_point": "FROM_ENDPOINT"}),
    ("client", "SYN", _VERDICT | {"traffic_direction": "EGRESS"}),
    ("client", "SYN", {"trace_observation_point": "TO_STACK", "is_reply": False, "traffic_direction": "EGRESS"}),
    ("server", "SYN", {"event_type": {"type": 4, "sub_type": 10}, "trace_observation_point": "FROM_NETWORK"}),
    ("server", "SYN", _VERDICT | {"traffic_direction": "INGRESS"}),
    ("server", "SYN", {"trace_observation_point": "TO_ENDPOINT", "is_reply": False, "traffic_direction": "INGRESS"}),
    ("server", "SYN ACK", {"trace_observation_point": "TO_STACK", "is_reply": True, "traffic_direction": "INGRESS"}),
    ("client", "SYN ACK", {"trace_observation_point": "TO_ENDPOINT", "is_reply": True, "traffic_direction": "EGRESS"}),
)


def pod_of(workload: int, replica: int) -> dict[str, Any]:
    number = workload * REPLICAS + replica
    namespace = f"team-{workload % 25}"
    labels = [
        "gen:io.cilium.k8s.named-ports=http.TCP.8080",
        f"k8s:app=app-{workload}",
        f"k8s:io.cilium.k8s.namespace.labels.kubernetes.io/metadata.name={namespace}",
        f"k8s:io.cilium.k8s.namespace.labels.team={namespace}",
        "k8s:io.cilium.k8s.policy.cluster=default",
        "k8s:io.cilium.k8s.policy.serviceaccount=default",
        f"k8s:io.kubernetes.pod.namespace={namespace}",
    ]
    told = {
        "identity": 20000 + workload,
        "cluster_name": "default",
        "namespace": namespace,
        "labels": labels,
        "pod_name": f"app-{workload}-6d59498f4b-{number:05d}",
    }
    local = {"ID": 100 + number, **told, "workloads": [{"name": f"app-{workload}", "kind": "Deployment"}]}
    address = f"10.{number >> 16}.{number >> 8 & 255}.{number & 255}"
    return {"address": address, "node": f"node-{number % NODES}", "told": told, "local": local}


def lines(count: int) -> Iterator[str]:
    chance = random.Random(7)  # noqa: S311
    pods = [[pod_of(workload, replica) for replica in range(REPLICAS)] for workload in range(WORKLOADS)]
    for number in range(0, count, len(_EVENTS)):
        client = chance.randrange(WORKLOADS)
        server = (client + 1 + chance.randrange(PEERS) * 7) % WORKLOADS
        one, other = chance.choice(pods[client]), chance.choice(pods[server])
        yield from connection(one, other, 8000 + server % 3, chance.randrange(32768, 61000), number)


def connection(client: dict[str, Any], server: dict[str, Any], port: int, client_port: int, number: int) -> list[str]:
    found = []
    for place, (side, flags, fields) in enumerate(_EVENTS):
        is_reply = fields.get("is_reply") is True
        pairs = (server, client, port, client_port) if is_reply else (client, server, client_port, port)
        source, destination, source_port, destination_port = pairs
        node = (client if side == "client" else server)["node"]
        micro = number + place
        stamp = time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(_BEGIN + micro // 1000))
        stamp += f".{micro % 1000:03d}956761Z"
        flow: dict[str, Any] = {
            "time": stamp,
            "uuid": f"bfed5b06-ac38-45a7-9282-{number + place:012d}",
            "emitter": {"name": "Hubble"},
            "verdict": "FORWARDED",
            "ethernet": {"source": "4a:f9:59:d0:8a:dd", "destination": "16:78:fa:17:02:d0"},
            "IP": {"source": source["address"], "destination": destination["address"], "ipVersion": "IPv4"},
            "l4": {
                "TCP": {
                    "source_port": source_port,
                    "destination_port": destination_port,
                    "flags": dict.fromkeys(flags.split(), True),
                }
            },
            "source": source["local" if source["node"] == node else "told"],
            "destination": destination["local" if destination["node"] == node else "told"],
            "Type": "L3_L4",
            "node_name": node,
            "node_labels": [label.format(node=node) for label in _NODE_LABELS],
            "event_type": {"type": 4},
            **fields,
            "Summary": f"TCP Flags: {flags}",
        }
        whole = {"flow": flow, "node_name": node, "time": stamp}
        found.append(json.dumps(whole, separators=(",", ":")) + "\n")
    return found


def parse(path: Path) -> dict[str, Any]:
    begun = time.process_time()
    with path.open("rb") as stream:
        for line in stream:
            json.loads(line)
    return {"seconds": time.process_time() - begun, "total": time.process_time()}


def make_policies(path: Path) -> dict[str, Any]:
    from kubectl_netpol.cache.store import Store  # noqa: PLC0415 - the other process is not to load them
    from kubectl_netpol.capture.imported import read, take_in  # noqa: PLC0415
    from kubectl_netpol.neighbors.inventory import Inventory  # noqa: PLC0415
    from kubectl_netpol.neighbors.recording import summarise  # noqa: PLC0415
    from kubectl_netpol.policy.generate import generate  # noqa: PLC0415

    begun = time.process_time()
    with path.open("rb") as stream, tempfile.TemporaryDirectory() as folder, Store.open(Path(folder)) as store:
        reading = read(stream, "hubble", "bench")
        counted = time.process_time() - begun
        take_in(reading, "hubble", store, "bench", Inventory())
        policies = generate(summarise(one) for one in store.read("bench")).policies
    return {
        "seconds": time.process_time() - begun,
        "total": time.process_time(),
        "counted": counted,
        "flows": reading.traffic.events,
        "neighbors": len(reading.traffic.pairs),
        "policies": len(policies),
        "peak_kib": growth.peak_kibibytes(),
    }


WORK = {"parse": parse, "policies": make_policies}


def measure(path: Path, rounds: int) -> tuple[dict[str, Any], float]:
    """The figures of one size, and its seconds per flow."""
    pairs = growth.pairs(__file__, path, rounds)
    last = pairs[-1][1]

    def ratio(figure: str) -> float:
        return round(statistics.median(made[figure] / parsed[figure] for parsed, made in pairs), 2)

    figures = {
        "case": f"{last['flows']:,} flows",
        "neighbors": last["neighbors"],
        "policies": last["policies"],
        "parse_s": round(statistics.median(parsed["seconds"] for parsed, _ in pairs), 2),
        "policies_s": round(statistics.median(made["seconds"] for _, made in pairs), 2),
        "counting_s": round(statistics.median(made["counted"] for _, made in pairs), 2),
        "to_json": ratio("seconds"),
        "processes": ratio("total"),
        "memory_mib": round(last["peak_kib"] / 1024, 1),
    }
    return figures, statistics.median(made["seconds"] for _, made in pairs) / last["flows"]


if __name__ == "__main__" and not growth.worked(WORK):
    growth.run(SIZES, QUICK_SIZES, lines, measure)
