"""Many documents as accounts, one for each workload. Pure; fed by ``cli`` with what ``files`` reads."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import replace
from functools import reduce
from typing import Any

from ..errors import InputError
from ..model import Counts, Mark, Neighbor, NeighborKey, NetworkNeighbors, Peer, Selector, Window, Workload
from .document_input import SPECS, from_document
from .entries import HINT, refuse
from .labels import differing
from .pod_lives import by_name, joined, newer
from .reading import Fields
from .recording import join_counts, order
from .windows import join_windows

_LISTS = {"List": "", **{f"{kind}List": kind for kind in SPECS}}


def read_all(documents: Iterable[tuple[str, Any]]) -> list[NetworkNeighbors]:
    """The accounts in these documents and in the Lists among them, sorted by workload.

    Each comes with its place, such as ``neighbors.yaml: document 3:``. Several of one workload are merged, and peers
    whose workload is among them bear its name. Raises InputError for the first that is wrong, and for two of one
    workload that select different pods.
    """
    found: dict[Workload, tuple[str, NetworkNeighbors]] = {}
    for place, value in documents:
        for within, item in _each_item(place, value):
            one = from_document(item, within)
            earlier = found.setdefault(one.workload, (within, one))
            if earlier[1] is not one:
                found[one.workload] = (earlier[0], _merged(earlier, (within, one)))
    return _named([found[workload][1] for workload in sorted(found)])


def _each_item(place: str, value: Any) -> Iterator[tuple[str, Any]]:
    kind = value.get("kind") if isinstance(value, dict) else None
    if not isinstance(kind, str) or kind not in _LISTS:
        yield place, value
        return
    whole = Fields(value, place)
    if not isinstance(whole.value.get("items"), list):
        refuse(whole, "items", "a list")
    # The API server leaves kind and apiVersion out of a typed list's items.
    told = {"apiVersion": value.get("apiVersion"), "kind": _LISTS[kind]} if _LISTS[kind] else {}
    for number, item in enumerate(value["items"], 1):
        yield f"{place.removesuffix(':')}, item {number}:", told | item if isinstance(item, dict) else item


def _merged(one: tuple[str, NetworkNeighbors], other: tuple[str, NetworkNeighbors]) -> NetworkNeighbors:
    (place, a), (other_place, b) = one, other
    if a.selector != b.selector:
        problem = f"{other_place} its matchLabels and matchExpressions are not those of the same workload in "
        raise InputError(problem + place.removesuffix(":"), HINT)
    neighbors = {neighbor.key: neighbor for neighbor in a.neighbors}
    for neighbor in b.neighbors:
        known = neighbors.get(neighbor.key)
        neighbors[neighbor.key] = neighbor if known is None else _joined(known, neighbor)
    return replace(
        a,
        neighbors=tuple(neighbors[key] for key in sorted(neighbors, key=order)),
        windows=_windows(a, b),
        pods=tuple(life for _, life in sorted(joined(by_name(a.pods), by_name(b.pods)).items())),
        accounted=newer(a.accounted, b.accounted),
        since=max(a.since, b.since),
        host_network=a.host_network or b.host_network,
        labels=tuple(sorted(dict(a.labels + b.labels).items())),
        differing=a.differing | b.differing | (differing(a.labels, b.labels) if a.labels and b.labels else frozenset()),
    )


def _joined(a: Neighbor, b: Neighbor) -> Neighbor:
    counts, met = join_counts(a.counts, b.counts), [one for one in map(_met, (a, b)) if one is not None]
    is_mixed = bool(met) and Mark.EXISTING in counts.marks
    return Neighbor(a.key, counts, reduce(join_counts, met) if is_mixed else None)


def _met(one: Neighbor) -> Counts | None:
    return one.met or (None if Mark.EXISTING in one.counts.marks else one.counts)


def _windows(a: NetworkNeighbors, b: NetworkNeighbors) -> tuple[Window, ...]:
    windows: dict[str, Window] = {}
    for window in a.windows + b.windows:
        known = windows.get(window.epoch)
        windows[window.epoch] = window if known is None else join_windows(known, window)
    return tuple(windows[epoch] for epoch in sorted(windows))


# The format's entries have no names: a peer's is known where its workload is in the input too, by the same selector.
def _named(accounts: list[NetworkNeighbors]) -> list[NetworkNeighbors]:
    names: dict[tuple[str, Selector | None], set[str]] = {}
    for one in accounts:
        name = one.workload.full_path
        names.setdefault((one.workload.namespace, one.selector), set()).add(name)

    def named(neighbor: Neighbor, own: str) -> Neighbor:
        peer = neighbor.key.peer
        if peer.name or peer.pod_selector is None:
            return neighbor
        found = names.get((_namespace(peer, own), peer.pod_selector), ())
        if len(found) != 1:
            return neighbor
        key = NeighborKey(neighbor.key.direction, replace(peer, name=min(found)), neighbor.key.port)
        return replace(neighbor, key=key)

    return [
        replace(one, neighbors=tuple(named(neighbor, one.workload.namespace) for neighbor in one.neighbors))
        for one in accounts
    ]


def _namespace(peer: Peer, own: str) -> str:
    if peer.namespace_selector is None:
        return own
    match peer.namespace_selector:
        case Selector(match_labels=(("kubernetes.io/metadata.name", name),), match_expressions=()):
            return name
    return ""
