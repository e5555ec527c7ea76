"""What a reader should know about a policy before applying it: one sentence each, never part of the data."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from ..model import Direction, Mark, Neighbor, NetworkNeighbors, PeerKind, Protocol, Workload
from ..neighbors.document import is_everyone, is_expressible

_SHOWN = 3


@dataclass(frozen=True, slots=True)
class Note:
    """A sentence about one workload."""

    workload: Workload
    text: str

    def __str__(self) -> str:
        return f"{self.workload.path} in namespace {self.workload.namespace}: {self.text}"


def left_out(one: NetworkNeighbors, include_unanswered: bool) -> Iterator[Note]:
    """What was recorded and is not in the policy, by reason."""
    reasons: dict[str, list[Neighbor]] = {}
    for neighbor in one.neighbors:
        reason = _reason(neighbor, include_unanswered)
        if reason:
            reasons.setdefault(reason, []).append(neighbor)
    for reason, neighbors in sorted(reasons.items()):
        yield Note(one.workload, f"{_listed(neighbors)} left out: {reason}")


def silent_directions(
    workload: Workload, isolated: tuple[Direction, ...], seen: tuple[Direction, ...], is_asked: bool
) -> Iterator[Note]:
    """Directions that the policy leaves open, or closes altogether."""
    for direction in Direction:
        if direction in isolated and direction not in seen:
            yield Note(workload, f"no {direction} to admit was recorded: the policy denies all of it")
        elif direction not in isolated and not is_asked:
            text = f"no {direction} to admit was recorded: the policy leaves {direction} open"
            yield Note(workload, f"{text} (--policy-types Ingress,Egress isolates it)")
        elif direction not in isolated and direction in seen:
            yield Note(workload, f"{direction} was recorded, and the policy leaves it open")


def standing(one: NetworkNeighbors, admitted: Iterable[Neighbor]) -> Iterator[Note]:
    """How far what is in the policy can be trusted."""
    lost = sum(count for window in one.windows for _, count in window.losses)
    if lost:
        yield Note(one.workload, f"the recording is lossy ({_losses(one)}): flows may be missing from the policy")
    neighbors = list(admitted)
    for mark, text in _MARKS.items():
        marked = [neighbor for neighbor in neighbors if mark in neighbor.counts.marks]
        if marked:
            yield Note(one.workload, f"{_listed(marked)}: {text}")
    wide = [neighbor for neighbor in neighbors if _is_everywhere(neighbor)]
    if wide:
        yield Note(one.workload, f"{_listed(wide)}: admitted in every namespace")


_MARKS = {
    Mark.INFERRED_PORT: "which side is the server was told by the port numbers only",
    Mark.SECONDARY_INTERFACE: "seen on a secondary interface, which policies do not cover",
}


def _is_everywhere(neighbor: Neighbor) -> bool:
    namespaces = neighbor.key.peer.namespace_selector
    return namespaces is not None and namespaces.is_empty


def _reason(neighbor: Neighbor, include_unanswered: bool) -> str:
    key = neighbor.key
    if key.peer.kind is PeerKind.OWN_NODE and key.direction is Direction.INGRESS:
        return ""  # a pod's own node is always admitted
    if not neighbor.is_answered and not include_unanswered:
        return "never answered (--include-unanswered admits what is not)"
    if key.port.protocol is Protocol.ICMP:
        return "a NetworkPolicy cannot express ICMP"
    if key.peer.kind is PeerKind.UNKNOWN:
        return "within the cluster's own addresses, but nobody's"
    if key.peer.pod_selector is not None and is_everyone(key.peer):
        return "the peer's selector is empty and would admit every pod"
    return "" if is_expressible(key) else "it has no peer or no port that a policy can name"


def _listed(neighbors: list[Neighbor]) -> str:
    names = [_described(neighbor) for neighbor in neighbors[:_SHOWN]]
    more = len(neighbors) - len(names)
    return ", ".join(names) + (f" and {more} more" if more else "")


def _described(neighbor: Neighbor) -> str:
    key = neighbor.key
    way = "to" if key.direction is Direction.EGRESS else "from"
    port = f"{key.port.protocol}/{key.port.port}" if key.port.port else str(key.port.protocol)
    return f"{way} {key.peer.name or key.peer.address or key.peer.kind} {port}"


def _losses(one: NetworkNeighbors) -> str:
    totals: dict[str, int] = {}
    for window in one.windows:
        for name, count in window.losses:
            totals[name] = totals.get(name, 0) + count
    return ", ".join(f"{name} {count}" for name, count in sorted(totals.items()) if count)
