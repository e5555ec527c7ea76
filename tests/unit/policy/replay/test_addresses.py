"""What is said of flows to addresses of which nobody knows whose they are: unknown ones, documents' internal ones."""

from dataclasses import replace

from kubectl_netpol.model import Peer, PeerKind
from kubectl_netpol.policy.evaluation.values import PodEnd
from kubectl_netpol.policy.replay.ends import World
from kubectl_netpol.policy.replay.replay import replay

from .making import account, address, flow, labels, pods, policy, selector

WEB = "shop/deployment/web"
API = "shop/deployment/api"
DENY_OUT = policy("deny", policyTypes=["Egress"])


def web(*flows):
    return account(WEB, {"app": "web"}, *flows)


def to(*peers):
    return policy("allow", policyTypes=["Egress"], egress=[{"to": list(peers)}])


def test_an_address_that_was_nobodys_is_denied_only_where_no_selector_could_admit_it():
    one = web(flow("egress", address("10.0.0.9", PeerKind.UNKNOWN)))
    assert replay([one], [DENY_OUT]).broken
    (unjudged,) = replay([one], [to({"podSelector": labels(app="x")})]).unjudged
    assert unjudged.reasons == ("whose address 10.0.0.9 was",)


def test_an_address_that_was_nobodys_is_not_taken_for_a_pods_where_a_rule_admits_every_pod():
    one = web(flow("egress", address("10.0.0.9", PeerKind.UNKNOWN)))
    (unjudged,) = replay([one], [to({"namespaceSelector": {}})]).unjudged
    assert unjudged.reasons == ("whose address 10.0.0.9 was",)
    found = replay([one], [to({"namespaceSelector": {}}, {"ipBlock": {"cidr": "10.0.0.0/24"}})])
    assert (found.broken, found.unjudged) == ((), ())


SERVER = account(API, {"app": "api"}, flow("ingress", pods(WEB, app="web"), 8080))
INTERNAL = web(flow("egress", address("10.244.1.5", PeerKind.WORKLOAD), 443))  # as documents have it


def test_whose_an_internal_address_is_that_has_no_kind_is_not_guessed():
    assert replay([INTERNAL], [DENY_OUT]).broken
    (unjudged,) = replay([INTERNAL], [to({"podSelector": {}})]).unjudged
    assert (unjudged.reasons, unjudged.is_live) == (("whose address 10.244.1.5 was",), True)
    found = replay([INTERNAL], [to({"ipBlock": {"cidr": "10.244.1.5/32"}})])
    assert (found.broken, found.unjudged) == ((), ())


def test_whose_an_internal_address_is_that_has_no_kind_is_told_by_the_living():
    server = PodEnd("shop", "api-1", (("app", "api"),), (), ("10.244.1.5", "fd00::5"))
    here = World(pods={API: (server,)}, nodes={"10.0.0.1": "n1"})
    rule = to({"podSelector": labels(app="api")})
    block = to({"ipBlock": {"cidr": "10.244.1.5/32"}})
    assert replay([INTERNAL], [block], here).unjudged == ()
    assert replay([INTERNAL], [rule], here).unjudged == replay([INTERNAL], [rule], here).broken == ()
    (broken,) = replay([INTERNAL], [policy("in", podSelector=labels(app="api"))], here).broken
    assert (broken.place, broken.at_peer) == (API, True)
    node = web(flow("egress", address("10.0.0.1", PeerKind.WORKLOAD), 443))
    assert len(replay([node], [rule], here).broken) == 1
    host = World(pods={API: (replace(server, host_network=True),)}, nodes={"10.244.1.5": "n1"})
    assert len(replay([INTERNAL], [rule], host).broken) == 1


def test_an_internal_client_that_has_no_kind_may_be_the_pods_own_node():
    deny = policy("deny", policyTypes=["Ingress"])
    server = PodEnd("shop", "web-1", (("app", "web"),), (), ("10.244.1.7",), "n1")
    for peer in (address("10.0.0.1", PeerKind.WORKLOAD), Peer(PeerKind.WORKLOAD, block="10.0.0.0/24")):
        (unjudged,) = replay([web(flow("ingress", peer))], [deny]).unjudged
        assert unjudged.reasons == ("whether it came from the pod's own node",)
    probes = web(flow("ingress", address("10.0.0.1", PeerKind.WORKLOAD)))
    assert not replay([probes], [deny], World(pods={WEB: (server,)}, nodes={"10.0.0.1": "n1"})).broken
    assert replay([probes], [deny], World(pods={WEB: (server,)}, nodes={"10.0.0.1": "n2"})).broken
    assert replay([web(flow("ingress", address("10.0.0.1", PeerKind.UNKNOWN)))], [deny]).broken


def test_an_internal_block_may_hold_pods():
    block = web(flow("egress", Peer(PeerKind.WORKLOAD, block="10.244.0.0/16")))
    (unjudged,) = replay([block], [to({"podSelector": {}})]).unjudged
    assert (unjudged.reasons, unjudged.is_live) == (("whose address 10.244.0.0/16 was",), False)
    (unjudged,) = replay([block], [to({"ipBlock": {"cidr": "10.244.0.0/24"}})]).unjudged
    assert unjudged.reasons == ("which part of 10.244.0.0/16 it was",)
    assert not replay([block], [to({"ipBlock": {"cidr": "10.0.0.0/8"}})]).unjudged
    assert replay([block], [to({"ipBlock": {"cidr": "10.0.0.0/16"}})]).broken


def test_a_block_of_an_internal_address_that_has_no_kind_may_hold_a_pod():
    rule = policy("in", podSelector=labels(app="api"), ingress=[{"from": [{"ipBlock": {"cidr": "10.244.1.5/32"}}]}])
    assert replay([INTERNAL, SERVER], [rule]).unjudged
    outside = web(flow("egress", address("10.244.1.5"), 443))
    assert replay([outside, SERVER], [rule]).broken


def test_pods_of_a_namespace_that_is_not_known_are_among_all_pods():
    anywhere = Peer(PeerKind.WORKLOAD, "", selector(app="api"), selector(team="a"))
    found = replay([web(flow("egress", anywhere))], [to({"namespaceSelector": {}})])
    assert (found.broken, found.unjudged) == ((), ())
