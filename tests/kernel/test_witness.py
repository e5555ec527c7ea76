"""A second witness that is not ours: tcpdump on the pod's interface saw the handshakes that the agent counted."""

from __future__ import annotations

import random
import re
import shutil
import signal
import subprocess
from collections import defaultdict

import pytest
from truth import ATTACHMENTS, Capture

from kubectl_netpol.demo.machine import Machine
from kubectl_netpol.demo.pod import Pod
from kubectl_netpol.demo.translation import Service

LAST = 9
# IP 10.244.0.2.40000 > 10.244.0.3.80: Flags [S], seq 123, win 64240, ... / Flags [S.], seq 9, ack 124, ...
PACKET = re.compile(
    r"IP6? (?P<source>\S+)\.(?P<source_port>\d+) > (?P<target>\S+)\.(?P<target_port>\d+): "
    r"Flags \[(?P<flags>[A-Z.]+)\](?:, cksum [^,]*)?(?:, seq (?P<sequence>\d+))?(?:, ack (?P<ack>\d+))?"
)


class Witness:
    """tcpdump in a pod; ``handshakes`` ends it and gives (attempts, answered, refused) by flow key."""

    def __init__(self, pod: Pod) -> None:
        self.pod = pod
        command = ["tcpdump", "-Z", "root", "-nn", "-S", "-l", "--immediate-mode", "-s", "128", "-B", "16384"]
        command += ["-i", "eth0", "tcp"]
        self._process = pod.run(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
        assert self._process.stderr is not None
        while b"listening on" not in (line := self._process.stderr.readline()):
            assert line, "tcpdump ended"

    def handshakes(self) -> dict[str, tuple[int, int, int]]:
        """All of them, until one at the port ``LAST`` is refused."""
        assert self._process.stdout is not None
        lines = []
        while not re.search(rf"\.{LAST} > .* Flags \[R\.\]", line := self._process.stdout.readline().decode()):
            assert line, "tcpdump ended"
            lines.append(line)
        self._process.send_signal(signal.SIGINT)
        assert b"\n0 packets dropped by kernel" in self._process.communicate(timeout=20)[1]
        seen: dict[str, tuple[set[object], set[object], set[object]]] = defaultdict(lambda: (set(), set(), set()))
        for seen_line in lines:
            packet = PACKET.search(seen_line)
            if packet:
                self._note(packet, seen)
        return {key: tuple(map(len, sets)) for key, sets in seen.items() if not key.endswith(f" {LAST}")}

    def _note(self, packet: re.Match[str], seen: dict[str, tuple[set[object], set[object], set[object]]]) -> None:
        if packet["flags"] == "S":
            self._key(packet, seen, "target", 0).add((packet["source_port"], int(packet["sequence"])))
        elif packet["flags"] == "S.":
            self._key(packet, seen, "source", 1).add((packet["target_port"], int(packet["ack"])))
        elif packet["flags"] == "R." and packet["sequence"] == "0":
            self._key(packet, seen, "source", 2).add((packet["target_port"], int(packet["ack"])))

    def _key(self, packet, seen, server: str, which: int) -> set[object]:
        client = "source" if server == "target" else "target"
        served_here = packet[server] in self.pod.addresses
        role, local, peer = ("in", server, client) if served_here else ("out", client, server)
        return seen[f"{role} tcp {packet[local]} {packet[peer]} {packet[f'{server}_port']}"][which]


@pytest.mark.kernel
@ATTACHMENTS
def test_tcpdump_saw_the_same_handshakes(machine: Machine, attach: str):
    if not shutil.which("tcpdump"):
        pytest.skip("tcpdump is not installed")
    chance = random.Random(20)
    pods = [machine.add_pod(f"pod{n}", (f"10.244.0.{n + 2}", f"fd00:10:244::{n + 2:x}")) for n in range(4)]
    for pod in pods:
        for port in (80, 8443, 50051):
            pod.listen_tcp(port)
    machine.swallow("10.244.9.9/32")
    targets = tuple((pod.address, 8443) for pod in pods[2:])
    machine.add_service(Service("api", "10.96.0.20", "tcp", 443, targets))
    witnesses = [Witness(pod) for pod in pods]
    pending = []
    with Capture(attach) as capture:
        capture.wait_for_namespaces(4)
        for _ in range(150):
            client, server = chance.sample(pods, 2)
            client.try_tcp(chance.choice(server.addresses), chance.choice((80, 8443, 50051, 81, 65000)))
        for client in pods[:2]:
            for _ in range(5):
                client.try_tcp("10.96.0.20", 443)
            pending.append(client.begin_tcp("10.244.9.9", 443))
        for pod, other in zip(pods, (*pods[1:], pods[0]), strict=True):
            pod.try_tcp(other.address, LAST)
        account = capture.stop()
    for witness in witnesses:
        ours = {
            key: (counted.attempts, counted.answered, counted.refused)
            for key, counted in account.of(witness.pod).items()
            if not key.endswith(f" {LAST}")
        }
        assert ours == witness.handshakes()
        assert ours
