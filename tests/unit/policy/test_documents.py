"""NetworkPolicies among other documents."""

import pytest

from kubectl_netpol.errors import InputError
from kubectl_netpol.policy.documents import read_policies

POLICY = {
    "apiVersion": "networking.k8s.io/v1",
    "kind": "NetworkPolicy",
    "metadata": {"name": "web"},
    "spec": {"podSelector": {}},
}


def test_policies_are_found_in_lists_and_in_what_kubescape_writes():
    generated = {
        "apiVersion": "spdx.softwarecomposition.kubescape.io/v1beta1",
        "kind": "GeneratedNetworkPolicy",
        "metadata": {"name": "api"},
        "spec": POLICY | {"metadata": {"name": "api", "namespace": "edge"}},
    }
    listed = {"apiVersion": "v1", "kind": "List", "items": [POLICY, generated]}
    found = read_policies([("f:", listed)], "shop")
    assert [(one.namespace, one.name) for one in found.policies] == [("shop", "web"), ("edge", "api")]
    typed = {
        "apiVersion": POLICY["apiVersion"],
        "kind": "NetworkPolicyList",
        "items": [{**POLICY, "kind": "NetworkPolicy"}],
    }
    assert len(read_policies([("f:", typed)], "shop").policies) == 1


def test_what_is_no_network_policy_is_told_and_other_kinds_of_policies_most_of_all():
    others = [
        {"apiVersion": "v1", "kind": "Service", "metadata": {"name": "web"}},
        {"apiVersion": "cilium.io/v2", "kind": "CiliumNetworkPolicy", "metadata": {"name": "web"}},
        {"metadata": 1},
    ]
    found = read_policies([("f:", one) for one in others], "shop")
    assert found.policies == []
    assert found.others[0] == "f: Service web is left out: it is no NetworkPolicy of networking.k8s.io/v1"
    assert "may deny or admit more" in found.others[1]
    assert found.others[2].startswith("f: something without a kind")


@pytest.mark.parametrize(
    "wrong",
    [
        "text",
        POLICY | {"metadata": {}},
        POLICY | {"spec": {"podSelector": {}, "policyTypes": ["Both"]}},
        POLICY | {"spec": {"podSelector": {}, "ingres": []}},
    ],
)
def test_a_policy_that_is_not_valid_is_an_error_with_its_place(wrong):
    with pytest.raises(InputError, match=r"^f: document 3:"):
        read_policies([("f: document 3:", wrong)], "shop")


def test_two_policies_of_one_name_are_an_error():
    with pytest.raises(InputError, match="stands in a already"):
        read_policies([("a:", POLICY), ("b:", POLICY)], "shop")


def test_blocks_that_api_servers_of_today_refuse_are_told_where_somebody_is_about_to_apply_them():
    peer = {"ipBlock": {"cidr": "10.0.0.5/8"}}
    policy = POLICY | {"spec": {"podSelector": {}, "ingress": [{"from": [peer]}]}}
    assert read_policies([("f:", policy)], "shop").loose == []
    (told,) = read_policies([("f:", policy)], "shop", is_new=True).loose
    assert told.startswith("f: shop/networkpolicy/web has 10.0.0.5/8 with bits beyond the prefix's length: API servers")


def test_what_earlier_api_servers_took_is_refused_where_somebody_is_about_to_apply_it():
    peer = {"ipBlock": {"cidr": "::ffff:10.0.0.0/104"}}
    policy = POLICY | {"spec": {"podSelector": {}, "ingress": [{"from": [peer]}]}}
    assert len(read_policies([("f:", policy)], "shop").policies) == 1
    with pytest.raises(InputError):
        read_policies([("f:", policy)], "shop", is_new=True)
