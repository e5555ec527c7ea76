"""NetworkPolicies of documents: what the API server defaults, and what it refuses."""

from __future__ import annotations

import pytest
from kubernetes.client import V1ObjectMeta

from kubectl_netpol.errors import InputError
from kubectl_netpol.model import Protocol, Requirement, Selector
from kubectl_netpol.policy.evaluation.reading import loose_blocks, read_policy
from kubectl_netpol.policy.evaluation.values import PolicyPeer, PolicyPort, PolicyRule


def document(spec, **metadata):
    names = {"name": "web", "namespace": "shop", **metadata}
    return {"apiVersion": "networking.k8s.io/v1", "kind": "NetworkPolicy", "metadata": names, "spec": spec}


@pytest.mark.parametrize(
    ("spec", "isolates"),
    [
        ({}, "ingress"),
        ({"ingress": []}, "ingress"),
        ({"egress": []}, "ingress"),
        ({"egress": [{}]}, "ingress egress"),
        ({"egress": [{}], "policyTypes": ["Egress"]}, "egress"),
        ({"egress": [{}], "policyTypes": ["Ingress"]}, "ingress"),
        ({"policyTypes": ["Egress", "Ingress"]}, "ingress egress"),
        ({"policyTypes": []}, "ingress"),
    ],
)
def test_the_directions_that_are_not_told_are_those_of_the_api_server(spec, isolates) -> None:
    found = read_policy(document(spec))
    names = [name for name in ("ingress", "egress") if getattr(found, name) is not None]
    assert " ".join(names) == isolates


def test_a_field_beside_the_spec_that_is_none_of_a_policy_is_refused_of_what_is_to_be_applied() -> None:
    whole = document({})
    whole["speck"] = whole.pop("spec")
    with pytest.raises(InputError, match=r"^f: NetworkPolicy shop/web: speck is no field of a NetworkPolicy$"):
        read_policy(whole, "f: ", is_new=True)
    assert read_policy(whole).ingress == ()
    assert read_policy(document({}) | {"status": {}}, is_new=True).ingress == ()


def test_a_field_of_the_metadata_that_no_object_has_is_refused_of_what_is_to_be_applied() -> None:
    whole = document({}, namespase="shop")
    with pytest.raises(InputError, match=r"^f: NetworkPolicy shop/web: metadata.namespase is no field of a Net"):
        read_policy(whole, "f: ", is_new=True)
    assert read_policy(whole).path == "shop/networkpolicy/web"


def test_every_field_of_the_metadata_that_the_api_has_is_taken() -> None:
    fields = dict.fromkeys(V1ObjectMeta.attribute_map.values())
    assert read_policy(document({}, **(fields | {"name": "web"})), is_new=True).name == "web"


def test_all_parts_of_a_policy_are_read() -> None:
    spec = {
        "podSelector": {"matchLabels": {"app": "web"}},
        "ingress": [
            {
                "from": [
                    {
                        "namespaceSelector": {},
                        "podSelector": {"matchExpressions": [{"key": "a", "operator": "Exists"}]},
                    },
                    {"ipBlock": {"cidr": "10.0.0.1/8", "except": ["10.1.0.0/16"]}},
                ],
                "ports": [{"port": "http"}, {"protocol": "UDP", "port": 5, "endPort": 9}, {"protocol": "SCTP"}],
            }
        ],
    }
    found = read_policy(document(spec))
    assert (found.path, found.selector) == ("shop/networkpolicy/web", Selector((("app", "web"),)))
    peers = (
        PolicyPeer(Selector((), (Requirement("a", "Exists"),)), Selector()),
        PolicyPeer(cidr="10.0.0.0/8", excepted=("10.1.0.0/16",)),
    )
    ports = (
        PolicyPort(Protocol.TCP, name="http"),
        PolicyPort(Protocol.UDP, 5, 9),
        PolicyPort(Protocol.SCTP),
    )
    assert found.ingress == (PolicyRule(peers, ports),)
    assert found.egress is None


def test_a_policy_without_a_namespace_is_of_the_one_that_is_given() -> None:
    assert read_policy(document({}, namespace=None), namespace="home").namespace == "home"


@pytest.mark.parametrize(
    ("spec", "words"),
    [
        ({"podSelektor": {}}, "spec.podSelektor is no field"),
        ({"policyTypes": ["ingress"]}, "policyTypes is not made of Ingress and Egress"),
        ({"ingress": {}}, "spec.ingress is not a list"),
        ({"ingress": [{"to": []}]}, "ingress[0].to is no field"),
        ({"ingress": [{"from": [{}]}]}, "from[0] has neither a selector nor an ipBlock"),
        ({"ingress": [{"from": [{"ipBlock": {"cidr": "10.0.0.0/8"}, "podSelector": {}}]}]}, "of which it can have one"),
        ({"ingress": [{"from": [{"ipBlock": {"cidr": "10.0.0.0"}}]}]}, "ipBlock.cidr is not a block"),
        ({"ingress": [{"from": [{"ipBlock": {}}]}]}, "ipBlock.cidr is not a block"),
        (
            {"ingress": [{"from": [{"ipBlock": {"cidr": "10.0.0.0/8", "except": ["11.0.0.0/16"]}}]}]},
            "except is not within 10.0.0.0/8",
        ),
        (
            {"ingress": [{"from": [{"ipBlock": {"cidr": "10.0.0.0/8", "except": ["10.0.0.0/8"]}}]}]},
            "except is not within 10.0.0.0/8 and smaller",
        ),
        ({"ingress": [{"ports": [{"port": "8080"}]}]}, "port is not a port's number or name"),
        ({"ingress": [{"ports": [{"port": "Http"}]}]}, "port is not a port's number or name"),
        (
            {"ingress": [{"from": [{"ipBlock": {"cidr": "10.0.0.0/8", "except": ["::/0"]}}]}]},
            "except is not within 10.0.0.0/8",
        ),
        ({"ingress": [{"ports": [{"protocol": "ICMP"}]}]}, "protocol is not TCP, UDP or SCTP"),
        ({"ingress": [{"ports": [{"port": 0}]}]}, "port is not a port from 1 to 65535"),
        ({"ingress": [{"ports": [{"port": 70000}]}]}, "port is not a port"),
        ({"ingress": [{"ports": [{"port": ""}]}]}, "port is not a port's number or name"),
        ({"ingress": [{"ports": [{"endPort": 9}]}]}, "endPort is not possible without a port"),
        ({"ingress": [{"ports": [{"port": "http", "endPort": 9}]}]}, "endPort is not possible with a named port"),
        ({"ingress": [{"ports": [{"port": 10, "endPort": 9}]}]}, "endPort is not 10 or greater"),
        ({"podSelector": {"matchLabels": {"a b": "c"}}}, "matchLabels is not made of labels"),
        (
            {"podSelector": {"matchExpressions": [{"key": "a", "operator": "in", "values": ["b"]}]}},
            "operator is not one",
        ),
        ({"podSelector": {"matchExpressions": [{"key": "a", "operator": "In"}]}}, "values is not set"),
        (
            {"podSelector": {"matchExpressions": [{"key": "a", "operator": "Exists", "values": ["b"]}]}},
            "values is not empty",
        ),
    ],
)
def test_what_the_api_server_refuses_is_refused_with_its_place(spec, words) -> None:
    with pytest.raises(InputError) as caught:
        read_policy(document(spec), "policies.yaml: ")
    assert words in caught.value.message
    assert caught.value.message.startswith("policies.yaml: NetworkPolicy shop/web: spec")


@pytest.mark.parametrize("change", [{"kind": "Pod"}, {"apiVersion": "extensions/v1beta1"}])
def test_another_kind_is_no_policy(change) -> None:
    with pytest.raises(InputError, match="is no NetworkPolicy of networking"):
        read_policy({**document({}), **change})


def block(cidr, *excepted):
    return {"ingress": [{"from": [{"ipBlock": {"cidr": cidr, **({"except": list(excepted)} if excepted else {})}}]}]}


def asking(*values):
    return {"podSelector": {"matchExpressions": [{"key": "a", "operator": "In", "values": list(values)}]}}


@pytest.mark.parametrize(
    "spec",
    [
        block("10.0.0.0/255.0.0.0"),
        block("10.0.0.0/0.255.255.255"),
        block("10.0.0.0/"),
        block("fe80::1%eth0/64"),
        block("10.0.0.0/8", "10.1.0.0/255.255.0.0"),
        {"policyTypes": ["Ingress", "Egress", "Ingress"]},
    ],
)
def test_what_no_api_server_ever_took_is_refused_wherever_it_stands(spec) -> None:
    for is_new in (True, False):
        with pytest.raises(InputError):
            read_policy(document(spec), is_new=is_new)


@pytest.mark.parametrize(
    ("spec", "meant"),
    [
        (block("::ffff:10.0.0.0/104"), block("10.0.0.0/8")),
        (block("010.0.00.0/08"), block("10.0.0.0/8")),
        (block("2001:db8::/032"), block("2001:db8::/32")),
        (block("::ffff:0:0/90"), None),
        (asking("not valid!"), None),
    ],
)
def test_what_only_earlier_api_servers_took_is_read_from_a_cluster_and_refused_of_who_applies_it(spec, meant) -> None:
    found = read_policy(document(spec))
    assert meant is None or found == read_policy(document(meant), is_new=True)
    with pytest.raises(InputError, match="is not"):
        read_policy(document(spec), is_new=True)


def test_bits_beyond_the_prefix_are_told_of_and_no_error() -> None:
    one = document(block("10.0.0.5/8", "10.1.0.0/16", "10.2.0.1/16"))
    assert read_policy(one, is_new=True) == read_policy(document(block("10.0.0.0/8", "10.1.0.0/16", "10.2.0.0/16")))
    assert list(loose_blocks(one)) == ["10.0.0.5/8", "10.2.0.1/16"]
    assert list(loose_blocks(document({"egress": [{}, {"to": [{"podSelector": {}}]}]}))) == []


@pytest.mark.parametrize("name", ["UPPER", "../../etc", "a\nb", "x\x1b[31mred", "-a", "a..b", "a" * 254])
def test_a_name_that_no_object_can_have_is_refused(name) -> None:
    with pytest.raises(InputError, match=r"metadata\.name is not (made of|a name of at most)") as caught:
        read_policy(document({}, name=name))
    assert caught.value.message.isprintable()


@pytest.mark.parametrize("namespace", ["Shop", "a.b", "a" * 64, "a\x1b"])
def test_a_namespace_that_cannot_be_is_refused(namespace) -> None:
    with pytest.raises(InputError, match=r"metadata\.namespace is not"):
        read_policy(document({}, namespace=namespace))
