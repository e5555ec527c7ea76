"""10,000 NetworkNeighbors documents of 30 entries to policies, against loading the same YAML with libyaml; and one
document as a process.

Each side runs in a process of its own, in turn: the seconds are those of the work, without start-up, and the memory
is the process's peak over what it had before. ``--quick`` takes 300 documents.
"""

from __future__ import annotations

import gc
import json
import os
import random
import resource
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import yaml
from bench_commands import imports_kubernetes, time_once

from kubectl_netpol.render.yaml import dump

DOCUMENTS = 10_000
ENTRIES = 30
LOADER: Any = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
PORTS = (53, 80, 443, 5432, 6379, 8080, 8443, 9090)


def make_entry(chance: random.Random) -> dict[str, Any]:
    """A third outside addresses, half of them with a name; the rest pods, half of them in another namespace."""
    entry: dict[str, Any] = {
        "dns": "",
        "identifier": f"{chance.getrandbits(256):064x}",
        "ipAddress": "",
        "namespaceSelector": None,
        "podSelector": None,
        "ports": [make_port(chance) for _ in range(chance.choice((1, 1, 2)))],
        "type": "internal",
    }
    if chance.random() < 1 / 3:
        name = f"h{chance.randrange(5000)}.example.com." if chance.random() < 0.5 else ""
        return entry | {
            "type": "external",
            "dns": name,
            "ipAddress": f"203.0.{chance.randrange(256)}.{chance.randrange(256)}",
        }
    if chance.random() < 0.5:
        entry["namespaceSelector"] = {"matchLabels": {"kubernetes.io/metadata.name": f"ns-{chance.randrange(50)}"}}
    return entry | {"podSelector": {"matchLabels": {"app": f"app-{chance.randrange(DOCUMENTS)}", "tier": "back"}}}


def make_port(chance: random.Random) -> dict[str, Any]:
    port, protocol = chance.choice(PORTS), chance.choice(("TCP", "TCP", "UDP"))
    return {"name": f"{protocol}-{port}", "port": port, "protocol": protocol}


def make_document(number: int, chance: random.Random) -> dict[str, Any]:
    namespace = f"ns-{number % 50}"
    labels = {
        "api-group": "apps",
        "api-version": "v1",
        "kind": "deployment",
        "name": f"app-{number}",
        "namespace": namespace,
    }
    return {
        "apiVersion": "spdx.softwarecomposition.kubescape.io/v1beta1",
        "kind": "NetworkNeighbors",
        "metadata": {
            "labels": {f"kubescape.io/workload-{key}": value for key, value in labels.items()},
            "name": f"deployment-app-{number}",
            "namespace": namespace,
        },
        "spec": {
            "egress": [make_entry(chance) for _ in range(ENTRIES * 2 // 3)],
            "ingress": [make_entry(chance) for _ in range(ENTRIES // 3)],
            "matchLabels": {"app": f"app-{number}", "tier": "back"},
        },
    }


def write_documents(path: Path, count: int) -> None:
    chance = random.Random(30)  # noqa: S311
    with path.open("w") as stream:
        for number in range(count):
            stream.write("---\n" + dump(make_document(number, chance)))


def load_with_libyaml(path: Path) -> int:
    """What any program pays that loads the file whole, as Python programs do."""
    with path.open("rb") as stream:
        return len(list(yaml.load_all(stream, Loader=LOADER)))


def make_policies(path: Path) -> int:
    """From the file to the text of all policies, as ``generate -f`` does it."""
    from kubectl_netpol.files.sources import each_document  # noqa: PLC0415
    from kubectl_netpol.neighbors.collection import read_all  # noqa: PLC0415
    from kubectl_netpol.policy.generate import generate  # noqa: PLC0415
    from kubectl_netpol.render.document import to_yaml  # noqa: PLC0415

    policies = generate(read_all(each_document([str(path)], sys.stdin.buffer))).policies
    text = to_yaml([one.document for one in policies], [one.comments for one in policies])
    if text.count("kind: NetworkPolicy") != len(policies):
        raise RuntimeError("a policy is missing")
    return len(policies)


SIDES: dict[str, Callable[[Path], int]] = {"load": load_with_libyaml, "policies": make_policies}


def measure_one(side: str, path: Path) -> None:
    """Runs in a process of its own."""
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    gc.collect()
    begun = time.process_time()
    count = SIDES[side](path)
    seconds = time.process_time() - begun
    memory = (resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before) / 1024
    print(json.dumps({"count": count, "seconds": seconds, "mib": memory}))


def run_sides(path: Path, rounds: int) -> Iterator[tuple[str, dict[str, float]]]:
    for _ in range(rounds):
        for side in SIDES:
            command = [sys.executable, __file__, "--side", side, str(path)]
            done = subprocess.run(command, check=True, capture_output=True, text=True)
            yield side, json.loads(done.stdout)


def main() -> None:
    if "--side" in sys.argv:
        measure_one(sys.argv[2], Path(sys.argv[3]))
        return
    count, rounds = (300, 3) if "--quick" in sys.argv else (DOCUMENTS, 1)
    with tempfile.TemporaryDirectory() as folder:
        path, one = Path(folder) / "neighbors.yaml", Path(folder) / "one.yaml"
        write_documents(path, count)
        write_documents(one, 1)
        found: dict[str, list[dict[str, float]]] = {side: [] for side in SIDES}
        for side, result in run_sides(path, rounds):
            if result["count"] != count:
                raise RuntimeError(f"{side}: {result['count']:g} of {count} documents")
            found[side].append(result)
        seconds = {side: statistics.median(one["seconds"] for one in results) for side, results in found.items()}
        mebibytes = path.stat().st_size / (1 << 20)
        environment = os.environ | {"HOME": folder}
        command = ["generate", "-f", str(one)]
        processes = [time_once([sys.executable, "-m", "kubectl_netpol", *command], environment) for _ in range(9)]
        figures: dict[str, float] = {
            "documents": count,
            "mib": round(mebibytes, 1),
            "load_s": round(seconds["load"], 2),
            "policies_s": round(seconds["policies"], 2),
            "to_load": round(seconds["policies"] / seconds["load"], 2),
            "memory_mib_per_mib": round(found["policies"][0]["mib"] / mebibytes, 1),
            "memory_of_load_mib_per_mib": round(found["load"][0]["mib"] / mebibytes, 1),
            "one_ms": round(statistics.median(wall for wall, _ in processes), 1),
            "one_cpu_ms": round(statistics.median(cpu for _, cpu in processes), 1),
            "imports_of_kubernetes": int(imports_kubernetes(command, environment)),
        }
    print(json.dumps(figures))


if __name__ == "__main__":
    main()
