"""What the laptop's process weighs with the streams of 10, 100 and 1,000 nodes, and how long a round of asking takes.

No cluster: the demo's recorded records, those of ten pods, are told anew for each node, every two seconds, with a
node, an epoch, addresses and growing counters of its own, by an HTTP server on 127.0.0.1 that answers as an API
server's ``pods/NAME/log`` does (without TLS). The real LogReader, Follower and Recorder ask it at their own pace, in
a process of their own for each number of nodes. Ten nodes share their namespaces, so 1,000 nodes are 100 times the
demo's workloads.

``memory_mib`` is resident at the end, ``peak_mib`` the most ever, ``idle_mib`` before the first question, with the
inventory in it. A round asks every node once (``period_s``: how often that happens); ``save_s`` is the save after it.
"""

from __future__ import annotations

import json
import re
import resource
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator
from datetime import datetime
from functools import lru_cache
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from importlib.resources import files
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

import yaml

COUNTS = (10, 100, 1000)
GROUP = 10
INTERVAL = 2000
EPOCH, NODE = "<epoch>", "<node>"


def demo(name: str) -> str:
    return (files("kubectl_netpol.demo") / name).read_text()


def personal(text: str, node: int) -> str:
    """The demo's text as that node's own: its addresses, and its group's namespaces and Services."""
    group = node // GROUP
    text = text.replace("10.244.0.", f"10.{100 + node // 250}.{node % 250}.").replace(
        "fd00:10:244::", f"fd00:10:244:{node:x}::"
    )
    text = text.replace("10.96.0.", f"10.96.{group}.").replace("fd00:10:96::", f"fd00:10:96:{group:x}::")
    return re.sub(r'("namespace": ?"[a-z0-9-]+)"', rf'\1-{group}"', text)


# What the server says.


def bursts() -> list[list[dict[str, Any]]]:
    """The demo's records, each list closed by a status."""
    found: list[list[dict[str, Any]]] = [[]]
    for line in demo("recording.ndjson").splitlines():
        found[-1].append(json.loads(line))
        if found[-1][-1]["type"] == "status":
            found.append([])
    return found[:-1]


class Chronicle:
    """What nodes' agents have said by now, since ``begun`` (ms)."""

    def __init__(self, begun: int) -> None:
        self._begun = begun
        self._bursts = bursts()
        self._first = next(index for index, burst in enumerate(self._bursts) if any(one.get("flows") for one in burst))
        self._uids = {address: uid for uid, addresses in pods() for address in addresses}
        self.interval = lru_cache(maxsize=256)(self._interval)

    def since(self, node: int, moment: int, now: int) -> str:
        """All that was logged at ``moment`` or later."""
        first = max(0, -(-(moment - self._begun) // INTERVAL))
        told = "".join(self.interval(index) for index in range(first, (now - self._begun) // INTERVAL + 1))
        return personal(told, node).replace(EPOCH, f"{node:016x}").replace(NODE, f"node-{node}")

    def _interval(self, index: int) -> str:
        """What every node says in one interval, with blanks: all flows grow a little with each."""
        place = min(self._first + index, len(self._bursts) - 2)  # the last one is the agent's farewell
        at = self._begun + index * INTERVAL
        lines = []
        for number, record in enumerate(self._bursts[place]):
            told = record | {"epoch": EPOCH, "seq": index * 100 + number + 1, "time": at}
            if record["type"] == "status":
                told |= {"node": NODE, "since": self._begun, "final": False}
            else:
                uid = next((self._uids[one] for one in record["netns"]["addresses"] if one in self._uids), "")
                told["netns"] = record["netns"] | {"pod": uid and f"{uid}-{NODE}"}
                told["flows"] = {key: self._grown(value, index, at) for key, value in record["flows"].items()}
                told["names"] = {
                    address: dict.fromkeys(names, self._begun) for address, names in record["names"].items()
                }
            lines.append(json.dumps(told, separators=(",", ":")) + "\n")
        return "".join(lines)

    def _grown(self, value: list[int], index: int, at: int) -> list[int]:
        attempts, answered, refused, _, _, marks = value
        return [attempts + index, answered and answered + index, refused and refused + index, self._begun, at, marks]


def serve() -> None:
    """Runs in a process of its own: prints its port, and answers until its stdin ends."""
    chronicle = Chronicle(int(time.time() * 1000))

    class Log(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_GET(self) -> None:
            url = urlsplit(self.path)
            node = int(url.path.split("/")[-2].removeprefix("capture-"))
            asked = parse_qs(url.query).get("sinceTime")
            moment = int(datetime.fromisoformat(asked[0]).timestamp() * 1000) if asked else 0
            body = chronicle.since(node, moment, int(time.time() * 1000)).encode()
            self.send_response(200)
            self.send_header("Content-Type", "text/plain")
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Log)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    print(server.server_port, flush=True)
    sys.stdin.read()


# What the laptop knows and does.


def objects() -> list[dict[str, Any]]:
    return list(yaml.safe_load(demo("inventory.yaml"))["items"])


def pods() -> Iterator[tuple[str, list[str]]]:
    """The demo's pods: UID and addresses."""
    for one in objects():
        if one["kind"] == "Pod":
            addresses = one["status"].get("podIPs") or [{"ip": one["status"].get("podIP", "")}]
            yield str(one["metadata"].get("uid", "")), [each["ip"] for each in addresses]


def cluster_objects(nodes: int) -> Iterator[dict[str, Any]]:
    """The demo's objects: all but pods and nodes once for each group, the pods once for each node."""
    shared, own = [], []
    for one in objects():
        (own if one["kind"] in ("Pod", "Node") else shared).append(one)
    for node in range(nodes):
        texts = [json.dumps(one) for one in own + (shared if node % GROUP == 0 else [])]
        for text in texts:
            yield _placed(json.loads(personal(text, node)), node)


def _placed(one: dict[str, Any], node: int) -> dict[str, Any]:
    metadata = one["metadata"]
    if one["kind"] == "Node":
        metadata["name"] = f"node-{node}"
        one.get("status", {}).pop("addresses", None)
    elif one["kind"] == "Pod":
        metadata["name"] += f"-{node}"
        metadata["uid"] = f"{metadata.get('uid', '')}-node-{node}"
        one["spec"]["nodeName"] = f"node-{node}"
    return one


def resident() -> float:
    """MiB of this process."""
    text = Path("/proc/self/status").read_text()
    return int(text.partition("VmRSS:")[2].split()[0]) / 1024


def listen(nodes: int, rounds: int, port: int) -> None:
    """Runs in a process of its own; prints its figures."""
    from kubernetes.client import ApiClient, Configuration  # noqa: PLC0415  # its weight is this process's only

    from kubectl_netpol.cache.store import Store  # noqa: PLC0415
    from kubectl_netpol.capture.follow import Follower  # noqa: PLC0415
    from kubectl_netpol.capture.logs import LogReader  # noqa: PLC0415
    from kubectl_netpol.capture.pods import CapturePod  # noqa: PLC0415
    from kubectl_netpol.capture.recorder import Recorder  # noqa: PLC0415
    from kubectl_netpol.cluster.api import Api  # noqa: PLC0415
    from kubectl_netpol.neighbors.inventory import Inventory  # noqa: PLC0415

    inventory = Inventory()
    inventory.observe(cluster_objects(nodes), int(time.time() * 1000) - 3_600_000)
    heard: dict[str, int] = {}

    def note(node: str, record: object) -> None:
        heard[node] = heard.get(node, 0) + 1

    configuration = Configuration(host=f"http://127.0.0.1:{port}")
    configuration.connection_pool_maxsize = 64
    with tempfile.TemporaryDirectory() as folder, Store.open(Path(folder)) as store:
        recorder = Recorder(store, "bench", inventory)
        api = Api(ApiClient(configuration), [])
        reader = LogReader(api)
        follower = Follower(reader, "x", recorder.take, note)
        for node in range(nodes):
            follower.note(CapturePod(f"capture-{node}", f"node-{node}", f"job-{node}", f"uid-{node}", is_running=True))
        idle = resident()
        walls, cpus, saves, kept = [], [], [], 0
        for _ in range(rounds):
            time.sleep(max(0.0, min(one.next_ask for one in follower.streams.values()) - time.monotonic()))
            begun, spent = time.monotonic(), time.process_time()
            follower.ask_due()
            while follower.is_waiting:
                follower.take_answers(0.25)
            walls.append(time.monotonic() - begun)
            cpus.append(time.process_time() - spent)
            begun = time.monotonic()
            kept = len(recorder.save())
            saves.append(time.monotonic() - begun)
        reader.close()
    if len(heard) != nodes or recorder.bad_lines or not kept:
        sys.exit(f"{len(heard)} of {nodes} nodes heard, {recorder.bad_lines} bad lines, {kept} workloads")
    figures = {
        "case": f"{nodes} nodes",
        "memory_mib": round(resident(), 1),
        "peak_mib": round(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024, 1),
        "idle_mib": round(idle, 1),
        "pods": sum(1 for _ in inventory.pods()),
        "workloads": kept,
        "records": sum(heard.values()),
        "rounds": rounds,
        "received_mib_per_round": round(api.traffic.received / rounds / (1 << 20), 2),
        "first_round_s": round(walls[0], 2),
        "round_s": round(statistics.median(walls[1:]), 2),
        "round_cpu_s": round(statistics.median(cpus[1:]), 2),
        "period_s": max(2.0, nodes / 50),
        "save_s": round(statistics.median(saves), 2),
    }
    print(json.dumps(figures))


def main() -> None:
    if "--serve" in sys.argv:
        serve()
        return
    if "--listen" in sys.argv:
        listen(*map(int, sys.argv[2:5]))
        return
    is_quick = "--quick" in sys.argv
    for nodes in COUNTS[:2] if is_quick else COUNTS:
        rounds = 3 if is_quick else 5 if nodes > 100 else 10
        pipes: dict[str, Any] = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "text": True}
        with subprocess.Popen([sys.executable, __file__, "--serve"], **pipes) as server:
            port = server.stdout.readline().strip() if server.stdout else ""
            command = [sys.executable, __file__, "--listen", str(nodes), str(rounds), port]
            subprocess.run(command, check=True)
            if server.stdin:
                server.stdin.close()


if __name__ == "__main__":
    main()
