"""DNS answers, as they were read off the wire, to names of addresses. Parsed by dnspython, kept per namespace.

Everything here is hostile: a bad answer is counted and gives no name. RFC 1035, 4.1 (messages) and 4.2.2 (over TCP).
"""

from __future__ import annotations

from collections import OrderedDict
from dataclasses import dataclass, field

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
"""Addresses with names that one namespace may have; more are counted as lost."""

_MAX_STREAMS = 256
_MAX_STREAM = 1 << 17
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
            return sorted({record.address for record in addresses})
        alias = records.get((name, dns.rdatatype.CNAME))
        if alias is None:
            return []
        name = alias[0].target
    return []


class NameTable:
    """Names by address of one namespace, each with when it was last told (ms)."""

    def __init__(self) -> None:
        self.names: dict[str, dict[str, int]] = {}
        self.changed: set[str] = set()

    def note(self, payload: bytes, at: int, counts: AnswerCounts) -> None:
        name, addresses = read_answer(payload, counts)
        for address in addresses:
            if address not in self.names and len(self.names) >= MAX_NAMES:
                counts.forgotten += 1
                continue
            self.names.setdefault(address, {})[name] = at
            self.changed.add(address)


@dataclass(slots=True)
class _Stream:
    position: int
    data: bytearray = field(default_factory=bytearray)
    ahead: dict[int, bytes] = field(default_factory=dict)


class Streams:
    """Puts the segments of DNS over TCP in order. A stream begins with the first segment that is seen of it."""

    def __init__(self) -> None:
        self._streams: OrderedDict[tuple[object, ...], _Stream] = OrderedDict()

    def add(self, key: tuple[object, ...], position: int, piece: bytes, counts: AnswerCounts) -> list[bytes]:
        """The messages that this piece completes; ``position`` is its sequence number."""
        stream = self._streams.setdefault(key, _Stream(position))
        self._streams.move_to_end(key)
        if len(self._streams) > _MAX_STREAMS:
            self._streams.popitem(last=False)
        behind = (stream.position - position) & 0xFFFFFFFF
        if behind < 1 << 31:
            self._append(stream, piece[behind:])
        elif len(stream.ahead) < 64:
            stream.ahead[position] = piece
        messages = _split(stream)
        if len(stream.data) > _MAX_STREAM or len(stream.ahead) >= 64:
            counts.malformed += 1
            del self._streams[key]
        return messages

    def gather(self, key: tuple[object, ...], position: int, piece: bytes, last: bool) -> bytes:
        """A datagram that came in pieces, once it is whole; nothing before, nor when a piece was lost."""
        if position == 0:
            self._streams.pop(key, None)
        stream = self._streams.setdefault(key, _Stream(0))
        if position != len(stream.data) or len(stream.data) > _MAX_STREAM:
            self._streams.pop(key, None)
            return b""
        stream.data += piece
        if not last:
            return b""
        return bytes(self._streams.pop(key).data)

    @staticmethod
    def _append(stream: _Stream, piece: bytes) -> None:
        while True:
            stream.data += piece
            stream.position = (stream.position + len(piece)) & 0xFFFFFFFF
            if stream.position not in stream.ahead:
                return
            piece = stream.ahead.pop(stream.position)


def _split(stream: _Stream) -> list[bytes]:
    messages = []
    while len(stream.data) >= 2:
        length = int.from_bytes(stream.data[:2], "big")
        if len(stream.data) < 2 + length:
            break
        messages.append(bytes(stream.data[2 : 2 + length]))
        del stream.data[: 2 + length]
    return messages
