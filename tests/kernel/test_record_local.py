"""The whole path: real packets, ``record --local``, ``neighbors -o json``; what stands there is what happened."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
import yaml
from truth import ATTACHMENTS, PACKAGE_ROOT, is_attached, within

from kubectl_netpol.demo.machine import Machine
from kubectl_netpol.demo.objects import Application, ClusterService, NamedPort, Node, ServicePort, inventory
from kubectl_netpol.demo.pod import Attempt, Pod
from kubectl_netpol.demo.servers import Answer
from kubectl_netpol.demo.translation import Service

NODE = Node("worker-1", ("192.0.2.10", "2001:db8::10"), ("10.244.0.0/16", "fd00:10:244::/64"))
WEB = Application("shop", "web", (("10.244.0.2",), ("10.244.0.3", "fd00:10:244::3")))
API = Application(
    "shop",
    "api",
    (("10.244.0.10",), ("10.244.0.11",)),
    (NamedPort("http", 8080), NamedPort("old", 9090)),
    labels=(("app", "api"), ("tier", "back")),
)
DB = Application("data", "db", (("10.244.0.20", "fd00:10:244::20"),), (NamedPort("sql", 5432),), "StatefulSet")
SINK = Application("monitoring", "statsd", (("10.244.0.30",),))
API_SERVICE = ClusterService(API, "10.96.0.20", (ServicePort("web", 80, "http"),))
APPLICATIONS = (WEB, API, DB, SINK)


class Recording:
    """``record --local`` as a process; its cache is its own."""

    def __init__(self, directory: Path, attach: str) -> None:
        self.environment = os.environ | {"PYTHONPATH": str(PACKAGE_ROOT)}
        self.cache = str(directory / "cache")
        self.inventory = directory / "objects.yaml"
        self.attach = attach
        self._process: subprocess.Popen[bytes] | None = None

    def write(
        self, applications: tuple[Application, ...], services: tuple[ClusterService, ...] = (API_SERVICE,)
    ) -> None:
        document = inventory(NODE, applications, services, datetime.now(UTC) - timedelta(hours=1))
        fresh = self.inventory.with_suffix(".new")
        fresh.write_text(yaml.safe_dump(document), "utf-8")
        fresh.rename(self.inventory)

    def command(self, *arguments: str) -> list[str]:
        return [sys.executable, "-m", "kubectl_netpol", *arguments, "--cache-dir", self.cache]

    def start(self) -> None:
        arguments = ("record", "--local", "--inventory", str(self.inventory), "--attach", self.attach)
        self._process = subprocess.Popen(
            self.command(*arguments), env=self.environment, cwd="/", stdout=subprocess.PIPE, stderr=subprocess.PIPE
        )

    def stop(self, number: signal.Signals = signal.SIGINT) -> str:
        assert self._process is not None
        self._process.send_signal(number)
        output, errors = self._process.communicate(timeout=20)
        assert self._process.returncode == 0, errors
        return (output + errors).decode()

    def run(self, *arguments: str) -> str:
        done = subprocess.run(
            self.command(*arguments), env=self.environment, cwd="/", capture_output=True, timeout=30, check=False
        )
        assert done.returncode == 0, done.stderr.decode()
        return done.stdout.decode()

    def neighbors(self) -> dict[str, dict[str, Any]]:
        """NetworkNeighbors by ``namespace/workload``."""
        document = json.loads(self.run("neighbors", "-A", "--local", "-o", "json"))
        items = document["items"] if document["kind"] == "List" else [document]
        return {f"{item['metadata']['namespace']}/{item['metadata']['name']}": item for item in items}


def make_pods(machine: Machine, *applications: Application) -> dict[str, list[Pod]]:
    pods = {}
    for application in applications:
        pairs = zip(application.pod_names, application.pods, strict=True)
        pods[application.name] = [machine.add_pod(name, addresses) for name, addresses in pairs]
    return pods


def wait_attached(pods: dict[str, list[Pod]], attach: str) -> None:
    for pod in (one for several in pods.values() for one in several):
        assert within(10, lambda pod=pod: is_attached(pod, attach))


def told(item: dict[str, Any], direction: str) -> set[tuple[str, str]]:
    """(who, port) of the spec: a selector's labels or an address, and TCP-80."""
    found = set()
    for entry in item["spec"][direction]:
        selector = entry["podSelector"]
        who = (
            ",".join(f"{k}={v}" for k, v in sorted(selector["matchLabels"].items())) if selector else entry["ipAddress"]
        )
        found |= {(who, port["name"]) for port in entry["ports"]}
    return found


@pytest.mark.kernel(timeout=120)
@ATTACHMENTS
def test_neighbors_are_what_happened(machine: Machine, attach: str, tmp_path: Path):
    pods = make_pods(machine, *APPLICATIONS)
    outside = machine.add_pod("outside", ("142.250.1.104",))
    outside.listen_tcp(443)
    for pod in pods["api"]:
        pod.listen_tcp(8080)
    pods["db"][0].listen_tcp(5432)
    pods["statsd"][0].listen_udp(8125, Answer.SINK)
    machine.swallow("10.244.9.9/32")
    machine.add_service(
        Service("api", API_SERVICE.cluster_ip, "tcp", 80, tuple((pod.address, 8080) for pod in pods["api"]))
    )
    pool = pods["api"][0].open_tcp("10.244.0.20", 5432)  # before the recording
    recording = Recording(tmp_path, attach)
    recording.write(APPLICATIONS)
    recording.start()
    wait_attached(pods, attach)
    for web in pods["web"]:
        for _ in range(2):
            assert web.try_tcp(API_SERVICE.cluster_ip, 80) is Attempt.ANSWERED
        web.send_udp("10.244.0.30", 8125)
    if machine.has_ipv6:
        assert pods["web"][1].try_tcp("fd00:10:244::20", 5432) is Attempt.ANSWERED
    assert pods["web"][0].try_tcp("10.244.0.20", 5433) is Attempt.REFUSED
    pending = pods["web"][0].begin_tcp("10.244.9.9", 9200)
    assert pods["api"][1].try_tcp("142.250.1.104", 443) is Attempt.ANSWERED
    time.sleep(1.5)  # sockets of before are read by a process of their own
    recording.stop()
    pool.close()
    pending.close()
    found = recording.neighbors()
    assert set(found) == {
        "shop/deployment-web",
        "shop/deployment-api",
        "data/statefulset-db",
        "monitoring/deployment-statsd",
    }
    web, api = found["shop/deployment-web"], found["shop/deployment-api"]
    database, sink = found["data/statefulset-db"], found["monitoring/deployment-statsd"]
    by_ipv6 = {("app=db", "TCP-5432")} if machine.has_ipv6 else set()
    assert told(web, "egress") == {("app=api,tier=back", "TCP-8080"), ("app=statsd", "UDP-8125")} | by_ipv6
    assert told(web, "ingress") == set()
    assert told(api, "ingress") == {("app=web", "TCP-8080")}
    assert told(api, "egress") == {("app=db", "TCP-5432"), ("142.250.1.104", "TCP-443")}
    by_ipv6 = {("app=web", "TCP-5432")} if machine.has_ipv6 else set()
    assert told(database, "ingress") == {("app=api,tier=back", "TCP-5432")} | by_ipv6
    assert told(database, "egress") == set()
    assert told(sink, "ingress") == {("app=web", "UDP-8125")}
    text = recording.run("generate", "deploy/web", "-n", "shop", "--local")
    policy = next(document for document in yaml.safe_load_all(text) if document["kind"] == "NetworkPolicy")
    ports = {port["port"] for rule in policy["spec"]["egress"] for port in rule["ports"]}
    assert ports == {8080, 8125} | ({5432} if machine.has_ipv6 else set())


@pytest.mark.kernel(timeout=120)
@ATTACHMENTS
def test_an_address_that_changes_hands_has_the_right_owner_on_each_side(machine: Machine, attach: str, tmp_path: Path):
    """10.244.0.50 is of ``old`` first, of ``new`` after; the inventory is written anew in between."""
    old_pod, new_pod = Application("shop", "old", (("10.244.0.50",),)), Application("shop", "new", (("10.244.0.51",),))
    client_pod = Application("shop", "client", (("10.244.0.2",),))
    pods = make_pods(machine, client_pod, old_pod, new_pod)
    client, old, new = (pods[name][0] for name in ("client", "old", "new"))
    old.listen_tcp(1111)
    new.listen_tcp(2222)
    recording = Recording(tmp_path, attach)
    recording.write((client_pod, old_pod, new_pod))
    recording.start()
    wait_attached(pods, attach)
    assert client.try_tcp("10.244.0.50", 1111) is Attempt.ANSWERED
    time.sleep(1.2)
    taken = Application("shop", "new", (("10.244.0.50", "10.244.0.51"),))
    machine.move_address("10.244.0.50", old, new)
    recording.write((client_pod, taken))
    time.sleep(2.5)  # the file is looked at each second
    assert client.try_tcp("10.244.0.50", 2222) is Attempt.ANSWERED
    time.sleep(1.2)
    recording.stop()
    found = recording.neighbors()
    assert told(found["shop/deployment-client"], "egress") == {("app=old", "TCP-1111"), ("app=new", "TCP-2222")}
    assert told(found["shop/deployment-old"], "ingress") == {("app=client", "TCP-1111")}
    assert told(found["shop/deployment-new"], "ingress") == {("app=client", "TCP-2222")}


@pytest.mark.kernel(timeout=120)
def test_recordings_add_up(machine: Machine, tmp_path: Path):
    client_pod, server_pod = (
        Application("shop", "client", (("10.244.0.2",),)),
        Application("shop", "server", (("10.244.0.3",),)),
    )
    pods = make_pods(machine, client_pod, server_pod)
    pods["server"][0].listen_tcp(80)
    recording = Recording(tmp_path, "auto")
    recording.write((client_pod, server_pod))
    for number in (signal.SIGINT, signal.SIGTERM):
        recording.start()
        assert within(10, lambda: any(is_attached(pods["client"][0], attach) for attach in ("tcx", "socket")))
        for _ in range(3):
            assert pods["client"][0].try_tcp("10.244.0.3", 80) is Attempt.ANSWERED
        assert "next: kubectl netpol generate" in recording.stop(number)
        assert within(5, lambda: not any(is_attached(pods["client"][0], attach) for attach in ("tcx", "socket")))
    rows = [line for line in recording.run("neighbors", "-n", "shop", "--local").splitlines() if "server" in line]
    assert any("6/6" in line for line in rows), rows
