"""How much more policies admit than was recorded."""

from kubectl_netpol.model import Peer, PeerKind
from kubectl_netpol.policy.evaluation.reading import read_policy
from kubectl_netpol.policy.evaluation.values import PodEnd
from kubectl_netpol.policy.generate import Options, generate
from kubectl_netpol.policy.replay.ends import World
from kubectl_netpol.policy.replay.width import widths

from .making import account, address, flow, labels, pods, policy, selector

API = "shop/deployment/api"
FROM_WEB = flow("ingress", pods("shop/deployment/web", app="web"), 80)
OUT = flow("egress", address("203.0.113.9"), 443)


def told(one, *accounts):
    return [(width.direction, width.rule, width.text) for width in widths(accounts, [one])]


def api(*flows):
    return account(API, {"app": "api"}, *flows)


def chosen(**spec):
    return policy("p", podSelector=labels(app="api"), **spec)


def test_what_generate_writes_is_no_wider_than_what_was_recorded():
    one = api(FROM_WEB, OUT)
    (written,) = generate([one]).policies
    assert widths([one], [read_policy(written.document)]) == ()


def test_ports_and_peers_that_nobody_used_are_told():
    rule = {
        "from": [{"podSelector": labels(app="web")}, {"podSelector": labels(app="x")}],
        "ports": [{"port": 80}, {"port": 81}],
    }
    assert told(chosen(ingress=[rule]), api(FROM_WEB)) == [
        ("ingress", 1, "port TCP 81 was never seen"),
        ("ingress", 1, "pods with app=x in namespace shop: none that is known, and none was seen"),
    ]


def test_a_rule_that_names_nobody_or_no_port_admits_all():
    assert told(chosen(ingress=[{}]), api(FROM_WEB)) == [
        ("ingress", 1, "every port is admitted; seen: TCP 80"),
        ("ingress", 1, "everybody is admitted; seen: shop/deployment/web"),
    ]


def test_ranges_and_blocks_are_counted_against_what_was_seen():
    rule = {
        "to": [{"ipBlock": {"cidr": "203.0.113.0/24", "except": ["203.0.113.0/29"]}}],
        "ports": [{"port": 440, "endPort": 449}],
    }
    assert told(chosen(policyTypes=["Egress"], egress=[rule]), api(OUT)) == [
        ("egress", 1, "port TCP 440 to 449: 10 ports are admitted, 1 seen"),
        ("egress", 1, "203.0.113.0/24 except 203.0.113.0/29: 248 addresses are admitted, 1 seen: 203.0.113.9"),
    ]


def test_an_internal_address_of_a_document_counts_as_seen():
    internal = flow("egress", address("10.244.1.5", PeerKind.WORKLOAD), 443)
    rule = {"to": [{"ipBlock": {"cidr": "10.244.1.4/31"}}], "ports": [{"port": 443}]}
    one = chosen(policyTypes=["Egress"], egress=[rule])
    seen = ("egress", 1, "10.244.1.4/31: 2 addresses are admitted, 1 seen: 10.244.1.5")
    assert told(one, api(internal)) == [seen]
    server = PodEnd("shop", "db-1", (("app", "db"),), (), ("10.244.1.5", "fd00::5"))
    found = widths([api(internal)], [one], World(pods={"shop/deployment/db": (server,)}))
    assert seen in [(width.direction, width.rule, width.text) for width in found]


def test_selectors_that_select_others_or_none_are_told():
    stranger = account("shop/deployment/web-admin", {"app": "web"})
    rule = {"from": [{"podSelector": labels(app="web")}]}
    assert (
        "ingress",
        1,
        "pods with app=web in namespace shop: also shop/deployment/web-admin, never seen there",
    ) in told(chosen(ingress=[rule]), api(FROM_WEB), stranger)
    assert told(policy("none", podSelector=labels(app="y")), stranger) == [
        ("", 0, "its podSelector app=y selects none of the pods that are known there")
    ]
    assert ("", 0, "it selects the pods of 2 workloads: shop/deployment/api, shop/deployment/web-admin") in told(
        policy("all"), api(), stranger
    )


def test_addresses_that_are_excepted_twice_are_taken_away_once():
    excepted = ["8.8.8.0/29", "8.8.8.128/25", "8.8.8.128/26", "8.8.8.192/26"]
    rule = {"to": [{"ipBlock": {"cidr": "8.8.8.0/24", "except": excepted}}]}
    one = chosen(policyTypes=["Egress"], egress=[rule | {"ports": [{"port": 443}]}])
    assert told(one, api(flow("egress", address("8.8.8.8"), 443))) == [
        ("egress", 1, f"8.8.8.0/24 except {', '.join(excepted)}: 120 addresses are admitted, 1 seen: 8.8.8.8")
    ]


def from_each(*names):
    return [{"podSelector": labels(app=name)} for name in names]


def at_each(*ports):
    return [{"port": port} for port in ports]


def test_pairs_of_peer_and_port_that_were_never_seen_together_are_told():
    diagonal = [("a", 1), ("b", 2), ("c", 3), ("d", 3)]
    flows = [flow("ingress", pods(f"shop/deployment/{name}", app=name), port) for name, port in diagonal]
    rule = {"from": from_each(*"abcd"), "ports": at_each(1, 2, 3)}
    assert told(chosen(ingress=[rule]), api(*flows)) == [
        (
            "ingress",
            1,
            "pairs of its peers and ports: 12 are admitted, 4 seen; never shop/deployment/a at TCP 2, "
            "shop/deployment/a at TCP 3, shop/deployment/b at TCP 1, shop/deployment/b at TCP 3 and 4 more",
        )
    ]
    every = [flow("ingress", pods(f"shop/deployment/{name}", app=name), port) for name in "abcd" for port in (1, 2, 3)]
    assert told(chosen(ingress=[rule]), api(*every)) == []


def test_one_selector_of_several_workloads_has_a_pair_for_each():
    flows = [
        flow("ingress", pods(f"shop/deployment/{name}", app=name, tier="x"), port)
        for name, port in (("a", 1), ("b", 2))
    ]
    rule = {"from": [{"podSelector": labels(tier="x")}], "ports": at_each(1, 2)}
    assert told(chosen(ingress=[rule]), api(*flows)) == [
        (
            "ingress",
            1,
            "pairs of its peers and ports: 4 are admitted, 2 seen; never shop/deployment/a at TCP 2, "
            "shop/deployment/b at TCP 1",
        )
    ]


def test_peers_and_ports_that_were_never_seen_are_told_once():
    rule = {"from": from_each("web", "x"), "ports": at_each(80, 81)}
    assert not any("pairs" in text for _, _, text in told(chosen(ingress=[rule]), api(FROM_WEB)))


def test_whom_a_policy_selects_by_a_label_that_is_not_known_is_not_said_to_be_nobody():
    web, path = "shop/deployment/web", "shop/statefulset/db"
    db = account(path, {"app": "db"}, flow("ingress", pods(web, app="web"), 5432), differing=frozenset({"role"}))
    rule = {"from": [{"podSelector": labels(app="web")}], "ports": [{"port": 5432}]}
    primary = policy("primary", podSelector=labels(app="db", role="primary"), ingress=[rule])
    asked = "its podSelector app=db,role=primary: whom it selects is not known without a cluster"
    assert told(primary, db, account(web, {"app": "web"})) == [("", 0, asked)]


def test_an_address_that_was_met_as_two_things_is_one_peer():
    as_node = flow("egress", Peer(PeerKind.NODE, "node/n1", address="10.0.0.1"), 9100)
    as_server = flow("egress", Peer(PeerKind.API_SERVER, "default/kubernetes", address="10.0.0.1"), 6443)
    one = api(as_node, as_server)
    (written,) = generate([one]).policies
    assert widths([one], [read_policy(written.document)]) == ()


def test_what_was_never_answered_counts_where_it_is_to_be_admitted():
    stranger = "shop/deployment/stranger"
    asked = flow("ingress", pods(stranger, app="stranger"), 80, answered=0)
    known = (api(asked), account(stranger, {"app": "stranger"}))
    (written,) = generate([api(asked)], Options(include_unanswered=True)).policies
    read = [read_policy(written.document)]
    assert widths(known, read, includes_unanswered=True) == ()
    assert [one.text for one in widths(known, read)] == [
        "nothing that it admits was ever answered",
        f"pods with app=stranger in namespace shop: also {stranger}, never seen there",
    ]


def test_a_peer_that_has_no_name_is_each_workload_that_its_selector_selects():
    unnamed = Peer(PeerKind.WORKLOAD, "", selector(app="web"), None)
    one, a, b = (
        api(flow("ingress", unnamed, 80)),
        *(account(f"shop/deployment/{name}", {"app": "web"}) for name in "ab"),
    )
    other = account("shop/deployment/c", {"app": "c"})
    rule = {"from": [{"podSelector": {}}], "ports": [{"port": 80}]}
    assert told(chosen(ingress=[{"from": from_each("web"), "ports": at_each(80)}]), one, a, b) == []
    assert told(chosen(ingress=[rule]), one, a, b, other) == [
        ("ingress", 1, "every pod in namespace shop: also shop/deployment/api, shop/deployment/c, never seen there")
    ]


def test_hostnetwork_pods_are_selected_by_nobody():
    agent = account("shop/daemonset/agent", {"app": "api"}, host_network=True)
    assert told(chosen(policyTypes=["Ingress"]), api(FROM_WEB), agent) == []
    text = "its podSelector app=api selects only pods in their node's network, which no policy reaches"
    assert told(chosen(policyTypes=["Ingress"]), agent) == [("", 0, text)]
