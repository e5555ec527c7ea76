"""What was connected before the capture: a worker of its own that reads sockets in the namespaces it is told of.

Run as ``python -m kubectl_netpol.agent.sockets`` by the agent: a line in, ``ID PATH``; a line out, ``[ID, findings]``.
A process of its own, since pyroute2 takes 25 MB and a namespace with many sockets takes seconds; it ends with its
stdin. Findings: ``{"flows": [[role, protocol, local, peer, port, inferred], ...]}``.
"""

from __future__ import annotations

import json
import os
import socket
import sys
from collections.abc import Iterable
from ipaddress import ip_address
from typing import Any

from pyroute2.netlink.diag import DiagSocket
from pyroute2.netlink.nfnetlink.nfctsocket import NFCTSocket

from . import syscalls
from .ports import ephemeral_range

_ESTABLISHED, _LISTEN = 1, 10
_CONNECTED = 1 << _ESTABLISHED | 1 << 4 | 1 << 5 | 1 << 8  # established, FIN-WAIT-1, FIN-WAIT-2, CLOSE-WAIT
_TCP, _UDP = 6, 17
Endpoint = tuple[str, int]
Translations = dict[tuple[int, Endpoint, Endpoint], tuple[Endpoint, Endpoint]]


def canonical(text: str) -> str:
    """One spelling for one address: an IPv4-mapped one is IPv4."""
    address = ip_address(text.split("%", 1)[0])
    mapped = getattr(address, "ipv4_mapped", None)
    return str(mapped or address)


def read_sockets(protocol: int, states: int) -> list[tuple[int, Endpoint, Endpoint]]:
    """(state, local, peer) of the namespace that the caller is in, both families."""
    found = []
    with DiagSocket() as diag:
        diag.bind()
        for family in (socket.AF_INET, socket.AF_INET6):
            for message in diag.get_sock_stats(family=family, states=states, protocol=protocol):
                local = canonical(message["idiag_src"]), int(message["idiag_sport"])
                peer = canonical(message["idiag_dst"]), int(message["idiag_dport"])
                found.append((int(message["idiag_state"]), local, peer))
    return found


def read_translations() -> Translations:
    """What the namespace's own conntrack translates: (protocol, local, peer) of a socket to the same on the wire.

    A REDIRECT on the way in: the socket says 15006, the packet said 8080. Empty where there is no conntrack.
    """
    translations: Translations = {}
    try:
        with NFCTSocket(nfgen_family=socket.AF_UNSPEC) as conntrack:
            for entry in conntrack.dump():
                _note_translation(translations, entry)
    except (OSError, AttributeError, KeyError, TypeError, ValueError):
        return translations
    return translations


def _note_translation(translations: Translations, entry: Any) -> None:
    original, reply = _tuple(entry.get_attr("CTA_TUPLE_ORIG")), _tuple(entry.get_attr("CTA_TUPLE_REPLY"))
    if original is None or reply is None or original[0] != reply[0]:
        return
    protocol, source, destination = original
    _, answering, answered = reply
    if (answering, answered) == (destination, source):
        return
    translations[protocol, answering, answered] = destination, source  # the server's side: its socket is who answers
    translations[protocol, source, destination] = answered, answering  # the client's side: its socket is who asked


def _tuple(value: Any) -> tuple[int, Endpoint, Endpoint] | None:
    addresses, ports = value.get_attr("CTA_TUPLE_IP"), value.get_attr("CTA_TUPLE_PROTO")
    family = "V4" if addresses.get_attr("CTA_IP_V4_SRC") else "V6"
    number = ports.get_attr("CTA_PROTO_NUM")
    if number not in (_TCP, _UDP):
        return None
    source = canonical(addresses.get_attr(f"CTA_IP_{family}_SRC")), int(ports.get_attr("CTA_PROTO_SRC_PORT"))
    destination = canonical(addresses.get_attr(f"CTA_IP_{family}_DST")), int(ports.get_attr("CTA_PROTO_DST_PORT"))
    return number, source, destination


def judge_connection(
    local: Endpoint, peer: Endpoint, listening: set[int], ephemeral: tuple[int, int]
) -> tuple[str, int, bool]:
    """(role, server's port, whether that was only inferred) of an established connection."""
    if local[1] in listening:
        return "in", local[1], False
    looks_like_server = not ephemeral[0] <= local[1] <= ephemeral[1] and ephemeral[0] <= peer[1] <= ephemeral[1]
    return ("in", local[1], True) if looks_like_server else ("out", peer[1], False)


def find_flows(translations: Translations, ephemeral: tuple[int, int]) -> Iterable[list[Any]]:
    """The TCP connections that live now, as they stand on the wire, without those that never leave the namespace."""
    sockets = read_sockets(_TCP, _CONNECTED | 1 << _LISTEN)
    listening = {local[1] for state, local, _ in sockets if state == _LISTEN}
    own = {local[0] for _, local, _ in sockets}
    for state, local, peer in sockets:
        if state == _LISTEN:
            continue
        role, _, inferred = judge_connection(local, peer, listening, ephemeral)
        wire_local, wire_peer = translations.get((_TCP, local, peer), (local, peer))
        if ip_address(wire_peer[0]).is_loopback or wire_peer[0] in own:
            continue
        port = wire_local[1] if role == "in" else wire_peer[1]
        yield [role, "tcp", wire_local[0], wire_peer[0], port, inferred]


def find_all() -> dict[str, Any]:
    """All findings of the namespace that the caller is in."""
    return {"flows": list(find_flows(read_translations(), ephemeral_range()))}


def _answer(line: str, home: int) -> dict[str, Any]:
    descriptor = os.open(line.split(" ", 1)[1].rstrip("\n"), os.O_RDONLY | os.O_CLOEXEC)
    try:
        with syscalls.inside(descriptor, home):
            return find_all()
    finally:
        os.close(descriptor)


def main() -> None:
    """Answers until its stdin ends. A namespace that cannot be read gives an ``error``, and the next is read."""
    home = os.open("/proc/self/ns/net", os.O_RDONLY | os.O_CLOEXEC)
    for line in sys.stdin:
        try:
            findings = _answer(line, home)
        except Exception as error:  # noqa: BLE001 - the edge of this process: one namespace must not cost the others
            findings = {"error": f"{type(error).__name__}: {error}"}
        print(json.dumps([line.split(" ", 1)[0], findings]), flush=True)


if __name__ == "__main__":
    main()
