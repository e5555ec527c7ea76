"""Edges as they are drawn: a line is all ports of one state between two places, a bundle all between two groups."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass

from ..model import Port
from .values import Graph, Group, GroupKind, Key, State

_TITLES = {
    GroupKind.CLUSTER: "nodes and control plane",
    GroupKind.UNKNOWN: "unknown addresses",
    GroupKind.OUTSIDE: "outside",
}

_STATES = tuple(State)  # the worst last


@dataclass(frozen=True, slots=True)
class Line:
    """What ``client`` asks ``server`` for, with one outcome; ports sorted."""

    client: Key
    server: Key
    state: State
    ports: tuple[Port, ...]

    @property
    def label(self) -> str:
        """``TCP/443, UDP/53``."""
        return ", ".join(map(port_text, self.ports))


@dataclass(frozen=True, slots=True)
class Bundle:
    """All that places of one group ask those of another for; ``lines`` has one at least."""

    client: Group
    server: Group
    lines: tuple[Line, ...]

    @property
    def state(self) -> State:
        """The worst of its lines'."""
        return max((line.state for line in self.lines), key=_STATES.index)

    @property
    def edges(self) -> dict[State, int]:
        """How many edges of each state there are; the worst first, and none that has none."""
        numbers: Counter[State] = Counter()
        for line in self.lines:
            numbers[line.state] += len(line.ports)
        return {state: numbers[state] for state in reversed(_STATES) if numbers[state]}


def bundles(graph: Graph, across: list[Line]) -> list[Bundle]:
    """``across`` by the groups of their ends: the worst last, which are then drawn above the others."""
    group_of = {place.key: place.group for place in graph.places}
    found: dict[tuple[Group, Group], list[Line]] = {}
    for line in across:
        found.setdefault((group_of[line.client], group_of[line.server]), []).append(line)
    bundled = [Bundle(*ends, tuple(some)) for ends, some in sorted(found.items())]
    return sorted(bundled, key=lambda bundle: _STATES.index(bundle.state))


def lines(graph: Graph) -> list[Line]:
    """The lines of a map, in the order of their ends."""
    found: dict[tuple[Key, Key, State], list[Port]] = {}
    for edge in graph.edges:
        found.setdefault((edge.key.client, edge.key.server, edge.state), []).append(edge.key.port)
    return [Line(*ends, tuple(ports)) for ends, ports in sorted(found.items(), key=lambda item: item[0])]


def state_text(state: State) -> str:
    """How an outcome is called where people read it."""
    return "would be denied" if state is State.DENIED else str(state)


def port_text(port: Port) -> str:
    """``TCP/443``; ICMP has no number."""
    return f"{port.protocol}/{port.port}" if port.port else str(port.protocol)


def group_title(group: Group) -> str:
    """What a group is called."""
    return group.name or _TITLES.get(group.kind, "")
