"""Two policies compared: what is gained, what is lost, and what only looks different."""

from time import process_time

import pytest

from kubectl_netpol.apply.meaning.compare import compare
from kubectl_netpol.apply.words import change_lines, peer_names
from kubectl_netpol.model import Workload
from kubectl_netpol.policy.comments import Comment
from kubectl_netpol.policy.evaluation.reading import read_policy
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


def test_of_a_direction_that_was_open_only_what_stays_is_told():
    isolates = "~ isolates egress: only what rules admit comes through"
    stays = "= egress to 10.0.0.2/32 at TCP 80 stays"
    new = policy(egress=[block("10.0.0.2/32", 80)])
    assert lines(None, new) == [isolates, stays]
    assert lines(policy(ingress=[]), new) == [isolates, "~ leaves ingress open", stays]


def test_nothing_is_lost_of_a_direction_that_is_left_open():
    old = policy(egress=[block("10.0.0.2/32", 80)], ingress=[])
    assert lines(old, policy(ingress=[])) == ["~ leaves egress open"]


def peers(*found):
    return policy(ingress=[{"from": list(found)}])


def cidr(whole, *excepted):
    return {"ipBlock": {"cidr": whole} | ({"except": list(excepted)} if excepted else {})}


def pods(operator, *values, key="x"):
    expression = {"key": key, "operator": operator} | ({"values": list(values)} if values else {})
    return {"podSelector": {"matchExpressions": [expression]}}


def labelled(**labels):
    return {"podSelector": {"matchLabels": labels}}


def named(name):
    return {"namespaceSelector": {"matchLabels": {"kubernetes.io/metadata.name": name}}}


EVERY_NAMESPACE = {"namespaceSelector": {}}
ONE, OTHER = cidr("10.0.0.0/8", "10.1.0.0/16", "10.2.0.0/16"), cidr("10.0.0.0/8", "10.2.0.0/16", "10.1.0.0/16")
NOBODY = {"podSelector": labelled(x="a")["podSelector"] | pods("DoesNotExist")["podSelector"]}
SAME = [
    ([ONE], [OTHER]),
    ([cidr("10.0.0.0/8", "10.1.0.0/16", "10.1.2.0/24")], [cidr("10.0.0.0/8", "10.1.0.0/16")]),
    ([cidr("10.0.0.0/8")], [cidr("10.0.0.0/9"), cidr("10.128.0.0/9")]),
    ([cidr("10.0.0.0/8")], [cidr("10.0.0.0/8", "10.1.0.0/16"), cidr("10.1.0.0/16")]),
    ([EVERY_NAMESPACE], [EVERY_NAMESPACE | {"podSelector": {}}]),
    ([{"podSelector": {}}], [named("shop")]),
    ([labelled(x="a")], [pods("In", "a")]),
    ([pods("In", "a", "b")], [labelled(x="a"), labelled(x="b")]),
    ([{"podSelector": {}}], [pods("Exists"), pods("DoesNotExist")]),
    ([EVERY_NAMESPACE], [EVERY_NAMESPACE | pods("In", "a"), EVERY_NAMESPACE | pods("NotIn", "a")]),
    ([EVERY_NAMESPACE], [EVERY_NAMESPACE, {"podSelector": {}}]),
    ([cidr("10.0.0.0/8")], [cidr("10.0.0.0/8"), NOBODY]),
]


@pytest.mark.parametrize(("some", "others"), SAME)
def test_peers_that_are_the_same_together_are_no_change(some, others):
    for old, new in ((some, others), (others, some)):
        assert compare(read_policy(peers(*old)), read_policy(peers(*new))).is_none


@pytest.mark.parametrize(
    ("wide", "narrow"),
    [
        (cidr("10.0.0.0/8", "10.1.0.0/16"), cidr("10.5.0.0/16")),
        (cidr("10.0.0.0/8", "10.1.2.0/24"), cidr("10.0.0.0/8", "10.1.0.0/16")),
        (pods("In", "a", "b"), labelled(x="a")),
        (pods("NotIn", "a"), labelled(x="b")),
        (pods("NotIn", "a"), pods("DoesNotExist")),
        (pods("Exists"), pods("In", "a", "b")),
        (EVERY_NAMESPACE, named("other") | labelled(x="a")),
        (EVERY_NAMESPACE, labelled(x="a")),
    ],
)
def test_what_narrows_is_a_loss_and_no_gain_and_what_widens_a_gain_and_no_loss(wide, narrow):
    narrows, widens = (
        compare(read_policy(peers(one)), read_policy(peers(other))) for one, other in ((wide, narrow), (narrow, wide))
    )
    assert [len(each) for each in (narrows.gained, narrows.lost, narrows.kept)] == [0, 1, 1]
    assert [len(each) for each in (widens.gained, widens.lost, widens.kept)] == [1, 0, 0]


@pytest.mark.parametrize(
    ("some", "others", "is_none"),
    [
        ([{"port": 1, "endPort": 100}], [{"port": 1, "endPort": 50}, {"port": 51, "endPort": 100}], True),
        ([{"port": 80, "endPort": 90}], [{"port": 80}, {"port": 82, "endPort": 90}], False),
        ([{}], [{"port": 1, "endPort": 65535}], True),
        ([{}, {"port": "http"}], [{}], True),
        ([{"port": "http"}], [{"port": 80}], False),
        ([{"protocol": "UDP", "port": 53}], [{"port": 53}], False),
        ([], [{"protocol": one} for one in ("TCP", "UDP", "SCTP")], False),  # ICMP, where an enforcer judges it
    ],
)
def test_ports_are_compared_by_their_numbers(some, others, is_none):
    old, new = (read_policy(policy(egress=[{"ports": ports}])) for ports in (some, others))
    assert (compare(old, new).is_none, compare(new, old).is_none) == (is_none, is_none)


def test_everyone_is_each_address_and_each_pod():
    everyone = policy(ingress=[{}])
    for spared in range(3):
        found = [cidr("0.0.0.0/0"), cidr("::/0"), EVERY_NAMESPACE]
        assert compare(read_policy(everyone), read_policy(peers(*found))).is_none
        del found[spared]
        assert not compare(read_policy(everyone), read_policy(peers(*found))).is_none


def test_a_selector_that_says_the_same_otherwise_is_no_change():
    old, new = policy(ingress=[]), policy(ingress=[])
    new["spec"]["podSelector"] = {"matchExpressions": [{"key": "app", "operator": "In", "values": ["web"]}]}
    assert compare(read_policy(old), read_policy(new)).is_none


def both(*expressions):
    return {"podSelector": {"matchExpressions": [one["podSelector"]["matchExpressions"][0] for one in expressions]}}


def test_what_takes_too_long_to_tell_is_told_as_a_change():
    some = [both(pods("Exists", key=f"a{number}"), pods("Exists", key=f"b{number}")) for number in range(60)]
    quarters = [both(pods(x, "1"), pods(y, "1", key="y")) for x in ("In", "NotIn") for y in ("In", "NotIn")]
    everyone = read_policy(peers({"podSelector": {}}))
    assert not compare(read_policy(peers(*quarters)), everyone).gained
    begin = process_time()
    assert compare(read_policy(peers(*some, *quarters)), everyone).gained
    assert process_time() - begin < 5


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
