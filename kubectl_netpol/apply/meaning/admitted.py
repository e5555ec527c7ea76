"""What grants admit together: a set of peers at each port."""

from __future__ import annotations

from collections.abc import Iterable

from ...model import Protocol
from ...policy.evaluation.values import PolicyPeer, PolicyPort
from .grants import Grant
from .peers import Peers, peers_of
from .ports import Groups, Stretches

_REMEMBERED = 1 << 18
"""How many answers are kept, so that memory has an end."""


class Admitted:
    """What grants of one direction admit, in policies of ``namespace``.

    Ports at which the same peers are admitted are one group, told by its number. What is admitted where groups meet is
    made once, and each set of peers is asked once for a peer: 1000 peers at the same 100 ports are 1000 questions.
    """

    def __init__(self, grants: Iterable[Grant], namespace: str) -> None:
        self._namespace = namespace
        self._peers: dict[PolicyPeer | None, Peers] = {}
        by_port: dict[PolicyPort | None, dict[Peers, None]] = {}
        for one in grants:
            by_port.setdefault(one.port, {})[self._named(one.peer)] = None
        numbers: dict[frozenset[Peers], int] = {}
        self._groups = {port: numbers.setdefault(frozenset(peers), len(numbers)) for port, peers in by_port.items()}
        self._members = {self._groups[port]: tuple(peers) for port, peers in by_port.items()}
        self._stretches: dict[tuple[Protocol, str], Stretches[Peers]] = {}
        self._together: dict[Groups, Peers] = {}
        self._answers: dict[tuple[Peers, Peers], bool] = {}

    def holds(self, grant: Grant) -> bool:
        """Whether all that the grant admits is surely admitted."""
        peers = self._named(grant.peer)
        ports = map(PolicyPort, Protocol) if grant.port is None else (grant.port,)
        return all(self._is_in(peers, here) for port in ports for here in self._of(port).at(port))

    def _named(self, peer: PolicyPeer | None) -> Peers:
        found = self._peers.get(peer)
        if found is None:
            found = self._peers[peer] = peers_of(peer, self._namespace)
        return found

    def _is_in(self, peers: Peers, here: Peers) -> bool:
        answer = self._answers.get((here, peers))
        if answer is None:
            if len(self._answers) >= _REMEMBERED:
                self._answers.clear()
            answer = self._answers[here, peers] = here.holds(peers)
        return answer

    # The least is admitted where the pod has no name for a number, and which number a name stands for is not known.
    def _of(self, port: PolicyPort) -> Stretches[Peers]:
        place = port.protocol, port.name if port in self._groups else ""
        found = self._stretches.get(place)
        if found is None:
            found = self._stretches[place] = Stretches(self._ports_at(*place), self._admitted_by)
        return found

    def _ports_at(self, protocol: Protocol, name: str) -> Iterable[tuple[PolicyPort, int]]:
        for port, group in self._groups.items():
            if port is None:
                yield PolicyPort(protocol), group
            elif port.protocol is protocol and port.name in ("", name):
                yield port, group

    def _admitted_by(self, groups: Groups) -> Peers:
        found = self._together.get(groups)
        if found is None:
            found = self._together[groups] = Peers.together(one for group in groups for one in self._members[group])
        return found
