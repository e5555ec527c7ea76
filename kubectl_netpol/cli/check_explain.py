"""``check --explain FLOW``: which flow is meant, and the way to the decision in sentences."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence

from ..errors import InputError
from ..model import Direction, NetworkNeighbors, Port, Protocol
from ..neighbors.reading import canonical_address
from ..policy.evaluation.values import NetworkPolicy
from ..policy.replay.api_server import View, other_views
from ..policy.replay.ends import End, Place, Pods, World, others
from ..policy.replay.explain import Explanation, Walk, explain
from ..policy.replay.resolver import Ends
from . import streams
from .kinds import is_kind, own_kind
from .neighbor_columns import peer_name
from .options import Scope

_HINT = (
    "write it as 'deploy/web -> deploy/api:8080/TCP', 'deploy/web -> 10.0.0.1:443', or as the first four cells of a row"
)
# With -A the namespace stands before the workload.
_ROW = re.compile(
    r"(?:([^\s/]+)\s+(?=\S+/))?(\S+)\s+(ingress|egress)\s+(.+?)\s+(?:(TCP|UDP|SCTP)/(\d{1,5})|(ICMP))(?:\s.*)?"
)
_ARROW = re.compile(r"(.+?)\s*->\s*(.+):(?:(\d{1,5})(?:/(TCP|UDP|SCTP))?|(ICMP))", re.IGNORECASE)
_NAMED = re.compile(r".*\(([0-9A-Fa-f:.]+)\)")
_VERDICTS = {True: "allowed", False: "denied", None: "not to be told"}


def explain_flow(
    text: str, accounts: Sequence[NetworkNeighbors], policies: Sequence[NetworkPolicy], world: World, scope: Scope
) -> Explanation:
    """The explanation of the flow that a text names. Of ends that are of several kinds, that which goes worst.

    Raises InputError for a text that names none, and for ends that are not known.
    """
    source, destination, port = _parse(text)
    finder = _Finder(accounts, world, scope.namespace or scope.home)
    sources, destinations = finder.find(source, destination, port)
    views = finder.views(source, destinations, port)
    told = [
        explain(policies, finder.ends.outside, a, b, port, views) for a in sources for b in _others(a, destinations)
    ]
    return min(told, key=lambda one: ((False, None, True).index(one.answer), one.is_own_node_allowed))


def print_explanation(found: Explanation, enforcer: str, output: str) -> None:
    """To stdout, as sentences or as one object."""
    if output == "json":
        _print_json(found, enforcer)
        return
    port = f"{found.port.protocol} {found.port.port}" if found.port.port else str(found.port.protocol)
    streams.line(f"{found.source} -> {found.destination}, {port}: {_verdict(found)}")
    for walk in found.walks:
        streams.data("\n")
        streams.line(f"{walk.direction} of {walk.place}: {_verdict(walk)}")
        for line in walk.lines:
            streams.line("  " * (line.depth + 1) + line.text)
    told = [*found.caveats, *([f"this cluster's policies: {enforcer}"] if enforcer else [])]
    if told:
        streams.data("\n")
        streams.line("To be known:")
        for text in told:
            streams.line(f"  {text}")


def _verdict(one: Explanation | Walk) -> str:
    word = _VERDICTS[one.answer]
    return f"allowed from the pod's own node, {word} from others" if one.is_own_node_allowed else word


def _print_json(found: Explanation, enforcer: str) -> None:
    from ..render.document import to_json  # noqa: PLC0415

    streams.data(
        to_json(
            {
                "source": found.source,
                "destination": found.destination,
                "port": found.port.port,
                "protocol": str(found.port.protocol),
                "allowed": found.answer,
                "onlyFromOwnNode": found.is_own_node_allowed,
                "sides": [
                    {
                        "direction": str(walk.direction),
                        "workload": walk.place,
                        "allowed": walk.answer,
                        "onlyFromOwnNode": walk.is_own_node_allowed,
                        "steps": [{"depth": line.depth, "text": line.text} for line in walk.lines],
                    }
                    for walk in found.walks
                ],
                "caveats": list(found.caveats),
                "enforcement": enforcer,
            }
        )
    )


def _parse(text: str) -> tuple[str, str, Port]:
    if found := _ROW.fullmatch(text.strip()):
        space, own, direction, peer, protocol, number, _ = found.groups()
        own = f"{space}/{own}" if space else own
        port = _port(text, protocol or Protocol.ICMP, number)
        return (own, peer, port) if direction == Direction.EGRESS else (peer, own, port)
    if found := _ARROW.fullmatch(text.strip()):
        source, destination, number, protocol, icmp = found.groups()
        return source.strip(), destination.strip(), _port(text, icmp or protocol or Protocol.TCP, number)
    raise InputError(f"{text!r:.120} names no flow", _HINT)


def _port(text: str, protocol: str, number: str | None) -> Port:
    kind = Protocol(protocol.upper())
    if kind is not Protocol.ICMP and not 0 < int(number or 0) <= 65535:
        raise InputError(f"{text!r:.120} names no port from 1 to 65535", _HINT)
    return Port(kind, int(number or 0))


def _others(source: End, destinations: Sequence[End]) -> Sequence[End]:
    return others(source, destinations) if isinstance(source, Pods) else destinations


class _Finder:
    def __init__(self, accounts: Sequence[NetworkNeighbors], world: World, namespace: str) -> None:
        self.ends = Ends(accounts, world)
        self._accounts = accounts
        self._world = world
        self._namespace = namespace

    def find(self, source: str, destination: str, port: Port) -> tuple[tuple[End, ...], tuple[End, ...]]:
        """Whom the two texts mean. What the account of one says of the other comes first."""
        pairs = ((source, destination, Direction.EGRESS), (destination, source, Direction.INGRESS))
        accounts = [self._account(text) for text, _, _ in pairs]
        home = next((one.workload.namespace for one in accounts if one), self._namespace)
        found: list[tuple[End, ...]] = []
        for (_, text, direction), account in zip(pairs, accounts, strict=True):
            is_client = direction is Direction.INGRESS
            found.append(self._recorded(account, text, direction, port) or self._end(text, home, is_client))
        return found[1], found[0]

    def views(self, source: str, destinations: Sequence[End], port: Port) -> list[View]:
        """How else an enforcer may see the flow, where the source's account tells that."""
        account = self._account(source)
        if account is None:
            return []
        addresses = {one.address for one in destinations if isinstance(one, Place) and one.address}
        keys = (one.key for one in account.neighbors)
        found = next((key for key in keys if key.port == port and key.peer.address in addresses), None)
        return other_views(self.ends, account, found) if found else []

    def _recorded(
        self, account: NetworkNeighbors | None, text: str, direction: Direction, port: Port
    ) -> tuple[End, ...]:
        if account is None or self._account(text) or self.ends.holders(canonical_address(text.strip("[]"))):
            return ()
        rows = [one for one in account.neighbors if one.key.direction is direction]
        rows.sort(key=lambda one: one.key.port != port)
        for one in rows:
            peer = one.key.peer
            names = (peer_name(one), peer.name, peer.address, *one.counts.names, f"[{peer.address}]")
            if text and text.removesuffix(".") in {name.removesuffix(".") for name in names}:
                return self.ends.of_peer(account.workload.namespace, peer)
        return ()

    def _end(self, text: str, namespace: str, is_client: bool) -> tuple[End, ...]:
        if account := self._account(text):
            return self.ends.of_workload(account)
        named = _NAMED.fullmatch(text)
        if address := canonical_address(named[1] if named else text.strip("[]")):
            return self.ends.at(text, address, is_client)
        for path in _paths(text, namespace):
            if pods := self.ends.named(path):
                return pods
        if found := self._pod(text.removeprefix("pod/"), namespace):
            return found
        hint = "--live looks it up in the cluster" if not self._world.is_live else _HINT
        raise InputError(f"{text!r:.120} is neither an address nor a workload that was recorded", hint)

    # The namespace that is not named is the current one, or the only one that has such a workload.
    def _account(self, text: str) -> NetworkNeighbors | None:
        kind, slash, name = text.rpartition("/")
        space, _, kind = kind.rpartition("/")
        if not slash:
            return None
        found = [
            one
            for one in self._accounts
            if one.workload.name == name and is_kind(one.workload, kind) and space in ("", one.workload.namespace)
        ]
        here = [one for one in found if one.workload.namespace == self._namespace]
        if here:
            return here[0]
        return found[0] if len(found) == 1 else None

    def _pod(self, name: str, namespace: str) -> tuple[End, ...]:
        space, _, short = name.rpartition("/")
        for path, pods in self._world.pods.items():
            for pod in pods:
                if pod.name == short and pod.namespace == (space or namespace or pod.namespace):
                    return (self.ends.one(path, pod),)
        return ()


def _paths(text: str, namespace: str) -> Iterator[str]:
    start, _, name = text.rpartition("/")
    space, _, kind = start.rpartition("/")
    if kind and (space or namespace) and "/" not in space:
        yield f"{space or namespace}/{own_kind(kind)}/{name}"
