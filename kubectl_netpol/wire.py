"""The record format between node and laptop: the only contract that both sides share. Standard library only.

One JSON object a line. Every record bears the format's version, the agent's epoch (a random id per start), a
sequence number that rises by one, and the time of sending (ms, before the year 10000). Counters are cumulative per
epoch, so reading a record twice, or missing one, changes nothing: of two, the newer holds.

A ``flows`` record speaks of one network namespace::

    {"netpol":1,"type":"flows","epoch":"9f..","seq":7,"time":1700000001000,
     "netns":{"id":"4026532301","pod":"<uid or empty>","addresses":["10.0.0.5"],"gone":false},
     "flows":{"out tcp 10.0.0.5 10.0.0.9 8080":[3,2,1,1700000000100,1700000000900,0]},
     "names":{"142.250.1.104":{"example.com.":1700000000500}}}

A flow's key is ``ROLE PROTOCOL LOCAL PEER PORT``: role ``out`` when the local side began it, else ``in``; protocol
tcp, udp, sctp or icmp; PORT is the server's, 0 for icmp. Its value is attempts, answered, refused, first seen,
last seen (ms), and marks (bits, see ``Marks``).

``netns`` also has ``"namespace":"shop","name":"web-0"`` where the node itself knows them: the pod's, as the kubelet
spells them. They are absent or empty where it does not, and read as empty where they are not names of Kubernetes.

A ``status`` record closes each interval and speaks of the agent itself: cost, counts and losses.
"""

from __future__ import annotations

import json
import re
from dataclasses import dataclass, field
from enum import IntFlag
from typing import Any

from .errors import WireError

VERSION = 1
MAX_LINE = 1 << 20
"""No record is longer, in bytes; agents keep theirs far below."""

RESEND_SECONDS = 60.0
"""How often an agent says everything again, at least; so do its last words."""


_YEAR_10000 = 253_402_300_800_000
"""In ms since the Unix epoch: no calendar of Python's, and no RFC 3339, has a later time."""


class Marks(IntFlag):
    """How a flow came to be known."""

    EXISTING = 1
    INFERRED_PORT = 2
    SECONDARY_INTERFACE = 4
    UNHEARD = 8  # UDP without a reply to a pod, of a source that does not say whether it got there


ROLES = frozenset({"in", "out"})
PROTOCOLS = frozenset({"tcp", "udp", "sctp", "icmp"})
LOSSES = (
    "flows_overflow",  # the kernel's map was full: flows that were not kept
    "flows_forgotten",  # entries of vanished namespaces that are no longer repeated
    "resend_truncated",  # entries that did not fit into a full resend
    "dns_lost",  # answers that the ring had no room for
    "namespaces_failed",  # namespaces that could not be entered or attached
    "interfaces_failed",
)
"""Counters of a status record that mark a recording as lossy when they are not 0."""
_LABEL = re.compile(r"[a-z0-9]([-a-z0-9]*[a-z0-9])?")
_SUBDOMAIN = re.compile(r"[a-z0-9]([-a-z0-9]*[a-z0-9])?(\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*")
_LONGEST_LABEL, _LONGEST_SUBDOMAIN = 63, 253


@dataclass(frozen=True, slots=True)
class Namespace:
    """A network namespace as the agent knows it; ``pod`` is the pod's UID or empty, so are its namespace and name."""

    id: str
    pod: str = ""
    addresses: tuple[str, ...] = ()
    gone: bool = False
    namespace: str = ""
    name: str = ""


@dataclass(frozen=True, slots=True)
class FlowsRecord:
    epoch: str
    seq: int
    time: int
    netns: Namespace
    flows: dict[str, list[int]] = field(default_factory=dict)
    names: dict[str, dict[str, int]] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class StatusRecord:
    """``since``: when the agent began (ms). ``final``: nothing follows. ``problems``: sentences for people."""

    epoch: str
    seq: int
    time: int
    since: int
    node: str = ""
    final: bool = False
    attached: dict[str, int] = field(default_factory=dict)
    cost: dict[str, float] = field(default_factory=dict)
    counts: dict[str, int] = field(default_factory=dict)
    losses: dict[str, int] = field(default_factory=dict)
    problems: tuple[str, ...] = ()


Record = FlowsRecord | StatusRecord


def encode(record: Record) -> str:
    """One line, with its line feed."""
    head: dict[str, Any] = {"netpol": VERSION, "type": "flows" if isinstance(record, FlowsRecord) else "status"}
    head |= {"epoch": record.epoch, "seq": record.seq, "time": record.time}
    body = _flows_body(record) if isinstance(record, FlowsRecord) else _status_body(record)
    return json.dumps(head | body, separators=(",", ":")) + "\n"


def _flows_body(record: FlowsRecord) -> dict[str, Any]:
    netns = record.netns
    place = {"id": netns.id, "pod": netns.pod, "addresses": list(netns.addresses), "gone": netns.gone}
    if netns.name:
        place |= {"namespace": netns.namespace, "name": netns.name}
    return {"netns": place, "flows": record.flows, "names": record.names}


def _status_body(record: StatusRecord) -> dict[str, Any]:
    return {
        "since": record.since,
        "node": record.node,
        "final": record.final,
        "attached": record.attached,
        "cost": record.cost,
        "counts": record.counts,
        "losses": record.losses,
        "problems": list(record.problems),
    }


def decode(line: str | bytes) -> Record:
    """The record on a line. Its flows are checked when they are used (``parse_flow``), not here.

    Raises WireError for anything that is not a record of this version.
    """
    if len(line) > MAX_LINE:
        raise WireError("a line is longer than any record")
    try:
        value = json.loads(line)
    except (ValueError, RecursionError) as error:
        raise WireError("a line is not JSON") from error
    if not isinstance(value, dict) or "netpol" not in value:
        raise WireError("a line is not a record")
    if type(value["netpol"]) is not int or value["netpol"] != VERSION:
        raise WireError(f"a record has format {_short(value['netpol'])}, and this program reads format {VERSION}")
    try:
        return _record(value)
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        raise WireError("a record lacks a field or has one of a wrong type") from error


def _short(value: Any) -> str:
    return f"{value!r:.40}" if isinstance(value, int | float | str) else "of another kind"


def _record(value: dict[str, Any]) -> Record:
    epoch, seq, time = _text(value["epoch"]), _count(value["seq"]), _time(value["time"])
    if value["type"] == "flows":
        return FlowsRecord(epoch, seq, time, _namespace(value["netns"]), _table(value["flows"]), _names(value["names"]))
    if value["type"] == "status":
        return _status(epoch, seq, time, value)
    raise ValueError("unknown type")


def _namespace(value: dict[str, Any]) -> Namespace:
    addresses = tuple(_text(address) for address in _list(value["addresses"]))
    names = _text(value.get("namespace", "")), _text(value.get("name", ""))
    namespace, name = names if is_pod_name(*names) else ("", "")
    return Namespace(_text(value["id"]), _text(value["pod"]), addresses, value["gone"] is True, namespace, name)


def _status(epoch: str, seq: int, time: int, value: dict[str, Any]) -> StatusRecord:
    return StatusRecord(
        epoch,
        seq,
        time,
        _time(value["since"]),
        _text(value["node"]),
        value["final"] is True,
        _counters(value["attached"]),
        {_text(name): _cost(cost) for name, cost in value["cost"].items()},
        _counters(value["counts"]),
        _counters(value["losses"]),
        tuple(_text(problem) for problem in _list(value["problems"])),
    )


def _counters(value: dict[str, Any]) -> dict[str, int]:
    return {_text(name): _count(count) for name, count in value.items()}


def _names(value: dict[str, Any]) -> dict[str, dict[str, int]]:
    return {_text(address): _counters(names) for address, names in value.items()}


def _table(value: Any) -> dict[str, list[int]]:
    if type(value) is not dict:
        raise TypeError("flows is no object")
    return value


def _text(value: Any) -> str:
    if type(value) is not str:
        raise TypeError("no text")
    if not value.isascii():
        value.encode("utf-8")  # half a surrogate pair could be neither stored nor printed
    return value


def _list(value: Any) -> list[Any]:
    if type(value) is not list:
        raise TypeError("no list")
    return value


def _cost(value: Any) -> float:
    if type(value) not in (int, float) or not 0 <= value < 1 << 63:
        raise TypeError("no cost")
    return float(value)


def _count(value: Any) -> int:
    if type(value) is not int or not 0 <= value < 1 << 63:
        raise TypeError("no counter")
    return value


def _time(value: Any) -> int:
    if type(value) is not int or not 0 <= value < _YEAR_10000:
        raise TypeError("no time")
    return value


def is_pod_name(namespace: str, name: str) -> bool:
    """Whether Kubernetes takes them as a namespace's name (RFC 1123 label) and a pod's (RFC 1123 subdomain)."""
    if len(namespace) > _LONGEST_LABEL or len(name) > _LONGEST_SUBDOMAIN:
        return False
    return _LABEL.fullmatch(namespace) is not None and _SUBDOMAIN.fullmatch(name) is not None


def is_counters(value: Any) -> bool:
    """Whether a flow's value has its six counters, each a whole number from 0 to 2**63-1."""
    if type(value) is not list or len(value) != 6:
        return False
    for count in value:
        if type(count) is not int or not 0 <= count < 1 << 63:
            return False
    return True
