"""New namespaces: how soon the agent is attached to one, and whether it misses what lives for 50 ms.

Two kinds: ``mount``, a file under /run/netns as container runtimes make it, and ``process``, known by a process only.
``attach_ms`` runs from the interface's appearance in the namespace to both tcx programs (or a packet socket) on it, all
polled from inside, every 0.2 ms; ``from_birth_ms`` from before the namespace was made. A short-lived namespace makes
one TCP connection 25 ms after its interface was there and is gone 25 ms later; at most 20 are born in a second.
``missed`` are those whose connection, which the client knows to have been made, is in none of the agent's records,
``unanswered`` those that are in there as an attempt only.
"""

from __future__ import annotations

import ctypes
import heapq
import os
import select
import signal
import socket
import statistics
import struct
import sys
import threading
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from stage import SERVER_PORT, Agent, Figures, latest_flows, play

from kubectl_netpol.agent import syscalls
from kubectl_netpol.demo import namespaces
from kubectl_netpol.demo.machine import Machine
from kubectl_netpol.demo.pod import Pod

SERVER = "10.1.0.1"
HALF_LIFE = 0.025
PACE = 0.05
TIMED = 20
_POLL = 0.0002
_PROG_QUERY, _TCX_HOOKS = 16, (46, 47)
_PATIENCE = 5.0
_RESET = struct.pack("ii", 1, 0)


@dataclass(slots=True)
class Short:
    """A namespace and what ends it."""

    pod: Pod
    end: Callable[[], None]
    begun: float = 0.0


def make(machine: Machine, kind: str, name: str) -> Short:
    """A namespace of that kind, with no interface yet."""
    if kind == "mount":
        pod = machine.add_namespace(name)
        return Short(pod, lambda: machine.remove_pod(pod))
    process, descriptor = fork_namespace()
    pod = Pod(name, descriptor, machine.servers)

    def end() -> None:
        os.kill(process, signal.SIGKILL)
        os.waitpid(process, 0)
        pod.close()

    return Short(pod, end)


def fork_namespace() -> tuple[int, int]:
    """A process that sleeps in a network namespace of its own, and a descriptor of that namespace."""
    reading, writing = os.pipe()
    process = os.fork()
    if process == 0:
        namespaces.unshare(namespaces.CLONE_NEWNET)
        os.write(writing, b".")
        select.select([], [], [])
    if not os.read(reading, 1):
        raise RuntimeError("a process could not have a namespace of its own")
    os.close(reading)
    os.close(writing)
    return process, os.open(f"/proc/{process}/ns/net", os.O_RDONLY)


def connect(pod: Pod) -> None:
    """One connection, closed by a reset so that nothing lingers."""
    connection = pod.open_tcp(SERVER, SERVER_PORT)
    connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _RESET)
    connection.close()


def live_and_die(machine: Machine, kind: str, count: int) -> tuple[list[str], list[float]]:
    """Short lives, overlapping; the addresses that connected, and how long (s) each had lived from its interface on."""
    due: list[tuple[float, int, Callable[[], None]]] = []
    addresses: list[str] = []
    lives: list[float] = []
    for number in range(count):
        address = f"10.{2 + number // 250}.{kind == 'mount':d}.{1 + number % 250}"
        born = time.monotonic()
        short = make(machine, kind, f"{kind}-{number}")
        machine.add_interface(short.pod, [address])
        short.begun = time.monotonic()

        def speak(short: Short = short) -> None:
            connect(short.pod)
            addresses.append(short.pod.address)

        def end(short: Short = short) -> None:
            short.end()
            lives.append(time.monotonic() - short.begun)

        heapq.heappush(due, (short.begun + HALF_LIFE, 2 * number, speak))
        heapq.heappush(due, (short.begun + 2 * HALF_LIFE, 2 * number + 1, end))
        run_due(due, born + PACE)
    run_due(due, time.monotonic() + 2 * HALF_LIFE)
    return addresses, lives


def run_due(due: list[tuple[float, int, Callable[[], None]]], until: float) -> None:
    """Does what is due, each at its time, and returns when it is ``until``."""
    while due and due[0][0] <= until:
        time.sleep(max(0.0, due[0][0] - time.monotonic()))
        heapq.heappop(due)[2]()
    time.sleep(max(0.0, until - time.monotonic()))


def time_attach(machine: Machine, kind: str, number: int, mode: str) -> tuple[float, float]:
    """Seconds from the interface's appearance, and from the namespace's making, until the capture is on it."""
    born = time.monotonic()
    short = make(machine, kind, f"timed-{kind}-{number}")
    seen: list[float] = []
    watcher = threading.Thread(target=watch, args=(short.pod, mode, seen))
    watcher.start()
    machine.add_interface(short.pod, [f"10.200.{kind == 'mount':d}.{number + 1}"])
    watcher.join()
    short.end()
    if len(seen) < 2:
        return _PATIENCE, _PATIENCE
    return seen[1] - seen[0], seen[1] - born


def watch(pod: Pod, mode: str, seen: list[float]) -> None:
    """Notes when ``eth0`` appears, and when something captures it."""
    deadline = time.monotonic() + _PATIENCE
    with pod.inside():
        while len(seen) < 2 and time.monotonic() < deadline:
            with suppress(OSError):
                index = socket.if_nametoindex("eth0")
                seen or seen.append(time.monotonic())
                if is_attached(index, mode):
                    seen.append(time.monotonic())
            time.sleep(_POLL)


def is_attached(index: int, mode: str) -> bool:
    """Asked of the kernel, in the namespace that the calling thread is in."""
    if mode == "socket":
        lines = Path("/proc/thread-self/net/packet").read_text().splitlines()[1:]
        return any(int(line.split()[4]) == index for line in lines)
    return all(has_program(index, hook) for hook in _TCX_HOOKS)


def has_program(index: int, hook: int) -> bool:
    programs = (ctypes.c_uint32 * 16)()
    query = struct.pack("<IIIIQI", index, hook, 0, 0, ctypes.addressof(programs), len(programs))
    syscalls.bpf(_PROG_QUERY, query, "asking for programs")
    return any(programs)


def measure_kind(machine: Machine, scratch: Path, kind: str, mode: str, count: int) -> Figures:
    with Agent(mode, scratch) as agent:
        agent.wait_attached(1)
        timed = [time_attach(machine, kind, number, mode) for number in range(min(TIMED, count // 4))]
        addresses, lives = live_and_die(machine, kind, count)
        records = agent.stop()
    told = {key: counters for flows in latest_flows(records).values() for key, counters in flows.items()}
    found = [told.get(f"out tcp {address} {SERVER} {SERVER_PORT}", [0, 0]) for address in addresses]
    soon, birth = zip(*timed, strict=True)
    return {
        "case": f"{kind} {mode}",
        "attach_ms": round(statistics.median(soon) * 1000, 1),
        "attach_max_ms": round(max(soon) * 1000, 1),
        "from_birth_ms": round(statistics.median(birth) * 1000, 1),
        "short_lives": len(lives),
        "life_ms": round(statistics.median(lives) * 1000, 1),
        "missed": sum(counters[0] == 0 for counters in found),
        "unanswered": sum(counters[0] > 0 and counters[1] == 0 for counters in found),
    }


def measure(machine: Machine, scratch: Path) -> list[Figures]:
    quick = "--quick" in sys.argv
    machine.add_pod("server", [SERVER]).listen_tcp(SERVER_PORT)
    plans = [("mount", 40 if quick else 1000), ("process", 20 if quick else 100)]
    return [measure_kind(machine, scratch, kind, mode, count) for mode in ("tcx", "socket") for kind, count in plans]


if __name__ == "__main__":
    play(measure, 280)
