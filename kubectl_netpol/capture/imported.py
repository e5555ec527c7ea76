"""Takes in what others recorded, from a file or a stream: the readers of ``imports``, then the recorder as always.

The whole is read before anything is kept, so that a file that is wrong somewhere changes nothing. The epoch is a digest
of what the content says: the same file again changes nothing either, nor does the same in another layout.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from typing import BinaryIO

from ..cache.store import Store
from ..errors import InputError
from ..imports.ends import End, FlowError
from ..imports.hubble import HubbleReader
from ..imports.netobserv import NetObservReader
from ..imports.objects import observe
from ..imports.pcap import PacketReader, ReadAnswer
from ..imports.records import close, digest, records
from ..imports.traffic import Traffic
from ..neighbors.fold import Account
from ..neighbors.inventory import Inventory
from ..neighbors.recording import Recording
from ..wire import encode
from .recorder import Recorder

LONGEST_LINE = 1 << 20
_CHUNK = 1 << 20
LineReader = HubbleReader | NetObservReader
LINES: dict[str, type[LineReader]] = {"hubble": HubbleReader, "netobserv": NetObservReader}
READS = {
    "hubble": "the lines that 'hubble observe -o jsonpb' and Cilium's flow exporter write",
    "netobserv": "the lines that 'kubectl netobserv flows' and FlowCollector's exports write",
    "pcap": "what 'tcpdump -w' and Wireshark write",
}
"""What each source's files are, as the end of a sentence."""

_WRONG = (ValueError, TypeError, KeyError, AttributeError, RecursionError, OverflowError)


@dataclass(frozen=True, slots=True)
class Reading:
    """What was read: ``epoch`` is made of what it says; ``is_cut``: the last line ended in the middle, and was left."""

    traffic: Traffic
    epoch: str
    is_cut: bool = False


def read(stream: BinaryIO, source: str, title: str) -> Reading:
    """All of a stream; ``title`` names it in messages. Raises InputError for the first thing that is wrong."""
    traffic = Traffic(is_one_sided=source != "hubble")
    if source == "pcap":
        is_cut = PacketReader(traffic, title, _answer_reader()).read(_chunks(stream))
    else:
        is_cut = _read_lines(stream, LINES[source](traffic), title, f"--from {source} reads {READS[source]}")
    if not traffic.events:
        raise InputError(f"{title} holds no flows", f"--from {source} reads {READS[source]}")
    close(traffic)
    return Reading(traffic, f"{source}-{digest(traffic)}", is_cut)


def take_in(
    reading: Reading, source: str, store: Store, cluster: str, inventory: Inventory
) -> tuple[list[Recording], Account]:
    """Names what was read by the inventory, to which the flows add what it lacks, and keeps it: what was heard of each
    workload, and the fold's account. Raises StoreError."""
    traffic = reading.traffic
    observe(inventory, traffic.ends)
    recorder = Recorder(store, cluster, inventory)

    def is_local(end: End) -> bool:
        return end.pod is not None or (source == "pcap" and inventory.owner(end.address, end.last) is not None)

    for record in records(traffic, inventory, reading.epoch, is_local):
        recorder.take(encode(record).encode())
    return recorder.save(), recorder.account


def _read_lines(stream: BinaryIO, reader: LineReader, title: str, hint: str) -> bool:
    take, number, rest = reader.take, 0, b""
    for chunk in _chunks(stream):
        lines = (rest + chunk).split(b"\n")
        rest = lines.pop()
        if len(rest) > LONGEST_LINE:
            raise InputError(f"{title}: line {number + len(lines) + 1} is longer than {LONGEST_LINE >> 20} MiB")
        for line in lines:
            number += 1
            try:
                take(line)
            except _WRONG as error:
                _refuse(line, f"{title}: line {number}", error, hint)
    try:
        take(rest)
    except _WRONG as error:
        if not number:
            _refuse(rest, f"{title}: line 1", error, hint)
        return bool(rest.strip())
    return False


def _refuse(line: bytes, place: str, error: Exception, hint: str) -> None:
    if line.strip():
        raise InputError(f"{place}: {_why(error)}", hint) from error


def _why(error: Exception) -> str:
    if isinstance(error, UnicodeDecodeError):
        return "not UTF-8 text"
    if isinstance(error, json.JSONDecodeError):
        return "this is no JSON"
    return f"this is no flow: {error}" if isinstance(error, FlowError) else "this is no flow"


def _chunks(stream: BinaryIO) -> Iterator[bytes]:
    while chunk := stream.read(_CHUNK):
        yield chunk


# dnspython is slow to load, and packets alone need it.
def _answer_reader() -> ReadAnswer:
    from ..agent.names import AnswerCounts, read_answer  # noqa: PLC0415

    counts = AnswerCounts()
    return lambda payload: read_answer(payload, counts)
