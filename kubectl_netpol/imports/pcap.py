"""Packets to connections, by the rules of the observer in ``bpf``: a SYN asks, SYN+ACK answers, RST+ACK with number 0
refuses; UDP's first speaker is the client, an ICMP unreachable refuses; SCTP by INIT, INIT ACK and ABORT.

A packet says addresses only. Whose they are, and so which side was a pod, the inventory tells.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from ipaddress import IPv6Address

from ..errors import InputError
from .ends import End, FlowError
from .packets import ICMP, ICMP6, LINKS, SCTP, TCP, UDP, Segment, read_ip, read_link
from .pcap_files import HINT, CaptureFile, CutError, Packet
from .traffic import ANSWERED, CLIENT, INFERRED, REFUSED, SERVER, Traffic

ReadAnswer = Callable[[bytes], tuple[str, list[str]]]
"""The name that was asked and its addresses, of a DNS message; ("", []) when it says nothing of use."""

_SYN, _RST, _ACK = 2, 4, 16
_ASKS, _ANSWERS, _REFUSES = 1, 2, 6  # SCTP's chunks INIT, INIT ACK, ABORT
_BOTH = CLIENT | SERVER
_DNS, _EPHEMERAL, _WELL_KNOWN = 53, 32768, 1024
_ECHO = {ICMP: (8, 0), ICMP6: (128, 129)}
_UNREACHABLE = {ICMP: 3, ICMP6: 1}
_LINK_HINT = "Ethernet, Linux cooked, raw IP and BSD loopback are read, as 'tcpdump -i any -w FILE' writes them"
_NAMES = {TCP: "tcp", UDP: "udp", SCTP: "sctp"}


class PacketReader:
    """Reads one file. ``traffic`` is what it told."""

    def __init__(self, traffic: Traffic, title: str, read_answer: ReadAnswer) -> None:
        self.traffic = traffic
        self._title = title
        self._file = CaptureFile(title)
        self._read_answer = read_answer
        self._ends: dict[bytes, End] = {}
        self._unread: dict[int, int] = {}  # packets by link type

    def read(self, chunks: Iterable[bytes]) -> bool:
        """All packets; whether the file ends in the middle of one.

        Raises InputError for what is no capture, or of a link type that is not read in all of its packets.
        """
        is_cut = self._read(chunks)
        if self._unread and sum(self._unread.values()) == self.traffic.events:
            links = ", ".join(map(str, sorted(self._unread)))
            raise InputError(f"{self._title}: its packets are of link type {links}, which is not read", _LINK_HINT)
        return is_cut

    def _read(self, chunks: Iterable[bytes]) -> bool:
        try:
            for packet in self._file.packets(chunks):
                self._take(packet)
        except CutError:
            return True
        except FlowError as error:
            raise InputError(f"{self._title}: packet {self.traffic.events}: {error}", HINT) from error
        finally:
            self.traffic.lost += self._file.dropped
            if self._file.untimed:
                self.traffic.skipped["without a time"] = self._file.untimed
        return False

    def _take(self, packet: Packet) -> None:
        self.traffic.events += 1
        if reason := self._count(packet):
            self.traffic.skip(reason)

    # Why the packet is of no use; empty for one that counts, or that is of the middle of a connection.
    def _count(self, packet: Packet) -> str:
        if packet.link not in LINKS:
            self._unread[packet.link] = self._unread.get(packet.link, 0) + 1
            return f"of link type {packet.link}, which is not read"
        segment = read_ip(read_link(packet.link, packet.data))
        if segment is None:
            return "no IP packets, or later fragments"
        if segment.protocol == TCP and len(segment.data) >= 14 and not segment.data[13] & (_SYN | _RST):
            return ""
        self.traffic.note_time(packet.time)
        one, other = self._end(segment.source), self._end(segment.destination)
        if one.many or other.many:
            return "to many at once, or to themselves"
        if segment.protocol in _ECHO:
            self._meet_icmp(segment, one, other, packet.time)
            return ""
        return self._meet(segment, one, other, packet.time)

    def _end(self, address: bytes) -> End:
        end = self._ends.get(address)
        if end is None:
            text = ".".join(map(str, address)) if len(address) == 4 else str(IPv6Address(address))
            end = self.traffic.ends.by_key.get((text, None, None)) or self.traffic.ends.add(text)
            self._ends[address] = end
        return end

    def _meet(self, segment: Segment, one: End, other: End, at: int) -> str:
        data, protocol = segment.data, segment.protocol
        if protocol not in _NAMES:
            return "of other protocols"
        ports = int.from_bytes(data[0:2], "big"), int.from_bytes(data[2:4], "big")
        if len(data) < (14 if protocol == TCP else 8) or not all(ports):
            return "cut in their headers, or of port 0"
        meet = {TCP: self._meet_tcp, UDP: self._meet_udp, SCTP: self._meet_sctp}[protocol]
        meet(data, one, other, ports, at)
        return ""

    def _meet_tcp(self, data: bytes, one: End, other: End, ports: tuple[int, int], at: int) -> None:
        flags = data[13]
        if flags & _SYN and not flags & _ACK:
            self.traffic.meet(one, other, "tcp", ports[1], ports[0], at, _BOTH)
            return
        is_refusal = flags & _RST and flags & _ACK and not any(data[4:8])
        if (flags & _SYN or is_refusal) and self.traffic.knows(other, one, "tcp", ports[0], ports[1]):
            self._reply("tcp", one, other, ports, at, REFUSED if is_refusal else ANSWERED)

    def _meet_udp(self, data: bytes, one: End, other: End, ports: tuple[int, int], at: int) -> None:
        is_known = self.traffic.knows(other, one, "udp", ports[0], ports[1])
        if is_known or ports[0] < _WELL_KNOWN <= _EPHEMERAL <= ports[1]:
            self._reply("udp", one, other, ports, at, ANSWERED if is_known else ANSWERED | INFERRED)
        else:
            self.traffic.meet(one, other, "udp", ports[1], ports[0], at, _BOTH)
        if is_known and ports[0] == _DNS:
            name, addresses = self._read_answer(data[8:])
            for address in addresses:
                self.traffic.name(other, address, name, at)

    def _meet_sctp(self, data: bytes, one: End, other: End, ports: tuple[int, int], at: int) -> None:
        kind = data[12] if len(data) > 12 else 0
        if kind == _ASKS:
            self.traffic.meet(one, other, "sctp", ports[1], ports[0], at, _BOTH)
        elif kind in (_ANSWERS, _REFUSES) and self.traffic.knows(other, one, "sctp", ports[0], ports[1]):
            self._reply("sctp", one, other, ports, at, ANSWERED if kind == _ANSWERS else REFUSED)

    def _reply(self, protocol: str, one: End, other: End, ports: tuple[int, int], at: int, seen: int) -> None:
        self.traffic.replies += 1
        self.traffic.meet(other, one, protocol, ports[0], ports[1], at, _BOTH | seen)

    def _meet_icmp(self, segment: Segment, one: End, other: End, at: int) -> None:
        kind = segment.data[0] if segment.data else -1
        asks, answers = _ECHO[segment.protocol]
        if kind == asks:
            self.traffic.meet(one, other, "icmp", 0, 0, at, _BOTH)
        elif kind == answers and self.traffic.knows(other, one, "icmp", 0, 0):
            self.traffic.meet(other, one, "icmp", 0, 0, at, _BOTH | ANSWERED)
        elif kind == _UNREACHABLE[segment.protocol]:
            self._refuse(segment.data[8:], at)

    # An unreachable quotes the packet that could not be delivered.
    def _refuse(self, quoted: bytes, at: int) -> None:
        segment = read_ip(quoted)
        if segment is None or segment.protocol not in _NAMES or len(segment.data) < 4:
            return
        one, other = self._end(segment.source), self._end(segment.destination)
        ports = int.from_bytes(segment.data[0:2], "big"), int.from_bytes(segment.data[2:4], "big")
        protocol = _NAMES[segment.protocol]
        if self.traffic.knows(one, other, protocol, ports[1], ports[0]):
            self.traffic.meet(one, other, protocol, ports[1], ports[0], at, _BOTH | REFUSED)
