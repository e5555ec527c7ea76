"""A pod as the network sees it: a namespace, its addresses, and what begins and answers connections in it.

Sockets belong to the namespace in which they are made, so one process can speak for every pod.
"""

from __future__ import annotations

import os
import socket
import subprocess
import sys
from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager
from enum import StrEnum

from . import namespaces
from .servers import Answer, Servers

BACKLOG = 256
PAYLOAD = b"a line of traffic\n"


class Attempt(StrEnum):
    """What became of a connection, as its client saw it."""

    ANSWERED = "answered"
    REFUSED = "refused"
    UNANSWERED = "unanswered"


class Pod:
    """A network namespace with servers and clients; made by ``Machine``. Timeouts are in seconds."""

    def __init__(self, name: str, descriptor: int, servers: Servers) -> None:
        self.name = name
        self.descriptor = descriptor
        self.addresses: tuple[str, ...] = ()
        self._servers = servers

    @property
    def address(self) -> str:
        """The first address, as Kubernetes' podIP."""
        return self.addresses[0]

    @property
    def netns_id(self) -> str:
        """The namespace's inode number, by which the agent names it."""
        return str(os.fstat(self.descriptor).st_ino)

    def inside(self) -> AbstractContextManager[None]:
        """Within the block, the calling thread makes sockets and processes in the pod."""
        return namespaces.inside_network(self.descriptor)

    def close(self) -> None:
        """Let go of the namespace; it ends with its last process, socket and mount."""
        os.close(self.descriptor)

    def listen_tcp(self, port: int, answer: Answer = Answer.ECHO, address: str = "") -> None:
        """Answer TCP connections at a port, of every address and family unless one address is named."""
        listener = self._bound(socket.SOCK_STREAM, address, port)
        listener.listen(BACKLOG)
        self._servers.hand_over(self.name, listener, answer)

    def listen_udp(self, port: int, answer: Answer = Answer.ECHO, address: str = "") -> None:
        """Receive datagrams at a port; ``Answer.SINK`` never replies, like a metrics server."""
        self._servers.hand_over(self.name, self._bound(socket.SOCK_DGRAM, address, port), answer)

    def open_tcp(self, address: str, port: int, timeout: float = 5.0, source_port: int = 0) -> socket.socket:
        """A connected socket. Raises ConnectionRefusedError, TimeoutError or another OSError."""
        connection = self._socket(socket.SOCK_STREAM, address, source_port)
        try:
            connection.settimeout(timeout)
            connection.connect((address, port))
        except OSError:
            connection.close()
            raise
        return connection

    def try_tcp(self, address: str, port: int, timeout: float = 5.0) -> Attempt:
        """Connect, say something, wait for the echo, close."""
        try:
            with self.open_tcp(address, port, timeout) as connection:
                connection.sendall(PAYLOAD)
                return Attempt.ANSWERED if connection.recv(len(PAYLOAD)) else Attempt.REFUSED
        except (ConnectionRefusedError, ConnectionResetError):
            return Attempt.REFUSED
        except TimeoutError:
            return Attempt.UNANSWERED

    def begin_tcp(self, address: str, port: int) -> socket.socket:
        """Send the first packet of a connection and wait for nothing; the caller closes the socket."""
        connection = self._socket(socket.SOCK_STREAM, address, 0)
        connection.setblocking(False)
        connection.connect_ex((address, port))
        return connection

    def open_udp(self, address: str, port: int, timeout: float = 5.0, source_port: int = 0) -> socket.socket:
        """A socket that sends to, and hears from, one peer; nothing is sent yet."""
        connection = self._socket(socket.SOCK_DGRAM, address, source_port)
        connection.settimeout(timeout)
        connection.connect((address, port))
        return connection

    def send_udp(self, address: str, port: int, payload: bytes = PAYLOAD, source_port: int = 0) -> None:
        """One datagram, no reply awaited."""
        with self.open_udp(address, port, source_port=source_port) as connection:
            connection.send(payload)

    def try_udp(self, address: str, port: int, payload: bytes = PAYLOAD, timeout: float = 5.0) -> Attempt:
        """One datagram, and its reply; a refusal is an ICMP port unreachable."""
        try:
            with self.open_udp(address, port, timeout) as connection:
                connection.send(payload)
                connection.recv(1 << 16)
                return Attempt.ANSWERED
        except ConnectionRefusedError:
            return Attempt.REFUSED
        except TimeoutError:
            return Attempt.UNANSWERED

    def run(self, command: Sequence[str], **options: int) -> subprocess.Popen[bytes]:
        """Start a program in the pod; the caller waits for it."""
        with self.inside():
            return subprocess.Popen(list(command), **options)  # type: ignore[call-overload,no-any-return]

    def fork(self, body: Callable[[], None]) -> int:
        """Run ``body`` in a process of its own in the pod; returns its process id, for the caller to wait for."""
        sys.stdout.flush()
        sys.stderr.flush()
        process = os.fork()
        if process:
            return process
        status = 1
        try:
            namespaces.enter_network(self.descriptor)
            body()
            status = 0
        finally:
            os._exit(status)

    def _socket(self, kind: socket.SocketKind, address: str, source_port: int) -> socket.socket:
        family = socket.AF_INET6 if ":" in address else socket.AF_INET
        with self.inside():
            made = socket.socket(family, kind)
        if source_port:
            made.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            made.bind(("", source_port))
        return made

    def _bound(self, kind: socket.SocketKind, address: str, port: int) -> socket.socket:
        dual = not address and any(":" in own for own in self.addresses)
        with self.inside():
            made = socket.socket(socket.AF_INET6 if dual or ":" in address else socket.AF_INET, kind)
        made.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        if dual:
            made.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 0)
        made.bind((address, port))
        return made
