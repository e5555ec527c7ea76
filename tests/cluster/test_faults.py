"""Faults at random moments, on a real cluster, while traffic runs whose truth is known. Nothing may be lost in silence.

FAULTS_ROUNDS=N strikes N times where once is the default: each test that takes ``chance`` runs so often, with other
moments each time. FAULTS_SEED repeats a run's moments; a failing test shows its seed, which repeats that round alone.
"""

from __future__ import annotations

import json
import os
import random
import secrets
import signal
import time
from collections.abc import Callable, Iterator
from ipaddress import ip_address
from itertools import pairwise
from pathlib import Path

import pytest

from kubectl_netpol.model import Direction
from kubectl_netpol.wire import StatusRecord

from . import network
from .agents import agent_of, has_spoken, has_spoken_again, last_words, spoken, told_until
from .cluster import Cluster
from .layout import NODES
from .nodes import by_name
from .processes import ClusterError, run_in, wait_until
from .tallied import Kept, Running, netpol, recording
from .traffic import NAMESPACE, Call, Traffic, now

pytestmark = [
    pytest.mark.cluster,
    pytest.mark.network("calico", reason="what fails here is not the network, and once is enough"),
]

INTERVAL = 2000
"""Of a watched recording's reports, in ms: so much may an agent that is killed not have said yet."""

SLACK = 400
"""Between a connection and the account of it, in ms: two processes' looks at the clock, on a busy machine."""

UNREAD = 2 * INTERVAL + 2 * SLACK + 250
"""So much may a pod that is deleted take with it, in ms: a report that was not made, and one that was not asked for, as
logs are polled as often as reports come; whether one is due is looked at every 250 ms."""


@pytest.fixture(scope="module")
def traffic(cluster: Cluster) -> Iterator[Traffic]:
    found = Traffic(cluster)
    found.start()
    yield found
    found.stop()


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """Repeats what depends on chance."""
    rounds = int(os.environ.get("FAULTS_ROUNDS") or 1)
    if "chance" in metafunc.fixturenames and rounds > 1:
        metafunc.parametrize("chance", range(rounds), indirect=True, ids=lambda number: f"round{number + 1}")


@pytest.fixture
def chance(request: pytest.FixtureRequest) -> random.Random:
    seed = os.environ.get("FAULTS_SEED") or secrets.token_hex(4)
    if number := getattr(request, "param", 0):
        seed += f".{number}"
    print(f"FAULTS_SEED={seed}")
    return random.Random(seed)


def unexplained(kept: Kept, truth: list[Call]) -> list[str]:
    """What is missing, and nobody says so."""
    return [
        f"{name}: {call} is missing; holes: {kept.holes(name)}"
        for name, call in kept.missing(truth)
        if not any(first - SLACK <= call.at <= last + SLACK for first, last in kept.holes(name))
    ]


def restart_api_server(running: Running, _: str) -> None:
    daemon = running.cluster.daemon("hub", "kube-apiserver")
    daemon.stop(signal.SIGKILL)
    daemon.start()
    wait_until(lambda: running.cluster.agrees("get", "--raw", "/readyz"), 60, "the API server is back", daemon.log)


def restart_kubelet(running: Running, node: str) -> None:
    daemon = running.cluster.daemon(node, "kubelet")
    daemon.stop(signal.SIGKILL)
    time.sleep(3)
    daemon.start()
    reads = ("-n", NAMESPACE, "logs", f"server-{node}", "--tail=1")
    wait_until(lambda: running.cluster.agrees(*reads), 60, f"{node}'s kubelet is back", daemon.log)


def cut_cable(running: Running, node: str) -> None:
    network.disconnect(by_name(node))
    time.sleep(30)
    network.reconnect(by_name(node))
    reads = ("-n", NAMESPACE, "logs", f"server-{node}", "--tail=1")
    wait_until(lambda: running.cluster.agrees(*reads), 60, f"{node} is reached again")


Fault = Callable[[Running, str], None]


@pytest.mark.parametrize("fault", [restart_api_server, restart_kubelet, cut_cable], ids=lambda fault: fault.__name__)
def test_what_only_interrupts_us_loses_nothing(
    traffic: Traffic, fault: Fault, chance: random.Random, tmp_path: Path
) -> None:
    with recording(traffic.cluster, tmp_path) as running:
        time.sleep(chance.uniform(0, 3))
        fault(running, chance.choice(NODES).name)
        time.sleep(chance.uniform(2, 4))
        running.end()
        assert running.process.returncode == 0, running.said
        wait_until(lambda: not running.remains(), 60, "nothing is left")
    kept = Kept.read(tmp_path)
    assert kept.missing(traffic.truth(running.heard, running.ended)) == [], running.said
    assert kept.silences(running) == {}


def test_an_agent_that_is_killed_loses_at_most_what_it_had_not_said(
    traffic: Traffic, chance: random.Random, tmp_path: Path
) -> None:
    killed: list[tuple[str, int]] = []
    with recording(traffic.cluster, tmp_path) as running:
        for node in chance.sample(NODES, len(NODES)):
            time.sleep(chance.uniform(0, 3))
            os.kill(agent_of(node.name, running), signal.SIGKILL)
            killed.append((node.name, now()))
        time.sleep(4)
        for node, _ in killed:
            wait_until(lambda node=node: has_spoken_again(running, node), 30, f"an agent speaks again on {node}")
        time.sleep(4)
        said = {node: (spoken(running, node, "--previous"), spoken(running, node)) for node, _ in killed}
        running.end()
        assert running.process.returncode == 0, running.said
    kept, truth = Kept.read(tmp_path), traffic.truth(running.heard, running.ended)
    assert unexplained(kept, truth) == []
    all_speak = max(before[0] for before, _ in said.values())
    for node, at in killed:
        before, after = said[node]
        slowest = max((late - early for early, late in pairwise(before)), default=0)
        for name in (f"caller-{node}", f"server-{node}"):
            [(first, last)] = kept.silences(running)[name]
            # A recording begins with the first word that is read: another node's, perhaps, whose clock says later.
            assert first == before[-1] or before[-1] < first <= all_speak
            assert last == after[0]
            assert at - 2 * max(INTERVAL, slowest) - SLACK <= first <= at + SLACK
            assert last > at


def test_a_capture_pod_that_is_deleted_says_its_last_words_and_another_comes(
    traffic: Traffic, chance: random.Random, tmp_path: Path
) -> None:
    node = chance.choice(NODES).name
    with recording(traffic.cluster, tmp_path) as running:
        time.sleep(chance.uniform(0, 3))
        pod = running.pod(node)
        with last_words(running, node) as words:
            at = now()
            running.cluster.kubectl("-n", NAMESPACE, "delete", pod, "--wait=false")
        wait_until(lambda: running.pod(node) not in (pod, ""), 60, "another pod comes")
        wait_until(lambda: has_spoken(running, node), 60, "it speaks")
        time.sleep(4)
        begun = spoken(running, node)[0]
        running.end()
        assert running.process.returncode == 0, running.said
    assert isinstance(words[-1], StatusRecord)
    assert words[-1].final
    assert words[-1].time >= at - SLACK
    kept, truth = Kept.read(tmp_path), traffic.truth(running.heard, running.ended)
    assert unexplained(kept, truth) == []
    # The laptop may hear of the deletion only when that log is gone. It has then lost what it had not asked for.
    assert [call for _, call in kept.missing(truth) if call.at < at - UNREAD] == []
    [(first, last)] = kept.silences(running)[f"caller-{node}"]
    assert at - UNREAD <= first <= words[-1].time
    assert last == begun


def test_a_capture_pod_that_vanishes_by_force_loses_what_was_not_read_yet(
    traffic: Traffic, chance: random.Random, tmp_path: Path
) -> None:
    node = chance.choice(NODES).name
    with recording(traffic.cluster, tmp_path) as running:
        time.sleep(chance.uniform(3, 6))
        at = now()
        running.cluster.kubectl("-n", NAMESPACE, "delete", running.pod(node), "--grace-period=0", "--force")
        time.sleep(6)
        running.end()
    kept, truth = Kept.read(tmp_path), traffic.truth(running.heard, running.ended)
    assert unexplained(kept, truth) == []
    assert [call for _, call in kept.missing(truth) if call.at < at - UNREAD] == []


def test_what_a_killed_laptop_left_is_listed_collected_and_stopped(
    traffic: Traffic, chance: random.Random, tmp_path: Path
) -> None:
    with recording(traffic.cluster, tmp_path) as running:
        time.sleep(chance.uniform(0, 4))
        running.kill()
        time.sleep(6)
        assert [one["name"] for one in running.sessions()] == [running.session]
        until = told_until(running) - 2 * SLACK
        told = netpol(running.cluster, "collect", running.session, "--cache-dir", str(tmp_path))
        assert told.returncode == 0, told.stderr
        kept = Kept.read(tmp_path)
        assert kept.missing(traffic.truth(running.heard, until)) == []
        ended = now()
        told = netpol(running.cluster, "stop", running.session, "--cache-dir", str(tmp_path))
        assert told.returncode == 0, told.stderr
        wait_until(lambda: not running.remains(), 60, "nothing is left")
    kept = Kept.read(tmp_path)
    assert kept.missing(traffic.truth(running.heard, ended)) == []
    assert kept.silences(running) == {}


def test_a_session_whose_laptop_was_killed_disappears_by_itself(traffic: Traffic, tmp_path: Path) -> None:
    with recording(traffic.cluster, tmp_path) as running:
        running.kill()
        jobs = running.cluster.kubectl("-n", NAMESPACE, "get", "jobs", "-l", running.label, "-o", "name").split()
        soon = json.dumps({"spec": {"activeDeadlineSeconds": 1, "ttlSecondsAfterFinished": 2}})
        assert len(jobs) == len(NODES)
        for deadline, patience in limits(running):
            assert 300 <= deadline < 420  # moved once a minute while it was watched
            assert patience == 60
        for job in jobs:
            running.cluster.kubectl("-n", NAMESPACE, "patch", job, "--type=merge", "-p", soon)
        wait_until(lambda: not running.remains(), 60, "the API server has removed all of it")
        assert running.sessions() == []


def limits(running: Running) -> list[tuple[int, int]]:
    """Of each of its Jobs, the seconds after which it ends and those after which it is removed then."""
    told = running.cluster.kubectl("-n", NAMESPACE, "get", "jobs", "-l", running.label, "-o", "json")
    specs = [job["spec"] for job in json.loads(told)["items"]]
    return [(spec["activeDeadlineSeconds"], spec["ttlSecondsAfterFinished"]) for spec in specs]


def test_what_an_agent_said_before_and_after_it_was_killed_is_collected(traffic: Traffic, tmp_path: Path) -> None:
    with recording(traffic.cluster, tmp_path / "watched") as running:
        running.kill()
        [node, _] = NODES
        os.kill(agent_of(node.name, running), signal.SIGKILL)
        wait_until(lambda: has_spoken_again(running, node.name), 60, "its successor speaks")
        time.sleep(5)
        before, after = spoken(running, node.name, "--previous"), spoken(running, node.name)
        until = told_until(running) - 2 * SLACK
        told = netpol(running.cluster, "collect", running.session, "--cache-dir", str(tmp_path / "collected"))
        assert told.returncode == 0, told.stderr
    kept = Kept.read(tmp_path / "collected")
    assert unexplained(kept, traffic.truth(running.heard, until)) == []
    assert kept.silences(running)[f"server-{node.name}"] == [(before[-1], after[0])]


def test_an_api_server_that_is_away_at_the_end_costs_nothing(
    traffic: Traffic, chance: random.Random, tmp_path: Path
) -> None:
    daemon = traffic.cluster.daemon("hub", "kube-apiserver")
    with recording(traffic.cluster, tmp_path) as running:
        time.sleep(chance.uniform(3, 5))  # else there are too few calls before the end
        daemon.stop(signal.SIGKILL)
        try:
            time.sleep(chance.uniform(0, 2))
            running.ask_to_end()
            time.sleep(chance.uniform(2, 4))
        finally:
            daemon.start()
        running.await_end()
        assert running.process.returncode == 0, running.said
        wait_until(lambda: not running.remains(), 60, "nothing is left")
    kept = Kept.read(tmp_path)
    assert kept.missing(traffic.truth(running.heard, running.ended)) == [], running.said


def test_a_node_that_is_out_of_reach_at_the_end_is_told_and_waited_for_in_bounds(
    traffic: Traffic, chance: random.Random, tmp_path: Path
) -> None:
    node = chance.choice(NODES)
    with recording(traffic.cluster, tmp_path) as running:
        time.sleep(chance.uniform(4, 8))  # once cut off, most calls are waits of a second each
        network.disconnect(node)
        cut = now()
        try:
            time.sleep(8)
            running.end()
            took = now() - running.ended
            jobs = running.cluster.kubectl("-n", NAMESPACE, "get", "jobs", "-l", running.label, "-o", "name").split()
        finally:
            network.reconnect(node)
        reads = ("-n", NAMESPACE, "logs", f"server-{node.name}", "--tail=1")
        wait_until(lambda: running.cluster.agrees(*reads), 60, f"{node.name} is reached again")
        wait_until(lambda: not running.remains(), 60, "nothing is left")
    print(f"took {took} ms, said: {running.said}")
    assert jobs == []
    assert took < 60_000
    assert f"{node.name} was not heard for " in running.said
    kept = Kept.read(tmp_path)
    assert unexplained(kept, traffic.truth(running.heard, running.ended)) == []
    [(first, last)] = kept.silences(running)[f"caller-{node.name}"]
    assert first <= cut + SLACK
    assert running.ended - SLACK <= last <= running.ended + took


def test_a_log_that_is_rotated_meanwhile_loses_nothing(traffic: Traffic, tmp_path: Path) -> None:
    node, count = NODES[0].name, 2500
    [address] = [address for address, name in traffic.servers.items() if name == f"server-{node}"]
    with recording(traffic.cluster, tmp_path) as running:
        traffic.add("flooder", node, "flood", address, str(count))
        logs = f"ls /var/log/pods/{NAMESPACE}_{running.pod(node).rpartition('/')[2]}_*/agent"
        wait_until(lambda: len(run_in(node, "sh", "-c", logs).split()) > 2, 150, "the log is rotated twice")
        wait_until(lambda: len(traffic.told("flooder")) > 7, 60, "there were some rounds")
        running.end()
        left = now()
        rounds = [line.split() for line in traffic.told("flooder")]
        traffic.remove("flooder")
        assert running.process.returncode == 0, running.said
    whole = [int(at) for reached, at in rounds if int(reached) == count and int(at) <= running.ended]
    begun = sum(int(at) <= left for _, at in rounds) + 1  # with the one that went on by then
    kept = Kept.read(tmp_path)
    recorded = kept.counts("flooder", Direction.EGRESS, f"server-{node}")
    print(f"{len(whole)} rounds, {len(recorded)} ports")
    assert len(whole) > 5
    for counts in (recorded, kept.counts(f"server-{node}", Direction.INGRESS, "flooder")):
        assert len(counts) == count
        assert len(whole) <= min(counts.values()) <= max(counts.values()) <= begun
    assert kept.missing(traffic.truth(running.heard, running.ended)) == []
    assert kept.silences(running) == {}


def test_an_address_that_another_pod_gets_is_each_ones_in_its_time(traffic: Traffic, tmp_path: Path) -> None:
    node, servers = NODES[0].name, [*traffic.servers]
    truth: list[Call] = []
    with recording(traffic.cluster, tmp_path) as running:
        address = traffic.add("early", node, "call", "20000", *servers)
        time.sleep(2)
        truth += traffic.calls("early")
        traffic.remove("early")
        add_at(address, traffic, "late", node, "call", "22000", *servers)
        time.sleep(2)
        truth += traffic.calls("late")
        traffic.remove("late")
        running.end()
        assert running.process.returncode == 0, running.said
    kept = Kept.read(tmp_path)
    assert len(truth) > 10
    assert kept.missing(truth) == []
    for server in traffic.servers.values():
        assert all(port < 22000 for port in kept.counts(server, Direction.INGRESS, "early"))
        assert all(port >= 22000 for port in kept.counts(server, Direction.INGRESS, "late"))


def add_at(address: str, traffic: Traffic, name: str, node: str, *arguments: str) -> None:
    """Starts a pod that gets an address which another one had. ClusterError when others keep taking it."""
    for _ in range(3):
        give_again(node, address)
        await_next_second()
        if traffic.add(name, node, *arguments) == address:
            return
        traffic.remove(name)  # another pod was faster, such as a CronJob's
    raise ClusterError(f"{name} does not get the address {address}")


def await_next_second() -> None:
    """Waits until the clock shows another second, in which the next pod is made.

    A pod goes on calling for a while after it was deleted, until its address is given back. The API keeps the next
    one's beginning in whole seconds, cut off: a pod that began in the second of those last calls would seem to have
    made them.
    """
    second = int(time.time())
    wait_until(lambda: int(time.time()) > second, 2, "the clock shows another second")


def give_again(node: str, address: str) -> None:
    """Makes it the address that the node's next pod gets."""
    folder, before = "/var/lib/cni/networks/k8s-pod-network", str(ip_address(address) - 1)
    wait_until(lambda: address not in run_in(node, "ls", folder).split(), 30, f"{address} is given back")
    run_in(node, "sh", "-c", f"printf %s {before} > {folder}/last_reserved_ip.0")


def test_two_recordings_at_once_add_up(traffic: Traffic, chance: random.Random, tmp_path: Path) -> None:
    """What both hear is counted twice; there are no more neighbors for it."""
    with recording(traffic.cluster, tmp_path) as first:
        time.sleep(chance.uniform(3, 5))
        joined = now()
        with recording(traffic.cluster, tmp_path, [first.session]) as second:
            time.sleep(chance.uniform(3, 5))
            first.end()
            left = now()
            time.sleep(chance.uniform(3, 5))
            second.end()
        assert (first.process.returncode, second.process.returncode) == (0, 0), first.said + second.said
    kept = Kept.read(tmp_path)
    truth = traffic.truth(first.heard, second.ended)
    assert kept.missing(truth) == []
    assert counted(kept, [call for call in truth if call.at < joined]) == {1}
    assert counted(kept, [call for call in truth if second.heard + SLACK < call.at < first.ended - SLACK]) == {2}
    assert counted(kept, [call for call in truth if call.at > left + SLACK]) == {1}
    assert counted(kept, truth) == {1, 2}
    assert (kept.silences(first), kept.silences(second)) == ({}, {})


def counted(kept: Kept, calls: list[Call]) -> set[int]:
    """How often such a call was counted, by its caller and by its server; each had a port of its own."""
    assert len(calls) > 10, "there was too little traffic to prove anything"
    return {
        kept.counts(name, direction, other).get(call.port, 0)
        for call in calls
        for name, direction, other in (
            (call.caller, Direction.EGRESS, call.server),
            (call.server, Direction.INGRESS, call.caller),
        )
    }


def test_a_user_with_too_few_rights_leaves_nothing_behind(traffic: Traffic, tmp_path: Path) -> None:
    told = netpol(traffic.cluster, "record", "-n", NAMESPACE, "--as", "nobody", "--cache-dir", str(tmp_path))
    assert told.returncode == 1
    assert told.stderr.startswith("error: you may not ")
    assert f"kubectl netpol doctor --print-rbac -n {NAMESPACE}" in told.stderr
    assert traffic.cluster.get("jobs", "-n", NAMESPACE)["items"] == []
