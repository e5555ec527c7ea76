"""The agent's loop: waits for events, packets and the clock, and tells what the kernel has counted."""

from __future__ import annotations

import os
import selectors
import signal
import socket
import time
from dataclasses import asdict, dataclass
from typing import Any, TextIO

from . import cost
from .capture import Capture
from .events import Events
from .ledger import Clock
from .lifetime import seconds_left
from .namespaces import CapturedNamespace
from .node_root import find_root
from .output import Output

_SCAN_PERIOD = 2.0
_SCAN_SHARE = 100
_EVENT_SCAN_SHARE = 20
"""A scan may take one hundredth of the time, one that an event asks for a twentieth."""
_SCAN_REST = 0.01
_YOUNG_SCAN_PERIOD = 0.25
_MOUNT_STEP = 0.002
_LAST_LOOK_SECONDS = 1.0


@dataclass(frozen=True, slots=True)
class Options:
    """``interval`` and ``duration`` in seconds, duration 0 for no end; ``attach`` is auto, tcx or socket.

    ``until``: when it ends at the latest, in ms since the Unix epoch; 0 for no such end.

    ``node_root`` is the folder that is the node's root, or auto (see the module of that name); with ``pods_only`` what
    is found by its processes counts only when it is a pod of this node's kubelet.
    """

    attach: str = "auto"
    interval: float = 1.0
    duration: float = 0.0
    node: str = ""
    max_entries: int = 65536
    node_root: str = "/"
    pods_only: bool = False
    until: int = 0


@dataclass(frozen=True, slots=True)
class PacketSource:
    """A socket that DNS answers come by, where they do not come by the ring."""

    namespace: CapturedNamespace
    packets: socket.socket


class Agent:
    """Runs until it is told to stop, its time is over, or nobody reads its records any more (BrokenPipeError)."""

    def __init__(self, options: Options, stream: TextIO) -> None:
        self._options = options
        self._clock = Clock()
        self._events = Events()
        root, problem = find_root(options.node_root)
        self._capture = Capture(
            options.attach, options.max_entries, self._clock, self._events.hears_all, root, options.pods_only
        )
        if problem:
            self._capture.say(problem)
        self._output = Output(stream, self._clock.now, options.node)
        if not self._events.hears_all:
            self._capture.say("interfaces that appear later are found late: CAP_NET_BROADCAST is missing")
        self._sampler = cost.ProgramSampler()
        self._selector = selectors.DefaultSelector()
        self._wake, self._stopping = self._catch_signals(), False
        self._ring = (
            self._capture.kernel.open_answers(self._capture.answers.take_chunk) if self._capture.kernel.use_tcx else -1
        )
        self._next_scan = self._earliest_scan = self._young_scan = 0.0
        self._next_tell = time.monotonic() + options.interval

    def _catch_signals(self) -> int:
        reader, writer = os.pipe2(os.O_NONBLOCK | os.O_CLOEXEC)
        signal.set_wakeup_fd(writer, warn_on_full_buffer=False)
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, self._stop)
        return reader

    def _stop(self, *_: object) -> None:
        self._stopping = True

    def run(self) -> None:
        """The whole life of the agent."""
        left, problem = seconds_left(self._options.duration, self._options.until, time.time())
        end = time.monotonic() + left
        if problem:
            self._capture.say(problem)
        self._selector.register(self._wake, selectors.EVENT_READ, "wake")
        self._selector.register(self._capture.discovery.fileno(), selectors.EVENT_READ, "mounts")
        self._selector.register(self._events.fileno(), selectors.EVENT_READ, "events")
        if self._ring >= 0:
            self._selector.register(self._ring, selectors.EVENT_READ, "answers")
        self._capture.scan()
        self._tell(final=False)
        while not self._stopping and time.monotonic() < end:
            self._step(end)
        self._finish()

    def _step(self, end: float) -> None:
        self._watch_moving_parts()
        for key, _ in self._selector.select(self._patience(end)):
            self._handle(key.data)
        self._capture.enter_ready()
        now = time.monotonic()
        if now >= self._scan_due():
            took = self._capture.scan()
            now = time.monotonic()
            self._next_scan = now + max(_SCAN_PERIOD, took * _SCAN_SHARE)
            self._earliest_scan = now + max(_SCAN_REST, took * _EVENT_SCAN_SHARE)
            self._young_scan = now + max(_YOUNG_SCAN_PERIOD, took * _EVENT_SCAN_SHARE)
        if now >= self._next_tell:
            self._next_tell = now + self._options.interval
            self._tell(final=False)

    def _scan_due(self) -> float:
        if self._capture.wants_scan:
            return self._earliest_scan
        return min(self._young_scan, self._next_scan) if self._capture.awaits_pods else self._next_scan

    def _patience(self, end: float) -> float:
        if self._capture.discovery.is_waiting:
            return _MOUNT_STEP
        now = time.monotonic()
        sample = self._sampler.step(self._capture.programs())
        return max(0.0, min(self._next_tell - now, self._scan_due() - now, end - now, sample))

    def _watch_moving_parts(self) -> None:
        """Packet sockets and the worker's pipe come and go; the selector follows."""
        wanted: dict[Any, object] = {}
        for namespace in self._capture.living():
            for attachment in namespace.attachments.values():
                if attachment.packets:
                    wanted[attachment.packets.fileno()] = PacketSource(namespace, attachment.packets)
        worker = self._capture.worker.fileno()
        if worker >= 0:
            wanted[worker] = "worker"
        fixed = ("wake", "mounts", "events", "answers")
        for descriptor, key in list(self._selector.get_map().items()):
            if key.data not in fixed and wanted.get(descriptor) != key.data:
                self._selector.unregister(descriptor)
        for descriptor, data in wanted.items():
            if descriptor not in self._selector.get_map():
                self._selector.register(descriptor, selectors.EVENT_READ, data)

    def _handle(self, what: object) -> None:
        if what == "mounts":
            self._capture.discovery.read()
        elif what == "events":
            self._hear_events()
        elif what == "answers":
            self._capture.kernel.consume_answers()
        elif what == "worker":
            for scope, findings in self._capture.worker.answers():
                self._capture.note_existing(scope, findings)
        elif isinstance(what, PacketSource):
            self._read_packets(what)
        else:
            os.read(self._wake, 64)

    def _hear_events(self) -> None:
        changed: dict[int, bool] = {}
        for event in self._events.read():
            if event.overrun:
                self._capture.look_at_all()
            elif event.nsid is None:
                self._capture.wants_scan = True
            else:
                changed[event.nsid] = changed.get(event.nsid, False) or event.gone
        for nsid, gone in changed.items():
            if gone:
                self._capture.vanished(nsid)
            self._capture.look_again(nsid)  # a new namespace may have the number already

    def _read_packets(self, source: PacketSource) -> None:
        for _ in range(64):
            try:
                packet = source.packets.recv(1 << 16)
            except OSError:
                return
            self._capture.answers.take_packet(source.namespace.scope, packet)

    def _tell(self, final: bool) -> None:
        capture = self._capture
        capture.collect()
        capture.worker.rest()
        if final or self._output.wants_everything:
            self._output.everything(capture.ledger, list(capture.namespaces.values()))
        else:
            self._output.news(capture.ledger, list(capture.namespaces.values()))
        for failure in capture.worker.failures:
            capture.say(failure)
        self._output.status(
            self._attached(), self._cost(), self._counts(), self._losses(), tuple(capture.problems), final
        )

    def _attached(self) -> dict[str, int]:
        living = list(self._capture.living())
        way = "tcx" if self._capture.kernel.use_tcx else "socket"
        return {"namespaces": len(living), way: sum(len(namespace.attachments) for namespace in living)}

    def _cost(self) -> dict[str, float]:
        sampler = self._sampler
        return {
            "cpu_seconds": round(cost.cpu_seconds(), 3),
            "memory_bytes": cost.memory_bytes(self._capture.worker.pids),
            "program_nanoseconds": sampler.nanoseconds,
            "program_runs": sampler.runs,
        }

    def _counts(self) -> dict[str, int]:
        answers = {f"dns_{name}": count for name, count in asdict(self._capture.answers.counts).items()}
        return self._capture.kernel.read_counts() | answers | {"flows": self._capture.ledger.size}

    def _losses(self) -> dict[str, int]:
        counts = self._counts()
        return {
            "flows_overflow": counts["overflow"],
            "flows_forgotten": self._capture.ledger.forgotten,
            "resend_truncated": self._output.resend_truncated,
            "dns_lost": counts["dns_lost"] + counts["dns_forgotten"],
            "namespaces_failed": self._capture.failed_namespaces,
            "interfaces_failed": self._capture.failed_interfaces,
        }

    def _finish(self) -> None:
        """A last look, a last full flush: what came between the last interval and the signal counts too."""
        deadline = time.monotonic() + _LAST_LOOK_SECONDS
        while self._capture.worker.is_busy and time.monotonic() < deadline:
            self._watch_moving_parts()
            for key, _ in self._selector.select(0.05):
                if key.data == "worker":
                    self._handle("worker")
        self._read_last_answers()
        self._tell(final=True)
        self._capture.close()

    def _read_last_answers(self) -> None:
        if self._ring >= 0:
            self._capture.kernel.consume_answers()
        for namespace in self._capture.living():
            for attachment in namespace.attachments.values():
                if attachment.packets:
                    self._read_packets(PacketSource(namespace, attachment.packets))
