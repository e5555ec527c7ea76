"""Serves ports and calls others, which is all that the sample application does.

    talk.py [--once] WORD ...

A WORD is serve:PORT or serve-udp:PORT, or a target: tcp://HOST:PORT, tcp6://HOST:PORT, udp://HOST:PORT or https://URL.
Each second every target is called anew, at each of its addresses (tcp6: the IPv6 ones), and a line tells how it went.
"""

import socket
import ssl
import sys
import threading
import time
import urllib.request
from contextlib import suppress
from pathlib import Path

ACCOUNT = Path("/var/run/secrets/kubernetes.io/serviceaccount")
FAMILIES = {"tcp": 0, "tcp6": socket.AF_INET6, "udp": 0}


def serve(port: int) -> None:
    listener = socket.create_server(("::", port), family=socket.AF_INET6, backlog=256, dualstack_ipv6=True)
    while True:
        threading.Thread(target=answer, args=(listener.accept()[0],), daemon=True).start()


def answer(client: socket.socket) -> None:
    with suppress(OSError), client:
        client.recv(4096)
        client.sendall(b"HTTP/1.0 200 OK\r\nContent-Length: 6\r\n\r\nhello\n")


def swallow(port: int) -> None:
    receiver = socket.socket(socket.AF_INET6, socket.SOCK_DGRAM)
    receiver.bind(("::", port))
    while True:
        receiver.recv(4096)


def call(scheme: str, host: str, port: int) -> None:
    kind = socket.SOCK_DGRAM if scheme == "udp" else socket.SOCK_STREAM
    for family, _, _, _, address in socket.getaddrinfo(host, port, FAMILIES[scheme], kind):
        with socket.socket(family, kind) as speaker:
            speaker.settimeout(2)
            speaker.connect(address)
            speaker.sendall(b"GET / HTTP/1.0\r\n\r\n")
            if kind == socket.SOCK_STREAM and not speaker.recv(4096):
                raise OSError("closed without an answer")


def ask_api(url: str) -> None:
    trust = ssl.create_default_context(cafile=ACCOUNT / "ca.crt")
    request = urllib.request.Request(url, headers={"Authorization": f"Bearer {(ACCOUNT / 'token').read_text()}"})
    urllib.request.urlopen(request, timeout=2, context=trust).read()


def try_target(target: str) -> None:
    scheme, _, rest = target.partition("://")
    host, _, port = rest.rpartition(":")
    try:
        if scheme == "https":
            ask_api(target)
        else:
            call(scheme, host, int(port))
    except OSError as error:
        print(target, "failed:", error, flush=True)
    else:
        print(target, "ok", flush=True)


def main(words: list[str]) -> None:
    once = "--once" in words
    servers = {"serve": serve, "serve-udp": swallow}
    for word in words:
        name, _, port = word.partition(":")
        if name in servers:
            threading.Thread(target=servers[name], args=(int(port),), daemon=True).start()
    targets = [word for word in words if "://" in word]
    while True:
        for target in targets:
            try_target(target)
        time.sleep(2 if once else 1)
        if once:
            return


main(sys.argv[1:])
