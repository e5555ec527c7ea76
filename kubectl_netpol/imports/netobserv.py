"""NetObserv's flows: the JSON lines that ``kubectl netobserv flows`` writes, or that are exported from FlowCollector.

A flow goes one way, and its packets' TCP flags say who began: a server sends SYN_ACK, a client SYN. Where the file
begins in the middle, the lower port is taken for the server's, and marked so. Flows have no labels, so an inventory
has to say what selects a workload. Fields: https://github.com/netobserv/network-observability-operator/blob/main/docs/
flows-format.adoc; the flags that combine: ``SYN_ACK`` 0x100, ``FIN_ACK`` 0x200, ``RST_ACK`` 0x400.
"""

from __future__ import annotations

import json
from typing import Any

from .ends import End, FlowError, Place, read_node, read_owner
from .traffic import ANSWERED, CLIENT, HEARD, INFERRED, REFUSED, SERVER, Traffic

_PROTOCOLS = {6: "tcp", 17: "udp", 132: "sctp", 1: "icmp", 58: "icmp"}
_FLAGS = {"FIN": 1, "SYN": 2, "RST": 4, "PSH": 8, "ACK": 16, "SYN_ACK": 0x100, "FIN_ACK": 0x200, "RST_ACK": 0x400}
_SYN, _RST, _SYN_ACK = 2, 4 | 0x400, 0x100
_ESTABLISHED = 8 | 16 | 0x200
_RECORDS = ("flowLog", "newConnection", "endConnection")
_WELL_KNOWN = 1024
_EGRESS = 1  # IfDirections: from the host's point of view
_BOTH = CLIENT | SERVER


class NetObservReader:
    """Takes lines. ``traffic`` is what they told."""

    def __init__(self, traffic: Traffic) -> None:
        self.traffic = traffic
        self._ends = traffic.ends.by_key

    def take(self, line: bytes) -> None:
        """One line. Raises ValueError, TypeError, KeyError, AttributeError or RecursionError for what is no flow."""
        text = line.decode().strip().rstrip(",")
        if text in ("", "[", "]"):
            return
        flow = json.loads(text)
        if not isinstance(flow, dict) or not flow:
            raise FlowError("it is no object")
        self.traffic.events += 1
        if reason := self._count(flow):
            self.traffic.skip(reason)

    # Why the flow is of no use; empty for one that counts.
    def _count(self, flow: dict[str, Any]) -> str:
        if reason := _unusable(flow):
            return reason
        protocol = _PROTOCOLS[flow["Proto"]]
        at = flow.get("TimeFlowEndMs") or flow["TimeFlowStartMs"]
        if type(at) is not int:
            raise FlowError("a time is none")
        self.traffic.note_time(at)
        one, other = self._end(flow, "Src"), self._end(flow, "Dst")
        if one.many or other.many:
            return "to many at once, or to themselves"
        if one.pod is None and other.pod is None:
            return "of no pod"
        ports = (0, 0) if protocol == "icmp" else (_port(flow.get("SrcPort", 0)), _port(flow.get("DstPort", 0)))
        flags = _flags(flow.get("Flags", 0)) if protocol == "tcp" else 0
        is_reply, guessed = self._is_reply(one, other, protocol, ports, flags)
        is_dropped = 0 < flow.get("Packets", 0) <= flow.get("PktDropPackets", 0)
        if is_reply and is_dropped:
            return "dropped replies"
        if is_reply:
            one, other, ports = other, one, (ports[1], ports[0])
            self.traffic.replies += 1
        seen = REFUSED if is_dropped else _outcome(is_reply, flags)
        seen |= _BOTH | (INFERRED if guessed else 0) | (HEARD if not is_reply and _is_delivered(flow) else 0)
        self.traffic.meet(one, other, protocol, ports[1], ports[0], at, seen)
        return ""

    # Whether it goes from the server to the client, and whether that was guessed by the ports.
    def _is_reply(self, one: End, other: End, protocol: str, ports: tuple[int, int], flags: int) -> tuple[bool, bool]:
        if flags & (_SYN_ACK | _SYN):
            return bool(flags & _SYN_ACK), False
        if self.traffic.knows(other, one, protocol, ports[0], ports[1]):
            return True, False
        if protocol == "icmp" or self.traffic.knows(one, other, protocol, ports[1], ports[0]):
            return False, False
        if protocol == "udp" and not ports[0] < _WELL_KNOWN <= ports[1]:
            return False, False
        return ports[0] < ports[1], True

    def _end(self, flow: dict[str, Any], side: str) -> End:
        address, kind = _translated(flow, side)
        name, namespace = flow.get(f"{kind}K8S_Name"), flow.get(f"{kind}K8S_Namespace")
        what = flow.get(f"{kind}K8S_Type")
        if what != "Pod" or not name:
            name = namespace = None
        end = self._ends.get((address, name, namespace))
        if end is None:
            end = self.traffic.ends.add(address, name, namespace)
            if end.pod is not None:
                end.pod.workload = read_owner(flow.get(f"{kind}K8S_OwnerType"), flow.get(f"{kind}K8S_OwnerName"))
                end.pod.node = read_node(flow.get(f"{kind}K8S_HostName"))
            elif what == "Node":
                end.place, end.node = Place.NODE, read_node(flow.get(f"{kind}K8S_Name"))
        return end


def _unusable(flow: dict[str, Any]) -> str:
    if "SrcAddr" not in flow or "DstAddr" not in flow or "Proto" not in flow:
        return "without addresses or ports"
    if flow.get("Duplicate") is True:
        return "told of twice"
    if flow.get("_RecordType", "flowLog") not in _RECORDS:
        return "of other kinds"
    return "" if flow["Proto"] in _PROTOCOLS else "of other protocols"


def _outcome(is_reply: bool, flags: int) -> int:
    if is_reply:
        return REFUSED if flags & _RST and not flags & (_SYN_ACK | _ESTABLISHED) else ANSWERED
    return ANSWERED if flags & _ESTABLISHED else 0


# Seen on its way out of an interface of the receiver's own node: behind the node's policies, and into the pod.
def _is_delivered(flow: dict[str, Any]) -> bool:
    hosts = (flow.get("DstK8S_HostIP"), flow.get("XlatDstK8S_HostIP"))
    return bool(flow.get("AgentIP")) and flow["AgentIP"] in hosts and _EGRESS in (flow.get("IfDirections") or ())


# With packet translation a flow to a Service's address tells where it went.
def _translated(flow: dict[str, Any], side: str) -> tuple[object, str]:
    other = flow.get(f"Xlat{side}Addr")
    if other and flow.get(f"{side}K8S_Type") == "Service" and flow.get(f"Xlat{side}K8S_Type") == "Pod":
        port = flow.get(f"Xlat{side}Port")
        if port:
            flow[f"{side}Port"] = port
        return other, f"Xlat{side}"
    return flow[f"{side}Addr"], side


def _flags(told: object) -> int:
    if type(told) is int and 0 <= told < 1 << 16:
        return told
    if isinstance(told, list):
        return sum(_FLAGS.get(flag, 0) for flag in {str(one) for one in told})
    raise FlowError("TCP flags are none")


def _port(number: object) -> int:
    if type(number) is not int or not 0 <= number <= 65535:
        raise FlowError("a port is none")
    return number
