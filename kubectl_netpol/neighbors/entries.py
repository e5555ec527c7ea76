"""The entries of a document's spec: what the reference's format, and Kubescape's CRDs of today, say of each neighbor.

NetworkNeighbors and ContainerProfile hold them in their spec, NetworkNeighborhood by container. An entry may name
pods and addresses together, several addresses, blocks and ``*``, a Service or an entity; each becomes a peer of its
own, so that nothing is lost before ``policy`` decides. Fed by ``document_input``; errors name the field.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from functools import lru_cache
from ipaddress import ip_network
from typing import Any, NoReturn

from ..errors import InputError
from ..model import Direction, NeighborKey, Peer, PeerKind, Port, Protocol, Requirement, Selector
from .labels import is_label_key, is_label_value, selector_text, stable_selector
from .reading import Fields, canonical_address

HINT = "the format is NetworkNeighbors, as `kubectl netpol neighbors -o yaml` prints it"
EVERY_ADDRESS = "*"
"""Kubescape's word for 0.0.0.0/0 and ::/0."""

_SELECTOR = frozenset({"matchLabels", "matchExpressions"})
_LISTS = frozenset({"ingress", "egress"})
_CONTAINERS = ("containers", "initContainers", "ephemeralContainers")
_ENTRY = frozenset(
    {
        *("identifier", "type", "dns", "dnsNames", "ports", "podSelector", "namespaceSelector", "ipAddress"),
        *("ipAddresses", "serviceRefNamespace", "serviceRefName", "serviceSelector", "entity"),
    }
)
_PORT = frozenset({"name", "port", "protocol"})
_REQUIREMENT = frozenset({"key", "operator", "values"})
_OPERATORS = {"In": True, "NotIn": True, "Exists": False, "DoesNotExist": False}  # whether they take values
_PROTOCOLS = {str(protocol): protocol for protocol in Protocol}
_KINDS = {"internal": PeerKind.WORKLOAD, "external": PeerKind.EXTERNAL, "": None}
_KEY = "a label's key: at most 63 of A-Z a-z 0-9 - _ . with an optional DNS name and / before"
_VALUE = "a label's value: at most 63 of A-Z a-z 0-9 - _ . that begin and end with a letter or digit"
_NO_PORT = (Port(Protocol.TCP, 0),)

Answered = dict[NeighborKey, tuple[str, ...]]
"""What a spec holds: neighbors without names, each with the DNS names of its address, or of its pods if it has none."""


def read_neighbors(spec: Fields) -> Answered:
    """The spec of a NetworkNeighbors. Raises InputError."""
    refuse_others(spec, _SELECTOR | _LISTS)
    if not spec.value.keys() & _LISTS:
        raise InputError(f"{spec.place} has neither ingress nor egress", HINT)
    return _read_lists([spec])


def read_profile(spec: Fields) -> Answered:
    """The spec of a ContainerProfile; what else it profiles is not looked at. Raises InputError."""
    return _read_lists([spec])


def read_neighborhood(spec: Fields) -> Answered:
    """The spec of a NetworkNeighborhood: all containers together, as a policy sees a pod. Raises InputError."""
    refuse_others(spec, _SELECTOR.union(_CONTAINERS))
    containers = [container for name in _CONTAINERS for container in spec.each(name)]
    for container in containers:
        refuse_others(container, _LISTS | {"name"})
    return _read_lists(containers)


def read_selector(fields: Fields) -> Selector:
    """A LabelSelector without requirements on labels that change, unless it has no others. Raises InputError."""
    refuse_others(fields, _SELECTOR)
    return _read_requirements(fields)


def read_own_selector(spec: Fields) -> Selector:
    """As ``read_selector``, of a spec that has the selector's fields among its own."""
    return _read_requirements(spec)


def read_port(fields: Fields) -> Port:
    """A port with its protocol, in any case. Raises InputError."""
    protocol = _PROTOCOLS.get(fields.text("protocol").upper())
    if protocol is None:
        refuse(fields, "protocol", f"one of {', '.join(_PROTOCOLS)}")
    number = fields.value.get("port")
    if type(number) is not int or not (0 < number <= 65535 or (number == 0 and protocol is Protocol.ICMP)):
        refuse(fields, "port", "a port from 1 to 65535")
    return Port(protocol, number)


def read_address(fields: Fields, name: str) -> str:
    """A canonical address, empty where there is none. Raises InputError."""
    text = fields.text(name)
    address = canonical_address(text) if text else ""
    if text and not address:
        refuse(fields, name, "an address")
    return address


def refuse(fields: Fields, name: str, wanted: str) -> NoReturn:
    """Raises InputError: that field is not what is wanted."""
    raise InputError(f"{fields.path(name)} is not {wanted}", HINT)


def refuse_others(fields: Fields, known: frozenset[str]) -> None:
    """Raises InputError for a field that the format does not have: its author meant something by it."""
    if not fields.value.keys() <= known:
        name = min(map(str, fields.value.keys() - known))
        raise InputError(f"{fields.path(f'{name:.60}')} is no field of this format", HINT)


def _read_lists(places: Iterable[Fields]) -> Answered:
    found: Answered = {}
    for place in places:
        for direction in Direction:
            for entry in place.each(direction):
                _read_entry(entry, direction, found)
    return found


def _read_entry(entry: Fields, direction: Direction, found: Answered) -> None:
    refuse_others(entry, _ENTRY)
    ports = [_read_entry_port(port) for port in entry.each("ports")] or _NO_PORT
    names = set(entry.texts("dnsNames"))
    names.add(entry.text("dns"))
    names.discard("")
    peers = _read_peers(entry)
    is_addressed = any(peer.address or peer.block for peer in peers)
    for peer in peers:
        told = names if peer.address or peer.block or not is_addressed else ()
        for port in ports:
            key = NeighborKey(direction, peer, port)
            known = found.get(key, ())
            found[key] = tuple(sorted({*known, *told})) if told else known


def _read_entry_port(port: Fields) -> Port:
    refuse_others(port, _PORT)
    port.text("name")
    return read_port(port)


def _read_peers(entry: Fields) -> list[Peer]:
    entry.text("identifier")
    if entry.text("type") not in _KINDS:
        refuse(entry, "type", "internal or external")
    kind = _KINDS[entry.text("type")]
    peers = [
        *_selected(entry, kind or PeerKind.WORKLOAD),
        *_addressed(entry, kind or PeerKind.EXTERNAL),
        *_named(entry),
    ]
    if not peers:
        raise InputError(f"{entry.place} has neither a selector nor an address, so it names no peer", HINT)
    return peers


# An empty pod selector beside chosen namespaces says what none says: all pods of those.
def _selected(entry: Fields, kind: PeerKind) -> Iterator[Peer]:
    pods, namespaces = (
        None if entry.value.get(name) is None else read_selector(entry.fields(name))
        for name in ("podSelector", "namespaceSelector")
    )
    if pods is not None and pods.is_empty and namespaces is not None and not namespaces.is_empty:
        pods = None
    if pods is not None or namespaces is not None:
        yield Peer(kind, "", pods, namespaces)


def _addressed(entry: Fields, kind: PeerKind) -> Iterator[Peer]:
    if address := read_address(entry, "ipAddress"):
        yield Peer(kind, address=address)
    for position, text in enumerate(entry.texts("ipAddresses")):
        if text == EVERY_ADDRESS:
            yield from (Peer(kind, block=block) for block in ("0.0.0.0/0", "::/0"))
        elif address := canonical_address(text):
            yield Peer(kind, address=address)
        else:
            yield _block(entry, f"ipAddresses[{position}]", text, kind)


# A block of one address is that address, whoever wrote it.
def _block(entry: Fields, name: str, text: str, kind: PeerKind) -> Peer:
    try:
        network = ip_network(text, strict=False)
    except ValueError:
        refuse(entry, name, "an address, a block of addresses or *")
    if "/" not in text or "%" in text:
        refuse(entry, name, "an address, a block of addresses or *")
    if network.prefixlen == network.max_prefixlen:
        return Peer(kind, address=canonical_address(str(network.network_address)))
    has_host_bits = str(network.network_address) != canonical_address(text.partition("/")[0])
    return Peer(kind, text if has_host_bits else "", block=str(network))


# Peers that only a cluster could resolve; a policy has no words for them, which is told when one is generated.
def _named(entry: Fields) -> Iterator[Peer]:
    namespace, name = entry.text("serviceRefNamespace"), entry.text("serviceRefName")
    if name or namespace:
        yield Peer(PeerKind.SERVICE, f"{namespace}/service/{name}")
    if entry.value.get("serviceSelector") is not None:
        chosen = read_selector(entry.fields("serviceSelector"))
        yield Peer(PeerKind.SERVICE, f"services with {selector_text(chosen)}")
    if entity := entry.text("entity"):
        yield Peer(PeerKind.NODE, f"entity {entity}")


def _read_requirements(fields: Fields) -> Selector:
    expressions = sorted(map(_read_requirement, fields.each("matchExpressions")))
    labels = fields.table("matchLabels")
    if wrong := _wrong_label(labels):
        refuse(fields.fields("matchLabels"), *wrong)
    return _lasting(labels, tuple(dict.fromkeys(expressions)))


# The field and what it is not, for the first label that the API server would refuse.
@lru_cache(maxsize=1 << 16)
def _wrong_label(labels: tuple[tuple[str, str], ...]) -> tuple[str, str] | None:
    for key, value in labels:
        if not is_label_key(key):
            return f"{key:.60}", _KEY
        if not is_label_value(value):
            return key, _VALUE
    return None


@lru_cache(maxsize=1 << 16)
def _lasting(labels: tuple[tuple[str, str], ...], expressions: tuple[Requirement, ...]) -> Selector:
    whole = Selector(labels, expressions)
    kept = stable_selector(whole)
    return whole if kept.is_empty else kept


def _read_requirement(one: Fields) -> Requirement:
    refuse_others(one, _REQUIREMENT)
    operator, values = one.text("operator"), tuple(sorted(set(one.texts("values"))))
    takes_values: Any = _OPERATORS.get(operator)
    if takes_values is None:
        refuse(one, "operator", f"one of {', '.join(_OPERATORS)}")
    if bool(values) != takes_values:
        refuse(one, "values", f"{'there' if takes_values else 'absent'} with {operator}")
    if not is_label_key(one.text("key")):
        refuse(one, "key", _KEY)
    if not all(map(is_label_value, values)):
        refuse(one, "values", f"{_VALUE} each")
    return Requirement(one.text("key"), operator, values)
