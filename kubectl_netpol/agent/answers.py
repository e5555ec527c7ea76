"""DNS answers on their way from the kernel to the names of a namespace: pieces put together, packets taken apart."""

from __future__ import annotations

from collections.abc import Mapping

from .layout import CHUNK
from .ledger import Clock
from .names import AnswerCounts, Streams
from .namespaces import CapturedNamespace
from .packets import parse_packet

_TCP = 6


class Answers:
    """``namespaces`` by scope is the capture's own table; ``counts`` says what was read and what was not."""

    def __init__(self, namespaces: Mapping[int, CapturedNamespace], clock: Clock) -> None:
        self._namespaces = namespaces
        self._clock = clock
        self._streams = Streams()
        self.counts = AnswerCounts()

    def take_chunk(self, raw: bytes) -> None:
        """A piece of an answer from the kernel's ring."""
        scope, port, protocol, last, local, peer, position, length = CHUNK.unpack_from(raw)
        piece = raw[CHUNK.size : CHUNK.size + length]
        key = (scope, protocol, local, peer, port)
        if protocol == _TCP:
            self._take_segment(scope, key, position, piece)
            return
        whole = piece if last and not position else self._streams.gather(key, position, piece, bool(last))
        if whole:
            self._note(scope, whole)

    def take_packet(self, scope: int, packet: bytes) -> None:
        """A whole packet that a socket's filter let through."""
        answer = parse_packet(packet)
        if not answer:
            self.counts.malformed += 1
        elif answer.protocol == _TCP:
            key = (scope, _TCP, answer.local, answer.peer, answer.local_port)
            self._take_segment(scope, key, answer.position, answer.payload)
        else:
            self._note(scope, answer.payload)

    def _take_segment(self, scope: int, key: tuple[object, ...], position: int, piece: bytes) -> None:
        for message in self._streams.add(key, position, piece, self.counts):
            self._note(scope, message)

    def _note(self, scope: int, payload: bytes) -> None:
        namespace = self._namespaces.get(scope)
        if namespace:
            namespace.names.note(payload, self._clock.now(), self.counts)
