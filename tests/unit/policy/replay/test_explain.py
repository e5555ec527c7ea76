"""The sentences that lead to a decision, and what is told where enforcers differ."""

from kubectl_netpol.model import PeerKind, Port, Protocol
from kubectl_netpol.policy.evaluation.values import PodEnd
from kubectl_netpol.policy.replay.ends import OFFLINE, Place, Pods, World
from kubectl_netpol.policy.replay.explain import explain
from kubectl_netpol.policy.replay.facts import Facts
from kubectl_netpol.policy.replay.resolver import Ends

from .making import account, labels, policy

WEB = account("shop/deployment/web", {"app": "web"})
API = account("shop/deployment/api", {"app": "api"})
NODE = Place("node/n1 (10.0.0.1)", "10.0.0.1", kind=PeerKind.OWN_NODE)
HTTP = Port(Protocol.TCP, 80)


def pods(one):
    (found,) = Ends([WEB, API], OFFLINE).of_workload(one)
    return found


def told(*policies, source=None, destination=None, port=HTTP):
    return explain(policies, set(), source or pods(WEB), destination or pods(API), port)


def text(found):
    return "\n".join(line.text for walk in found.walks for line in walk.lines)


def test_without_policies_everything_is_allowed_and_nothing_has_to_be_known():
    found = told()
    assert (found.answer, found.caveats) == (True, ())
    assert text(found).count("no policy isolates it") == 2


def test_each_policy_rule_and_peer_says_why_it_matched_or_did_not():
    one = policy(
        "p",
        podSelector=labels(app="api"),
        ingress=[{"from": [{"podSelector": labels(app="web")}], "ports": [{"port": 443}]}, {"ports": [{"port": 80}]}],
    )
    found = told(one)
    assert found.answer is True
    lines = text(found).splitlines()
    assert "shop/networkpolicy/p isolates it: it selects pods with app=api" in lines
    assert "ingress rule 1 does not admit it" in lines
    assert "port TCP 443: no" in lines
    assert "from pods with app=web in namespace shop: yes" in lines
    assert "ingress rule 2 admits it" in lines
    assert "from: yes, it names nobody, which is everybody" in lines


def test_one_side_that_denies_is_enough_and_established_connections_are_spoken_of():
    found = told(policy("deny", podSelector=labels(app="web"), policyTypes=["Egress"]))
    assert [walk.answer for walk in found.walks] == [False, True]
    assert found.answer is False
    assert "it has no egress rule, and admits nothing" in text(found)
    assert any("open already" in one for one in found.caveats)


def test_what_nobody_recorded_is_named():
    found = told(
        policy("p", podSelector=labels(app="api"), ingress=[{"from": [{"namespaceSelector": labels(team="a")}]}])
    )
    assert found.answer is None
    assert "it depends on the label team of namespace shop (--live tells)" in text(found)


def test_a_label_in_which_the_pods_differ_is_named():
    one = account("shop/statefulset/db", {"app": "db", "role": "replica"}, differing=frozenset({"role"}))
    (end,) = Ends([one], OFFLINE).of_workload(one)
    found = told(policy("lock", podSelector=labels(role="master")), destination=end)
    assert found.answer is None
    assert "may isolate it (its pods differ in the label role)" in text(found)


def test_the_own_node_is_told_apart_by_its_direction():
    deny = policy("deny", policyTypes=["Ingress", "Egress"])
    inward = told(deny, source=NODE)
    assert inward.answer is True
    assert "always admitted" in text(inward)
    outward = told(deny, destination=NODE)
    assert outward.answer is False
    assert any("Felix denies" in one for one in outward.caveats)
    assert any("Cilium never matches" in one for one in outward.caveats)


def test_pods_in_their_nodes_network_are_beyond_policies():
    host = account("shop/daemonset/agent", {"app": "agent"}, host_network=True)
    (end,) = Ends([host], OFFLINE).of_workload(host)
    found = told(policy("deny", policyTypes=["Egress"]), source=end)
    assert found.answer is True
    assert any("hostNetwork" in one for one in found.caveats)


def test_icmp_is_the_enforcers_matter():
    found = told(policy("deny"), port=Port(Protocol.ICMP, 0))
    assert found.answer is None
    assert "enforcer" in text(found)


def test_a_block_that_has_to_match_a_pod_is_spoken_of():
    found = told(policy("p", podSelector=labels(app="api"), ingress=[{"from": [{"ipBlock": {"cidr": "10.0.0.0/8"}}]}]))
    assert found.answer is None
    assert any("Cilium never matches" in one for one in found.caveats)


def test_of_a_pod_that_has_no_address_yet_no_cluster_tells_more():
    new = PodEnd("shop", "web-1", (("app", "web"),), ())
    (end,) = Ends([], World({}, {"shop/deployment/web": (new,)})).named("shop/deployment/web")
    block = [{"from": [{"ipBlock": {"cidr": "10.0.0.0/8"}}]}]
    found = told(policy("p", podSelector=labels(app="api"), ingress=block), source=end)
    assert found.answer is None
    assert "the addresses of shop/deployment/web are not known" in text(found)
    assert text(found).endswith("whether an address of shop/deployment/web lies in 10.0.0.0/8")


def test_pods_in_their_nodes_network_may_be_on_the_pods_own_node():
    host = account("shop/daemonset/agent", {"app": "agent"}, host_network=True)
    (end,) = Ends([host], OFFLINE).of_workload(host)
    found = told(policy("deny", ingress=[]), source=end)
    assert (found.answer, found.is_own_node_allowed) == (False, True)
    assert any("own node" in one for one in found.caveats)
    admitted = told(policy("p", ingress=[{}]), source=end)
    assert (admitted.answer, admitted.is_own_node_allowed) == (True, False)


def test_between_pods_of_one_workload_it_is_told_that_each_reaches_itself():
    found = told(policy("deny", ingress=[]), source=pods(API))
    assert found.answer is False
    assert any("a pod always reaches itself" in one for one in found.caveats)
    assert not any("itself" in one for one in told(policy("deny", ingress=[])).caveats)


def test_a_pod_reaches_itself_and_no_other_of_its_workload():
    first, second = (PodEnd("shop", f"api-{number}", (("app", "api"),), ()) for number in (1, 2))
    ends = Ends([API], OFFLINE)
    one, again, other = (ends.one("shop/deployment/api", pod) for pod in (first, first, second))
    deny = policy("deny", policyTypes=["Ingress", "Egress"])
    found = told(deny, source=one, destination=again)
    assert [walk.answer for walk in found.walks] == [True, True]
    assert text(found).count("a pod cannot block access to itself") == 2
    assert told(deny, source=one, destination=other).answer is False


def test_an_unknown_address_is_not_said_to_be_among_every_pod():
    unknown = Pods("10.0.0.9", "", Facts(), Facts(), ("10.0.0.9",))
    found = told(policy("p", ingress=[{"from": [{"namespaceSelector": {}}]}]), source=unknown)
    assert found.answer is None
    assert "every namespace: cannot be told, 10.0.0.9 may be a pod's address or not" in text(found)
