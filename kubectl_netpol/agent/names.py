"""DNS answers, as they were read off the wire, to names of addresses. Parsed by dnspython, kept per namespace.

Everything here is hostile: a bad answer is counted and gives no name. RFC 1035, 4.1 (messages) and 4.2.2 (over TCP).
"""

from __future__ import annotations

from collections import OrderedDict
from dataclasses import dataclass, field
from ipaddress import ip_address

import dns.exception
import dns.flags
import dns.message
import dns.name
import dns.opcode
import dns.rcode
import dns.rdataclass
import dns.rdatatype
import dns.rrset

MAX_NAMES = 8192
"""Names of addresses that one namespace may have; more are counted as lost."""

_MAX_STREAMS = 256
_MAX_STREAM = 1 << 17
_MAX_TOTAL = 4 << 20
_MAX_AHEAD = 64
_FAR = 1 << 20
_MASK = 0xFFFFFFFF
_MAX_CHAIN = 16
_ADDRESSES = (dns.rdatatype.A, dns.rdatatype.AAAA)


@dataclass(slots=True)
class AnswerCounts:
    """``malformed`` ones could not be parsed, ``truncated`` ones had more to say, ``forgotten`` ones found no room."""

    answers: int = 0
    malformed: int = 0
    truncated: int = 0
    forgotten: int = 0


def read_answer(payload: bytes, counts: AnswerCounts) -> tuple[str, list[str]]:
    """(name that was asked, its addresses) of one DNS message; ("", []) when it says nothing of use."""
    try:
        message = dns.message.from_wire(payload, ignore_trailing=True, one_rr_per_rrset=False)
        if not message.flags & dns.flags.QR or message.opcode() != dns.opcode.QUERY or len(message.question) != 1:
            raise dns.exception.FormError
        question = message.question[0]
        if message.flags & dns.flags.TC:
            counts.truncated += 1
        if message.rcode() != dns.rcode.NOERROR or question.rdtype not in _ADDRESSES:
            return "", []
        counts.answers += 1
        return question.name.to_text().lower(), _addresses(message, question)
    except (dns.exception.DNSException, ValueError, KeyError, IndexError, UnicodeError, RecursionError):
        counts.malformed += 1
        return "", []


def _addresses(message: dns.message.Message, question: dns.rrset.RRset) -> list[str]:
    """Follows the chain of aliases from the name that was asked to its addresses."""
    records: dict[tuple[dns.name.Name, int], dns.rrset.RRset] = {}
    for found in message.answer:
        if found.rdclass == dns.rdataclass.IN:
            records.setdefault((found.name, found.rdtype), found)
    name = question.name
    for _ in range(_MAX_CHAIN):
        addresses = records.get((name, question.rdtype))
        if addresses is not None:
            return sorted({_canonical(record.address) for record in addresses})
        alias = records.get((name, dns.rdatatype.CNAME))
        if alias is None:
            return []
        name = alias[0].target
    return []


def _canonical(text: str) -> str:
    """One spelling for one address, that of ``layout.address_text``: dnspython writes ::102:304 as ::1.2.3.4."""
    address = ip_address(text)
    return str(getattr(address, "ipv4_mapped", None) or address)


class NameTable:
    """Names by address of one namespace, each with when it was last told (ms)."""

    def __init__(self) -> None:
        self.names: dict[str, dict[str, int]] = {}
        self.changed: set[str] = set()
        self._count = 0

    def note(self, payload: bytes, at: int, counts: AnswerCounts) -> None:
        name, addresses = read_answer(payload, counts)
        for address in addresses:
            known = self.names.get(address, {})
            if name not in known and self._count >= MAX_NAMES:
                counts.forgotten += 1
                continue
            self._count += name not in known
            self.names.setdefault(address, known)[name] = at
            self.changed.add(address)


@dataclass(slots=True)
class _Stream:
    """``position`` is where the next byte belongs; ``ahead`` are pieces by their positions, behind a gap."""

    position: int
    data: bytearray = field(default_factory=bytearray)
    ahead: dict[int, bytes] = field(default_factory=dict)
    is_fresh: bool = True

    @property
    def size(self) -> int:
        return len(self.data) + sum(map(len, self.ahead.values()))


class Streams:
    """Puts the segments of DNS over TCP in order, and the pieces of datagrams together. Bounded in all.

    A stream begins with the first segment that is seen of it, or an earlier one that comes later. One that is far from
    where the stream is belongs to a new connection of the same port.
    """

    def __init__(self) -> None:
        self._streams: OrderedDict[tuple[object, ...], _Stream] = OrderedDict()
        self._size = 0

    def add(self, key: tuple[object, ...], position: int, piece: bytes, counts: AnswerCounts) -> list[bytes]:
        """The messages that this piece completes; ``position`` is its sequence number."""
        stream = self._take(key) or _Stream(position)
        distance = _distance(stream.position, position)
        if not -_FAR < distance < _FAR:
            stream, distance = _Stream(position), 0
        if distance + len(stream.data) < 0 and stream.is_fresh:
            stream.ahead[(stream.position - len(stream.data)) & _MASK] = bytes(stream.data)
            stream.data.clear()
            stream.position = position
        _join(stream, position, piece)
        messages = _split(stream)
        stream.is_fresh &= not messages
        if stream.size > _MAX_STREAM or len(stream.ahead) >= _MAX_AHEAD:
            counts.malformed += 1
        else:
            self._keep(key, stream)
        return messages

    def gather(self, key: tuple[object, ...], position: int, piece: bytes, last: bool) -> bytes:
        """A datagram that came in pieces, once it is whole; nothing before, nor when a piece was lost."""
        stream = self._take(key)
        if position == 0:
            stream = _Stream(0)
        if stream is None or position != len(stream.data) or len(stream.data) > _MAX_STREAM:
            return b""
        stream.data += piece
        if last:
            return bytes(stream.data)
        self._keep(key, stream)
        return b""

    def _take(self, key: tuple[object, ...]) -> _Stream | None:
        stream = self._streams.pop(key, None)
        if stream:
            self._size -= stream.size
        return stream

    def _keep(self, key: tuple[object, ...], stream: _Stream) -> None:
        self._streams[key] = stream
        self._size += stream.size
        while len(self._streams) > _MAX_STREAMS or self._size > _MAX_TOTAL:
            _, oldest = self._streams.popitem(last=False)
            self._size -= oldest.size


def _distance(origin: int, position: int) -> int:
    """How far ``position`` lies ahead of ``origin`` on the circle of sequence numbers; negative when behind."""
    return ((position - origin + (1 << 31)) & _MASK) - (1 << 31)


def _join(stream: _Stream, position: int, piece: bytes) -> None:
    """Adds a piece and all those ahead that it leads to; what is known already is cut off."""
    if len(piece) > len(stream.ahead.get(position, b"")):
        stream.ahead[position] = piece
    while due := [start for start in stream.ahead if _distance(stream.position, start) <= 0]:
        for start in due:
            new = stream.ahead.pop(start)[-_distance(stream.position, start) :]
            stream.data += new
            stream.position = (stream.position + len(new)) & _MASK


def _split(stream: _Stream) -> list[bytes]:
    messages = []
    while len(stream.data) >= 2:
        length = int.from_bytes(stream.data[:2], "big")
        if len(stream.data) < 2 + length:
            break
        messages.append(bytes(stream.data[2 : 2 + length]))
        del stream.data[: 2 + length]
    return messages
