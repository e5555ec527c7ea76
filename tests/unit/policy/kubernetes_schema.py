"""What the Kubernetes API takes for a NetworkPolicy, told by the official client's own models.

The models of the ``kubernetes`` package are generated from the API's OpenAPI document: names, types and which fields
have to be there come from them. What the API server checks beyond that document (validation.go of networking) is
written out below, rule by rule.
"""

import re
from ipaddress import ip_network

from kubernetes import client

_LABEL_VALUE = re.compile(r"([A-Za-z0-9]([-A-Za-z0-9_.]{0,61}[A-Za-z0-9])?)?")
_LABEL_KEY = re.compile(r"([a-z0-9]([-a-z0-9.]{0,251}[a-z0-9])?/)?[A-Za-z0-9]([-A-Za-z0-9_.]{0,61}[A-Za-z0-9])?")
_DNS_NAME = re.compile(r"[a-z0-9]([-a-z0-9.]{0,251}[a-z0-9])?")
_PLAIN = {"str": str, "int": int, "bool": bool, "datetime": str}


def check_schema(value, kind="V1NetworkPolicy", path=""):
    """Raises AssertionError where ``value`` is not what the model of that kind has, unknown fields included."""
    if kind == "object":  # an IntOrString is one in the models
        assert isinstance(value, int | str), path
    elif kind.lower().startswith("list["):
        assert isinstance(value, list), path
        for position, item in enumerate(value):
            check_schema(item, kind[5:-1], f"{path}[{position}]")
    elif kind.lower().startswith("dict"):
        assert isinstance(value, dict), path
        inner = kind[5:-1].partition(", ")[2]
        for key, item in value.items():
            assert isinstance(key, str), path
            check_schema(item, inner, f"{path}.{key}")
    elif kind in _PLAIN:
        assert isinstance(value, _PLAIN[kind]), path
        assert kind == "bool" or not isinstance(value, bool), path
    else:
        _check_model(value, getattr(client, kind), path)


def _check_model(value, model, path):
    assert isinstance(value, dict), path
    names = {json: python for python, json in model.attribute_map.items()}
    assert set(value) <= set(names), f"{path}: {set(value) - set(names)}"
    for name, item in value.items():
        if item is not None:
            check_schema(item, model.openapi_types[names[name]], f"{path}.{name}")
    model(**{names[name]: item for name, item in value.items()})  # raises ValueError for what has to be there


def check_policy(document):
    """Raises AssertionError where the API server would not take the NetworkPolicy, in its schema or beyond it."""
    check_schema(document)
    assert (document["apiVersion"], document["kind"]) == ("networking.k8s.io/v1", "NetworkPolicy")
    metadata, spec = document["metadata"], document["spec"]
    assert _DNS_NAME.fullmatch(metadata["name"])
    assert _DNS_NAME.fullmatch(metadata["namespace"])
    _check_labels(metadata["labels"])
    _check_selector(spec["podSelector"])
    assert spec["policyTypes"]
    assert set(spec["policyTypes"]) <= {"Ingress", "Egress"}
    for direction, side in (("ingress", "from"), ("egress", "to")):
        for rule in spec.get(direction, ()):
            for port in rule["ports"]:
                assert 1 <= port["port"] <= 65535
                assert port["protocol"] in {"TCP", "UDP", "SCTP"}
            for peer in rule[side]:
                _check_peer(peer)


def _check_peer(peer):
    # "may not specify both ipBlock and another peer"; "must specify a peer"
    if "ipBlock" in peer:
        assert set(peer) == {"ipBlock"}
        cidr = peer["ipBlock"]["cidr"]
        assert str(ip_network(cidr)) == cidr  # StrictIPCIDRValidation: no host bits, canonical
        return
    assert peer
    for selector in peer.values():
        _check_selector(selector)


def _check_selector(selector):
    _check_labels(selector.get("matchLabels", {}))
    for one in selector.get("matchExpressions", ()):
        assert _LABEL_KEY.fullmatch(one["key"])
        assert bool(one.get("values")) == (one["operator"] in {"In", "NotIn"})
        assert one["operator"] in {"In", "NotIn", "Exists", "DoesNotExist"}
        assert all(_LABEL_VALUE.fullmatch(value) for value in one.get("values", ()))


def _check_labels(labels):
    for key, value in labels.items():
        assert _LABEL_KEY.fullmatch(key), key
        assert _LABEL_VALUE.fullmatch(value), value
