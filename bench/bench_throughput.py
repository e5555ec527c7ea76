"""What a recording costs an application: two pods on two nodes, with and without a recording, in turn.

The test cluster, and ``kubectl-netpol record -A`` watching. ``bulk``: bytes over one connection; ``requests``: 100
bytes there and back, one after another over one connection; ``connections``: each request over a connection of its
own. Client and server are Python. A round measures both within it, in turning order, so that whatever else the
machine does weighs on both; figures are medians over the rounds, ``_to_off`` 1 where a recording costs nothing.
"""

from __future__ import annotations

import json
import statistics
import sys
import tempfile
from contextlib import AbstractContextManager, nullcontext
from pathlib import Path
from typing import Any

from cluster import Record, namespace, pod, running

from tests.cluster.cluster import Cluster
from tests.cluster.layout import NODES

NAMESPACE = "bench-throughput"
KINDS = {"bulk": "mb_per_s", "requests": "per_s", "connections": "per_s"}
MODES = ("off", "recorded")
BULK_PORT, PORT = 8081, 8080
SERVER = f"""
import socket, threading

def sink(peer):
    room = bytearray(1 << 18)
    while peer.recv_into(room):
        pass
    peer.close()

def echo(peer):
    while data := peer.recv(4096):
        peer.sendall(data)
    peer.close()

def serve(port, talk):
    server = socket.create_server(("", port), backlog=4096)
    while True:
        threading.Thread(target=talk, args=(server.accept()[0],), daemon=True).start()

def answer():
    server = socket.create_server(("", {PORT + 2}), backlog=4096)
    while True:
        with server.accept()[0] as peer:
            peer.sendall(peer.recv(4096))

threading.Thread(target=serve, args=({BULK_PORT}, sink), daemon=True).start()
threading.Thread(target=answer, daemon=True).start()
serve({PORT}, echo)
"""
CLIENT = f"""
import json, socket, sys, time
address, seconds = sys.argv[1], float(sys.argv[2])

def talk(peer):
    peer.sendall(b"x" * 100)
    rest = 100
    while rest:
        rest -= len(peer.recv(4096))

def bulk(begun):
    data, sent = bytes(1 << 18), 0
    with socket.create_connection((address, {BULK_PORT})) as peer:
        while time.monotonic() - begun < seconds:
            sent += peer.send(data)
    return sent / 1e6

def requests(begun):
    count = 0
    with socket.create_connection((address, {PORT})) as peer:
        peer.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        while time.monotonic() - begun < seconds:
            talk(peer)
            count += 1
    return count

def connections(begun):
    count = 0
    while time.monotonic() - begun < seconds:
        with socket.create_connection((address, {PORT + 2})) as peer:
            talk(peer)
        count += 1
    return count

found = {{}}
for one in (bulk, requests, connections):
    begun = time.monotonic()
    amount = one(begun)
    found[one.__name__] = amount / (time.monotonic() - begun)
print(json.dumps(found))
"""
Rates = dict[str, float]


def prepare(cluster: Cluster) -> str:
    """Makes both pods; the server's address."""
    for one in (
        pod("server", NODES[1].name, "python3", "-c", SERVER),
        pod("client", NODES[0].name, "sleep", "infinity"),
    ):
        cluster.kubectl("-n", NAMESPACE, "create", "-f", "-", stdin=json.dumps(one))
    cluster.kubectl("-n", NAMESPACE, "wait", "--for=condition=Ready", "--timeout=60s", "pod", "--all", timeout=70)
    server: Any = cluster.get("-n", NAMESPACE, "pod", "server")
    return str(server["status"]["podIP"])


def measure(cluster: Cluster, address: str, seconds: float) -> Rates:
    command = ("exec", "client", "--", "python3", "-c", CLIENT, address, str(seconds))
    found: Rates = json.loads(cluster.kubectl("-n", NAMESPACE, *command))
    return found


def recorded(cluster: Cluster, mode: str, folder: Path) -> AbstractContextManager[object]:
    if mode == "off":
        return nullcontext()
    return Record(cluster, folder, "-A", "--capture-namespace", "kube-system")


def main() -> None:
    rounds, seconds = (2, 0.5) if "--quick" in sys.argv else (8, 2.0)
    found: list[dict[str, Rates]] = []
    with running() as cluster, namespace(cluster, NAMESPACE), tempfile.TemporaryDirectory() as folder:
        address = prepare(cluster)
        measure(cluster, address, 0.5)
        for number in range(rounds):
            found.append({})
            for mode in MODES if number % 2 else reversed(MODES):
                with recorded(cluster, mode, Path(folder)):
                    found[-1][mode] = measure(cluster, address, seconds)
    figures: dict[str, float] = {"rounds": rounds}
    for kind, unit in KINDS.items():
        for mode in MODES:
            figures[f"{kind}_{mode}_{unit}"] = round(statistics.median(one[mode][kind] for one in found))
        ratios = [one["recorded"][kind] / one["off"][kind] for one in found]
        figures[f"{kind}_recorded_to_off"] = round(statistics.median(ratios), 3)
        figures[f"{kind}_recorded_to_off_spread"] = round(max(ratios) - min(ratios), 3)
    print(json.dumps(figures))


if __name__ == "__main__":
    main()
