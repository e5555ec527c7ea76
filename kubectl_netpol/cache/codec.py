"""A recording as JSON bytes, and back, strictly: what one workload's row in the cache and a line of an export hold.

Peers and epochs stand once in a table of their own and flows point into it. Writing is canonical: equal recordings
give equal bytes. Reading trusts nothing: a stored value may come from anyone's file.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import replace
from functools import lru_cache
from ipaddress import ip_address
from typing import Any, TypeVar

from ..model import (
    Counts,
    Direction,
    Mark,
    NeighborKey,
    Peer,
    PeerKind,
    PodLife,
    Port,
    Protocol,
    Requirement,
    Selector,
    Window,
    Workload,
)
from ..neighbors.reading import LONGEST_NAME
from ..neighbors.recording import Recording, order

MAX_TEXT = 4096
_OPERATORS = frozenset({"In", "NotIn", "Exists", "DoesNotExist"})
_Value = TypeVar("_Value")


def encode(recording: Recording) -> bytes:
    """The recording's canonical JSON."""
    return json.dumps(to_plain(recording), separators=(",", ":")).encode()


def decode(data: bytes | str) -> Recording:
    """The recording in that JSON. Raises ValueError, saying what is wrong, for anything ``encode`` does not write."""
    try:
        return from_plain(json.loads(data))
    except RecursionError as error:
        raise ValueError("nested too deeply") from error
    except (KeyError, TypeError, AttributeError, IndexError, OverflowError) as error:
        raise ValueError("a field is missing or has a wrong type") from error


def check(recording: Recording) -> None:
    """Raises ValueError, saying what is wrong, for a recording that ``decode`` would refuse once it was written.

    It costs less than writing and reading: a peer is looked at once, however many flows point to it.
    """
    decode(encode(replace(recording, flows={})))
    for key, by_epoch in recording.flows.items():
        _check_peer(key.peer)
        for epoch, counts in by_epoch.items():
            _text(epoch)
            _count(max(counts.attempts, counts.answered, counts.refused, counts.first, counts.last))
            if counts.names:
                _texts(list(counts.names))


def to_plain(recording: Recording) -> dict[str, Any]:
    """The recording as JSON's own types."""
    keys = sorted(recording.flows, key=order)
    peers = list(dict.fromkeys(key.peer for key in keys))
    epochs = sorted({epoch for by_epoch in recording.flows.values() for epoch in by_epoch})
    peer_places = {peer: place for place, peer in enumerate(peers)}
    epoch_places = {epoch: place for place, epoch in enumerate(epochs)}
    workload = recording.workload
    differing = {"differingLabels": sorted(recording.differing)} if recording.differing else {}
    pods = {"pods": [_plain_life(recording.pods[name]) for name in sorted(recording.pods)]} if recording.pods else {}
    accounted = {"accounted": list(recording.accounted)} if any(recording.accounted) else {}
    return {
        "workload": [workload.namespace, workload.kind, workload.name, workload.api_version],
        "selector": _plain_selector(recording.selector),
        "labels": [list(pair) for pair in recording.labels],
        **differing,
        **pods,
        **accounted,
        "hostNetwork": recording.host_network,
        "windows": [_plain_window(recording.windows[epoch]) for epoch in sorted(recording.windows)],
        "settled": sorted(recording.settled),
        "peers": [_plain_peer(peer) for peer in peers],
        "epochs": epochs,
        "flows": [_plain_flow(key, peer_places[key.peer], recording.flows[key], epoch_places) for key in keys],
    }


def from_plain(value: Any) -> Recording:
    """The recording in parsed JSON. Raises ValueError, KeyError or TypeError for anything else."""
    windows = {window.epoch: window for window in map(_window, _rows(value["windows"]))}
    peers = [_peer(peer) for peer in _rows(value["peers"])]
    epochs = _texts(value["epochs"])
    flows = [_flow(flow, peers, epochs) for flow in _rows(value["flows"])]
    recording = Recording(
        Workload(*_texts(value["workload"], 4)),
        _selector(value["selector"]),
        tuple(sorted(_pair(pair) for pair in _rows(value["labels"]))),
        _flag(value["hostNetwork"]),
        windows,
        dict(flows),
        frozenset(_texts(value["settled"])),
        frozenset(_texts(value.get("differingLabels", []))),
        {life.name: life for life in map(_life, _rows(value.get("pods", [])))},
        _span(value.get("accounted", [0, 0])),
    )
    _check(recording, value)
    return recording


def _check(recording: Recording, value: dict[str, Any]) -> None:
    workload = recording.workload
    if not (workload.kind and workload.name):
        raise ValueError("a workload has no name")
    if len(recording.flows) != len(value["flows"]) or len(recording.windows) != len(value["windows"]):
        raise ValueError("a flow or a window stands there twice")
    if len(recording.pods) != len(value.get("pods", [])):
        raise ValueError("a pod stands there twice")


@lru_cache(maxsize=1 << 16)
def _check_peer(peer: Peer) -> None:
    _peer(_plain_peer(peer))


def _plain_selector(selector: Selector) -> dict[str, Any]:
    expressions = [[item.key, item.operator, list(item.values)] for item in selector.match_expressions]
    return {"labels": [list(pair) for pair in selector.match_labels], "expressions": expressions}


def _selector(value: Any) -> Selector:
    labels = tuple(sorted(_pair(pair) for pair in _rows(value["labels"])))
    return Selector(labels, tuple(sorted(_requirement(item) for item in _rows(value["expressions"]))))


def _requirement(value: Any) -> Requirement:
    key, operator, values = value
    if operator not in _OPERATORS:
        raise ValueError("a selector has an unknown operator")
    return Requirement(_text(key), operator, tuple(_texts(values)))


def _plain_window(window: Window) -> list[Any]:
    return [window.epoch, window.first, window.last, window.node, [list(loss) for loss in window.losses]]


def _window(value: Any) -> Window:
    epoch, first, last, node, losses = value
    counted = tuple((_text(name), _count(count)) for name, count in _rows(losses))
    return Window(_text(epoch), _count(first), _count(last), _text(node), counted)


def _plain_life(life: PodLife) -> list[Any]:
    return [life.name, life.node, life.lived, life.heard]


def _life(value: Any) -> PodLife:
    name, node, lived, heard = value
    if not 0 < len(_text(name)) <= LONGEST_NAME:
        raise ValueError("a pod has no name, or one that is too long")
    return PodLife(name, _text(node), _count(lived), _count(heard))


def _span(value: Any) -> tuple[int, int]:
    first, last = _rows(value)
    return _count(first), _count(last)


def _plain_peer(peer: Peer) -> list[Any]:
    pods = None if peer.pod_selector is None else _plain_selector(peer.pod_selector)
    namespaces = None if peer.namespace_selector is None else _plain_selector(peer.namespace_selector)
    return [peer.kind, peer.name, pods, namespaces, peer.address]


def _peer(value: Any) -> Peer:
    kind, name, pods, namespaces, address = value
    if _text(address):
        _check_address(address)
    return Peer(PeerKind(kind), _text(name), _maybe(_selector, pods), _maybe(_selector, namespaces), address)


def _check_address(address: str) -> None:
    parsed = ip_address(address)
    if str(parsed) != address or "%" in address or getattr(parsed, "ipv4_mapped", None):
        raise ValueError("an address is not in its canonical form")


def _plain_flow(key: NeighborKey, peer: int, by_epoch: Mapping[str, Counts], epochs: dict[str, int]) -> list[Any]:
    counts = [[epochs[epoch], *_plain_counts(by_epoch[epoch])] for epoch in sorted(by_epoch)]
    return [key.direction, peer, key.port.protocol, key.port.port, counts]


def _plain_counts(counts: Counts) -> list[Any]:
    numbers = [counts.attempts, counts.answered, counts.refused, counts.first, counts.last]
    return [*numbers, sorted(counts.marks), list(counts.names)]


def _flow(value: Any, peers: list[Peer], epochs: tuple[str, ...]) -> tuple[NeighborKey, dict[str, Counts]]:
    direction, peer, protocol, port, rows = value
    key = NeighborKey(Direction(direction), peers[_count(peer)], Port(Protocol(protocol), _port(port)))
    by_epoch = {epochs[_count(epoch)]: _counts(counts) for epoch, *counts in _rows(rows)}
    if len(by_epoch) != len(rows) or not by_epoch:
        raise ValueError("a flow has an epoch twice, or none")
    return key, by_epoch


def _counts(value: list[Any]) -> Counts:
    attempts, answered, refused, first, last, marks, names = value
    numbers = (_count(attempts), _count(answered), _count(refused), _count(first), _count(last))
    return Counts(*numbers, frozenset(map(Mark, _rows(marks))) if marks else frozenset(), _texts(names))


def _maybe(read: Callable[[Any], _Value], value: Any) -> _Value | None:
    return None if value is None else read(value)


def _rows(value: Any) -> list[Any]:
    if type(value) is not list:
        raise TypeError("no list")
    return value


def _pair(value: Any) -> tuple[str, str]:
    key, text = _texts(value, 2)
    return key, text


def _texts(value: Any, length: int | None = None) -> tuple[str, ...]:
    if length is not None and len(_rows(value)) != length:
        raise ValueError("a list has not its length")
    return tuple(map(_text, _rows(value)))


def _text(value: Any) -> str:
    if type(value) is not str or len(value) > MAX_TEXT:
        raise ValueError("a text is none, or too long")
    if not value.isascii():
        value.encode()  # raises UnicodeEncodeError, a ValueError, for half a surrogate pair
    return value


def _count(value: Any) -> int:
    if type(value) is not int or not 0 <= value < 1 << 63:
        raise ValueError("a count is none")
    return value


def _port(value: Any) -> int:
    if _count(value) > 65535:
        raise ValueError("a port is none")
    return int(value)


def _flag(value: Any) -> bool:
    if type(value) is not bool:
        raise TypeError("no flag")
    return value
