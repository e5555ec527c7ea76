"""Hubble's flows: the JSON lines of ``hubble observe -o jsonpb``, and of Cilium's flow exporter.

One connection is told of many times. Only events that say who began it count: traces behind the conntrack lookup and
policy verdicts bear ``is_reply``; traces before it (``FROM_*``) see a Service's address instead of the backend's. An
end with an endpoint ID lives on the node that speaks, so each node tells of its own pods. What was dropped counts as
refused; socket events are no packets. The format: https://docs.cilium.io/en/stable/_api/v1/flow/README/
"""

from __future__ import annotations

import json
from datetime import datetime
from typing import Any

from ..neighbors.labels import is_label_value
from ..neighbors.reading import canonical_address
from .ends import End, FlowError
from .hubble_lines import Lines
from .hubble_told import LONGEST_NAME, Event, Told, learn, outcome
from .traffic import CLIENT, SERVER, Traffic

_PASSED = {"FORWARDED": True, "REDIRECTED": True, "AUDIT": True, "DROPPED": False, "ERROR": False}
_PROTOCOLS = {"TCP": "tcp", "UDP": "udp", "SCTP": "sctp", "ICMPv4": "icmp", "ICMPv6": "icmp"}
_SECONDS_KEPT = 4096


class HubbleReader:
    """Takes lines. ``traffic`` is what they told."""

    def __init__(self, traffic: Traffic) -> None:
        self.traffic = traffic
        self._seconds: dict[Any, int] = {}
        self._lines = Lines()

    def take(self, line: bytes) -> None:
        """One line. Raises ValueError, TypeError, KeyError, AttributeError or RecursionError for what is no event."""
        found = self._lines.read(line)
        if found is None:
            self._take_any(json.loads(line.decode()))
            return
        self.traffic.events += 1
        source, destination, addresses, ports, stamp, event = found
        if event is None:
            self.traffic.skip(EARLY)
        elif not source.here and not destination.here:
            self.traffic.skip(NOBODYS)
        else:
            self._meet(source, destination, addresses, ports, self._time(stamp), event)

    def _take_any(self, value: dict[str, Any]) -> None:
        flow = value.get("flow")
        if flow is None:
            flow = self._without_envelope(value)
        if flow is not None:
            self.traffic.events += 1
            if reason := self._count(flow):
                self.traffic.skip(reason)

    # Why the event is of no use; empty for one that counts.
    def _count(self, flow: dict[str, Any]) -> str:
        passed, is_reply = _PASSED.get(flow["verdict"]), flow.get("is_reply")
        if passed is None:
            return "of sockets" if flow.get("Type") == "SOCK" else "of other kinds"
        if "IP" not in flow or "l4" not in flow:
            return "without addresses or ports"
        found = _event(flow, passed, is_reply)
        if isinstance(found, str):
            return found
        source, destination = Told(flow["source"]), Told(flow["destination"])
        if not source.here and not destination.here:
            return NOBODYS
        event, ports = found
        at = self._time(flow["time"].encode())
        addresses = flow["IP"]["source"].encode(), flow["IP"]["destination"].encode()
        ends = self._meet(source, destination, addresses, ports, at, event)
        if ends is not None:
            self._note_more(flow, *ends, event, at)
        return ""

    def _meet(
        self,
        source: Told,
        destination: Told,
        addresses: tuple[bytes, bytes],
        ports: tuple[int, int],
        at: int,
        event: Event,
    ) -> tuple[End, End] | None:
        one = source.ends.get(addresses[0])
        if one is None or (one.lacks and source.here):
            one = source.ends[addresses[0]] = learn(self.traffic.ends, source, addresses[0], event.node)
        other = destination.ends.get(addresses[1])
        if other is None or (other.lacks and destination.here):
            other = destination.ends[addresses[1]] = learn(self.traffic.ends, destination, addresses[1], event.node)
        if one.many or other.many:
            self.traffic.skip("to many at once, or to themselves")
            return None
        traffic = self.traffic
        if at > traffic.last or not traffic.first or at < traffic.first:
            traffic.note_time(at)
        seen = event.seen
        if event.is_reply:
            traffic.replies += 1
            if destination.here:
                seen |= CLIENT
            if source.here:
                seen |= SERVER
            traffic.meet(other, one, event.protocol, ports[0], ports[1], at, seen)
            return other, one
        if source.here:
            seen |= CLIENT
        if destination.here and (event.passed or not event.is_egress):
            seen |= SERVER  # what was dropped on its way out never got there
        traffic.meet(one, other, event.protocol, ports[1], ports[0], at, seen)
        return one, other

    def _without_envelope(self, value: dict[str, Any]) -> dict[str, Any] | None:
        if "verdict" in value and "event_type" in value:
            return value
        lost = value.get("lost_events")
        if isinstance(lost, dict):
            self.traffic.lost += min(max(int(lost.get("num_events_lost", 1)), 0), 1 << 40)
        elif not {"node_status", "agent_event", "debug_event"} & value.keys():
            raise FlowError("it has no flow")
        else:
            self.traffic.skip("of other kinds")
        return None

    def _time(self, stamp: bytes) -> int:
        try:
            return self._seconds[stamp[:20]] + int(stamp[20:23])
        except (KeyError, ValueError):
            pass
        try:
            moment = datetime.fromisoformat(stamp.decode())
        except ValueError as error:
            raise FlowError("a time is none") from error
        if moment.tzinfo is None:
            raise FlowError("a time has no zone")
        found = int(moment.timestamp() * 1000)
        if stamp[19:20] == b"." and stamp.endswith(b"Z") and stamp[20:23].isdigit():
            if len(self._seconds) >= _SECONDS_KEPT:
                self._seconds.clear()
            self._seconds[stamp[:20]] = found - int(stamp[20:23])
        return found

    def _note_more(self, flow: dict[str, Any], client: End, server: End, event: Event, at: int) -> None:
        told = flow.get("destination_service")
        if isinstance(told, dict) and not event.passed:
            namespace, name = told.get("namespace"), told.get("name")
            if isinstance(name, str) and isinstance(namespace, str) and is_label_value(name + namespace):
                server.service = (namespace, name)
        dns = (flow.get("l7") or {}).get("dns") or {}
        if event.is_reply and dns and _is_name(dns.get("query")):
            for address in dns.get("ips") or []:
                if canonical := canonical_address(address):
                    self.traffic.name(client, canonical, _dotted(dns["query"]), at)
        for name in flow.get("source_names" if event.is_reply else "destination_names") or []:
            if _is_name(name):
                self.traffic.name(client, server.address, _dotted(name), at)


EARLY = "seen before it was known who began it"
NOBODYS = "of no pod of the node that tells of them"


# The event, or why it is of no use.
def _event(flow: dict[str, Any], passed: bool, is_reply: bool | None) -> tuple[Event, tuple[int, int]] | str:
    if passed and is_reply is None:
        return EARLY
    if not passed and is_reply:
        return "dropped replies"
    ((layer, body),) = flow["l4"].items()
    protocol = _PROTOCOLS.get(layer)
    if protocol is None:
        return "of other protocols"
    ports = (0, 0) if protocol == "icmp" else (body.get("source_port", 0), body.get("destination_port", 0))
    if not all(type(port) is int and 0 <= port <= 65535 for port in ports):
        raise FlowError("a port is none")
    flags = None
    if protocol == "tcp":
        flags = frozenset(name for name, is_set in (body.get("flags") or {}).items() if is_set)
        if not passed and not flow.get("l7") and ("SYN" not in flags or "ACK" in flags):
            return "dropped in the middle of a connection"
    is_egress = flow.get("traffic_direction") == "EGRESS"
    seen = outcome(passed, bool(is_reply), flags)
    return Event(passed, bool(is_reply), protocol, seen, is_egress, flow.get("node_name", "")), ports


def _is_name(name: object) -> bool:
    return isinstance(name, str) and 0 < len(name) < LONGEST_NAME and name.isascii() and name.isprintable()


def _dotted(name: str) -> str:
    return name if name.endswith(".") else f"{name}."
