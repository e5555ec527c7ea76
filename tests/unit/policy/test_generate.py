"""A policy allows exactly what was answered: whatever order and duplication the input has."""

from dataclasses import replace
from ipaddress import ip_network

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from kubectl_netpol.errors import InputError
from kubectl_netpol.known_servers.lookup import Lookup
from kubectl_netpol.known_servers.values import KnownServer
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
    Selector,
    Window,
    Workload,
)
from kubectl_netpol.neighbors.document import is_expressible
from kubectl_netpol.policy.generate import Options, generate
from kubectl_netpol.policy.naming import policy_name
from kubectl_netpol.policy.references import Reference

WEB = Workload("shop", "Deployment", "web", "apps/v1")
APP = Selector((("app", "web"),))
BOTH = (Direction.INGRESS, Direction.EGRESS)


def labels(*pairs):
    return Selector(tuple(pairs))


def neighbor(peer, port=443, direction=Direction.EGRESS, answered=1, protocol=Protocol.TCP, names=()):
    return Neighbor(NeighborKey(direction, peer, Port(protocol, port)), Counts(1, answered, 0, 1, 2, names=names))


def account(*neighbors, **changes):
    return replace(NetworkNeighbors(WEB, APP, tuple(neighbors)), **changes)


def allowed(document):
    """Every (direction, protocol, port, peer) that a policy allows, as hashable values, with repetition."""
    found = []
    for direction, side in (("ingress", "from"), ("egress", "to")):
        for rule in document["spec"].get(direction, ()):
            assert rule["ports"]
            assert rule[side]
            found += [
                (direction, port["protocol"], port["port"], repr(peer)) for port in rule["ports"] for peer in rule[side]
            ]
    return found


def peer_document(peer):
    if peer.address or peer.block:
        return {"ipBlock": {"cidr": str(ip_network(peer.address or peer.block))}}
    document = {}
    if peer.namespace_selector is not None:
        document["namespaceSelector"] = {"matchLabels": dict(peer.namespace_selector.match_labels)}
    if peer.pod_selector is not None:
        document["podSelector"] = {"matchLabels": dict(peer.pod_selector.match_labels)}
    return document


selectors = st.sampled_from([labels(("app", "a")), labels(("app", "b")), labels(("app", "a"), ("tier", "x"))])
namespaces = st.none() | st.sampled_from([labels(("kubernetes.io/metadata.name", name)) for name in "xyz"])
pods = st.builds(Peer, st.just(PeerKind.WORKLOAD), st.sampled_from(["", "n"]), selectors, namespaces)
everyone = st.builds(Peer, st.just(PeerKind.WORKLOAD), st.just("all"), st.sampled_from([None, Selector()]), namespaces)
addresses = st.sampled_from(["10.0.0.1", "10.0.0.2", "203.0.113.9", "2001:db8::1", "2001:db8::a"])
hosts = st.builds(
    Peer, st.sampled_from([kind for kind in PeerKind if kind is not PeerKind.WORKLOAD]), address=addresses
)
blocks = st.builds(Peer, st.just(PeerKind.EXTERNAL), block=st.sampled_from(["10.0.0.0/8", "::/0", "203.0.113.0/24"]))
neighbors_ = st.builds(
    neighbor,
    pods | hosts | everyone | blocks,
    st.sampled_from([0, 53, 80, 443, 65535]),
    st.sampled_from(Direction),
    st.integers(0, 2),
    st.sampled_from(Protocol),
)


@given(st.lists(neighbors_, max_size=25), st.randoms(use_true_random=False), st.booleans())
@settings(max_examples=200, deadline=None)
def test_a_policy_allows_exactly_what_was_answered(found, random, include):
    options = Options(include_unanswered=include)
    wanted = {
        (str(one.key.direction), str(one.key.port.protocol), one.key.port.port, repr(peer_document(one.key.peer)))
        for one in found
        if is_expressible(one.key) and (one.is_answered or include)
    }
    first = generate([account(*found)], options)
    again = list(found) * 2
    random.shuffle(again)
    second = generate([account(*again)], options)
    assert first.policies == second.policies
    if not wanted:
        assert first.policies == ()
        assert first.notes
        return
    (policy,) = first.policies
    given = allowed(policy.document)
    assert len(given) == len(set(given))
    assert set(given) == wanted
    assert policy.document["spec"]["policyTypes"] == [
        direction.capitalize() for direction in BOTH if any(item[0] == direction for item in wanted)
    ]


def test_peers_with_the_same_ports_share_one_rule():
    a, b = (Peer(PeerKind.WORKLOAD, pod_selector=labels(("app", name))) for name in "ab")
    found = account(neighbor(a, 80), neighbor(b, 443), neighbor(b, 80), neighbor(a, 443))
    (policy,) = generate([found]).policies
    (rule,) = policy.document["spec"]["egress"]
    assert [port["port"] for port in rule["ports"]] == [80, 443]
    assert len(rule["to"]) == 2


def test_a_direction_whose_traffic_no_policy_can_express_is_not_isolated():
    found = account(
        neighbor(Peer(PeerKind.UNKNOWN, address="10.9.9.9")),
        neighbor(Peer(PeerKind.WORKLOAD, pod_selector=APP), direction=Direction.INGRESS),
    )
    generated = generate([found])
    assert generated.policies[0].document["spec"]["policyTypes"] == ["Ingress"]
    assert any("10.9.9.9" in note.text for note in generated.notes)


def test_own_nodes_probes_make_no_policy_and_no_noise():
    probes = neighbor(Peer(PeerKind.OWN_NODE, address="10.0.0.1"), direction=Direction.INGRESS)
    generated = generate([account(probes)])
    assert generated.policies == ()
    assert [note.text for note in generated.notes] == [
        "no policy: nothing that a policy can admit was answered; record for longer"
    ]


def test_a_known_server_widens_its_addresses_to_one_block_and_keeps_them_in_the_references():
    lookup = Lookup([KnownServer("142.250.1.0/24", "142.250.1.100/24", "github-workflows", "github.com", "github")])
    peers = [Peer(PeerKind.EXTERNAL, address=f"142.250.1.{number}") for number in (104, 9)]
    found = account(neighbor(peers[0], names=("github.com.",)), neighbor(peers[1]), neighbor(peers[1], 22))
    (policy,) = generate([found], Options(), lookup).policies
    (rule,) = policy.document["spec"]["egress"]
    assert rule["to"] == [{"ipBlock": {"cidr": "142.250.1.0/24"}}]
    assert [port["port"] for port in rule["ports"]] == [22, 443]
    assert policy.references == (
        Reference("142.250.1.0/24", "142.250.1.104", "github.com.", "github-workflows", "github.com"),
        Reference("142.250.1.0/24", "142.250.1.9", "", "github-workflows", "github.com"),
    )


def test_two_workloads_with_the_same_policy_name_are_refused():
    other = replace(WEB, api_version="example.com/v1")
    one = neighbor(Peer(PeerKind.EXTERNAL, address="203.0.113.9"))
    with pytest.raises(InputError, match="deployment-web"):
        generate([account(one), account(one, workload=other)])
    assert len(generate([account(one), account(one, workload=replace(other, namespace="x"))]).policies) == 2


@given(st.text(min_size=1, max_size=300), st.text(min_size=1, max_size=80))
@settings(deadline=None)
def test_a_policys_name_is_always_a_dns_label(kind, name):
    label = policy_name(Workload("shop", kind, name))
    assert 0 < len(label) <= 63
    assert set(label) <= set("abcdefghijklmnopqrstuvwxyz0123456789-")
    assert not label.startswith("-")
    assert not label.endswith("-")


def test_names_that_are_shortened_alike_stay_apart():
    names = [policy_name(Workload("shop", "Deployment", "x" * 100 + end)) for end in "ab"]
    assert names[0] != names[1]
    assert policy_name(Workload("shop", "Pod", "a.b")) != policy_name(Workload("shop", "Pod", "a-b"))


def test_a_workload_that_only_volatile_labels_tell_gets_a_policy_and_a_note():
    found = account(neighbor(Peer(PeerKind.EXTERNAL, address="10.0.0.1")))
    volatile = replace(found, selector=Selector((("pod-template-hash", "5d9f"),)))
    notes = [str(note) for note in generate([volatile]).notes]
    assert any("pod-template-hash=5d9f: only labels that change with each roll-out or run" in note for note in notes)
    assert not any("only labels" in str(note) for note in generate([found]).notes)


HEARD = (Window("agent", 1, 2),)
UNFINISHED = (Window("shop/web", 0, 0, losses=(("status=learning", 1),)),)


@pytest.mark.parametrize("options", [Options(), Options(allow_empty_selector=True)])
def test_a_recorded_workload_without_known_labels_has_no_policy_and_others_have_theirs(options):
    found = neighbor(Peer(PeerKind.EXTERNAL, address="203.0.113.9"))
    unknown = account(found, selector=Selector(), windows=HEARD)
    other = replace(account(found, windows=HEARD), workload=replace(WEB, name="api"))
    generated = generate([unknown, other], options)
    assert [policy.workload.name for policy in generated.policies] == ["api"]
    (text,) = [note.text for note in generated.notes if note.workload == WEB]
    assert text == (
        "no policy: no lasting labels are known that select its pods; import again with an --inventory that has it, "
        "or give its pods a label and record it again"
    )


@pytest.mark.parametrize(
    "changes",
    [{"source": "in.yaml"}, {"windows": UNFINISHED}, {"windows": HEARD, "workload": replace(WEB, kind="Pod")}],
    ids=["document", "unfinished document", "pod"],
)
def test_an_empty_selector_that_is_known_is_refused_unless_it_is_allowed(changes):
    one = account(neighbor(Peer(PeerKind.EXTERNAL, address="203.0.113.9")), selector=Selector(), **changes)
    with pytest.raises(InputError, match="selects every pod"):
        generate([one])
    (policy,) = generate([one], Options(allow_empty_selector=True)).policies
    assert policy.document["spec"]["podSelector"] == {}


def test_a_peer_without_known_labels_leads_to_no_rule_for_a_whole_namespace():
    unknown = Peer(PeerKind.WORKLOAD, "shop/deployment/web", Selector())
    bare = Peer(PeerKind.WORKLOAD, "shop/pod/bare", Selector())
    texts = [note.text for note in generate([account(neighbor(unknown), neighbor(bare))]).notes]
    assert [text for text in texts if "left out" in text] == [
        "to shop/deployment/web TCP/443 left out: no lasting labels of its pods are known, and a rule would admit "
        "every pod of that namespace",
        "to shop/pod/bare TCP/443 left out: the peer's selector is empty and would admit every pod "
        "(--allow-empty-selector does)",
    ]


@pytest.mark.parametrize(
    ("peer", "cidr", "references"),
    [
        (Peer(PeerKind.API_SERVER, "default/kubernetes", address="203.0.113.9"), "203.0.113.9/32", 0),
        (Peer(PeerKind.NODE, "node/n1", address="203.0.113.9"), "203.0.113.9/32", 0),
        (Peer(PeerKind.NODE_LOCAL, "node-local", address="203.0.113.9"), "203.0.113.9/32", 0),
        (Peer(PeerKind.NODE, address="203.0.113.9"), "203.0.113.0/24", 1),
        (Peer(PeerKind.WORKLOAD, address="203.0.113.9"), "203.0.113.0/24", 1),  # what a document calls internal
        (Peer(PeerKind.EXTERNAL, address="203.0.113.9"), "203.0.113.0/24", 1),
    ],
)
def test_no_known_server_widens_a_rule_for_the_api_server_or_a_node(peer, cidr, references):
    lookup = Lookup([KnownServer("203.0.113.0/24", "203.0.113.7/24", "cloud", "cloud.example", "cloud")])
    generated = generate([account(neighbor(peer))], lookup=lookup)
    (policy,) = generated.policies
    (rule,) = policy.document["spec"]["egress"]
    assert rule["to"] == [{"ipBlock": {"cidr": cidr}}]
    assert len(policy.references) == references
    told = [*(one.text for one in policy.comments), *(note.text for note in generated.notes)]
    assert any("cloud" in text or "203.0.113.7/24" in text for text in told) == bool(references)
