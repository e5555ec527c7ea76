"""Random worlds whose truth is known: recall and precision are 1.0 and every count is exact, under both attachments."""

from __future__ import annotations

import os
import random
import secrets
import statistics
import time

import pytest
from truth import ABORT, ATTACHMENTS, INIT_ACK, Capture, Truth, compare, is_attached, within

from kubectl_netpol.demo.machine import Machine
from kubectl_netpol.demo.pod import Pod
from kubectl_netpol.demo.servers import Answer
from kubectl_netpol.wire import Marks

SEEDS = [os.environ["NETPOL_SEED"]] if "NETPOL_SEED" in os.environ else ["1", "2", "any"]
"""``any`` is another one each time; the failure names it."""
GONE = ("10.244.9.9", "fd00:10:244::9:9")
MAIN_PORT = 7000  # where everybody listens
TCP_PORTS = (22, 80, 443, 5432, 8080, 33333, 50051, 65535)
ECHO_PORTS = (53, 123, 5000, 30000, 40000, 61000)
SINK_PORTS = (514, 8125, 45000)
SCTP_PORTS = (36412, 38412, 2905)
CLOSED_PORTS = (1, 81, 9999, 44444)


def seeded(seed: str) -> random.Random:
    number = secrets.randbelow(1 << 32) if seed == "any" else int(seed)
    print(f"to have this world again: NETPOL_SEED={number}", flush=True)
    return random.Random(number)


def make_pods(machine: Machine, number: int) -> list[Pod]:
    return [machine.add_pod(f"pod{n}", (f"10.244.0.{n + 2}", f"fd00:10:244::{n + 2:x}")) for n in range(number)]


def serve(chance: random.Random, pods: list[Pod]) -> dict[str, dict[int, Answer]]:
    """Each pod listens at some TCP ports, echoes at some UDP ports and swallows at others; returns the UDP ones."""
    listening: dict[str, dict[int, Answer]] = {}
    for pod in pods:
        for port in (MAIN_PORT, *chance.sample(TCP_PORTS, 4)):
            pod.listen_tcp(port)
        udp = dict.fromkeys(chance.sample(ECHO_PORTS, 3), Answer.ECHO)
        udp |= dict.fromkeys(chance.sample(SINK_PORTS, 2), Answer.SINK)
        for port, answer in udp.items():
            pod.listen_udp(port, answer)
        listening[pod.name] = udp
    return listening


def open_before(chance: random.Random, truth: Truth, pods: list[Pod]) -> None:
    """Silent connections that are older than the capture, often several to one server."""
    for _ in range(chance.randint(3, 12)):
        client, server = chance.sample(pods, 2)
        truth.hold_tcp(client, server, chance.choice(server.addresses), MAIN_PORT, Marks.EXISTING)


def act(chance: random.Random, truth: Truth, pods: list[Pod], udp: dict[str, dict[int, Answer]]) -> None:
    """One random thing that pods do to each other."""
    client, server = chance.sample(pods, 2)
    address = chance.choice(server.addresses)
    kind = chance.choices(("tcp", "udp", "sctp", "hold"), (6, 6, 3, 1))[0]
    if kind == "udp":
        port = chance.choice((*udp[server.name], *CLOSED_PORTS))
        truth.udp(client, server, address, port, udp[server.name].get(port), chance.randint(1, 3))
    elif kind == "sctp":
        truth.sctp(client, server, address, chance.choice(SCTP_PORTS), chance.choice((INIT_ACK, INIT_ACK, ABORT, None)))
    elif kind == "hold":
        truth.hold_tcp(client, server, address, MAIN_PORT)
    else:
        for _ in range(chance.randint(1, 5)):
            truth.tcp(client, server, address, chance.choice((*TCP_PORTS, *CLOSED_PORTS)))


def lose(chance: random.Random, truth: Truth, pods: list[Pod]) -> None:
    """Connections to nobody, some of them alike."""
    for _ in range(chance.randint(3, 12)):
        client = chance.choice(pods)
        truth.lost_tcp(client, GONE[":" in chance.choice(client.addresses)], chance.choice(TCP_PORTS))


@pytest.mark.kernel
@ATTACHMENTS
@pytest.mark.parametrize("seed", SEEDS)
def test_what_is_recorded_is_what_happened(machine: Machine, attach: str, seed: str):
    chance = seeded(seed)
    for address in GONE[: 1 + machine.has_ipv6]:
        machine.swallow(f"{address}/{128 if ':' in address else 32}")
    pods = make_pods(machine, chance.randint(4, 8))
    udp = serve(chance, pods)
    truth = Truth(machine)
    open_before(chance, truth, pods)
    with Capture(attach) as capture:
        capture.wait_for_namespaces(len(pods))
        capture.wait(lambda account: account.counted() == truth.flows, "the connections from before")
        for _ in range(120):
            act(chance, truth, pods, udp)
        time.sleep(1.1)  # the lost ones send their SYN again: still one attempt
        compare(truth.flows, capture.stop())


@pytest.mark.kernel
@ATTACHMENTS
def test_nothing_is_missed_in_namespaces_that_live_for_a_moment(machine: Machine, attach: str):
    server = machine.add_pod("server", ("10.244.0.2", "fd00:10:244::2"))
    server.listen_tcp(80)
    server.listen_udp(53)
    truth = Truth(machine)
    delays = []
    with Capture(attach) as capture:
        capture.wait_for_namespaces(1)
        for number in range(40):
            pod = machine.add_pod(f"short{number}", (f"10.244.1.{number + 1}", f"fd00:10:244::1:{number + 1:x}"))
            begun = time.monotonic()
            assert within(5, lambda pod=pod: is_attached(pod, attach)), f"namespace {number}: {capture.account.status}"
            delays.append(time.monotonic() - begun)
            truth.tcp(pod, server, server.addresses[number % 2], 80)
            truth.udp(pod, server, server.addresses[number % 2], 53, Answer.ECHO)
            machine.remove_pod(pod)
        compare(truth.flows, capture.stop())
    assert statistics.median(delays) < 0.5
