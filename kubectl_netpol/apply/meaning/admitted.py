"""What grants admit together: a set of peers at each port."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterable, Iterator

from ...model import Protocol
from ...policy.evaluation.values import ALL_PORTS, PolicyPeer, PolicyPort
from .grants import Grant
from .peers import Peers

_LOWEST = 1  # "a port from 1 to 65535"
_Place = tuple[Protocol, int, str]
"""A port's number, and its name on the pod that serves it. Which numbers a name stands for is not known."""


class Admitted:
    """What grants of one direction admit, in policies of ``namespace``."""

    def __init__(self, grants: Iterable[Grant], namespace: str) -> None:
        self._namespace = namespace
        self._by_port: dict[PolicyPort | None, list[PolicyPeer | None]] = {}
        for one in grants:
            self._by_port.setdefault(one.port, []).append(one.peer)
        self._starts = {protocol: sorted(self._starts_of(protocol)) for protocol in Protocol}
        self._known: dict[_Place, Peers] = {}

    def holds(self, grant: Grant) -> bool:
        """Whether all that the grant admits is surely admitted."""
        peers = Peers([grant.peer], self._namespace)
        ports = map(PolicyPort, Protocol) if grant.port is None else (grant.port,)
        return all(self._at(place).holds(peers) for port in ports for place in self._places(port))

    # From each of these numbers to the next the same is admitted.
    def _starts_of(self, protocol: Protocol) -> set[int]:
        ports = [port for port in self._by_port if port and port.protocol is protocol and not port.name]
        edges = {edge for port in ports for edge in (port.first, port.last + 1)}
        return {_LOWEST} | {edge for edge in edges if _LOWEST < edge <= ALL_PORTS[1]}

    # The least is admitted where the pod has no name for a number, and where a name's number is any.
    def _places(self, port: PolicyPort) -> Iterator[_Place]:
        starts = self._starts[port.protocol]
        begin = bisect_right(starts, max(port.first, _LOWEST)) - 1
        for start in starts[begin : bisect_right(starts, port.last)]:
            yield port.protocol, start, port.name

    def _at(self, place: _Place) -> Peers:
        found = self._known.get(place)
        if found is None:
            here = (peer for port, peers in self._by_port.items() if _is_at(port, place) for peer in peers)
            found = self._known[place] = Peers(here, self._namespace)
        return found


def _is_at(port: PolicyPort | None, place: _Place) -> bool:
    if port is None:
        return True
    protocol, number, name = place
    if port.protocol is not protocol:
        return False
    return port.name == name if port.name else port.first <= number <= port.last
