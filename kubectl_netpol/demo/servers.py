"""Everything that answers in a private machine: one small process that serves the sockets of all pods.

A socket stays in the namespace in which it was made, so the process needs to enter none. Listening sockets are handed
to it over a Unix socket, each with the way to answer.
"""

from __future__ import annotations

import contextlib
import json
import os
import selectors
import socket
import sys
from dataclasses import dataclass
from enum import StrEnum

from . import dns_server

_CHUNK = 1 << 16
_TURNS = 64  # packets or connections taken from one socket before the others have their turn


class Answer(StrEnum):
    """How a server treats what it hears."""

    ECHO = "echo"
    SINK = "sink"  # reads, never replies
    DNS = "dns"  # see dns_server; over TCP and UDP
    CLOSE = "close"


class Servers:
    """The serving process; it ends with the process that made it.

    To be made before any pod: what is open when it starts, it holds, and a namespace held does not vanish.
    """

    def __init__(self) -> None:
        self._line = _start()

    def hand_over(self, owner: str, listener: socket.socket, answer: Answer) -> None:
        """Serve ``listener`` from now on; the caller's copy is closed."""
        with listener:
            self._tell([owner, answer], [listener.fileno()])

    def close(self, owner: str) -> None:
        """Close every socket of a pod, its accepted connections too; returns when it is done."""
        self._tell([owner, Answer.CLOSE], [])

    def _tell(self, order: list[str], descriptors: list[int]) -> None:
        socket.send_fds(self._line, [json.dumps(order).encode()], descriptors)
        if self._line.recv(1) != b".":
            raise OSError("the serving process has ended")


def _start() -> socket.socket:
    near, far = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    near.settimeout(10)
    sys.stdout.flush()
    sys.stderr.flush()
    if os.fork():
        far.close()
        return near
    try:
        near.close()
        _Server(far).run()
    finally:
        os._exit(0)


@dataclass(frozen=True, slots=True)
class _Role:
    owner: str
    answer: Answer
    listens: bool = False


class _Server:
    def __init__(self, orders: socket.socket) -> None:
        self._orders = orders
        self._selector = selectors.DefaultSelector()
        self._selector.register(orders, selectors.EVENT_READ, None)
        self._partial: dict[socket.socket, bytes] = {}
        self._going = True

    def run(self) -> None:
        while self._going:
            for key, _events in self._selector.select():
                if key.data is None:
                    self._obey()
                    break  # an order may have closed what else was ready
                self._serve(key.fileobj, key.data)  # type: ignore[arg-type]

    def _obey(self) -> None:
        text, descriptors, _flags, _address = socket.recv_fds(self._orders, 4096, 1)
        if not text:
            self._going = False
            return
        owner, answer = json.loads(text)
        if answer == Answer.CLOSE:
            self._close_all(owner)
        else:
            received = socket.socket(fileno=descriptors[0])
            listens = received.type == socket.SOCK_STREAM
            self._watch(received, _Role(owner, Answer(answer), listens))
        self._orders.send(b".")

    def _watch(self, served: socket.socket, role: _Role) -> None:
        served.setblocking(False)
        self._selector.register(served, selectors.EVENT_READ, role)

    def _close_all(self, owner: str) -> None:
        for key in list(self._selector.get_map().values()):
            if key.data is not None and key.data.owner == owner:
                self._close(key.fileobj)  # type: ignore[arg-type]

    def _close(self, served: socket.socket) -> None:
        self._selector.unregister(served)
        self._partial.pop(served, None)
        served.close()

    def _serve(self, served: socket.socket, role: _Role) -> None:
        try:
            if role.listens:
                self._accept(served, role)
            elif served.type == socket.SOCK_DGRAM:
                self._receive(served, role)
            else:
                self._read(served, role)
        except BlockingIOError:
            return
        except OSError:  # a reset connection, or an ICMP error that a datagram socket reports
            if served.type == socket.SOCK_STREAM and not role.listens:
                self._close(served)

    def _accept(self, listener: socket.socket, role: _Role) -> None:
        for _turn in range(_TURNS):
            connection, _peer = listener.accept()
            self._watch(connection, _Role(role.owner, role.answer))

    def _receive(self, served: socket.socket, role: _Role) -> None:
        for _turn in range(_TURNS):
            payload, peer = served.recvfrom(_CHUNK)
            reply = dns_server.answer_udp(payload) if role.answer is Answer.DNS else _reply(role.answer, payload)
            if reply:
                with contextlib.suppress(OSError):
                    served.sendto(reply, peer)

    def _read(self, connection: socket.socket, role: _Role) -> None:
        heard = connection.recv(_CHUNK)
        if not heard:
            self._close(connection)
            return
        if role.answer is Answer.DNS:
            messages, rest = dns_server.split_stream(self._partial.get(connection, b"") + heard)
            self._partial[connection] = rest
            reply = b"".join(dns_server.frame(_reply(role.answer, message)) for message in messages)
        else:
            reply = _reply(role.answer, heard)
        if reply:
            connection.sendall(reply)


def _reply(answer: Answer, payload: bytes) -> bytes:
    if answer is Answer.ECHO:
        return payload
    return dns_server.answer(payload) if answer is Answer.DNS else b""
