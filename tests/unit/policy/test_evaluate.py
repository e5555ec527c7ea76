"""What NetworkPolicies do to a flow, case by case by the API's words."""

from __future__ import annotations

import pytest

from kubectl_netpol.model import Direction, Port, Protocol
from kubectl_netpol.policy.evaluation.evaluate import Evaluator
from kubectl_netpol.policy.evaluation.reading import read_policy
from kubectl_netpol.policy.evaluation.values import AddressEnd, End, Flow, PodEnd, Reason, Verdict

SHOP, BANK = (("kubernetes.io/metadata.name", "shop"),), (("kubernetes.io/metadata.name", "bank"), ("team", "b"))
HTTP = (("http", Protocol.TCP, 8080), ("dns", Protocol.UDP, 53))
WEB = PodEnd("shop", "web-1", (("app", "web"),), SHOP, ("10.0.0.1",), "n1")
API = PodEnd("shop", "api-1", (("app", "api"), ("tier", "back")), SHOP, ("10.0.0.2", "fd00::2"), "n2", ports=HTTP)
BANKER = PodEnd("bank", "teller-1", (("app", "teller"),), BANK, ("10.0.1.1",), "n1")
HOST = PodEnd("shop", "agent-1", (("app", "web"),), SHOP, ("192.168.0.2",), "n2", host_network=True)
NODE, OTHER_NODE = AddressEnd("192.168.0.2", "n2"), AddressEnd("192.168.0.1", "n1")
OUTSIDE, OUTSIDE6 = AddressEnd("203.0.113.9"), AddressEnd("2001:db8::9")
TCP = Port(Protocol.TCP, 8080)


def policy(namespace="shop", name="p", selector=None, **spec):
    document = {
        "apiVersion": "networking.k8s.io/v1",
        "kind": "NetworkPolicy",
        "metadata": {"name": name, "namespace": namespace},
        "spec": {"podSelector": selector or {}, **spec},
    }
    return read_policy(document)


def judge(policies, source: End, destination: End, port: Port = TCP) -> Verdict:
    return Evaluator(policies).judge(Flow(source, destination, port))


def labels(**wanted):
    return {"matchLabels": wanted}


DENY_INGRESS = policy(policyTypes=["Ingress"])
DENY_EGRESS = policy(policyTypes=["Egress"])


@pytest.mark.parametrize("flow", [(WEB, API), (API, OUTSIDE), (OUTSIDE, API), (WEB, BANKER)])
def test_without_policies_everything_is_allowed(flow) -> None:
    assert judge([], *flow).is_allowed


def test_a_policy_isolates_only_the_direction_that_it_is_about() -> None:
    assert not judge([DENY_INGRESS], WEB, API).is_allowed
    assert judge([DENY_INGRESS], API, OUTSIDE).is_allowed
    assert not judge([DENY_EGRESS], API, OUTSIDE).is_allowed
    assert judge([DENY_EGRESS], OUTSIDE, API).is_allowed


def test_a_policy_is_about_the_pods_of_its_own_namespace() -> None:
    assert judge([policy("bank", policyTypes=["Ingress"])], WEB, API).is_allowed
    assert judge([policy(selector=labels(app="other"), policyTypes=["Ingress"])], WEB, API).is_allowed


def test_both_ends_need_to_allow_a_connection() -> None:
    open_api = policy(name="open-api", selector=labels(app="api"), ingress=[{}])
    verdict = judge([DENY_EGRESS, open_api], WEB, API)
    assert (verdict.egress.reason, verdict.ingress.reason) == (Reason.NO_RULE, Reason.RULE)
    assert not verdict.is_allowed
    assert verdict.egress.isolated_by == (DENY_EGRESS,)


def test_policies_add_up_and_the_admitting_rule_is_named() -> None:
    admits = policy(name="admits", ingress=[{"ports": [{"port": 1}]}, {"from": [{"podSelector": labels(app="web")}]}])
    side = judge([DENY_INGRESS, admits], WEB, API).ingress
    assert side.is_allowed
    assert side.isolated_by == (DENY_INGRESS, admits)
    assert side.admitted_by and (side.admitted_by.policy, side.admitted_by.rule) == (admits, 1)


@pytest.mark.parametrize(
    ("peer", "allowed"),
    [
        pytest.param({"podSelector": {}}, {WEB}, id="an empty pod selector: the own namespace"),
        pytest.param({"namespaceSelector": {}}, {WEB, BANKER}, id="an empty namespace selector: every namespace"),
        pytest.param({"namespaceSelector": labels(team="b")}, {BANKER}, id="all pods of the selected namespaces"),
        pytest.param({"namespaceSelector": {}, "podSelector": labels(app="web")}, {WEB}, id="both selectors"),
        pytest.param({"podSelector": labels(app="teller")}, set(), id="another namespace's pod"),
        pytest.param({"ipBlock": {"cidr": "10.0.0.0/16"}}, {WEB, BANKER}, id="a pod's address in a block"),
        pytest.param({"ipBlock": {"cidr": "0.0.0.0/0"}}, {WEB, BANKER, OUTSIDE, OTHER_NODE}, id="all of IPv4"),
        pytest.param(
            {"ipBlock": {"cidr": "0.0.0.0/0", "except": ["10.0.1.0/24", "203.0.113.9/32"]}}, {WEB, OTHER_NODE}
        ),
        pytest.param({"ipBlock": {"cidr": "2001:db8::/32"}}, {OUTSIDE6}, id="IPv6"),
        pytest.param({"podSelector": {"matchExpressions": [{"key": "app", "operator": "Exists"}]}}, {WEB}),
        pytest.param(
            {"podSelector": {"matchExpressions": [{"key": "app", "operator": "NotIn", "values": ["web"]}]}}, set()
        ),
    ],
)
def test_a_peer_admits_what_it_selects(peer, allowed) -> None:
    one = policy(selector=labels(app="api"), ingress=[{"from": [peer]}])
    ends = [WEB, BANKER, OUTSIDE, OUTSIDE6, OTHER_NODE]
    assert {end for end in ends if judge([one], end, API).is_allowed} == allowed


@pytest.mark.parametrize(
    ("ports", "allowed"),
    [
        pytest.param([], {("TCP", 8080), ("UDP", 53), ("SCTP", 1)}, id="no ports: every port"),
        pytest.param([{}], {("TCP", 8080)}, id="TCP by default"),
        pytest.param([{"protocol": "UDP"}], {("UDP", 53)}, id="every port of a protocol"),
        pytest.param([{"port": "http"}], {("TCP", 8080)}, id="a name"),
        pytest.param([{"port": "http", "protocol": "UDP"}], set(), id="a name of another protocol"),
        pytest.param([{"port": "dns", "protocol": "UDP"}], {("UDP", 53)}),
        pytest.param([{"port": 8000, "endPort": 8080}], {("TCP", 8080)}, id="a range, its end within"),
        pytest.param([{"port": 8000, "endPort": 8079}], set()),
        pytest.param([{"port": 1, "protocol": "SCTP"}, {"port": 8080}], {("TCP", 8080), ("SCTP", 1)}),
    ],
)
@pytest.mark.parametrize("direction", list(Direction))
def test_ports_are_those_of_the_pod_that_serves(ports, allowed, direction) -> None:
    spec = {direction: [{"ports": ports}], "policyTypes": [direction.capitalize()]}
    tried = [("TCP", 8080), ("UDP", 53), ("SCTP", 1)]
    found = {(p, n) for p, n in tried if judge([policy(**spec)], WEB, API, Port(Protocol(p), n)).is_allowed}
    assert found == allowed


def test_an_address_has_no_named_ports() -> None:
    assert not judge([policy(egress=[{"ports": [{"port": "http"}]}], policyTypes=["Egress"])], WEB, OUTSIDE).is_allowed


def test_an_own_node_is_always_admitted_and_egress_to_it_is_not() -> None:
    assert judge([DENY_INGRESS], NODE, API).ingress.reason is Reason.OWN_NODE
    assert judge([DENY_INGRESS], HOST, API).ingress.reason is Reason.OWN_NODE
    assert not judge([DENY_INGRESS], OTHER_NODE, API).is_allowed
    assert not judge([DENY_EGRESS], API, NODE).is_allowed


def test_a_host_network_pod_is_its_node_to_policies() -> None:
    by_label = policy(selector=labels(app="api"), ingress=[{"from": [{"podSelector": labels(app="web")}]}])
    elsewhere = PodEnd("shop", "agent-2", HOST.labels, SHOP, ("192.168.0.1",), "n1", host_network=True)
    assert not judge([by_label], elsewhere, API).is_allowed
    by_address = policy(selector=labels(app="api"), ingress=[{"from": [{"ipBlock": {"cidr": "192.168.0.1/32"}}]}])
    assert judge([by_address], elsewhere, API).is_allowed
    assert judge([DENY_INGRESS, DENY_EGRESS], BANKER, elsewhere).ingress.reason is Reason.HOST_NETWORK
    assert judge([DENY_EGRESS], elsewhere, OUTSIDE).egress.reason is Reason.HOST_NETWORK


def test_a_pod_cannot_block_access_to_itself() -> None:
    verdict = judge([DENY_INGRESS, DENY_EGRESS], API, API)
    assert (verdict.egress.reason, verdict.ingress.reason) == (Reason.ITSELF, Reason.ITSELF)
    twin = PodEnd("shop", "api-2", API.labels, SHOP, ("10.0.0.3",), "n2", ports=HTTP)
    assert not judge([DENY_INGRESS], twin, API).is_allowed


def test_what_no_policy_can_name_is_not_said() -> None:
    assert judge([DENY_INGRESS], WEB, API, Port(Protocol.ICMP, 0)).ingress.reason is Reason.NOT_SAID


def test_who_is_no_pod_is_judged_by_nobody() -> None:
    assert judge([DENY_INGRESS, DENY_EGRESS], WEB, OUTSIDE).ingress.reason is Reason.NO_POD
    assert judge([DENY_EGRESS], OUTSIDE, API).egress.reason is Reason.NO_POD
