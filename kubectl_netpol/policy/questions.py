"""What a DNS question is: where pods ask for names, as a recording tells it."""

from __future__ import annotations

from ..model import Neighbor, PeerKind, Port, Protocol

DNS_PORT = 53
DNS_PORTS = frozenset({DNS_PORT, 5353})
"""53, and the port at which OpenShift's DNS pods listen behind it."""

_TRANSPORTS = (Protocol.UDP, Protocol.TCP)


def is_question(neighbor: Neighbor) -> bool:
    """Whether what goes there is DNS questions, by the peer and its port; the direction is not looked at."""
    return is_dns_port(neighbor.key.port, neighbor.key.peer.kind is not PeerKind.EXTERNAL)


def is_dns_port(port: Port, is_own: bool) -> bool:
    """``is_own``: of the cluster's own pods and nodes. Outside, 5353 is no more DNS than any other port."""
    return port.protocol in _TRANSPORTS and port.port in (DNS_PORTS if is_own else (DNS_PORT,))
