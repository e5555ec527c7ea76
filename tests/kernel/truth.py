"""What really happened in a private machine, and what the agent says of it: the two sides that kernel tests compare.

``Truth`` makes traffic and books it as it is on the wire; ``Capture`` runs the agent as its users do and merges what it
prints. ``ATTACHMENTS`` parametrizes a test over both ways to attach.
"""

from __future__ import annotations

import ctypes
import errno
import itertools
import os
import platform
import signal
import socket
import struct
import subprocess
import sys
import threading
import time
from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from types import MappingProxyType

import packets
import pytest

from kubectl_netpol.demo.machine import Machine
from kubectl_netpol.demo.pod import Attempt, Pod
from kubectl_netpol.demo.servers import Answer
from kubectl_netpol.wire import FlowsRecord, Marks, Record, StatusRecord, decode

ATTACHMENTS = pytest.mark.parametrize("attach", ["tcx", "socket"])
PACKAGE_ROOT = Path(__file__).resolve().parents[2]
PATIENCE = 10.0
NO_MARKS = Marks(0)
INIT, INIT_ACK, ABORT = 1, 2, 6
"""SCTP's chunks (RFC 9260, 3.2)."""


@dataclass(frozen=True, slots=True, order=True)
class Counted:
    """What a flow's record says, without its times."""

    attempts: int
    answered: int = 0
    refused: int = 0
    marks: Marks = NO_MARKS


Flows = dict[tuple[str, str], Counted]
"""By (the namespace's inode number, the flow's key on the wire)."""


@dataclass
class Account:
    """The newest word on everything, merged from an agent's records."""

    flows: dict[tuple[str, str, str], tuple[int, list[int]]] = field(default_factory=dict)
    names: dict[tuple[str, str], set[str]] = field(default_factory=lambda: defaultdict(set))
    places: dict[str, FlowsRecord] = field(default_factory=dict)
    status: StatusRecord | None = None
    sequence: list[int] = field(default_factory=list)

    def add(self, record: Record) -> None:
        self.sequence.append(record.seq)
        if isinstance(record, StatusRecord):
            self.status = record
            return
        self.places[record.netns.id] = record
        for key, value in record.flows.items():
            self.flows[record.epoch, record.netns.id, key] = record.seq, value
        for address, names in record.names.items():
            self.names[_inode(record.netns.id), address] |= names.keys()

    def counted(self) -> Flows:
        """All flows. A number that two namespaces had one after the other is told apart by ``places`` only."""
        return {
            (_inode(place), key): Counted(*value[:3], Marks(value[5]))
            for (_, place, key), (_, value) in self.flows.items()
        }

    def of(self, pod: Pod) -> dict[str, Counted]:
        """The flows of one pod, by key."""
        mine = pod.netns_id
        return {key: counted for (inode, key), counted in self.counted().items() if inode == mine}

    def place(self, inode: str) -> FlowsRecord | None:
        """The newest record of the namespace that has, or had last, this number."""
        found = [record for place, record in self.places.items() if _inode(place) == inode]
        return max(found, key=lambda record: record.seq, default=None)

    def names_of(self, pod: Pod) -> dict[str, set[str]]:
        mine = pod.netns_id
        return {address: set(names) for (inode, address), names in self.names.items() if inode == mine}


def _inode(place: str) -> str:
    return place.split("-", 1)[0]


AGENT = (sys.executable, "-m", "kubectl_netpol.agent")


class Capture:
    """The agent as a process of this machine; a thread reads what it prints. A context manager that ends it.

    ``more`` are options of the agent's; ``command`` and ``environment`` start it, else this Python does.
    """

    def __init__(
        self,
        attach: str,
        interval: float = 0.2,
        *more: str,
        ready: bool = True,
        command: Sequence[str] = AGENT,
        environment: Mapping[str, str] = MappingProxyType(os.environ | {"PYTHONPATH": str(PACKAGE_ROOT)}),
    ) -> None:
        words = [*command, "--attach", attach, "--interval", str(interval), *more]
        self.process = subprocess.Popen(words, stdout=subprocess.PIPE, env=environment, cwd="/")
        self.account = Account()
        self.records: list[Record] = []
        self._changed = threading.Condition()
        self._failure: Exception | None = None
        self._ended = self._hung_up = False
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._reader.start()
        if ready:
            self.wait(lambda account: account.status is not None, "the first status")

    def __enter__(self) -> Capture:
        return self

    def __exit__(self, *_: object) -> None:
        if self.process.poll() is None:
            self.process.kill()
        self.process.wait()
        self._reader.join(PATIENCE)

    def _read(self) -> None:
        assert self.process.stdout is not None
        try:
            for line in self.process.stdout:
                record = decode(line)
                with self._changed:
                    self.records.append(record)
                    self.account.add(record)
                    self._changed.notify_all()
                if self._hung_up:
                    return
        except Exception as error:  # noqa: BLE001 - told by ``wait`` and ``stop``
            self._failure = error
        with self._changed:
            self._ended = True
            self._changed.notify_all()

    def hang_up(self) -> None:
        """Read no more: the agent finds its output closed."""
        assert self.process.stdout is not None
        self._hung_up = True
        self._reader.join(PATIENCE)
        self.process.stdout.close()

    def wait(self, condition: Callable[[Account], object], what: str, seconds: float = PATIENCE) -> None:
        """Wait until the account fulfils a condition. Fails, saying ``what`` was missed, when it never does."""
        with self._changed:
            met = self._changed.wait_for(lambda: self._ended or condition(self.account), seconds)
            if self._failure:
                raise self._failure
            if not (met and condition(self.account)):
                pytest.fail(f"the agent never showed {what}: {self.account.status} {self.account.counted()}")

    def wait_for_namespaces(self, number: int) -> None:
        self.wait(
            lambda account: account.status and account.status.attached.get("namespaces") == number,
            f"{number} namespaces",
        )

    def wait_for_flow(self, pod: Pod, key: str) -> None:
        self.wait(lambda account: key in account.of(pod), key)

    def settle(self) -> None:
        """Wait until what was read off the sockets of every namespace has been told: two whole intervals."""
        with self._changed:
            have = len([record for record in self.records if isinstance(record, StatusRecord)])
        self.wait(
            lambda _: len([r for r in self.records if isinstance(r, StatusRecord)]) >= have + 2, "two more intervals"
        )

    def stop(self) -> Account:
        """SIGTERM; all that the agent said until its end. Fails if it did not end well."""
        self.process.send_signal(signal.SIGTERM)
        assert self.process.wait(PATIENCE) == 0
        self._reader.join(PATIENCE)
        if self._failure:
            raise self._failure
        assert self.account.status is not None and self.account.status.final
        assert self.account.sequence == list(range(1, len(self.records) + 1))
        assert {epoch for epoch, _, _ in self.account.flows} <= {self.account.status.epoch}
        assert not any(self.account.status.losses.values()), self.account.status.losses
        return self.account


class Truth:
    """Makes traffic between a machine's pods and books what stands on the wire, on both sides.

    ``only`` says which pods are captured: what else a connection touches is not booked.
    """

    def __init__(self, machine: Machine) -> None:
        self.machine = machine
        self.flows: Flows = {}
        self._ports = itertools.count(33000)
        self._raw: dict[tuple[str, bool], socket.socket] = {}
        self.held: list[socket.socket] = []

    def book(self, pod: Pod, role: str, protocol: str, local: str, peer: str, port: int, counted: Counted) -> None:
        key = pod.netns_id, f"{role} {protocol} {local} {peer} {port}"
        before = self.flows.get(key, Counted(0))
        self.flows[key] = Counted(
            before.attempts + counted.attempts,
            before.answered + counted.answered,
            before.refused + counted.refused,
            before.marks | counted.marks,
        )

    def book_both(self, client: Pod, server: Pod, protocol: str, address: str, port: int, counted: Counted) -> None:
        source = address_like(client, address)
        self.book(client, "out", protocol, source, address, port, counted)
        self.book(server, "in", protocol, address, source, port, counted)

    def tcp(self, client: Pod, server: Pod, address: str, port: int) -> None:
        """One short connection to whoever listens there, or nobody."""
        attempt = client.try_tcp(address, port)
        assert attempt is not Attempt.UNANSWERED
        answered = attempt is Attempt.ANSWERED
        self.book_both(client, server, "tcp", address, port, Counted(1, int(answered), int(not answered)))

    def hold_tcp(self, client: Pod, server: Pod, address: str, port: int, marks: Marks = NO_MARKS) -> socket.socket:
        """A connection that stays open, silent."""
        connection = client.open_tcp(address, port)
        self.held.append(connection)
        self.book_both(client, server, "tcp", address, port, Counted(1, 1, 0, marks))
        return connection

    def lost_tcp(self, client: Pod, address: str, port: int) -> None:
        """One to an address that swallows everything; its socket lives on, and sends its SYN again."""
        self.held.append(client.begin_tcp(address, port))
        self.book(client, "out", "tcp", address_like(client, address), address, port, Counted(1))

    def sctp(self, client: Pod, server: Pod, address: str, port: int, reply: int | None) -> None:
        """The first packets of an association, from a port of its own. ``reply``: INIT_ACK, ABORT, None for nothing.

        They are made by hand: the kernel's own SCTP, where there is one, drops them for their checksums.
        """
        source, number = address_like(client, address), next(self._ports)
        ends = self._raw_sctp(client, address), self._raw_sctp(server, address)
        self._pass(ends, address, packets.sctp(number, port, 0, INIT, number))
        if reply:
            answer = packets.sctp(port, number, number, reply, 1 if reply == INIT_ACK else None)
            self._pass(ends[::-1], source, answer)
        self.book_both(client, server, "sctp", address, port, Counted(1, int(reply == INIT_ACK), int(reply == ABORT)))

    def _raw_sctp(self, pod: Pod, address: str) -> socket.socket:
        # As long as it is open, the kernel tells nobody that the protocol is unknown.
        place = pod.name, ":" in address
        if place not in self._raw:
            with pod.inside():
                self._raw[place] = socket.socket(socket.AF_INET6 if place[1] else socket.AF_INET, socket.SOCK_RAW, 132)
            self._raw[place].settimeout(5)
        return self._raw[place]

    @staticmethod
    def _pass(ends: tuple[socket.socket, ...], address: str, packet: bytes) -> None:
        sender, receiver = ends
        sender.sendto(packet, (address, 0))
        while not receiver.recv(1 << 16).endswith(packet):
            pass

    def udp(self, client: Pod, server: Pod, address: str, port: int, answer: Answer | None, packets: int = 1) -> None:
        """One flow from a port of its own. ``answer``: what listens there; None for nobody, who refuses."""
        with client.open_udp(address, port, source_port=next(self._ports)) as line:
            for _ in range(packets if answer else 1):
                line.send(b"a datagram")
                if answer is Answer.ECHO:
                    assert line.recv(100) == b"a datagram"
            if answer is None:
                with pytest.raises(ConnectionRefusedError):
                    line.recv(100)
        answered, refused = int(answer is Answer.ECHO), int(answer is None)
        self.book_both(client, server, "udp", address, port, Counted(1, answered, refused))


def address_like(pod: Pod, address: str) -> str:
    """The pod's own address of the same family, which its packets bear."""
    return next(own for own in pod.addresses if (":" in own) == (":" in address))


def compare(truth: Flows, account: Account) -> None:
    """Recall and precision 1.0, and each count exact. Says in full what is missing, what is too much, what differs."""
    counted = account.counted()
    missing = sorted(truth.keys() - counted.keys())
    surplus = sorted(counted.keys() - truth.keys())
    wrong = sorted(
        (key, truth[key], counted[key]) for key in truth.keys() & counted.keys() if truth[key] != counted[key]
    )
    assert not (missing or surplus or wrong), f"missing {missing}\nsurplus {surplus}\n(key, truth, counted) {wrong}"


def programs_on(pod: Pod, interface: str = "eth0") -> int:
    """How many tcx programs stand on a pod's interface: BPF_PROG_QUERY of bpf(2), both directions."""
    call = ctypes.CDLL(None, use_errno=True).syscall
    total = 0
    with pod.inside():
        index = socket.if_nametoindex(interface)
        for hook in (46, 47):  # BPF_TCX_INGRESS, BPF_TCX_EGRESS
            query = ctypes.create_string_buffer(struct.pack("<IIIIQI", index, hook, 0, 0, 0, 0), 80)
            number = {"x86_64": 321, "aarch64": 280}[platform.machine()]
            if call(number, 16, query, 80) != 0 and ctypes.get_errno() != errno.ENOSPC:
                raise OSError(ctypes.get_errno(), "BPF_PROG_QUERY")
            total += struct.unpack_from("<I", query, 24)[0]
    return total


def taps_on(pod: Pod) -> int:
    """How many packet sockets there are in a pod's namespace."""
    with pod.inside():
        return len(Path("/proc/thread-self/net/packet").read_text().splitlines()) - 1


def is_attached(pod: Pod, attach: str, interface: str = "eth0") -> bool:
    """Whether the agent is on a pod's interface, as the kernel says."""
    return programs_on(pod, interface) == 2 if attach == "tcx" else taps_on(pod) > 0


def within(seconds: float, condition: Callable[[], object]) -> bool:
    """Whether a condition comes true in time."""
    deadline = time.monotonic() + seconds
    while not condition():
        if time.monotonic() > deadline:
            return False
        time.sleep(0.02)
    return True
