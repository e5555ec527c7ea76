"""The packets in a capture file, classic or next generation, as they come: link type, time and bytes.

Formats: draft-ietf-opsawg-pcap (pcap) and draft-ietf-opsawg-pcapng (pcapng), either byte order, micro- or nanoseconds.
"""

from __future__ import annotations

import struct
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from typing import NamedTuple

from ..errors import InputError

LONGEST_PACKET = 1 << 18
"""libpcap captures no more of one (MAXIMUM_SNAPLEN)."""

_LONGEST_BLOCK = 1 << 20
_MOST_INTERFACES = 4096
_CLASSIC = {
    b"\xd4\xc3\xb2\xa1": ("<", 1000),
    b"\xa1\xb2\xc3\xd4": (">", 1000),
    b"\x4d\x3c\xb2\xa1": ("<", 1_000_000),
    b"\xa1\xb2\x3c\x4d": (">", 1_000_000),
}
_SECTION = b"\x0a\x0d\x0d\x0a"
_INTERFACE, _OLD_PACKET, _SIMPLE_PACKET, _STATISTICS, _PACKET = 1, 2, 3, 5, 6
_OPTION_RESOLUTION, _OPTION_OFFSET, _OPTION_DROPPED = 9, 14, 5
HINT = "tcpdump -w and Wireshark write what is read here"


class CutError(Exception):
    """The file ends in the middle of a packet, as it does when the capture was killed."""


class Packet(NamedTuple):
    """``link``: its LINKTYPE; ``time`` in ms since the Unix epoch."""

    link: int
    time: int
    data: bytes


@dataclass(slots=True)
class _Interface:
    link: int
    per_second: int = 1_000_000
    offset: int = 0
    dropped: int = 0


@dataclass(slots=True)
class _Bytes:
    """A stream of chunks, read in pieces of a known size."""

    chunks: Iterator[bytes]
    buffer: bytes = b""
    position: int = 0

    def take(self, size: int) -> bytes:
        """The next bytes; fewer at the end only."""
        end = self.position + size
        if end > len(self.buffer):
            self._fill(size)
            end = size
        piece = self.buffer[self.position : end]
        self.position = min(end, len(self.buffer))
        return piece

    def exactly(self, size: int) -> bytes:
        """Raises CutError at the end."""
        piece = self.take(size)
        if len(piece) < size:
            raise CutError
        return piece

    def _fill(self, size: int) -> None:
        parts = [self.buffer[self.position :]]
        length = len(parts[0])
        while length < size and (chunk := next(self.chunks, b"")):
            parts.append(chunk)
            length += len(chunk)
        self.buffer, self.position = b"".join(parts), 0


@dataclass(slots=True)
class CaptureFile:
    """Iterate ``packets``. ``dropped``: what the capturing side says it lost. ``untimed``: packets without a time.

    Raises InputError for what is no capture file, CutError where it ends too early.
    """

    title: str
    dropped: int = 0
    untimed: int = 0
    _interfaces: list[_Interface] = field(default_factory=list)

    def packets(self, chunks: Iterable[bytes]) -> Iterator[Packet]:
        data = _Bytes(iter(chunks))
        magic = data.take(4)
        if magic in _CLASSIC:
            return self._classic(data, *_CLASSIC[magic])
        if magic == _SECTION:
            return self._blocks(data)
        raise InputError(f"{self.title} is no pcap or pcapng file", HINT)

    def _classic(self, data: _Bytes, order: str, per_millisecond: int) -> Iterator[Packet]:
        link = int(struct.unpack(f"{order}HHiIII", data.exactly(20))[5]) & 0xFFFF
        unpack = struct.Struct(f"{order}IIII").unpack
        while head := data.take(16):
            if len(head) < 16:
                raise CutError
            seconds, fraction, length, _ = unpack(head)
            if length > LONGEST_PACKET:
                raise InputError(f"{self.title}: a packet is longer than any: the file is damaged", HINT)
            yield Packet(link, seconds * 1000 + fraction // per_millisecond, data.exactly(length))

    def _blocks(self, data: _Bytes) -> Iterator[Packet]:
        order = self._section(data)
        while head := data.take(8):
            if len(head) < 8:
                raise CutError
            if head[:4] == _SECTION:
                data.position -= 4
                order = self._section(data)
                continue
            kind, length = struct.unpack(f"{order}II", head)
            if length < 12 or length > _LONGEST_BLOCK or length % 4:
                raise InputError(f"{self.title}: a block's length is impossible: the file is damaged", HINT)
            body = data.exactly(length - 8)[:-4]
            try:
                packet = self._block(kind, body, order)
            except (struct.error, IndexError) as error:
                raise InputError(f"{self.title}: a block is broken: the file is damaged", HINT) from error
            if packet:
                yield packet

    # Its byte order stands in it, behind its own length.
    def _section(self, data: _Bytes) -> str:
        head = data.exactly(8)
        order = {b"\x4d\x3c\x2b\x1a": "<", b"\x1a\x2b\x3c\x4d": ">"}.get(head[4:])
        if order is None:
            raise InputError(f"{self.title} is no pcapng file", HINT)
        (length,) = struct.unpack(f"{order}I", head[:4])
        if length < 28 or length > _LONGEST_BLOCK or length % 4:
            raise InputError(f"{self.title}: a block's length is impossible: the file is damaged", HINT)
        data.exactly(length - 12)
        self._interfaces = []
        return order

    def _block(self, kind: int, body: bytes, order: str) -> Packet | None:
        if kind == _PACKET:
            number, high, low, length = struct.unpack_from(f"{order}IIII", body)
            return self._packet(number, high << 32 | low, body[20 : 20 + length], length)
        if kind == _OLD_PACKET:
            number, _, high, low, length = struct.unpack_from(f"{order}HHIII", body)
            return self._packet(number, high << 32 | low, body[20 : 20 + length], length)
        if kind == _INTERFACE:
            self._add_interface(body, order)
        elif kind == _SIMPLE_PACKET:
            self.untimed += 1
        elif kind == _STATISTICS:
            self._note_statistics(body, order)
        return None

    def _packet(self, number: int, ticks: int, data: bytes, length: int) -> Packet:
        if len(data) < length or length > LONGEST_PACKET:
            raise IndexError
        interface = self._interfaces[number]
        return Packet(interface.link, interface.offset * 1000 + ticks * 1000 // interface.per_second, data)

    def _add_interface(self, body: bytes, order: str) -> None:
        if len(self._interfaces) >= _MOST_INTERFACES:
            raise IndexError
        interface = _Interface(struct.unpack_from(f"{order}H", body)[0])
        for code, value in _options(body[8:], order):
            if code == _OPTION_RESOLUTION:
                power = value[0] & 0x7F
                interface.per_second = min(1 << 63, 2**power if value[0] & 0x80 else 10 ** min(power, 18))
            elif code == _OPTION_OFFSET:
                interface.offset = struct.unpack(f"{order}q", value)[0]
        self._interfaces.append(interface)

    # The newest statistics of an interface hold; each says the whole.
    def _note_statistics(self, body: bytes, order: str) -> None:
        interface = self._interfaces[struct.unpack_from(f"{order}I", body)[0]]
        for code, value in _options(body[12:], order):
            if code == _OPTION_DROPPED:
                (dropped,) = struct.unpack(f"{order}Q", value)
                self.dropped += max(0, min(dropped, 1 << 40) - interface.dropped)
                interface.dropped = max(interface.dropped, min(dropped, 1 << 40))


def _options(data: bytes, order: str) -> Iterator[tuple[int, bytes]]:
    position = 0
    while position + 4 <= len(data):
        code, length = struct.unpack_from(f"{order}HH", data, position)
        if code == 0:
            return
        yield code, data[position + 4 : position + 4 + length]
        position += 4 + (length + 3 & ~3)
