"""Two policies compared: what is gained, what is lost, and what only looks different."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kubectl_netpol.apply.meaning import Grant, compare, covers, grants
from kubectl_netpol.apply.words import change_lines, peer_names
from kubectl_netpol.model import Direction, Port, Protocol, Workload
from kubectl_netpol.policy.comments import Comment
from kubectl_netpol.policy.evaluation.evaluate import Evaluator
from kubectl_netpol.policy.evaluation.reading import read_policy
from kubectl_netpol.policy.evaluation.values import AddressEnd, Flow, PodEnd
from kubectl_netpol.policy.generate import Policy


def policy(egress=None, ingress=None, selector=None, types=None):
    spec = {"podSelector": {"matchLabels": selector or {"app": "web"}}}
    for name, rules in (("egress", egress), ("ingress", ingress)):
        if rules is not None:
            spec[name] = rules
    spec["policyTypes"] = types or [name for name in ("Ingress", "Egress") if name.lower() in spec]
    metadata = {"name": "deployment-web", "namespace": "shop"}
    return {"apiVersion": "networking.k8s.io/v1", "kind": "NetworkPolicy", "metadata": metadata, "spec": spec}


def block(cidr, *ports):
    rule = {"to": [{"ipBlock": {"cidr": cidr}}]}
    return rule | ({"ports": [{"port": port} for port in ports]} if ports else {})


def lines(old, new, names=()):
    change = compare(old and read_policy(old), read_policy(new))
    return list(change_lines(change, dict(names)))


def test_the_same_rules_in_another_order_and_grouping_mean_the_same():
    old = policy(egress=[block("10.0.0.1/32", 80, 443), block("10.0.0.2/32", 80)])
    new = policy(egress=[block("10.0.0.2/32", 80), block("10.0.0.1/32", 443), block("10.0.0.1/32", 80)])
    assert compare(read_policy(old), read_policy(new)).is_none


def test_a_rule_that_a_wider_one_covers_is_neither_gained_nor_lost():
    wide, narrow = policy(egress=[block("10.0.0.0/8")]), policy(egress=[block("10.0.0.0/8"), block("10.1.0.0/16", 80)])
    assert compare(read_policy(wide), read_policy(narrow)).is_none
    assert compare(read_policy(narrow), read_policy(wide)).is_none


def test_what_is_gained_and_lost_is_told_in_words():
    old, new = policy(egress=[block("10.0.0.1/32", 80)]), policy(egress=[block("10.0.0.2/32", 80)], ingress=[])
    assert lines(old, new) == [
        "~ isolates ingress: only what rules admit comes through",
        "+ egress to 10.0.0.2/32 at TCP 80",
        "- egress to 10.0.0.1/32 at TCP 80",
    ]


def test_what_stays_of_a_wider_rule_that_is_lost_is_told():
    old, new = policy(egress=[block("10.0.0.0/8", 80)]), policy(egress=[block("10.0.0.2/32", 80)])
    assert lines(old, new) == ["- egress to 10.0.0.0/8 at TCP 80", "= egress to 10.0.0.2/32 at TCP 80 stays"]


def test_a_new_policy_tells_all_of_its_rules_and_a_direction_left_open_is_told():
    assert lines(None, policy(egress=[block("10.0.0.2/32", 80)]))[0].startswith("~ isolates egress")
    assert lines(policy(egress=[], ingress=[]), policy(ingress=[])) == ["~ leaves egress open"]


def test_rules_without_peers_or_ports_and_selectors_have_words():
    rules = [{}, {"from": [{"podSelector": {}, "namespaceSelector": {}}], "ports": [{"port": "http"}]}]
    found = lines(policy(ingress=[]), policy(ingress=rules[1:], selector={"app": "api"}))
    assert found == [
        "~ selects pods app=api, and not pods app=web any more",
        "+ ingress from all pods of every namespace at TCP http",
    ]
    assert lines(policy(ingress=[]), policy(ingress=rules)) == ["+ ingress from everyone at every port", found[1]]


def test_comments_name_the_peers():
    document = policy(egress=[block("10.0.0.2/32", 80)])
    comment = Comment(("spec", "egress", 0, "to", 0, "ipBlock", "cidr"), "api.example.com.")
    made = Policy(Workload("shop", "Deployment", "web"), document, (), (comment,))
    names = peer_names(made, read_policy(document))
    assert lines(policy(egress=[]), document, names) == ["+ egress to api.example.com. (10.0.0.2/32) at TCP 80"]


PEERS = st.sampled_from(
    [
        {"ipBlock": {"cidr": "10.0.0.0/30"}},
        {"ipBlock": {"cidr": "10.0.0.0/31"}},
        {"ipBlock": {"cidr": "10.0.0.0/30", "except": ["10.0.0.1/32"]}},
        {"podSelector": {}},
        {"podSelector": {"matchLabels": {"a": "1"}}},
        {"podSelector": {"matchExpressions": [{"key": "a", "operator": "Exists"}]}},
        {"namespaceSelector": {}},
        {"namespaceSelector": {"matchLabels": {"n": "1"}}, "podSelector": {"matchLabels": {"a": "1"}}},
        {"namespaceSelector": {"matchLabels": {"n": "1"}}},
    ]
)
PORTS = st.sampled_from([{"port": 80}, {"port": 80, "endPort": 90}, {"protocol": "UDP"}, {"port": "http"}, {}])
RULES = st.builds(
    lambda peers, ports: ({"to": peers} if peers else {}) | ({"ports": ports} if ports else {}),
    st.lists(PEERS, max_size=2),
    st.lists(PORTS, max_size=2),
)
ENDS = [
    *(AddressEnd(f"10.0.0.{number}") for number in range(5)),
    *(
        PodEnd(space, f"p{label}", (("a", label),) if label else (), (("n", space[-1]),), (), "", False, ())
        for space in ("shop", "n1", "n2")
        for label in ("", "1", "2")
    ),
]
CLIENT = PodEnd("shop", "web", (("app", "web"),), (("n", "0"),))


@given(RULES, RULES)
def test_a_grant_that_covers_another_admits_all_that_it_admits(first, second):
    wide, narrow = read_policy(policy(egress=[first])), read_policy(policy(egress=[second]))
    all_covered = all(any(covers(one, other) for one in grants(wide)) for other in grants(narrow))
    if not all_covered:
        return
    judges = Evaluator([wide]), Evaluator([narrow])
    for end in ENDS:
        for port in (Port(Protocol.TCP, 80), Port(Protocol.TCP, 85), Port(Protocol.TCP, 9), Port(Protocol.UDP, 5)):
            by_wide, by_narrow = (judge.side(Flow(CLIENT, end, port), Direction.EGRESS).is_allowed for judge in judges)
            assert by_wide or not by_narrow


def test_everyone_at_every_port_covers_all():
    everything = Grant(Direction.EGRESS, None, None)
    assert all(covers(everything, one) for one in grants(read_policy(policy(egress=[block("::/0", 1)]))))


@pytest.mark.parametrize("direction", list(Direction))
def test_a_grant_covers_itself_and_none_of_the_other_direction(direction):
    one = Grant(direction, None, None)
    other = Grant(Direction.EGRESS if direction is Direction.INGRESS else Direction.INGRESS, None, None)
    assert (covers(one, one), covers(one, other)) == (True, False)
