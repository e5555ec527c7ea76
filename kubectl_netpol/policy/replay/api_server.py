"""The API server as policies may see it: by the address of its Service, or by those that the Service leads to.

A recording has a row for each, since it is not known which of them an enforcer compares. Of the rewriting of a packet's
addresses the documentation says: "it is not defined whether this happens before or after NetworkPolicy processing, and
the behavior may be different for different combinations of network plugin, cloud provider, Service implementation".
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from ...model import Direction, NeighborKey, NetworkNeighbors, PeerKind, Port
from .ends import End
from .facts import everything
from .gate import Gate
from .resolver import Ends

View = Sequence[tuple[End, Port]]
"""All ends and ports of which an enforcer meets one or the other."""

SEEN_AS = (
    "the address by which the enforcer sees the API server: its endpoint's where kube-proxy translates before policies,"
    " elsewhere maybe its Service's"
)


def other_views(ends: Ends, account: NetworkNeighbors, key: NeighborKey) -> list[View]:
    """How else an enforcer may see a connection of the account's row; nothing for rows that lead elsewhere.

    Rows are told apart by their ports. Where all have the same one, nobody knows which is the Service's, and each is a
    view of its own.
    """
    rows = list(_alternatives(account, key)) if _is_to_api_server(key) else []
    has_ports = any(one.port != key.port for one in rows)
    views: dict[object, list[tuple[End, Port]]] = {}
    for one in rows:
        if not has_ports or one.port != key.port:
            (end,) = ends.of_peer(account.workload.namespace, one.peer)
            views.setdefault(one.port if has_ports else one, []).append((end, one.port))
    return list(views.values())


def may_pass(gate: Gate, view: View) -> bool:
    """Whether egress is admitted to all ends of a view, or may be."""
    return everything(gate.admits(end, port, end) for end, port in view) is not False


# A connection has one protocol, and its addresses are of one family.
def _alternatives(account: NetworkNeighbors, key: NeighborKey) -> Iterator[NeighborKey]:
    for one in (neighbor.key for neighbor in account.neighbors):
        is_alike = one.port.protocol is key.port.protocol and (":" in one.peer.address) == (":" in key.peer.address)
        if one != key and is_alike and _is_to_api_server(one):
            yield one


def _is_to_api_server(key: NeighborKey) -> bool:
    return key.direction is Direction.EGRESS and key.peer.kind is PeerKind.API_SERVER and bool(key.peer.address)
