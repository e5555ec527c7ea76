"""NetworkNeighbors documents back to values: ours, and whatever else follows the reference's format or its successors.

The spec says what was answered, so that an entry that somebody took out or put in counts. Our own status adds the
counts, and what was not answered. Pure: plain dicts in; errors name the field.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from dataclasses import replace
from typing import Any

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
    PodLife,
    Selector,
    Window,
    Workload,
)
from .document import API_VERSION, KIND, LABEL_PREFIX, unnamed
from .entries import (
    HINT,
    Answered,
    read_address,
    read_neighborhood,
    read_neighbors,
    read_own_selector,
    read_port,
    read_profile,
    read_selector,
    refuse,
    refuse_others,
)
from .reading import Fields
from .recording import order

SPECS: dict[str, Callable[[Fields], Answered]] = {
    KIND: read_neighbors,
    "NetworkNeighborhood": read_neighborhood,
    "ContainerProfile": read_profile,
}
"""By kind: who reads the spec."""

_KINDS = {
    kind.lower(): kind
    for kind in (
        *("Deployment", "StatefulSet", "DaemonSet", "ReplicaSet", "ReplicationController", "CronJob"),
        *("DeploymentConfig", "CloneSet"),
    )
}
_OF_POLICIES = "check what it would break with `kubectl netpol check -f`, and apply it with `kubectl apply -f`"
_ONCE = Counts(attempts=1, answered=1)
_FIELDS = frozenset({"apiVersion", "kind", "metadata", "spec", "status"})
_LEARNED = frozenset({"", "complete", "completed", "ready"})
_LEARNING = ("kubescape.io/status", "kubescape.io/completion")
_NAMESPACE = re.compile(r"[a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?")


def from_document(document: object, source: str = "the document") -> NetworkNeighbors:
    """The account in one document of a kind that is among SPECS; ``source`` names it in messages.

    Raises InputError, naming the field, for anything that the format does not hold.
    """
    if not isinstance(document, dict):
        raise InputError(f"{source} is no Kubernetes object", HINT)
    whole = Fields(document, source)
    read = SPECS.get(whole.text("kind"))
    if whole.text("kind") == "NetworkPolicy":
        raise InputError(f"{source.removesuffix(':')} is a policy, and recordings are read here", _OF_POLICIES)
    if read is None:
        refuse(whole, "kind", f"one of {', '.join(SPECS)}")
    if whole.text("apiVersion") != API_VERSION:
        refuse(whole, "apiVersion", API_VERSION)
    refuse_others(whole, _FIELDS)
    if whole.value.get("spec") is None:
        raise InputError(f"{whole.path('spec')} is missing", HINT)
    spec, status = whole.fields("spec"), whole.fields("status")
    workload = _workload(whole, status)
    neighbors = sorted(_joined(read(spec), status), key=lambda one: order(one.key))
    windows = (*(_window(window) for window in status.each("windows")), *_unfinished(whole))
    flag, labels = status.flag("hostNetwork"), status.table("labels")
    differing = frozenset(status.texts("differingLabels"))
    selector, place = read_own_selector(spec), source.removesuffix(":")
    told = NetworkNeighbors(workload, selector, tuple(neighbors), windows, flag, labels, differing, place)
    span = status.fields("accounted")
    accounted = _count(span, "first"), _count(span, "last")
    return replace(told, pods=_lives(status), accounted=accounted, since=_count(status, "since"))


# Kubescape says of a profile whether it has seen the workload from its start, and for long enough.
def _unfinished(whole: Fields) -> Iterator[Window]:
    metadata = whole.fields("metadata")
    told = dict(metadata.table("annotations"))
    losses = tuple((name, 1) for name in _LEARNING if told.get(name, "") not in _LEARNED)
    if losses:
        named = tuple((f"{name.rpartition('/')[2]}={told[name]}", count) for name, count in losses)
        yield Window(f"{metadata.text('namespace')}/{metadata.text('name')}", 0, 0, "", named)


# An account of the status that says to stand in the spec, and does not any more, was taken out by somebody.
def _joined(answered: Answered, status: Fields) -> Iterator[Neighbor]:
    told: dict[NeighborKey, Neighbor] = {}
    for account in status.each("neighbors"):
        neighbor = _neighbor(account)
        if neighbor.key in told:
            refuse(account, "peer", "there once only")
        if not account.flag("inSpec") or _as_in_spec(neighbor.key) in answered:
            told[neighbor.key] = neighbor
    yield from told.values()
    known = {_as_in_spec(key) for key, neighbor in told.items() if neighbor.is_answered}
    for key, names in answered.items():
        if key not in known:
            yield Neighbor(key, Counts(attempts=1, answered=1, names=names) if names else _ONCE)


def _as_in_spec(key: NeighborKey) -> NeighborKey:
    return replace(key, peer=unnamed(key.peer))


def _neighbor(account: Fields) -> Neighbor:
    peer = account.fields("peer")
    found = Peer(
        PeerKind(_choice(peer, "kind", PeerKind)),
        peer.text("name"),
        _maybe_selector(peer, "podSelector"),
        _maybe_selector(peer, "namespaceSelector"),
        read_address(peer, "ipAddress"),
        peer.text("ipBlock"),
    )
    direction = Direction(_choice(account, "direction", Direction))
    if set(account.texts("marks")) - set(Mark):
        refuse(account, "marks", f"among {', '.join(Mark)}")
    counts = Counts(
        _count(account, "attempts"),
        _count(account, "answered"),
        _count(account, "refused"),
        _count(account, "first"),
        _count(account, "last"),
        frozenset(map(Mark, account.texts("marks"))),
        account.texts("dnsNames"),
    )
    return Neighbor(NeighborKey(direction, found, read_port(account)), counts, _met(account))


def _met(account: Fields) -> Counts | None:
    if account.value.get("met") is None:
        return None
    met = account.fields("met")
    answered = _count(met, "answered")
    return Counts(answered, answered, 0, _count(met, "first"), _count(met, "last"))


def _lives(status: Fields) -> tuple[PodLife, ...]:
    found: dict[str, PodLife] = {}
    for one in status.each("pods"):
        name = one.identifier("name")
        if name in found:
            refuse(one, "name", "there once only")
        found[name] = PodLife(name, one.text("node"), _count(one, "lived"), _count(one, "heard"))
    return tuple(found[name] for name in sorted(found))


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
        refuse(metadata, "labels", f"a mapping with {LABEL_PREFIX}kind and {LABEL_PREFIX}name")
    own = metadata.text("namespace")
    namespace = labels.get("namespace") or own
    if not _NAMESPACE.fullmatch(namespace):
        refuse(metadata, "namespace", "the name of a namespace")
    if own not in ("", namespace):
        refuse(metadata, "namespace", f"{namespace}, which the label {LABEL_PREFIX}namespace names")
    group, version = labels.get("api-group", ""), labels.get("api-version", "v1")
    return Workload(
        namespace, _KINDS.get(kind, kind[:1].upper() + kind[1:]), name, f"{group}/{version}" if group else version
    )


def _maybe_selector(fields: Fields, name: str) -> Selector | None:
    return None if fields.value.get(name) is None else read_selector(fields.fields(name))


def _choice(fields: Fields, name: str, choices: Any) -> str:
    text = fields.text(name)
    if text not in set(choices):
        refuse(fields, name, f"one of {', '.join(sorted(choices))}")
    return text


def _count(fields: Fields, name: str) -> int:
    found = fields.value.get(name, 0)
    if type(found) is not int or not 0 <= found < 1 << 63:
        refuse(fields, name, "a count")
    return int(found)
