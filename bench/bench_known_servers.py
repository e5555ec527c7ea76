"""KnownServers with 50,000 blocks: add, list, explain and generate as processes; reading, building, asking within one.

``process_generate`` writes one policy from a file with them, ``process_generate_without`` the same with none.

Prints one JSON line; seconds, the median of three, unless a name says otherwise.
"""

from __future__ import annotations

import json
import os
import random
import resource
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

from kubectl_netpol.known_servers.documents import read_documents
from kubectl_netpol.known_servers.edits import add_documents
from kubectl_netpol.known_servers.lookup import Lookup
from kubectl_netpol.known_servers.values import Document, known_server
from kubectl_netpol.known_servers.writer import write_documents

BLOCKS = 50_000
LOOKUPS = 100_000
RUNS = 3
PROGRAM = [sys.executable, "-c", "from kubectl_netpol.cli.main import main; main()"]
NEIGHBORS = """\
apiVersion: spdx.softwarecomposition.kubescape.io/v1beta1
kind: NetworkNeighbors
metadata:
  name: deployment-web
  namespace: shop
  labels:
    kubescape.io/workload-api-group: apps
    kubescape.io/workload-api-version: v1
    kubescape.io/workload-kind: Deployment
    kubescape.io/workload-name: web
    kubescape.io/workload-namespace: shop
spec:
  matchLabels:
    app: web
  ingress: []
  egress:
  - type: external
    identifier: outside
    ipAddress: 142.250.1.104
    ports:
    - name: TCP-443
      protocol: TCP
      port: 443
"""


def make_documents(chance: random.Random) -> list[Document]:
    """500 documents of 100 blocks; a quarter IPv6, lengths /12 to /32 and /32 to /64, so that many nest."""
    documents = []
    for number in range(BLOCKS // 100):
        name = f"provider-{number}"
        entries = [
            known_server(name, make_block(chance), f"region-{i}", f"r{i}.{name}.example.com") for i in range(100)
        ]
        documents.append(Document(name, tuple(entries)))
    return documents


def make_block(chance: random.Random) -> str:
    if chance.random() < 0.25:
        return f"2001:{chance.randrange(1 << 16):x}:{chance.randrange(1 << 16):x}::/{chance.randrange(32, 65)}"
    octets = ".".join(str(chance.randrange(256)) for _ in range(4))
    return f"{octets}/{chance.randrange(12, 33)}"


def make_address(chance: random.Random) -> str:
    return make_block(chance).partition("/")[0]


def timed(action: Callable[[], object]) -> float:
    seconds = []
    for _ in range(RUNS):
        begin = time.perf_counter()
        action()
        seconds.append(time.perf_counter() - begin)
    return round(statistics.median(seconds), 3)


def run(file: Path, *arguments: str) -> None:
    environment = os.environ | {"KUBECTL_NETPOL_KNOWN_SERVERS": str(file)}
    subprocess.run([*PROGRAM, *arguments], env=environment, check=True, capture_output=True)


def measure_processes(file: Path) -> dict[str, float]:
    numbers = iter(range(RUNS))
    added = ("--ip-block", "192.0.2.0/24", "--server", "a")
    neighbors, empty = file.with_name("neighbors.yaml"), file.with_name("empty.yaml")
    neighbors.write_text(NEIGHBORS)
    empty.touch()
    return {
        "process_add": timed(lambda: run(file, "known-servers", "add", f"new-{next(numbers)}", *added)),
        "process_list": timed(lambda: run(file, "known-servers", "list")),
        "process_list_yaml": timed(lambda: run(file, "known-servers", "list", "-o", "yaml")),
        "process_explain": timed(lambda: run(file, "known-servers", "explain", "142.250.1.104")),
        "process_generate": timed(lambda: run(file, "generate", "-f", str(neighbors))),
        "process_generate_without": timed(lambda: run(empty, "generate", "-f", str(neighbors))),
    }


def measure_library(text: str, chance: random.Random) -> dict[str, float]:
    entries = [entry for document in read_documents(text, "bench") for entry in document.entries]
    new = Document("new", (known_server("new", "192.0.2.0/24", "", "a"),))
    lookup = Lookup(entries)
    addresses = [make_address(chance) for _ in range(LOOKUPS)]
    asked = timed(lambda: [lookup(address) for address in addresses])
    return {
        "read": timed(lambda: read_documents(text, "bench")),
        "read_as_any_yaml": timed(lambda: read_documents(text.replace("kind: ", "kind:  "), "bench")),
        "add": timed(lambda: add_documents(text, "bench", [new])),
        "build": timed(lambda: Lookup(entries)),
        "lookups": asked,
        "lookup_microseconds": round(asked / LOOKUPS * 1e6, 2),
        "found": sum(lookup(address) is not None for address in addresses),
    }


def main() -> None:
    chance = random.Random(50_000)  # noqa: S311
    text = write_documents(make_documents(chance))
    figures: dict[str, float | str] = {"bench": "known_servers", "blocks": BLOCKS, "bytes": len(text)}
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "known-servers.yaml"
        file.write_text(text)
        figures |= measure_processes(file)
    figures |= measure_library(text, chance)
    figures["memory_mib"] = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss >> 10
    print(json.dumps(figures))


if __name__ == "__main__":
    main()
