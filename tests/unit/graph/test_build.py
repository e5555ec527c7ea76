"""From accounts to a map: which places there are, and which edges."""

from random import Random

from kubectl_netpol.graph.build import build, judge
from kubectl_netpol.graph.keys import workload_key
from kubectl_netpol.graph.values import Coverage, GroupKind, State, Verdict
from kubectl_netpol.graph.verdicts import coverage, verdicts
from kubectl_netpol.known_servers.lookup import Lookup
from kubectl_netpol.known_servers.values import known_server
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
from tests import maps

HTTPS = Port(Protocol.TCP, 443)
WEB, API = Workload("shop", "Deployment", "web", "apps/v1"), Workload("shop", "Deployment", "api", "apps/v1")


def account(workload, *rows, **more):
    """Rows are a direction, a peer and counts, all of port 443."""
    neighbors = tuple(Neighbor(NeighborKey(direction, peer, HTTPS), counts) for direction, peer, counts in rows)
    return NetworkNeighbors(workload, Selector((("app", workload.name),)), neighbors, **more)


def asked(peer, answered=1, names=()):
    return Direction.EGRESS, peer, Counts(1, answered, names=names)


def paths(graph):
    return [place.key.path for place in graph.places]


def test_what_both_sides_tell_is_one_edge_with_the_counts_of_each():
    web = account(WEB, (Direction.EGRESS, Peer(PeerKind.WORKLOAD, "shop/deployment/api"), Counts(5, 4, 1, 10, 90)))
    api = account(API, (Direction.INGRESS, Peer(PeerKind.WORKLOAD, "shop/deployment/web"), Counts(4, 4, 0, 20, 95)))
    (edge,) = build([web, api], maps.no_servers).edges
    assert (edge.key.client, edge.key.server) == (workload_key(WEB), workload_key(API))
    assert (edge.client.attempts, edge.server.attempts) == (5, 4)
    assert edge.state is State.ANSWERED
    assert [one.workload for one in edge.accounts] == [WEB, API]


def test_an_edge_is_answered_when_either_side_saw_an_answer():
    peer = Peer(PeerKind.WORKLOAD, "shop/deployment/api")
    for answered, state in ((0, State.UNANSWERED), (1, State.ANSWERED)):
        assert build([account(WEB, asked(peer, answered))], maps.no_servers).edges[0].state is state


def test_addresses_of_one_dns_name_are_one_place_whoever_asked_for_the_name():
    web = account(WEB, asked(maps.at("203.0.113.1"), names=("api.example.",)), asked(maps.at("203.0.113.2")))
    api = account(API, asked(maps.at("203.0.113.2"), names=("api.example.",)))
    graph = build([web, api], maps.no_servers)
    assert paths(graph) == ["deployment/api", "deployment/web", "api.example"]
    assert graph.places[-1].addresses == ("203.0.113.1", "203.0.113.2")
    assert graph.places[-1].group.kind is GroupKind.OUTSIDE
    assert [edge.client.attempts for edge in graph.edges] == [1, 2]


def test_a_known_server_names_an_address_before_dns_does():
    lookup = Lookup([known_server("github", "203.0.113.0/24", "workflows", "github.com")])
    graph = build([account(WEB, asked(maps.at("203.0.113.1"), names=("api.example.",)))], lookup)
    assert paths(graph)[-1] == "workflows (github.com)"
    assert graph.places[-1].names == ("api.example.",)


def test_a_peer_that_is_only_a_selector_is_the_workload_that_has_it():
    pods = Selector((("app", "api"),))
    peer = Peer(PeerKind.WORKLOAD, "", pods)
    assert len(build([account(WEB, asked(peer)), account(API)], maps.no_servers).places) == 2
    alone = build([account(WEB, asked(peer))], maps.no_servers)
    assert paths(alone) == ["deployment/web", "pods/app=api"]
    labelled = Peer(PeerKind.WORKLOAD, "", pods, Selector((("team", "a"),)))
    elsewhere = build([account(WEB, asked(labelled)), account(API)], maps.no_servers).places[-1]
    assert elsewhere.key.path == "pods/app=api in namespaces with team=a"
    assert elsewhere.group.kind is GroupKind.UNKNOWN


def test_a_node_is_one_place_whether_it_is_the_pods_own_or_not():
    own = Direction.INGRESS, Peer(PeerKind.OWN_NODE, "node/n1", address="10.0.0.1"), Counts(1, 1)
    graph = build([account(WEB, own, asked(maps.at("10.0.0.9", PeerKind.NODE, "node/n1")))], maps.no_servers)
    assert paths(graph) == ["deployment/web", "node/n1"]
    assert graph.places[1].addresses == ("10.0.0.1", "10.0.0.9")


def test_an_address_that_a_document_calls_internal_is_neither_a_node_nor_outside():
    graph = build([account(WEB, asked(maps.at("10.244.1.5", PeerKind.WORKLOAD)))], maps.no_servers)
    assert (graph.places[-1].key.path, graph.places[-1].group.kind) == ("10.244.1.5", GroupKind.UNKNOWN)


def test_a_workload_without_neighbors_is_there_and_a_loss_is_told():
    graph = build([account(WEB, windows=(Window("e", 1, 2, "n", (("dns_lost", 3), ("other", 0))),))], maps.no_servers)
    assert (paths(graph), graph.places[0].losses, graph.places[0].is_recorded) == (
        ["deployment/web"],
        ("dns_lost",),
        True,
    )


def test_the_order_of_the_accounts_changes_nothing():
    accounts = maps.cluster().accounts()
    graph = build(accounts, maps.no_servers)
    Random(3).shuffle(accounts)
    other = build(accounts, maps.no_servers)
    assert other.places == graph.places
    assert [(edge.key, edge.client, edge.server) for edge in other.edges] == [
        (edge.key, edge.client, edge.server) for edge in graph.edges
    ]


def test_without_policies_nothing_is_judged_and_with_them_denied_wins():
    graph = build([account(WEB, asked(maps.at("203.0.113.1")))], maps.no_servers)
    assert judge(graph, None) is graph
    key = graph.edges[0].key
    found = judge(graph, {key: Verdict.DENIED}, {workload_key(WEB): Coverage(ingress=False, egress=True)})
    assert found.is_judged
    assert found.edges[0].state is State.DENIED
    assert [place.coverage for place in found.places] == [Coverage(ingress=False, egress=True), None]


def test_an_edge_is_denied_when_a_row_of_either_side_is():
    rows = [asked(maps.at(f"203.0.113.{number}")) for number in range(3)]
    accounts = [account(WEB, *rows)]
    graph = build(accounts, maps.no_servers)
    denied, untold = ({(WEB, NeighborKey(Direction.EGRESS, rows[number][1], HTTPS))} for number in (0, 1))
    told = verdicts(graph, denied, untold)
    assert list(told.values()) == [Verdict.DENIED, Verdict.UNTOLD, Verdict.ALLOWED]
    isolated = coverage(accounts, lambda one, direction: one.workload == WEB and direction is Direction.EGRESS)
    found = judge(graph, told, isolated)
    assert [edge.state for edge in found.edges] == [State.DENIED, State.ANSWERED, State.ANSWERED]
    assert found.places[0].coverage == Coverage(ingress=False, egress=True)
