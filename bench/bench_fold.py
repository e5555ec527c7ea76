"""How long folding wire records takes against parsing the same JSON: ``python bench/bench_fold.py [ENTRIES ...]``.

500 workloads of one pod each; most entries are updates of flows that are known. Prints one JSON line per size.
"""

from __future__ import annotations

import gc
import json
import random
import resource
import sys
import time
from collections import deque
from collections.abc import Callable, Iterator
from typing import Any

from kubectl_netpol import wire
from kubectl_netpol.neighbors.fold import Fold
from kubectl_netpol.neighbors.inventory import Inventory
from kubectl_netpol.neighbors.recording import summarise

WORKLOADS = 500
FLOWS = 30
BEGIN = 1_700_000_000_000


def objects() -> Iterator[dict[str, Any]]:
    for index in range(WORKLOADS):
        name, labels = f"app-{index}", {"app": f"app-{index}"}
        yield {
            "apiVersion": "apps/v1",
            "kind": "Deployment",
            "metadata": {"namespace": f"ns-{index % 20}", "name": name},
            "spec": {"selector": {"matchLabels": labels}},
        }
        yield {
            "apiVersion": "v1",
            "kind": "Pod",
            "metadata": {
                "namespace": f"ns-{index % 20}",
                "name": f"{name}-6f7d9-x",
                "uid": f"uid-{index}",
                "labels": labels | {"pod-template-hash": "6f7d9"},
                "creationTimestamp": "2023-11-01T00:00:00Z",
                "ownerReferences": [{"kind": "ReplicaSet", "name": f"{name}-6f7d9", "controller": True}],
            },
            "spec": {"nodeName": f"node-{index % 10}"},
            "status": {"podIPs": [{"ip": address(index)}]},
        }


def address(index: int) -> str:
    return f"10.{index // 200}.{index % 200}.5"


def flow_keys(index: int, random_: random.Random) -> list[str]:
    inside = [f"out tcp {address(index)} {address(random_.randrange(WORKLOADS))} {8000 + one}" for one in range(20)]
    outside = [f"out tcp {address(index)} 198.51.{index % 100}.{one} 443" for one in range(FLOWS - 20)]
    return inside + outside


def lines(entries: int) -> list[str]:
    random_ = random.Random(1)  # noqa: S311 - the same world each time
    keys = [flow_keys(index, random_) for index in range(WORKLOADS)]
    rounds = entries // (WORKLOADS * FLOWS)
    found = []
    for turn in range(rounds):
        now = BEGIN + turn * 1000
        for index in range(WORKLOADS):
            flows = {key: [turn + 1, turn + 1, 0, BEGIN, now, 0] for key in keys[index]}
            netns = wire.Namespace(str(index), f"uid-{index}", (address(index),))
            found.append(wire.encode(wire.FlowsRecord("epoch", len(found), now, netns, flows)))
    return found


def consume(values: Iterator[object]) -> None:
    deque(values, maxlen=0)


def seconds(work: Callable[[], None]) -> float:
    gc.collect()
    started = time.process_time()
    work()
    return time.process_time() - started


def measure(entries: int) -> dict[str, float]:
    stream = lines(entries)
    parsed = seconds(lambda: consume(map(json.loads, stream)))
    decoded = seconds(lambda: consume(map(wire.decode, stream)))
    inventory = Inventory()
    inventory.observe(objects(), BEGIN)
    fold = Fold(inventory, is_complete=True)
    added = seconds(lambda: consume(map(fold.add, map(wire.decode, stream)))) - decoded
    started = time.process_time()
    recordings = fold.recordings(inventory)
    naming = time.process_time() - started
    started = time.process_time()
    neighbors = sum(len(summarise(one).neighbors) for one in recordings.values())
    summing = time.process_time() - started
    return {
        "entries": fold.account().entries,
        "workloads": len(recordings),
        "neighbors": neighbors,
        "json_s": round(parsed, 3),
        "decode_s": round(decoded, 3),
        "add_s": round(added, 3),
        "recordings_s": round(naming, 3),
        "summarise_s": round(summing, 3),
        "fold_to_json": round((added + naming) / parsed, 3),
        "all_to_json": round((decoded + added + naming + summing) / parsed, 3),
        "memory_mib": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024,
    }


if __name__ == "__main__":
    gc.set_threshold(100_000, 20, 100)  # as the program itself sets it
    for size in [int(text) for text in sys.argv[1:]] or [300_000, 3_000_000]:
        print(json.dumps(measure(size)), flush=True)
