"""NetworkPolicies of documents, as strictly as the API server takes them.

What it takes has become less over time, and what it once took stays in a cluster: ``is_new`` is for policies that
somebody is about to apply, and asks for what an API server of today takes. Others are read as those that took them
read them.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from ipaddress import IPv4Network, IPv6Address, IPv6Network, ip_interface, ip_network
from typing import Any, NoReturn

from ...errors import InputError
from ...model import Direction, Protocol, Requirement, Selector
from ...neighbors.labels import is_dns_label, is_label_key, is_label_value, is_object_name
from ...neighbors.reading import Fields, read_object
from .values import NetworkPolicy, PolicyPeer, PolicyPort, PolicyRule

API_VERSION = "networking.k8s.io/v1"
KIND = "NetworkPolicy"

_HINT = "the API server would refuse it too; see: kubectl explain networkpolicy"
_WHOLE = frozenset({"apiVersion", "kind", "metadata", "spec", "status"})  # API servers before 1.28 wrote a status
_METADATA = frozenset(  # ObjectMeta of meta/v1
    {
        *("name", "generateName", "namespace", "labels", "annotations", "ownerReferences", "finalizers"),
        *("uid", "resourceVersion", "generation", "creationTimestamp", "deletionTimestamp"),
        *("deletionGracePeriodSeconds", "managedFields", "selfLink"),
    }
)
_SPEC = frozenset({"podSelector", "ingress", "egress", "policyTypes"})
_SIDES = {Direction.INGRESS: "from", Direction.EGRESS: "to"}
_TYPES = {"Ingress": Direction.INGRESS, "Egress": Direction.EGRESS}
_PROTOCOLS = {"TCP": Protocol.TCP, "UDP": Protocol.UDP, "SCTP": Protocol.SCTP}
_PORT_NAME = re.compile(r"(?=.{0,14}[a-z])(?!.*--)[a-z0-9]([-a-z0-9]{0,13}[a-z0-9])?")  # IsValidPortName, of RFC 6335
_ZEROS = re.compile(r"\b0+(?=[0-9])")
_MAPPED_BITS = 96
_OPERATORS = {"In": True, "NotIn": True, "Exists": False, "DoesNotExist": False}  # whether they take values


def read_policy(document: Any, place: str = "", namespace: str = "default", *, is_new: bool = False) -> NetworkPolicy:
    """The policy of a document; ``namespace`` is that of a document that names none.

    Raises InputError, which begins with ``place``, for one that is no valid NetworkPolicy.
    """
    metadata, whole = read_object(document)
    if (metadata.api_version, metadata.kind) != (API_VERSION, KIND):
        raise InputError(f"{place}{metadata.kind} {metadata.name} is no {KIND} of {API_VERSION}", _HINT)
    home = metadata.namespace or namespace
    _check_names(home, metadata.name, place)
    where = f"{place}{KIND} {home}/{metadata.name}:"
    if is_new:
        _refuse_others(Fields(whole.value, where), _WHOLE)
        _refuse_others(Fields(whole.fields("metadata").value, f"{where} metadata"), _METADATA)
    spec = Fields(whole.fields("spec").value, f"{where} spec")
    _refuse_others(spec, _SPEC)
    rules = {direction: _read_rules(spec, direction, is_new) for direction in Direction}
    types = _read_types(spec, bool(rules[Direction.EGRESS]))
    ingress, egress = (rules[one] if one in types else None for one in (Direction.INGRESS, Direction.EGRESS))
    selector = _read_selector(spec, "podSelector", is_new)
    return NetworkPolicy(home, metadata.name, selector, ingress, egress, place)


def loose_blocks(document: Any) -> Iterator[str]:
    """The blocks of a policy that was read, as they are written, whose address has bits beyond the prefix's length.

    API servers up to 1.35 take those for the block that holds the address, later ones refuse them.
    """
    _, whole = read_object(document)
    spec = whole.fields("spec")
    for direction, side in _SIDES.items():
        for peer in (peer for rule in spec.each(direction) for peer in rule.each(side)):
            block = peer.fields("ipBlock")
            for text in (block.text("cidr"), *block.texts("except")):
                if text and ip_interface(text).ip != ip_interface(text).network.network_address:
                    yield text


def _check_names(namespace: str, name: str, place: str) -> None:
    if not is_object_name(name):
        wanted = "made of a to z, 0 to 9, - and ., with a letter or digit at both ends"
        raise InputError(f"{place}{KIND}: metadata.name is not {wanted}, as {name!r:.80} is not", _HINT)
    if not is_dns_label(namespace):
        raise InputError(f"{place}{KIND} {name}: metadata.namespace is not one's name, as {namespace!r:.80}", _HINT)


# "If this field is not specified, it will default based on the existence of ingress or egress rules; policies that
# contain an egress section are assumed to affect egress, and all policies (whether or not they contain an ingress
# section) are assumed to affect ingress." An empty egress section is one without rules to the API server (SetDefaults).
def _read_types(spec: Fields, has_egress: bool) -> set[Direction]:
    told = spec.texts("policyTypes")
    if len(told) > len(_TYPES):
        _refuse(spec, "policyTypes", f"made of {len(_TYPES)} at most")
    if unknown := [one for one in told if one not in _TYPES]:
        _refuse(spec, "policyTypes", f"made of Ingress and Egress, as {unknown[0]!r:.40} is not")
    if told:
        return {_TYPES[one] for one in told}
    return {Direction.INGRESS, Direction.EGRESS} if has_egress else {Direction.INGRESS}


def _read_rules(spec: Fields, direction: Direction, is_new: bool) -> tuple[PolicyRule, ...]:
    side = _SIDES[direction]
    found = []
    for rule in spec.each(direction):
        _refuse_others(rule, frozenset({"ports", side}))
        peers = tuple(_read_peer(peer, is_new) for peer in rule.each(side))
        found.append(PolicyRule(peers, tuple(_read_port(port) for port in rule.each("ports"))))
    return tuple(found)


def _read_peer(peer: Fields, is_new: bool) -> PolicyPeer:
    _refuse_others(peer, frozenset({"podSelector", "namespaceSelector", "ipBlock"}))
    pods, namespaces = (_optional_selector(peer, name, is_new) for name in ("podSelector", "namespaceSelector"))
    if peer.value.get("ipBlock") is None:
        if pods is None and namespaces is None:
            raise InputError(f"{peer.place} has neither a selector nor an ipBlock", _HINT)
        return PolicyPeer(pods, namespaces)
    # "If this field is set then neither of the other fields can be."
    if pods is not None or namespaces is not None:
        raise InputError(f"{peer.place} has an ipBlock and a selector, of which it can have one", _HINT)
    return _read_block(peer.fields("ipBlock"), is_new)


def _read_block(block: Fields, is_new: bool) -> PolicyPeer:
    _refuse_others(block, frozenset({"cidr", "except"}))
    whole = _network(block, "cidr", block.text("cidr"), is_new)
    excepted = [_network(block, "except", text, is_new) for text in block.texts("except")]
    # "Except values will be rejected if they are outside the cidr range"
    for one in excepted:
        if one.version != whole.version or not one.subnet_of(whole) or one == whole:  # type: ignore[arg-type]
            _refuse(block, "except", f"within {whole} and smaller, as {one} is not")
    return PolicyPeer(cidr=str(whole), excepted=tuple(map(str, excepted)))


def _network(block: Fields, name: str, text: str, is_new: bool) -> IPv4Network | IPv6Network:
    try:
        return _parse_network(text, is_new)
    except ValueError:
        _refuse(block, name, f"a block of addresses such as 10.0.0.0/8, as {text!r:.60} is not")


# What validation.IsValidCIDRForLegacyField of apimachinery takes, but for host bits, of which ``loose_blocks`` tells.
# Go takes no mask and no zone, and knows an IPv4 address that is written as an IPv6 one for what it is.
def _parse_network(text: str, is_new: bool) -> IPv4Network | IPv6Network:
    address, _, bits = text.partition("/")
    if not (bits.isascii() and bits.isdigit()) or "%" in address:
        raise ValueError
    if is_new and bits != str(int(bits)):
        raise ValueError
    if ":" not in address:
        return ip_network(f"{address if is_new else _ZEROS.sub('', address)}/{bits}", strict=False)
    mapped = IPv6Address(address).ipv4_mapped
    if mapped is None or (int(bits) < _MAPPED_BITS and not is_new):
        return ip_network(text, strict=False)
    if is_new:
        raise ValueError
    return ip_network(f"{mapped}/{int(bits) - _MAPPED_BITS}", strict=False)


# "protocol ... If not specified, this field defaults to TCP." "port ... If this field is not provided, this matches all
# port names and numbers." "endPort ... cannot be defined if the port field is not defined or if the port field is
# defined as a named (string) port. The endPort must be equal or greater than port."
def _read_port(fields: Fields) -> PolicyPort:
    _refuse_others(fields, frozenset({"protocol", "port", "endPort"}))
    protocol = _PROTOCOLS.get(fields.text("protocol") or "TCP")
    if protocol is None:
        _refuse(fields, "protocol", "TCP, UDP or SCTP")
    has_end = fields.value.get("endPort") is not None
    if fields.value.get("port") is None:
        if has_end:
            _refuse(fields, "endPort", "possible without a port")
        return PolicyPort(protocol)
    port = fields.port_or_name("port")
    if isinstance(port, str):
        if has_end:
            _refuse(fields, "endPort", "possible with a named port")
        if not _PORT_NAME.fullmatch(port):
            _refuse(fields, "port", "a port's number or name")
        return PolicyPort(protocol, name=port)
    last = fields.number("endPort") if has_end else port
    if not port:
        _refuse(fields, "port", "a port from 1 to 65535")
    if last < port:
        _refuse(fields, "endPort", f"{port} or greater")
    return PolicyPort(protocol, port, last)


def _optional_selector(fields: Fields, name: str, is_new: bool) -> Selector | None:
    return None if fields.value.get(name) is None else _read_selector(fields, name, is_new)


def _read_selector(fields: Fields, name: str, is_new: bool) -> Selector:
    inner = fields.fields(name)
    _refuse_others(inner, frozenset({"matchLabels", "matchExpressions"}))
    labels = inner.table("matchLabels")
    for key, value in labels:
        if not is_label_key(key) or not is_label_value(value):
            _refuse(inner, "matchLabels", f"made of labels, as {f'{key}={value}'!r:.80} is none")
    return Selector(labels, tuple(sorted(_read_requirement(one, is_new) for one in inner.each("matchExpressions"))))


def _read_requirement(one: Fields, is_new: bool) -> Requirement:
    _refuse_others(one, frozenset({"key", "operator", "values"}))
    key, operator, values = one.text("key"), one.text("operator"), tuple(sorted(one.texts("values")))
    if not is_label_key(key):
        _refuse(one, "key", "a label's key")
    if operator not in _OPERATORS:
        _refuse(one, "operator", f"one of {', '.join(_OPERATORS)}")
    if bool(values) != _OPERATORS[operator]:
        _refuse(one, "values", "set" if _OPERATORS[operator] else f"empty, which {operator} asks for")
    if wrong := [value for value in values if is_new and not is_label_value(value)]:
        _refuse(one, "values", f"made of labels' values, as {wrong[0]!r:.80} is none")
    return Requirement(key, operator, values)


def _refuse_others(fields: Fields, known: frozenset[str]) -> None:
    if unknown := fields.value.keys() - known:
        raise InputError(f"{fields.path(f'{min(map(str, unknown)):.60}')} is no field of a {KIND}", _HINT)


def _refuse(fields: Fields, name: str, wanted: str) -> NoReturn:
    raise InputError(f"{fields.path(name)} is not {wanted}", _HINT)
