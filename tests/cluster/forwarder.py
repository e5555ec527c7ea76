"""Takes connections on a port of 127.0.0.1 and passes them on inside another process's network namespace.

    forwarder.py PORT PROCESS HOST PORT

The one way from the host into the cluster, and it leads to the API server only. It listens before it changes its
namespace, and connects afterwards: a socket stays in the namespace in which it was made.
"""

from __future__ import annotations

import ctypes
import os
import socket
import sys
import threading
from contextlib import suppress

_CLONE_NEWNET = 0x40000000


def main(port: int, process: int, target: tuple[str, int]) -> None:
    listener = socket.create_server(("127.0.0.1", port), backlog=256)
    enter_network(process)
    while True:
        client, _ = listener.accept()
        threading.Thread(target=serve, args=(client, target), daemon=True).start()


def enter_network(process: int) -> None:
    """Moves this process into the other's network namespace. (os.setns came with Python 3.12.)"""
    namespace = os.open(f"/proc/{process}/ns/net", os.O_RDONLY)
    if ctypes.CDLL(None, use_errno=True).setns(namespace, _CLONE_NEWNET):
        raise OSError(ctypes.get_errno(), f"cannot enter the network namespace of process {process}")
    os.close(namespace)


def serve(client: socket.socket, target: tuple[str, int]) -> None:
    """Passes bytes between a client and the target until both have closed."""
    with client, suppress(OSError), socket.create_connection(target, timeout=5) as server:
        server.settimeout(None)
        for end in (client, server):
            end.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        back = threading.Thread(target=pump, args=(server, client), daemon=True)
        back.start()
        pump(client, server)
        back.join()


def pump(source: socket.socket, sink: socket.socket) -> None:
    """Copies until the source ends, then tells the sink. An error on either side ends both."""
    try:
        while piece := source.recv(1 << 16):
            sink.sendall(piece)
    except OSError:
        for end in (source, sink):
            with suppress(OSError):
                end.shutdown(socket.SHUT_RDWR)
    with suppress(OSError):
        sink.shutdown(socket.SHUT_WR)


if __name__ == "__main__":
    main(int(sys.argv[1]), int(sys.argv[2]), (sys.argv[3], int(sys.argv[4])))
