"""Each kind admits what the recording holds, in its own words, within its own limits."""

import re
from dataclasses import replace
from pathlib import Path

import pytest
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st

from kubectl_netpol.model import (
    Counts,
    Direction,
    Neighbor,
    NeighborKey,
    NetworkNeighbors,
    Peer,
    PeerKind,
    Port,
    Protocol,
    Requirement,
    Selector,
    Workload,
)
from kubectl_netpol.neighbors.document import to_document
from kubectl_netpol.neighbors.document_input import from_document
from kubectl_netpol.policy.generate import Options, generate
from kubectl_netpol.policy.kinds import CILIUM, KINDS, Context, convert
from kubectl_netpol.policy.rules import host_cidr
from kubectl_netpol.render.document import to_yaml

from .kubernetes_schema import check_policy

WEB = Workload("shop", "Deployment", "web", "apps/v1")
APP = Selector((("app", "web"),))
DNS = Peer(
    PeerKind.WORKLOAD,
    "kube-system/deployment/coredns",
    Selector((("k8s-app", "kube-dns"),)),
    Selector((("kubernetes.io/metadata.name", "kube-system"),)),
)
BOTH = (Direction.INGRESS, Direction.EGRESS)
PLAIN, NOWHERE = Options(), Context()


def neighbor(peer, port=443, direction=Direction.EGRESS, protocol=Protocol.TCP, names=()):
    return Neighbor(NeighborKey(direction, peer, Port(protocol, port)), Counts(1, 1, 0, 1, 2, names=names))


def account(*neighbors, **changes):
    return replace(NetworkNeighbors(WEB, APP, tuple(neighbors)), **changes)


def as_kind(kind, *neighbors, options=PLAIN, context=NOWHERE, **changes):
    generated = convert(generate([account(*neighbors, **changes)], options), kind, context)
    return [policy.document for policy in generated.policies], [note.text for note in generated.notes]


def cilium(*neighbors, **changes):
    (document,), notes = as_kind("CiliumNetworkPolicy", *neighbors, **changes)
    return document["spec"], notes


selectors = st.sampled_from([Selector((("app", name),)) for name in "abc"])
namespaces = st.none() | st.sampled_from([Selector((("kubernetes.io/metadata.name", name),)) for name in "xyz"])
pods = st.builds(Peer, st.just(PeerKind.WORKLOAD), st.just("n"), selectors, namespaces)
addresses = st.integers(1, 60).map(lambda number: f"203.0.113.{number}") | st.sampled_from(["2001:db8::1", "10.0.0.1"])
hosts = st.builds(Peer, st.sampled_from([PeerKind.EXTERNAL, PeerKind.NODE, PeerKind.API_SERVER]), address=addresses)
neighbors_ = st.builds(
    neighbor,
    pods | hosts,
    st.integers(100, 180),
    st.sampled_from(Direction),
    st.sampled_from([Protocol.TCP, Protocol.UDP, Protocol.SCTP]),
)
ENTITIES = {PeerKind.NODE: ("host", "remote-node"), PeerKind.API_SERVER: ("kube-apiserver",)}


def spoken(key):
    """What Cilium calls the peer, as a rule's part and a text."""
    if key.peer.kind in ENTITIES:
        return [("Entities", repr(name)) for name in ENTITIES[key.peer.kind]]
    if key.peer.address:
        return [("CIDR", repr(host_cidr(key.peer.address)))]
    labels = {f"k8s:{name}": value for name, value in key.peer.pod_selector.match_labels}
    if key.peer.namespace_selector is not None:
        labels["k8s:io.kubernetes.pod.namespace"] = dict(key.peer.namespace_selector.match_labels).popitem()[1]
    return [("Endpoints", repr({"matchLabels": labels}))]


@given(st.lists(neighbors_, min_size=1, max_size=60))
@settings(max_examples=150, deadline=None)
def test_a_cilium_policy_admits_exactly_what_was_recorded_with_one_part_to_a_rule(found):
    spec, _ = cilium(*found)
    wanted = {
        (str(one.key.direction), *said, str(one.key.port.protocol), str(one.key.port.port))
        for one in found
        for said in spoken(one.key)
    }
    admitted = []
    for direction, side in (("ingress", "from"), ("egress", "to")):
        for rule in spec.get(direction, ()):
            (part,) = [name for name in rule if name != "toPorts"]
            assert part.startswith(side)
            assert all(1 <= len(one["ports"]) <= 40 for one in rule["toPorts"])
            admitted += [
                (direction, part.removeprefix(side), repr(member), port["protocol"], port["port"])
                for member in rule[part]
                for one in rule["toPorts"]
                for port in one["ports"]
            ]
    assert len(admitted) == len(set(admitted))
    assert set(admitted) == wanted
    assert {"ingress", "egress"} & spec.keys() == {str(one.key.direction) for one in found}


EVERY_IPV4, EVERY_IPV6 = (Peer(PeerKind.EXTERNAL, block=block) for block in ("0.0.0.0/0", "::/0"))


@pytest.mark.parametrize("direction", Direction)
def test_to_cilium_every_address_of_both_families_is_the_world_and_of_one_family_a_block(direction):
    found = [(EVERY_IPV4, 443), (EVERY_IPV6, 443), (EVERY_IPV4, 80), (EVERY_IPV6, 8443)]
    spec, notes = cilium(*(neighbor(peer, port, direction) for peer, port in found))
    side = "to" if direction is Direction.EGRESS else "from"
    assert [(rule.get(f"{side}Entities"), rule.get(f"{side}CIDR"), ports_of(rule)) for rule in spec[direction]] == [
        (["world"], None, ["443"]),
        (None, ["0.0.0.0/0"], ["80"]),
        (None, ["::/0"], ["8443"]),
    ]
    assert any("every address outside the cluster, without pods and nodes" in note for note in notes)


def ports_of(rule):
    return [port["port"] for one in rule["toPorts"] for port in one["ports"]]


def test_the_world_is_no_dns_server_at_the_port_of_a_dns_servers_pods():
    names = neighbor(Peer(PeerKind.EXTERNAL, address="203.0.113.9"), names=("api.example.com.",))
    dns = neighbor(DNS, 53, protocol=Protocol.UDP)
    spec, _ = cilium(names, dns, neighbor(EVERY_IPV4, 5353), neighbor(EVERY_IPV6, 5353))
    (world,) = [rule for rule in spec["egress"] if "toEntities" in rule]
    assert "rules" not in world["toPorts"][0]


@given(st.lists(neighbors_, min_size=1, max_size=60), st.randoms(use_true_random=False))
@settings(max_examples=60, deadline=None)
def test_the_same_neighbors_in_any_order_give_the_same_bytes_of_each_kind(found, random):
    again = found * 2
    random.shuffle(again)
    for kind in KINDS:
        first, second = (convert(generate([account(*one)]), kind, Context()).policies for one in (found, again))
        one, other = (
            to_yaml([policy.document for policy in made], [policy.comments for policy in made])
            for made in (first, second)
        )
        assert one == other


def test_an_isolated_direction_of_which_nothing_is_admitted_has_an_empty_rule():
    spec, _ = cilium(neighbor(DNS, 53), options=Options(BOTH))
    assert spec["ingress"] == [{}]
    assert len(spec["egress"]) == 1


def matches(rule, name):
    """Cilium's pkg/fqdn/matchpattern, without its special prefixes: ``*`` is any number of characters of a label."""
    if "matchName" in rule:
        return rule["matchName"] == name
    pattern = re.escape(rule["matchPattern"]).replace(r"\*", "[-a-zA-Z0-9_]*")
    return re.fullmatch(pattern, name) is not None


def dns_rules(spec):
    return [one for rule in spec["egress"] for each in rule["toPorts"] for one in each.get("rules", {}).get("dns", ())]


OUTSIDE = Peer(PeerKind.EXTERNAL, address="203.0.113.9")


def test_a_recorded_name_is_admitted_with_each_lookup_that_a_pods_search_list_makes_of_it():
    spec, _ = cilium(neighbor(DNS, 53, protocol=Protocol.UDP), neighbor(OUTSIDE, names=("a.b.c.example.com.",)))
    assert {"matchName": "a.b.c.example.com"} in [one for rule in spec["egress"] for one in rule.get("toFQDNs", ())]
    rules = dns_rules(spec)
    asked = ["a.b.c.example.com", "api", "api.shop", "db-0.db.shop.svc", "api.shop.svc.cluster.local"]
    for name in asked:
        for domain in ("shop.svc.cluster.local", "svc.cluster.local", "cluster.local"):
            assert any(matches(rule, f"{name}.{domain}") for rule in rules), (name, domain)
    assert any(matches(rule, asked[0]) for rule in rules)
    for other in (
        "example.com",
        "x.a.b.c.example.com",
        "evil.example",
        "cluster.local.evil.example",
        "a.b.c.example.org",
    ):
        assert not any(matches(rule, other) for rule in rules), other


@pytest.mark.parametrize("depth", [1, 7, 8, 12])
def test_a_recorded_name_below_a_search_domain_is_admitted_however_many_labels_it_has(depth):
    name = ".".join(["a"] * depth + ["amazonaws.com"])
    context = Context(search_domains=("cluster.local", "amazonaws.com"))
    found = neighbor(DNS, 53, protocol=Protocol.UDP), neighbor(OUTSIDE, names=(f"{name}.",))
    spec, _ = cilium(*found, context=context)
    assert any(matches(rule, name) for rule in dns_rules(spec))


def test_lookups_are_judged_where_the_recorded_dns_server_is_and_its_other_ports_are_not():
    found = [neighbor(DNS, port, protocol=one) for port, one in ((53, Protocol.UDP), (53, Protocol.TCP), (9153, "TCP"))]
    spec, _ = cilium(*found, neighbor(OUTSIDE, names=("a.example.com.",)))
    (rule,) = [one for one in spec["egress"] if "toEndpoints" in one]
    asked, other = rule["toPorts"]
    assert {port["port"] for port in asked["ports"]} == {"53"}
    assert asked["rules"]["dns"]
    assert other == {"ports": [{"port": "9153", "protocol": "TCP"}]}


def test_without_names_lookups_are_left_alone():
    spec, _ = cilium(neighbor(DNS, 53, protocol=Protocol.UDP), neighbor(OUTSIDE))
    assert dns_rules(spec) == []
    assert {"toCIDR": ["203.0.113.9/32"], "toPorts": [{"ports": [{"port": "443", "protocol": "TCP"}]}]} in spec[
        "egress"
    ]


def test_without_a_recorded_dns_server_a_name_is_no_use_and_it_is_said():
    spec, notes = cilium(neighbor(OUTSIDE, names=("a.example.com.",)))
    assert [list(rule) for rule in spec["egress"]] == [["toCIDR", "toPorts"]]
    assert any("no DNS server was recorded" in note for note in notes)


def test_what_came_in_is_never_admitted_by_a_name():
    incoming = neighbor(OUTSIDE, direction=Direction.INGRESS, names=("a.example.com.",))
    spec, _ = cilium(neighbor(DNS, 53, protocol=Protocol.UDP), incoming)
    assert [list(rule) for rule in spec["ingress"]] == [["fromCIDR", "toPorts"]]
    assert dns_rules(spec) == []


@pytest.mark.parametrize(
    ("namespaces", "expected"),
    [
        (Selector(), {"matchExpressions": [("k8s:io.kubernetes.pod.namespace", "Exists", None)]}),
        (
            Selector((("team", "a"),)),
            {"matchLabels": {"k8s:io.cilium.k8s.namespace.labels.team": "a"}, "matchExpressions": []},
        ),
        (
            Selector((), (Requirement("kubernetes.io/metadata.name", "NotIn", ("x",)),)),
            {
                "matchExpressions": [
                    ("k8s:io.kubernetes.pod.namespace", "Exists", None),
                    ("k8s:io.kubernetes.pod.namespace", "NotIn", ["x"]),
                ]
            },
        ),
        (
            Selector((), (Requirement("kubernetes.io/metadata.name", "In", ("x", "y")),)),
            {"matchExpressions": [("k8s:io.kubernetes.pod.namespace", "In", ["x", "y"])]},
        ),
    ],
)
def test_namespaces_are_told_by_the_labels_that_cilium_gives_to_their_pods(namespaces, expected):
    spec, _ = cilium(neighbor(Peer(PeerKind.WORKLOAD, "", APP, namespaces)))
    (found,) = spec["egress"][0]["toEndpoints"]
    assert found["matchLabels"] == {"k8s:app": "web"} | expected.get("matchLabels", {})
    told = [(one["key"], one["operator"], one.get("values")) for one in found.get("matchExpressions", ())]
    assert told == expected["matchExpressions"]


def test_an_address_in_the_cluster_of_which_nothing_more_is_known_is_told():
    entry = {"type": "internal", "ipAddress": "10.0.0.1", "ports": [{"port": 443, "protocol": "TCP"}]}
    document = to_document(account())
    document["spec"]["egress"] = [entry]
    spec, notes = cilium(*from_document(document).neighbors)
    assert [{name: rule[name] for name in rule if name != "toPorts"} for rule in spec["egress"]] == [
        {"toCIDR": ["10.0.0.1/32"]}
    ]
    assert any(note.startswith("to 10.0.0.1 TCP/443: Cilium matches no address in the cluster") for note in notes)


def accepted(documents):
    for document in documents:
        for direction, side in (("ingress", "from"), ("egress", "to")):
            rules = document["spec"].get(direction, [])
            assert len(rules) <= 25
            for rule in rules:
                assert 1 <= len(rule[side]) <= 25
                if rule["action"] == "Accept":
                    assert 1 <= len(rule["protocols"]) <= 25
                    yield from _pairs(direction, rule, side)


def _pairs(direction, rule, side):
    for peer in rule[side]:
        (name,) = peer
        assert len(peer.get("networks", ())) <= 25
        members = [repr(one) for one in peer["networks"]] if name == "networks" else [repr(peer[name])]
        for protocol in rule["protocols"]:
            ((word, told),) = protocol.items()
            number = told["destinationPort"]["number"]
            yield from ((direction, member, word.upper(), number) for member in members)


def cluster_peer(key):
    if key.peer.address:
        return repr(host_cidr(key.peer.address))
    own = Selector((("kubernetes.io/metadata.name", "shop"),))
    chosen = key.peer.namespace_selector or own
    return repr(
        {
            "namespaceSelector": {"matchLabels": dict(chosen.match_labels)},
            "podSelector": {"matchLabels": dict(key.peer.pod_selector.match_labels)},
        }
    )


@given(st.lists(neighbors_, min_size=1, max_size=120))
@settings(max_examples=100, deadline=None)
def test_cluster_policies_accept_what_was_recorded_and_then_deny_the_rest(found):
    documents, _ = as_kind("ClusterNetworkPolicy", *found)
    wanted = {
        (str(one.key.direction), cluster_peer(one.key), str(one.key.port.protocol), one.key.port.port)
        for one in found
        if one.key.direction is Direction.EGRESS or not one.key.peer.address
    }
    pairs = list(accepted(documents))
    assert len(pairs) == len(set(pairs))
    assert set(pairs) == wanted
    *accepting, denying = documents
    assert all(one["spec"]["priority"] < denying["spec"]["priority"] <= 1000 for one in accepting)
    assert {one["spec"]["tier"] for one in documents} == {"Baseline"}
    assert len({one["metadata"]["name"] for one in documents}) == len(documents)
    denied = {direction for direction in ("ingress", "egress") if direction in denying["spec"]}
    assert denied == {str(one.key.direction) for one in found}
    assert {rule["action"] for direction in denied for rule in denying["spec"][direction]} == {"Deny"}


def test_more_rules_than_an_object_holds_are_several_objects():
    found = [neighbor(Peer(PeerKind.EXTERNAL, address=f"203.0.113.{number}"), 1000 + number) for number in range(1, 60)]
    documents, _ = as_kind("ClusterNetworkPolicy", *found)
    assert [one["metadata"]["name"].removeprefix("shop.deployment-web") for one in documents] == [
        "",
        ".2",
        ".3",
        ".deny",
    ]
    assert [len(one["spec"]["egress"]) for one in documents] == [25, 25, 9, 1]


def test_what_cluster_policies_cannot_say_of_ingress_is_told():
    incoming = neighbor(OUTSIDE, direction=Direction.INGRESS)
    documents, notes = as_kind("ClusterNetworkPolicy", incoming)
    assert [one["metadata"]["name"] for one in documents] == ["shop.deployment-web.deny"]
    assert (
        "from 203.0.113.9 TCP/443: ClusterNetworkPolicy has no words for addresses that come in, and leaves them open"
        in notes
    )


@pytest.mark.parametrize("kind", ["NetworkPolicy", "GeneratedNetworkPolicy", "ClusterNetworkPolicy"])
def test_on_cilium_addresses_in_the_cluster_are_told_and_the_remedy_with_them(kind):
    found = [
        neighbor(Peer(PeerKind.NODE, "node/n1", address="172.30.0.11"), 9100),
        neighbor(Peer(PeerKind.API_SERVER, "default/kubernetes", address="10.96.0.1")),
        neighbor(OUTSIDE),
    ]
    _, silent = as_kind(kind, *found)
    _, told = as_kind(kind, *found, context=Context(network=CILIUM))
    (note,) = [one for one in told if one not in silent]
    assert note.startswith("to default/kubernetes TCP/443, to node/n1 TCP/9100: the cluster seems to run Cilium")
    assert note.endswith("use --kind CiliumNetworkPolicy")
    assert not any("seems to run Cilium" in one for one in as_kind("CiliumNetworkPolicy", *found)[1])


CASES = sorted((Path(__file__).parents[2] / "cases").glob("kind_*.case"))


@pytest.mark.parametrize("path", CASES, ids=lambda path: path.stem)
def test_the_cases_of_kinds_hold_no_other_kind(path):
    command, _, rest = path.read_text().partition("=== recorded\n")
    kind = re.search(r"--kind (\w+)", command)[1]
    stdout = rest.partition("=== stdout\n")[2].partition("=== stderr\n")[0]
    if "-o name" in command:
        return
    assert {one["kind"] for one in yaml.safe_load_all(stdout)} == {kind}


def test_the_first_kind_is_what_kubernetes_itself_enforces():
    (document,), _ = as_kind(next(iter(KINDS)), neighbor(OUTSIDE))
    check_policy(document)


def test_a_dns_servers_own_policy_tells_whom_a_proxy_would_ask_for():
    asked = neighbor(Peer(PeerKind.WORKLOAD, "shop/deployment/api", APP), 53, Direction.INGRESS, Protocol.UDP)
    _, notes = cilium(asked)
    assert any("DNS proxy is not transparent" in note for note in notes)
    assert not any("DNS proxy" in note for note in cilium(neighbor(DNS, 53, protocol=Protocol.UDP))[1])
