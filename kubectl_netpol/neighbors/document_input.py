"""NetworkNeighbors documents back to values: ours, and whatever else follows the reference's format.

The spec says what was answered, so that an entry that somebody took out or put in counts. Our own status adds the
counts, and what was not answered. Pure: plain dicts in; errors name the field.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import Any, NoReturn

from ..errors import InputError
from ..model import (
    Counts,
    Direction,
    Mark,
    Neighbor,
    NeighborKey,
    NetworkNeighbors,
    Peer,
    PeerKind,
    Port,
    Protocol,
    Requirement,
    Selector,
    Window,
    Workload,
)
from .document import KIND, LABEL_PREFIX, unnamed
from .reading import Fields, canonical_address
from .recording import order

_KINDS = {
    kind.lower(): kind
    for kind in ("Deployment", "StatefulSet", "DaemonSet", "ReplicaSet", "ReplicationController", "CronJob")
}
_OPERATORS = {"In", "NotIn", "Exists", "DoesNotExist"}
_HINT = "the format is NetworkNeighbors, as `kubectl netpol neighbors -o yaml` prints it"


def from_document(document: object, source: str = "the document") -> NetworkNeighbors:
    """The account in one NetworkNeighbors document; ``source`` names it in messages.

    Raises InputError, naming the field, for anything that the format does not hold.
    """
    if not isinstance(document, dict):
        raise InputError(f"{source} is no Kubernetes object", _HINT)
    whole = Fields(document, source)
    if whole.text("kind") != KIND:
        _refuse(whole, "kind", KIND)
    spec, status = whole.fields("spec"), whole.fields("status")
    neighbors = sorted(_joined(_answered(spec), status), key=lambda one: order(one.key))
    return NetworkNeighbors(
        _workload(whole, status),
        _selector(spec),
        tuple(neighbors),
        tuple(_window(window) for window in status.each("windows")),
        status.flag("hostNetwork"),
        status.table("labels"),
    )


# What the spec holds, by neighbors without names, with the DNS name of each.
def _answered(spec: Fields) -> dict[NeighborKey, str]:
    return {
        NeighborKey(direction, peer, _port(port)): entry.text("dns")
        for direction in Direction
        for entry in spec.each(direction)
        for peer in (_entry_peer(entry),)
        for port in entry.each("ports")
    }


# An account of the status that says to stand in the spec, and does not any more, was taken out by somebody.
def _joined(answered: dict[NeighborKey, str], status: Fields) -> Iterator[Neighbor]:
    told: dict[NeighborKey, Neighbor] = {}
    for account in status.each("neighbors"):
        neighbor = _neighbor(account)
        if neighbor.key in told:
            _refuse(account, "peer", "there once only")
        if not account.flag("inSpec") or _as_in_spec(neighbor.key) in answered:
            told[neighbor.key] = neighbor
    yield from told.values()
    known = {_as_in_spec(key) for key, neighbor in told.items() if neighbor.is_answered}
    for key, name in answered.items():
        if key not in known:
            peer = replace(key.peer, kind=_kind(key.peer))
            yield Neighbor(replace(key, peer=peer), Counts(attempts=1, answered=1, names=(name,) if name else ()))


def _as_in_spec(key: NeighborKey) -> NeighborKey:
    return replace(key, peer=unnamed(key.peer))


def _kind(peer: Peer) -> PeerKind:
    return PeerKind.NODE if peer.address and peer.kind is PeerKind.WORKLOAD else peer.kind


def _entry_peer(entry: Fields) -> Peer:
    pods, namespaces = _maybe_selector(entry, "podSelector"), _maybe_selector(entry, "namespaceSelector")
    address = _address(entry)
    if bool(address) == (pods is not None or namespaces is not None):
        _refuse(entry, "podSelector or ipAddress", "one of them, and not both")
    kind = PeerKind.EXTERNAL if _choice(entry, "type", ("internal", "external")) == "external" else PeerKind.WORKLOAD
    return Peer(kind, "", pods, namespaces, address)


def _neighbor(account: Fields) -> Neighbor:
    peer = account.fields("peer")
    found = Peer(
        PeerKind(_choice(peer, "kind", PeerKind)),
        peer.text("name"),
        _maybe_selector(peer, "podSelector"),
        _maybe_selector(peer, "namespaceSelector"),
        _address(peer),
    )
    direction = Direction(_choice(account, "direction", Direction))
    if set(account.texts("marks")) - set(Mark):
        _refuse(account, "marks", f"among {', '.join(Mark)}")
    counts = Counts(
        _count(account, "attempts"),
        _count(account, "answered"),
        _count(account, "refused"),
        _count(account, "first"),
        _count(account, "last"),
        frozenset(map(Mark, account.texts("marks"))),
        account.texts("dnsNames"),
    )
    return Neighbor(NeighborKey(direction, found, _port(account)), counts)


def _window(window: Fields) -> Window:
    losses = window.fields("losses")
    counted = tuple((name, _count(losses, name)) for name in sorted(map(str, losses.value)))
    return Window(window.text("epoch"), _count(window, "first"), _count(window, "last"), window.text("node"), counted)


def _workload(whole: Fields, status: Fields) -> Workload:
    metadata, told = whole.fields("metadata"), status.fields("workload")
    labels = {key.removeprefix(LABEL_PREFIX): value for key, value in metadata.table("labels")}
    kind = told.text("kind") or labels.get("kind", "")
    name = labels.get("name", "")
    if not (kind and name):
        _refuse(metadata, "labels", f"a mapping with {LABEL_PREFIX}kind and {LABEL_PREFIX}name")
    namespace = labels.get("namespace") or metadata.text("namespace")
    group, version = labels.get("api-group", ""), labels.get("api-version", "v1")
    return Workload(
        namespace, _KINDS.get(kind, kind[:1].upper() + kind[1:]), name, f"{group}/{version}" if group else version
    )


def _maybe_selector(fields: Fields, name: str) -> Selector | None:
    return None if fields.value.get(name) is None else _selector(fields.fields(name))


def _selector(fields: Fields) -> Selector:
    expressions = (
        Requirement(item.text("key"), _choice(item, "operator", _OPERATORS), tuple(sorted(item.texts("values"))))
        for item in fields.each("matchExpressions")
    )
    return Selector(fields.table("matchLabels"), tuple(sorted(expressions)))


def _port(fields: Fields) -> Port:
    protocol = Protocol(_choice(fields, "protocol", Protocol))
    number = fields.number("port")
    if not number and protocol is not Protocol.ICMP:
        _refuse(fields, "port", "a port from 1 to 65535")
    return Port(protocol, number)


def _address(fields: Fields) -> str:
    text = fields.text("ipAddress")
    address = canonical_address(text) if text else ""
    if text and not address:
        _refuse(fields, "ipAddress", "an address")
    return address


def _choice(fields: Fields, name: str, choices: Any) -> str:
    text = fields.text(name)
    if text not in set(choices):
        _refuse(fields, name, f"one of {', '.join(sorted(choices))}")
    return text


def _count(fields: Fields, name: str) -> int:
    found = fields.value.get(name, 0)
    if type(found) is not int or not 0 <= found < 1 << 63:
        _refuse(fields, name, "a count")
    return int(found)


def _refuse(fields: Fields, name: str, wanted: str) -> NoReturn:
    raise InputError(f"{fields.place}.{name} is not {wanted}", _HINT)
