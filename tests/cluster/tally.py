"""Traffic whose truth is known: a server on thousands of ports, and a caller that uses each port once.

    tally.py serve                   all of PORTS
    tally.py call PORT ADDRESS ...   from that port on a new one with each call, at the addresses in turn; a line for
                                     each answer
    tally.py flood ADDRESS COUNT     that many ports again and again; a line for each round

Runs in a pod, with the standard library only. A port is a neighbor of its own, so what was recorded can be compared.
"""

from __future__ import annotations

import resource
import selectors
import socket
import sys
import time
from contextlib import suppress
from itertools import cycle

PORTS = range(20000, 24000)
_PERIOD = 0.12


def serve() -> None:
    _, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))
    selector = selectors.DefaultSelector()
    for port in PORTS:
        listener = socket.create_server(("0.0.0.0", port))
        listener.setblocking(False)
        selector.register(listener, selectors.EVENT_READ)
    print("ready", flush=True)
    while True:
        for key, _ in selector.select():
            with suppress(OSError):
                client, _ = key.fileobj.accept()  # type: ignore[union-attr]
                client.send(b"hello")
                client.close()


def reach(address: str, port: int) -> bool:
    try:
        with socket.create_connection((address, port), timeout=1) as connection:
            return connection.recv(16) == b"hello"
    except OSError:
        return False


def call(first: int, addresses: list[str]) -> None:
    for port, address in zip(cycle(range(first, PORTS.stop)), cycle(addresses), strict=False):
        begun = time.time()
        if reach(address, port):
            print(address, port, int(time.time() * 1000), flush=True)
        time.sleep(max(0.0, _PERIOD - (time.time() - begun)))


def flood(address: str, count: int) -> None:
    while True:
        begun = time.time()
        reached = sum(reach(address, port) for port in PORTS[:count])
        print(reached, int(time.time() * 1000), flush=True)
        time.sleep(max(0.0, 1 - (time.time() - begun)))


if __name__ == "__main__":
    match sys.argv[1:]:
        case ["serve"]:
            serve()
        case ["call", first, *targets]:
            call(int(first), targets)
        case ["flood", target, number]:
            flood(target, int(number))
