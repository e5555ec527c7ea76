"""The observer on one interface: tcx links where the kernel has them, else an AF_PACKET socket's filter.

Both die with the process that holds them. A link does not keep its namespace alive; a socket does, so whoever holds
sockets must let go of a namespace that nobody else uses.
"""

from __future__ import annotations

import errno
import os
import socket
import struct
from dataclasses import dataclass, field
from threading import Thread

from . import layout, stub, syscalls
from .kernel import Kernel

_LINK_CREATE = 28
_TCX_INGRESS, _TCX_EGRESS = 46, 47
_BEFORE = 8
_SO_ATTACH_BPF = 50
_ALL_PROTOCOLS = 0x0003
_TCX_MISSING = {errno.EINVAL, errno.EOPNOTSUPP, errno.ENOTSUP, 524}


class TcxMissingError(Exception):
    """This kernel has no tcx links."""


@dataclass(slots=True)
class Stubs:
    """The programs of one namespace; they live as long as something holds them."""

    ingress: int = -1
    egress: int = -1
    socket: int = -1

    @classmethod
    def load(cls, kernel: Kernel, scope: int) -> Stubs:
        scopes, entries = kernel.scopes, kernel.entries
        if not kernel.use_tcx:
            return cls(socket=stub.load(stub.SOCKET_FILTER, scope, scopes, entries, 0))
        ingress = stub.load(stub.SCHED_CLS, scope, scopes, entries, layout.ENTRY_TCX_INGRESS)
        egress = stub.load(stub.SCHED_CLS, scope, scopes, entries, layout.ENTRY_TCX_EGRESS)
        return cls(ingress, egress)

    def close(self) -> None:
        for descriptor in (self.ingress, self.egress, self.socket):
            if descriptor >= 0:
                os.close(descriptor)
        self.ingress = self.egress = self.socket = -1


@dataclass(slots=True)
class Attachment:
    """What holds the observer to one interface; ``packets`` is the socket that DNS answers come by, if any."""

    links: list[int] = field(default_factory=list)
    packets: socket.socket | None = None

    def close(self) -> None:
        for link in self.links:
            os.close(link)
        self.links.clear()
        self.close_packets()

    def close_packets(self) -> None:
        """Lets the socket go, if there is one. The kernel takes 10 ms for it, in which nobody should have to wait."""
        if self.packets:
            Thread(target=self.packets.close, daemon=True).start()
            self.packets = None


def attach(stubs: Stubs, index: int, name: str) -> Attachment:
    """Attaches to an interface of the namespace that the caller is in.

    Raises TcxMissingError when the kernel knows no tcx, OSError for anything else.
    """
    return _attach_socket(stubs.socket, name) if stubs.socket >= 0 else _attach_tcx(stubs, index)


def _attach_tcx(stubs: Stubs, index: int) -> Attachment:
    attachment = Attachment()
    try:
        # Each takes the kernel some 10 ms (an RCU grace period), and a new pod begins by asking: egress goes first.
        for program, hook in ((stubs.egress, _TCX_EGRESS), (stubs.ingress, _TCX_INGRESS)):
            # First in the chain: a program before ours could end it, and the packet would go unseen.
            attributes = struct.pack("<IIII", program, index, hook, _BEFORE)
            attachment.links.append(syscalls.bpf(_LINK_CREATE, attributes, "attaching a tcx link"))
    except OSError as error:
        attachment.close()
        if error.errno in _TCX_MISSING:
            raise TcxMissingError from error
        raise
    return attachment


def _attach_socket(program: int, name: str) -> Attachment:
    # Protocol 0 until it is bound: no packet passes before the filter stands.
    packets = socket.socket(socket.AF_PACKET, socket.SOCK_DGRAM | socket.SOCK_CLOEXEC, 0)
    try:
        packets.setsockopt(socket.SOL_SOCKET, _SO_ATTACH_BPF, program)
        packets.setblocking(False)
        packets.bind((name, _ALL_PROTOCOLS))
    except OSError:
        packets.close()
        raise
    return Attachment(packets=packets)
