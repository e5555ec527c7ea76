"""Rules' peers and ports against ends of which not all may be known; the API's sentences stand in ``evaluation``."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from functools import lru_cache
from ipaddress import IPv4Network, IPv6Network, ip_network

from ...model import Port
from ...neighbors.pods import NamedPorts, named_port
from ..evaluation.blocks import AddressSet
from ..evaluation.values import PolicyPeer, PolicyPort, PolicyRule
from .ends import End, Place, Pods
from .facts import Answer, anything, everything, selects
from .index import SelectorIndex

_EVERYWHERE = frozenset({"0.0.0.0/0", "::/0"})
Network = IPv4Network | IPv6Network


def admits_port(one: PolicyPort, port: Port, server: End) -> Answer:
    """Whether a rule's port is that one at that server. Port 0 is one that nobody recorded."""
    if one.protocol is not port.protocol:
        return False
    if not port.port:
        return None
    if not one.name:
        return one.first <= port.port <= one.last
    if isinstance(server, Place):
        return False
    return None if server.ports is None else _is_named(server.ports, one, port)


def admits_ports(rule: PolicyRule, port: Port, server: End) -> Answer:
    """As ``admits_port``, of all of a rule's ports. Without any it is every port."""
    return not rule.ports or anything(admits_port(one, port, server) for one in rule.ports)


def is_peer(one: PolicyPeer, namespace: str, end: End, outside: Collection[str]) -> Answer:
    """Whether a peer in a rule of a policy in ``namespace`` is that end; ``outside`` are addresses of no pod."""
    if one.cidr:
        return _is_in_block(one, end, outside)
    return isinstance(end, Pods) and not end.host_network and _is_selected(one, namespace, end)


class Passage:
    """The peers of many rules, of any policies, as one: who is admitted by any of them."""

    __slots__ = ("_blocks", "_cidrs", "_hosts", "_index", "_known", "_outside", "_takes_all")

    def __init__(self, rules: Iterable[tuple[str, PolicyRule]], outside: Collection[str]) -> None:
        """``rules`` with their policies' namespaces."""
        kept = list(rules)
        peers = [(namespace, peer) for namespace, rule in kept for peer in rule.peers]
        self._takes_all = any(not rule.peers for _, rule in kept)
        self._cidrs = [peer for _, peer in peers if peer.cidr]
        self._hosts = {host for peer in self._cidrs if (host := _host(peer))}  # text is compared faster than parsed
        self._blocks = AddressSet((peer.cidr, peer.excepted) for peer in self._cidrs if not _host(peer))
        self._index = SelectorIndex((peer.pods, (namespace, peer)) for namespace, peer in peers if not peer.cidr)
        self._outside = outside
        self._known: dict[End, Answer] = {}

    def admits(self, end: End) -> Answer:
        if self._takes_all:
            return True
        if isinstance(end, Place) and end.address:
            return self._holds(end.address)
        try:
            return self._known[end]
        except KeyError:
            found = self._known[end] = self._find(end)
            return found

    def _find(self, end: End) -> Answer:
        if isinstance(end, Pods) and not end.host_network:
            found = anything(_is_selected(peer, space, end) for space, peer in self._index.candidates(end.labels))
            if found:
                return True
            return anything((found, self._has_addresses(end)))
        return anything(_is_in_block(peer, end, self._outside) for peer in self._cidrs)

    def _holds(self, address: str) -> bool:
        return address in self._hosts or address in self._blocks

    def _has_addresses(self, end: Pods) -> Answer:
        if end.block:
            return anything(_is_in_block(peer, end, self._outside) for peer in self._cidrs)
        if end.addresses is None:
            return _may_hold_pods(self._cidrs, self._outside)
        return _all_or_some([self._holds(address) for address in end.addresses])


# A selector that takes every pod does not take what may be no pod.
def _is_selected(one: PolicyPeer, namespace: str, pods: Pods) -> Answer:
    found = everything(
        (
            _is_namespace(one, namespace, pods),
            one.pods is None or selects(one.pods, pods.labels),
        )
    )
    return None if found and pods.is_unknown else found


def _is_namespace(one: PolicyPeer, own: str, pods: Pods) -> Answer:
    if one.namespaces is not None:
        return selects(one.namespaces, pods.namespace_labels)
    return pods.namespace == own if pods.namespace else None


def _is_named(ports: NamedPorts, one: PolicyPort, port: Port) -> bool:
    return named_port(ports, one.name, port.protocol) == port.port


def _is_in_block(one: PolicyPeer, end: End, outside: Collection[str]) -> Answer:
    if isinstance(end, Pods) and not end.block:
        if end.addresses is None:
            return _may_hold_pods([one], outside)
        return _all_or_some([address in address_set(one) for address in end.addresses])
    if isinstance(end, Place) and end.address:
        return end.address in address_set(one)
    return _covers(one, network(end.block))


# Of a block that was recorded as a whole, parts may lie inside and others outside.
def _covers(one: PolicyPeer, block: Network) -> Answer:
    whole = network(one.cidr)
    if not whole.overlaps(block):
        return False
    holes = [network(text) for text in one.excepted]
    if any(_is_within(block, hole) for hole in holes):
        return False
    return (_is_within(block, whole) and not any(map(block.overlaps, holes))) or None


def _is_within(inner: Network, outer: Network) -> bool:
    return inner.version == outer.version and inner.subnet_of(outer)  # type: ignore[arg-type]


# A pod's address is one of the cluster's own. A block of one address that was recorded as another's is none; of others
# nobody can tell who has not seen the pods, unless they leave out nothing.
def _may_hold_pods(blocks: Iterable[PolicyPeer], outside: Collection[str]) -> Answer:
    whole, some = set(), False
    for one in blocks:
        if one.cidr in _EVERYWHERE and not one.excepted:
            whole.add(one.cidr)
        some = some or _host(one) not in outside
    return True if whole == _EVERYWHERE else (None if some else False)


# The only address of a block, or nothing. Both are canonical text.
def _host(one: PolicyPeer) -> str:
    address, _, bits = one.cidr.partition("/")
    return address if bits == ("128" if ":" in address else "32") and not one.excepted else ""


# A pod with two addresses, of which one is admitted: which of them was used is not in the recording.
def _all_or_some(found: list[bool]) -> Answer:
    if all(found):
        return True
    return None if any(found) else False


@lru_cache(maxsize=1 << 14)
def address_set(one: PolicyPeer) -> AddressSet:
    """The addresses of a peer that is a block."""
    return AddressSet([(one.cidr, one.excepted)])


@lru_cache(maxsize=1 << 14)
def network(cidr: str) -> Network:
    return ip_network(cidr, strict=False)
