"""The policies that isolate some pods in one direction, as one gate: whom it admits at which port."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence

from ...model import Direction, Port
from ...neighbors.pods import NamedPorts
from ..evaluation.values import NetworkPolicy, PolicyRule
from .ends import End, Pods
from .facts import Answer, Facts, anything, selects
from .index import SelectorIndex
from .passage import Passage, admits_ports

_Rule = tuple[str, PolicyRule]
_Question = Port | tuple[Port, NamedPorts | None]


class Rules:
    """The rules of some policies in one direction, found by their ports."""

    __slots__ = ("_exact", "_has_names", "_outside", "_passages", "_ports", "_wide")

    def __init__(self, policies: Iterable[NetworkPolicy], direction: Direction, outside: Collection[str]) -> None:
        self._exact: dict[Port, list[_Rule]] = {}
        self._wide: list[_Rule] = []
        self._outside = outside
        self._has_names = False
        self._ports: dict[_Question, tuple[list[Passage], list[Passage]]] = {}
        self._passages: dict[tuple[int, ...], Passage] = {}
        for policy in policies:
            for rule in policy.rules(direction) or ():
                self._put((policy.namespace, rule))

    def _put(self, one: _Rule) -> None:
        single = [port for port in one[1].ports if not port.name and port.first == port.last]
        for port in single:
            self._exact.setdefault(Port(port.protocol, port.first), []).append(one)
        self._has_names = self._has_names or any(port.name for port in one[1].ports)
        if not one[1].ports or len(single) < len(one[1].ports):
            self._wide.append(one)

    def admits(self, end: End, port: Port, server: End) -> Answer:
        """Whether one of the rules admits the end at that port of the server."""
        sure, perhaps = self._at(port, server)
        found: Answer = False
        for passage in sure:
            answer = passage.admits(end)
            if answer:
                return True
            if answer is None:
                found = None
        if found is False and any(passage.admits(end) is not False for passage in perhaps):
            return None
        return found

    # Which rules are about a port may hang on the names that the server has for its ports.
    def _at(self, port: Port, server: End) -> tuple[list[Passage], list[Passage]]:
        question: _Question = port
        if self._has_names:
            question = (port, server.ports if isinstance(server, Pods) else ())
        found = self._ports.get(question)
        if found is None:
            found = self._ports[question] = self._find(port, server)
        return found

    def _find(self, port: Port, server: End) -> tuple[list[Passage], list[Passage]]:
        if not port.port:
            every = {id(one[1]): one for rules in (*self._exact.values(), self._wide) for one in rules}
            answers = [(one, admits_ports(one[1], port, server)) for one in every.values()]
        else:
            answers = [(one, admits_ports(one[1], port, server)) for one in self._wide]
        sure = [one for one, answer in answers if answer]
        perhaps = [one for one, answer in answers if answer is None]
        exact = self._exact.get(port, []) if port.port else []
        return [self._passage(rules) for rules in (exact, sure) if rules], [
            self._passage(rules) for rules in (perhaps,) if rules
        ]

    def _passage(self, rules: Sequence[_Rule]) -> Passage:
        key = tuple(id(rule) for _, rule in rules)
        found = self._passages.get(key)
        if found is None:
            found = self._passages[key] = Passage(rules, self._outside)
        return found


class Gate:
    """``sure`` are the policies that isolate the pods, ``perhaps`` those of which it is not known."""

    __slots__ = ("_each", "_rules", "is_open", "outside", "perhaps", "sure")

    def __init__(
        self,
        sure: tuple[NetworkPolicy, ...],
        perhaps: tuple[NetworkPolicy, ...],
        direction: Direction,
        outside: Collection[str],
    ) -> None:
        self.sure = sure
        self.perhaps = perhaps
        self.outside = outside
        self.is_open = not sure and not perhaps
        self._rules = Rules(sure, direction, outside)
        self._each = [Rules((policy,), direction, outside) for policy in perhaps]

    def admits(self, peer: End, port: Port, server: End) -> Answer:
        """Whether a connection passes: it is not isolated, or "any rule of any of them" admits it."""
        if not self.sure:
            answers = [rules.admits(peer, port, server) for rules in self._each]
            return True if all(answers) else None
        found = self._rules.admits(peer, port, server)
        if found or not self.perhaps:
            return found
        return None if anything(rules.admits(peer, port, server) for rules in self._each) is not False else found


class Gates:
    """All policies, ready to say which of them isolate whom."""

    def __init__(self, policies: Sequence[NetworkPolicy], outside: Collection[str]) -> None:
        self._outside = outside
        self._order = {id(policy): place for place, policy in enumerate(policies)}
        self._by_namespace: dict[tuple[str, Direction], SelectorIndex[NetworkPolicy]] = {}
        grouped: dict[tuple[str, Direction], list[NetworkPolicy]] = {}
        for policy in policies:
            for direction in Direction:
                if policy.rules(direction) is not None:
                    grouped.setdefault((policy.namespace, direction), []).append(policy)
        for key, group in grouped.items():
            self._by_namespace[key] = SelectorIndex((policy.selector, policy) for policy in group)
        self._known: dict[tuple[int, Direction], Gate] = {}
        self._shared: dict[tuple[tuple[int, ...], tuple[int, ...], Direction], Gate] = {}
        self._kept: list[Pods] = []

    def at(self, pods: Pods, direction: Direction) -> Gate:
        """The gate at some pods, whose namespace is known."""
        found = self._known.get((id(pods), direction))
        if found is None:
            self._kept.append(pods)
            found = self._known[id(pods), direction] = self._find(pods, direction)
        return found

    def _find(self, pods: Pods, direction: Direction) -> Gate:
        sure, perhaps = self._isolating(pods.namespace, pods.labels, direction)
        key = (tuple(map(id, sure)), tuple(map(id, perhaps)), direction)
        found = self._shared.get(key)
        if found is None:
            found = self._shared[key] = Gate(sure, perhaps, direction, self._outside)
        return found

    def _isolating(
        self, namespace: str, labels: Facts, direction: Direction
    ) -> tuple[tuple[NetworkPolicy, ...], tuple[NetworkPolicy, ...]]:
        index = self._by_namespace.get((namespace, direction))
        if index is None:
            return (), ()
        found = [(policy, selects(policy.selector, labels)) for policy in index.candidates(labels)]
        found.sort(key=lambda one: self._order[id(one[0])])
        return tuple(one for one, answer in found if answer), tuple(one for one, answer in found if answer is None)
