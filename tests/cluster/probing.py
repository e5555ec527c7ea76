"""Connections tried from pods, many at once, and what became of each: a policy drops, and else something comes back.

A connection that is refused has passed: the refusal came back. By UDP a DNS query is sent, which name servers answer.
Runs in the pods with the standard library only.
"""

from __future__ import annotations

import json
import time
from collections.abc import Iterable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

from .cluster import Cluster

_WAIT = 1.0
"""Seconds after which a packet counts as dropped; an answer takes milliseconds."""

_CODE = """
import json, socket, sys
from concurrent.futures import ThreadPoolExecutor
QUERY = bytes.fromhex("123401000001000000000000") + b"\\x07example\\x04test\\x00\\x00\\x01\\x00\\x01"
def passes(probe):
    address, port, protocol = probe
    kind = socket.SOCK_STREAM if protocol == "TCP" else socket.SOCK_DGRAM
    with socket.socket(socket.AF_INET6 if ":" in address else socket.AF_INET, kind) as one:
        one.settimeout(WAIT)
        try:
            one.connect((address, port))
            if kind == socket.SOCK_DGRAM:
                one.send(QUERY)
                one.recv(512)
        except TimeoutError:
            return False
        except ConnectionError:
            return True
    return True
with ThreadPoolExecutor(100) as pool:
    print(json.dumps(list(pool.map(passes, json.load(sys.stdin)))))
""".replace("WAIT", str(_WAIT))

SERVER = """
import selectors, socket, sys
selector = selectors.DefaultSelector()
for port in map(int, sys.argv[1:]):
    for kind in (socket.SOCK_STREAM, socket.SOCK_DGRAM):
        one = socket.socket(socket.AF_INET6, kind)
        one.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        one.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 0)
        one.bind(("::", port))
        if kind == socket.SOCK_STREAM:
            one.listen(256)
        selector.register(one, selectors.EVENT_READ)
print("ready", flush=True)
while True:
    for key, _ in selector.select():
        if key.fileobj.type == socket.SOCK_STREAM:
            key.fileobj.accept()[0].close()
        else:
            data, sender = key.fileobj.recvfrom(512)
            key.fileobj.sendto(data, sender)
"""
"""Answers on the ports that are its arguments, by TCP and UDP, IPv4 and IPv6."""


@dataclass(frozen=True, slots=True, order=True)
class Probe:
    """A connection to try, from a pod of a namespace."""

    namespace: str
    pod: str
    address: str
    port: int
    protocol: str = "TCP"


def try_all(cluster: Cluster, probes: Iterable[Probe]) -> dict[Probe, bool]:
    """Which of them pass; all pods at once."""
    by_pod: dict[tuple[str, str], list[Probe]] = {}
    for probe in probes:
        by_pod.setdefault((probe.namespace, probe.pod), []).append(probe)
    with ThreadPoolExecutor(16) as pool:
        found = pool.map(lambda one: _try(cluster, *one), by_pod.items())
        return {probe: passed for each in found for probe, passed in each.items()}


def settled(cluster: Cluster, expected: dict[Probe, bool], patience: float) -> list[Probe]:
    """The probes whose outcome differs from what is expected, once the enforcer has had its time (seconds).

    Before it has, everything passes: an answer counts for nothing by itself, and all have to be right at once.
    """
    deadline, left = time.monotonic() + patience, expected
    while True:
        left = _differing(cluster, left) or _differing(cluster, expected)
        if not left or time.monotonic() > deadline:
            return sorted(left)
        time.sleep(0.5)


def _differing(cluster: Cluster, expected: dict[Probe, bool]) -> dict[Probe, bool]:
    outcome = try_all(cluster, expected)
    return {probe: allowed for probe, allowed in expected.items() if outcome[probe] != allowed}


def _try(cluster: Cluster, pod: tuple[str, str], probes: list[Probe]) -> dict[Probe, bool]:
    namespace, name = pod
    rows = json.dumps([(one.address, one.port, one.protocol) for one in probes])
    words = ("-n", namespace, "exec", "-i", name, "--", "python3", "-c", _CODE)
    return dict(zip(probes, json.loads(cluster.kubectl(*words, stdin=rows, timeout=60)), strict=True))
