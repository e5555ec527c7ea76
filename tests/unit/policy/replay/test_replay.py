"""What is said of recorded flows: which are denied and by what, and which nobody can judge without a cluster."""

from dataclasses import replace

import pytest

from kubectl_netpol.model import Direction, Mark, PeerKind, Protocol
from kubectl_netpol.policy.evaluation.values import PodEnd
from kubectl_netpol.policy.replay.ends import World
from kubectl_netpol.policy.replay.replay import replay
from kubectl_netpol.policy.replay.resolver import Ends

from .making import account, address, flow, labels, pods, policy

WEB = "shop/deployment/web"
API = "shop/deployment/api"
TO_API = flow("egress", pods(API, app="api"), 8080)
FROM_WEB = flow("ingress", pods(WEB, app="web"), 8080)
DENY_IN = policy("deny", policyTypes=["Ingress"])
DENY_OUT = policy("deny", policyTypes=["Egress"])


def web(*flows, **more):
    return account(WEB, {"app": "web"}, *flows, **more)


def api(*flows, **more):
    return account(API, {"app": "api"}, *flows, **more)


def test_without_policies_nothing_breaks():
    found = replay([web(TO_API)], [])
    assert (found.broken, found.unjudged, found.judged) == ((), (), 1)


def test_an_isolated_source_without_a_rule_breaks_its_flow_and_the_missing_rule_is_told():
    (broken,) = replay([web(TO_API)], [DENY_OUT]).broken
    assert (broken.workload.name, broken.place, broken.at_peer) == ("web", WEB, False)
    assert broken.side.direction is Direction.EGRESS
    assert broken.side.isolated_by == (DENY_OUT,)
    assert broken.missing == {
        "to": [{"podSelector": {"matchLabels": {"app": "api"}}}],
        "ports": [{"port": 8080, "protocol": "TCP"}],
    }


def test_a_flow_that_one_end_recorded_is_judged_at_the_other_end_too():
    (broken,) = replay([web(TO_API)], [DENY_IN]).broken
    assert (broken.workload.name, broken.place, broken.at_peer) == ("web", API, True)
    assert broken.side.direction is Direction.INGRESS
    assert broken.missing["from"] == [{"podSelector": {"matchLabels": {"app": "web"}}}]


def test_the_missing_rule_at_a_peer_in_another_namespace_names_the_namespace():
    far = account("edge/deployment/gw", {"app": "gw"}, flow("egress", pods(API, own="edge", app="api"), 8080))
    (broken,) = replay([far], [DENY_IN]).broken
    assert broken.missing["from"] == [
        {
            "namespaceSelector": {"matchLabels": {"kubernetes.io/metadata.name": "edge"}},
            "podSelector": {"matchLabels": {"app": "gw"}},
        }
    ]


def test_a_flow_that_both_ends_recorded_is_told_once_at_the_end_that_denies_it():
    found = replay([web(TO_API), api(FROM_WEB)], [DENY_IN])
    assert [(one.workload.name, one.at_peer) for one in found.broken] == [("api", False)]
    both = replay([web(TO_API), api(FROM_WEB)], [DENY_IN, DENY_OUT])
    assert [(one.workload.name, one.side.direction) for one in both.broken] == [("api", "ingress"), ("web", "egress")]


def test_a_flow_that_the_account_of_the_other_end_lacks_is_told_from_one_of_a_workload_without_account():
    def is_unheard(*accounts, only=None):
        found = replay(accounts, [DENY_IN], only=only and {one.workload for one in only}).broken
        return [one.is_unheard_there for one in found]

    elsewhere = api(flow("ingress", pods(WEB, app="web"), 9090))
    assert is_unheard(web(TO_API)) == [False]
    assert is_unheard(web(TO_API), elsewhere) == [False, True]  # the first is the account's own, at its own end
    assert is_unheard(web(TO_API), api(FROM_WEB)) == [False]
    assert is_unheard(web(TO_API), api(FROM_WEB), only=[web()]) == [False]
    assert is_unheard(web(TO_API), api(replace(FROM_WEB, counts=replace(FROM_WEB.counts, answered=0)))) == [False]
    assert is_unheard(web(TO_API), replace(elsewhere, since=1)) == [False, False]  # it may be what was left out


def test_a_hostnetwork_client_was_heard_as_its_node_and_no_selector_would_admit_it():
    client = PodEnd("shop", "web-1", (("app", "web"),), (), ("10.0.0.2",), "n2", host_network=True)
    server = PodEnd("shop", "api-1", (("app", "api"),), (), ("10.244.1.5",), "n1")
    world = World(pods={WEB: (client,), API: (server,)})
    (broken,) = replay([web(TO_API, host_network=True), api()], [DENY_IN], world).broken
    assert (broken.at_peer, broken.is_unheard_there, broken.missing) == (True, False, {})


def database(role, number, node="n1"):
    return PodEnd("shop", f"db-{number}", (("app", "db"), ("role", role)), (), (f"10.244.1.{number}",), node)


def between(role, other):
    """The policy of the pods of a role, which admits what the pods of the other begin and are asked."""
    there = [{"podSelector": labels(app="db", role=other)}]
    rules = {"ingress": [{"from": there}], "egress": [{"to": there}]}
    return policy(role, podSelector=labels(app="db", role=role), policyTypes=["Ingress", "Egress"], **rules)


def test_the_only_pod_of_a_kind_has_no_flow_with_itself():
    path = "shop/statefulset/db"
    peer = pods(path, app="db")
    one = account(path, {"app": "db"}, flow("egress", peer, 5432), flow("ingress", peer, 5432))
    policies = [between("primary", "replica"), between("replica", "primary")]
    pair = World(pods={path: (database("primary", 1), database("replica", 2))})
    assert replay([one], policies, pair).broken == ()
    three = World(pods={path: (database("primary", 1), database("replica", 2), database("replica", 3))})
    assert {broken.place for broken in replay([one], policies, three).broken} == {path}  # two replicas may not
    alone = World(pods={path: (database("primary", 1),)})
    assert len(replay([one], policies, alone).broken) == 2  # it stands for the two that there were


def test_a_flow_that_one_end_recorded_and_both_deny_is_told_at_both_and_counted_once():
    found = replay([web(TO_API)], [DENY_IN, DENY_OUT])
    assert [one.at_peer for one in found.broken] == [False, True]
    assert (found.judged, found.denied, found.untold) == (1, 1, 0)


def test_a_flow_that_cannot_be_told_at_one_end_or_both_is_counted_once_and_not_where_it_is_denied():
    out = policy("out", policyTypes=["Egress"], egress=[{"to": [{"podSelector": labels(tier="back")}]}])
    into = policy("in", podSelector=labels(app="api"), ingress=[{"from": [{"podSelector": labels(tier="web")}]}])
    bare = account(WEB, None, TO_API, selector_labels={"app": "web"})
    found = replay([bare], [out, into])
    assert (len(found.unjudged), found.untold) == (2, 1)
    denied = replay([bare], [DENY_OUT, into])
    assert (len(denied.unjudged), denied.denied, denied.untold) == (1, 1, 0)


def test_where_only_one_end_is_asked_for_it_is_told_there_whichever_end_denies_it():
    accounts = [web(TO_API), api(FROM_WEB)]
    (broken,) = replay(accounts, [DENY_IN], only={accounts[0].workload}).broken
    assert (broken.workload.name, broken.at_peer) == ("web", True)


def test_what_nobody_answered_breaks_nothing_and_is_counted():
    found = replay([web(flow("egress", pods(API, app="api"), answered=0))], [DENY_OUT])
    assert (found.broken, found.judged, found.unanswered) == ((), 0, 1)


def test_a_secondary_interface_is_covered_by_no_policy():
    one = flow("egress", pods(API, app="api"), marks=frozenset({Mark.SECONDARY_INTERFACE}))
    found = replay([web(one)], [DENY_OUT])
    assert (found.broken, found.judged, found.uncovered) == ((), 0, 1)


def test_ingress_from_the_own_node_is_always_admitted_and_egress_to_it_is_not():
    node = address("10.0.0.1", PeerKind.OWN_NODE)
    assert not replay([web(flow("ingress", node))], [DENY_IN]).broken
    (broken,) = replay([web(flow("egress", node))], [DENY_OUT]).broken
    assert broken.missing["to"] == [{"ipBlock": {"cidr": "10.0.0.1/32"}}]


def test_pods_in_their_nodes_network_are_beyond_policies():
    assert not replay([web(TO_API, host_network=True)], [DENY_OUT]).broken


def test_of_pods_in_their_nodes_network_those_on_the_pods_own_node_are_admitted():
    (unjudged,) = replay([web(TO_API, host_network=True)], [DENY_IN]).unjudged
    assert unjudged.reasons == ("whether it came from the pod's own node",)
    host = PodEnd("shop", "web-1", (("app", "web"),), (), ("172.30.0.11",), "n1", host_network=True)
    server = PodEnd("shop", "api-1", (("app", "api"),), (), ("10.0.0.1",), "n1")
    here = World(pods={WEB: (host,), API: (server,)})
    assert replay([web(TO_API)], [DENY_IN], here).broken == ()
    assert replay([web(TO_API)], [DENY_IN], here).unjudged == ()
    elsewhere = World(pods={WEB: (host,), API: (replace(server, node="n2"),)})
    assert len(replay([web(TO_API)], [DENY_IN], elsewhere).broken) == 1
    both = World(pods={WEB: (host,), API: (server, replace(server, name="api-2", node="n2"))})
    assert replay([web(TO_API)], [DENY_IN], both).unjudged[0].reasons == unjudged.reasons


SERVICE = flow("egress", address("10.96.0.1", PeerKind.API_SERVER), 443)
ENDPOINTS = [flow("egress", address(f"172.30.0.1{n}", PeerKind.API_SERVER), 6443) for n in (0, 1)]


def judged(rule, *flows):
    """The last parts of the addresses that would be denied, and of those of which it cannot be told."""
    found = replay([web(*flows)], [rule])
    told = [[one.neighbor.key.peer.address[-2:] for one in part] for part in (found.broken, found.unjudged)]
    assert all("the API server" in one.reasons[0] and not one.is_live for one in found.unjudged)
    return told


def test_of_an_api_server_that_is_admitted_as_one_of_its_addresses_it_cannot_be_told_of_the_other():
    service, first = ({"ipBlock": {"cidr": f"{text}/32"}} for text in ("10.96.0.1", "172.30.0.10"))
    second = {"ipBlock": {"cidr": "172.30.0.11/32"}}
    assert judged(to(first), SERVICE, ENDPOINTS[0]) == [[], [".1"]]
    assert judged(to(service), SERVICE, ENDPOINTS[0]) == [[], ["10"]]
    assert judged(to(service, first), SERVICE, ENDPOINTS[0]) == [[], []]
    assert judged(DENY_OUT, SERVICE, ENDPOINTS[0]) == [[".1", "10"], []]
    assert judged(to(service), SERVICE, *ENDPOINTS) == [[], ["10", "11"]]
    assert judged(to(first, second), SERVICE, *ENDPOINTS) == [[], [".1"]]


def test_a_connection_may_go_to_any_endpoint_of_the_api_server_so_that_all_have_to_be_admitted():
    first = {"ipBlock": {"cidr": "172.30.0.10/32"}}
    assert judged(to(first), SERVICE, *ENDPOINTS) == [[".1", "11"], []]


def test_where_an_api_server_has_one_port_for_all_its_addresses_nobody_knows_which_is_its_services():
    flows = [
        flow("egress", address(text, PeerKind.API_SERVER), 443) for text in ("10.96.0.1", "10.9.0.10", "10.9.0.11")
    ]
    assert judged(to({"ipBlock": {"cidr": "10.9.0.10/32"}}), *flows) == [[], [".1", "11"]]


def test_an_address_of_the_other_family_is_no_alternative():
    other = flow("egress", address("fd00::10", PeerKind.API_SERVER), 6443)
    assert judged(to({"ipBlock": {"cidr": "fd00::10/128"}}), SERVICE, other) == [[".1"], []]


def test_what_icmp_may_do_is_not_said():
    one = web(flow("egress", address("203.0.113.1"), 0, Protocol.ICMP))
    (unjudged,) = replay([one], [DENY_OUT]).unjudged
    assert "ICMP" in unjudged.reasons[0]
    assert not unjudged.is_live
    assert not replay([one], [DENY_IN]).unjudged


def allow(**rule):
    return policy("allow", policyTypes=["Egress"], egress=[rule])


def to(*peers, **more):
    return allow(to=list(peers), **more)


@pytest.mark.parametrize(
    ("rule", "broken", "reason"),
    [
        (allow(), 0, ""),
        (allow(ports=[{"port": 8080}]), 0, ""),
        (allow(ports=[{"port": 8000, "endPort": 9000}]), 0, ""),
        (allow(ports=[{"port": 8080, "protocol": "UDP"}]), 1, ""),
        (allow(ports=[{"protocol": "TCP"}]), 0, ""),
        (allow(ports=[{"port": "http"}]), 0, f"the port that {API} calls http"),
        (to({"podSelector": labels(app="api")}), 0, ""),
        (to({"podSelector": labels(app="db")}), 1, ""),
        (to({"podSelector": labels(tier="back")}), 0, f"the label tier of {API}"),
        (to({"podSelector": labels(app="db", tier="back")}), 1, ""),
        (to({"namespaceSelector": {}}), 0, ""),
        (to({"namespaceSelector": labels(**{"kubernetes.io/metadata.name": "shop"})}), 0, ""),
        (to({"namespaceSelector": labels(**{"kubernetes.io/metadata.name": "x"})}), 1, ""),
        (to({"namespaceSelector": labels(team="red")}), 0, "the label team of namespace shop"),
        (to({"ipBlock": {"cidr": "10.0.0.0/8"}}), 0, f"whether an address of {API} lies in 10.0.0.0/8"),
        (to({"ipBlock": {"cidr": "203.0.113.1/32"}}), 1, ""),
        (to({"ipBlock": {"cidr": "0.0.0.0/0"}}, {"ipBlock": {"cidr": "::/0"}}), 0, ""),
        (to({"podSelector": labels(tier="back")}, {"podSelector": labels(app="api")}), 0, ""),
        (to({"podSelector": labels(tier="back")}, ports=[{"port": 1}]), 1, ""),
    ],
)
def test_an_egress_rule_against_a_peer_that_only_its_own_recording_names(rule, broken, reason):
    outside = flow("ingress", address("203.0.113.1"))
    found = replay([web(TO_API, outside)], [rule])
    assert len(found.broken) == broken
    assert [one.reasons for one in found.unjudged] == ([(reason,)] if reason else [])
    assert all(one.is_live for one in found.unjudged)


def test_a_policy_that_may_select_the_workload_leaves_it_open():
    asks = policy("asks", podSelector=labels(**{"pod-template-hash": "1"}), policyTypes=["Egress"])
    (unjudged,) = replay([web(TO_API)], [asks]).unjudged
    assert unjudged.reasons == (f"the label pod-template-hash of {WEB}",)
    assert unjudged.policies == (asks,)
    assert replay([web(TO_API)], [asks, DENY_OUT]).broken


DB = "shop/statefulset/db"


def replicated(*flows):
    """Of a database whose pods differ in their role; the newest pod is a replica."""
    told = {"app": "db", "role": "replica"}
    return account(DB, told, *flows, selector_labels={"app": "db"}, differing=frozenset({"role"}))


@pytest.mark.parametrize("role", ["master", "replica"])
def test_of_labels_in_which_pods_differ_it_cannot_be_told_whether_a_policy_selects_them(role):
    lock = policy("lock", podSelector=labels(app="db", role=role), policyTypes=["Ingress"])
    found = replay([replicated(), web(flow("egress", pods(DB, app="db"), 5432))], [lock])
    assert not found.broken
    (unjudged,) = found.unjudged
    assert (unjudged.reasons, unjudged.is_live) == ((f"the label role of {DB}, whose pods differ in it",), True)


def test_a_peer_whose_pods_differ_in_a_label_may_be_admitted_by_it():
    rule = to({"podSelector": labels(role="replica")})
    accounts = [replicated(), web(flow("egress", pods(DB, app="db"), 5432))]
    assert replay(accounts, [rule]).unjudged
    assert not replay(accounts, [to({"podSelector": labels(app="db")})]).unjudged


def test_a_selector_that_was_made_of_one_pods_labels_proves_nothing_of_those_in_which_pods_differ():
    told = {"app": "db", "role": "replica"}
    bare = account(DB, told, flow("egress", pods(WEB, app="web")), differing=frozenset({"role"}))
    lock = policy("lock", podSelector=labels(role="replica"), policyTypes=["Egress"])
    assert replay([bare], [lock]).unjudged


def test_what_a_live_pod_is_decides_what_a_recording_leaves_open():
    rule = to({"podSelector": labels(tier="back")}, ports=[{"port": "http"}])
    end = PodEnd("shop", "api-1", (("app", "api"), ("tier", "back")), (), ("10.0.0.5",), "n1", False)
    named = PodEnd(*(getattr(end, name) for name in end.__slots__[:-1]), (("http", Protocol.TCP, 8080),))

    def judged(*found):
        one = replay([web(TO_API)], [rule], World({"shop": ()}, {API: found}))
        return len(one.broken), len(one.unjudged), any(item.is_partial for item in one.broken)

    assert judged(named) == (0, 0, False)
    assert judged(end) == (1, 0, False)
    assert judged(named, end) == (1, 0, True)


def test_of_a_pod_with_two_addresses_of_which_one_is_admitted_it_cannot_be_told():
    end = PodEnd("shop", "api-1", (("app", "api"),), (), ("10.0.0.5", "fd00::5"))
    world = World({}, {API: (end,)})
    both = to({"ipBlock": {"cidr": "10.0.0.0/8"}}, {"ipBlock": {"cidr": "fd00::/8"}})
    assert not replay([web(TO_API)], [both], world).unjudged
    (unjudged,) = replay([web(TO_API)], [to({"ipBlock": {"cidr": "10.0.0.0/8"}})], world).unjudged
    assert not unjudged.is_live


def test_of_a_pod_that_has_no_address_yet_no_block_can_be_told():
    here = PodEnd("shop", "api-1", (("app", "api"), ("pod-template-hash", "a")), (), ("10.0.0.5",))
    new = PodEnd("shop", "api-2", (("app", "api"), ("pod-template-hash", "b")), ())
    world, block = World({}, {API: (here, new)}), to({"ipBlock": {"cidr": "10.0.0.0/8"}})
    found = replay([web(TO_API)], [block], world)
    assert not found.broken
    (unjudged,) = found.unjudged
    assert unjudged.reasons == (f"whether an address of {API} lies in 10.0.0.0/8",)
    assert replay([web(TO_API)], [DENY_OUT], world).broken
    (alone,) = Ends([], World({}, {API: (new,)})).named(API)
    assert alone.addresses is None
    like_the_other = replace(new, labels=here.labels)
    assert not replay([web(TO_API)], [block], World({}, {API: (here, like_the_other)})).unjudged


def test_blocks_of_addresses_admit_what_is_not_excepted():
    one = web(flow("egress", address("203.0.113.1")), flow("egress", address("203.0.113.9")))
    block = {"cidr": "203.0.113.0/24", "except": ["203.0.113.8/29"]}
    (broken,) = replay([one], [to({"ipBlock": block})]).broken
    assert broken.neighbor.key.peer.address == "203.0.113.9"


def test_whom_selectors_without_a_name_select_is_told_by_the_living():
    nameless = flow("egress", pods("shop/", app="api"), 8080)
    nameless = replace(nameless, key=replace(nameless.key, peer=replace(nameless.key.peer, name="")))
    rule = to({"podSelector": labels(tier="back")})
    ends = [PodEnd("shop", f"api-{tier}", (("app", "api"), ("tier", tier)), ()) for tier in ("back", "front")]
    assert replay([web(nameless)], [rule]).unjudged
    assert not replay([web(nameless)], [rule], World({}, {API: tuple(ends[:1])})).broken
    (broken,) = replay([web(nameless)], [rule], World({}, {API: tuple(ends)})).broken
    assert broken.is_partial


def test_many_pods_that_are_alike_are_judged_once_and_their_addresses_together():
    ends = tuple(PodEnd("shop", f"api-{n}", (("app", "api"),), (), (f"10.0.{n}.1",)) for n in range(200))
    world = World({}, {API: ends})
    assert not replay([web(TO_API)], [to({"ipBlock": {"cidr": "10.0.0.0/16"}})], world).unjudged
    (unjudged,) = replay([web(TO_API)], [to({"ipBlock": {"cidr": "10.0.0.0/24"}})], world).unjudged
    assert unjudged.reasons == (f"which address of {API} it was: 10.0.0.0/24 holds some of them",)
    assert len(Ends([], world).named(API)) == 1
