"""NetworkNeighbors documents: the reference's format out and in, and nothing lost between."""

import copy
import json
from dataclasses import replace

import pytest
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st

from kubectl_netpol.errors import InputError
from kubectl_netpol.model import (
    Counts,
    Direction,
    Mark,
    Neighbor,
    NeighborKey,
    NetworkNeighbors,
    Peer,
    PeerKind,
    PodLife,
    Port,
    Protocol,
    Requirement,
    Selector,
    Window,
    Workload,
)
from kubectl_netpol.neighbors.collection import read_all
from kubectl_netpol.neighbors.document import is_expressible, to_document, to_list
from kubectl_netpol.neighbors.document_input import from_document
from kubectl_netpol.neighbors.recording import order

API = Selector((("app", "api"),))
KUBE_SYSTEM = Selector((("kubernetes.io/metadata.name", "kube-system"),))


def neighbor(peer, port=443, protocol=Protocol.TCP, direction=Direction.EGRESS, **counts):
    counts = {"attempts": 2, "answered": 2, "first": 5, "last": 9} | counts
    return Neighbor(NeighborKey(direction, peer, Port(protocol, port)), Counts(**counts))


def account(*neighbors):
    ordered = tuple(sorted(neighbors, key=lambda one: order(one.key)))
    window = Window("e", 1, 9, "node-1", (("dns_lost", 2),))
    workload = Workload("shop", "Deployment", "web", "apps/v1")
    return NetworkNeighbors(workload, Selector((("app", "web"),)), ordered, (window,), False, (("app", "web"),))


def test_the_spec_holds_one_entry_per_peer_with_all_its_ports():
    peer = Peer(PeerKind.WORKLOAD, "kube-system/deployment/coredns", API, KUBE_SYSTEM)
    document = to_document(account(neighbor(peer, 53, Protocol.UDP), neighbor(peer, 53), neighbor(peer, 9153)))
    (entry,) = document["spec"]["egress"]
    assert len(entry.pop("identifier")) == 64
    assert entry == {
        "type": "internal",
        "dns": "",
        "ipAddress": "",
        "namespaceSelector": {"matchLabels": {"kubernetes.io/metadata.name": "kube-system"}},
        "podSelector": {"matchLabels": {"app": "api"}},
        "ports": [
            {"name": "TCP-53", "port": 53, "protocol": "TCP"},
            {"name": "TCP-9153", "port": 9153, "protocol": "TCP"},
            {"name": "UDP-53", "port": 53, "protocol": "UDP"},
        ],
    }


def test_an_outside_address_keeps_its_name_verbatim():
    peer = Peer(PeerKind.EXTERNAL, address="16.171.184.118")
    (entry,) = to_document(account(neighbor(peer, names=("report.armo.cloud.",))))["spec"]["egress"]
    assert (entry["type"], entry["dns"], entry["ipAddress"]) == ("external", "report.armo.cloud.", "16.171.184.118")
    assert entry["podSelector"] is None
    assert entry["namespaceSelector"] is None


def test_what_was_not_answered_or_cannot_be_allowed_stands_under_status_only():
    found = account(
        neighbor(Peer(PeerKind.EXTERNAL, address="203.0.113.1"), answered=0),
        neighbor(Peer(PeerKind.EXTERNAL, address="203.0.113.1"), 0, Protocol.ICMP),
        neighbor(Peer(PeerKind.UNKNOWN, address="10.9.9.9")),
        neighbor(Peer(PeerKind.OWN_NODE, address="10.0.0.1"), direction=Direction.INGRESS),
        neighbor(Peer(PeerKind.WORKLOAD, "all", Selector())),
    )
    document = to_document(found)
    assert document["spec"]["egress"] == document["spec"]["ingress"] == []
    assert len(document["status"]["neighbors"]) == 5


def test_an_identifier_depends_on_the_entry_and_on_nothing_else():
    peer = Peer(PeerKind.WORKLOAD, "shop/deployment/api", API)
    identifiers = [
        to_document(account(neighbor(peer, port, attempts=attempts)))["spec"]["egress"][0]["identifier"]
        for port, attempts in ((80, 2), (80, 7), (81, 2))
    ]
    assert identifiers[0] == identifiers[1] != identifiers[2]


def test_several_documents_are_a_list():
    assert to_list([{"a": 1}]) == {"apiVersion": "v1", "kind": "List", "items": [{"a": 1}]}


pairs = st.dictionaries(st.sampled_from("abc"), st.sampled_from("xyz"), min_size=1, max_size=2)
requirements = st.builds(
    Requirement, st.sampled_from("ab"), st.sampled_from(["In", "NotIn"]), st.sampled_from([("x",), ("x", "y")])
) | st.builds(Requirement, st.sampled_from("ab"), st.sampled_from(["Exists", "DoesNotExist"]))
selectors = st.builds(
    Selector,
    pairs.map(lambda found: tuple(sorted(found.items()))),
    st.lists(requirements, max_size=2, unique=True).map(lambda found: tuple(sorted(found))),
)
workloads = st.builds(Peer, st.just(PeerKind.WORKLOAD), st.sampled_from(["", "n"]), selectors, st.none() | selectors)
addresses = st.sampled_from(["10.0.0.1", "2001:db8::1", "203.0.113.4"])
hosts = st.builds(
    Peer, st.sampled_from([kind for kind in PeerKind if kind is not PeerKind.WORKLOAD]), address=addresses
)
counts = st.builds(
    Counts,
    st.integers(0, 9),
    st.integers(0, 2),
    st.integers(0, 9),
    st.integers(0, 1 << 50),
    st.integers(0, 1 << 50),
    st.frozensets(st.sampled_from(Mark)),
    st.lists(st.sampled_from(["a.", "b."]), unique=True).map(lambda found: tuple(sorted(found))),
)
keys = st.builds(
    NeighborKey,
    st.sampled_from(Direction),
    workloads | hosts,
    st.builds(Port, st.sampled_from(list(Protocol)[:3]), st.integers(1, 65535)) | st.just(Port(Protocol.ICMP, 0)),
)
mets = st.builds(lambda answered, first, last: Counts(answered, answered, 0, first, last), *[st.integers(0, 9)] * 3)
rows = st.dictionaries(keys, st.tuples(counts, st.none() | mets), max_size=6)
lives = st.builds(PodLife, st.sampled_from("xyz"), st.sampled_from(["", "n1"]), st.integers(0, 9), st.integers(0, 9))
accounts = st.builds(
    lambda found, differing, pods, accounted, since: replace(
        account(*(Neighbor(key, counts, met) for key, (counts, met) in found.items())),
        differing=differing,
        pods=tuple(pods),
        accounted=accounted,
        since=since,
    ),
    rows,
    st.frozensets(st.sampled_from(["role", "tier"])),
    st.lists(lives, unique_by=lambda life: life.name).map(lambda found: sorted(found, key=lambda life: life.name)),
    st.tuples(st.integers(0, 9), st.integers(1, 9)) | st.just((0, 0)),
    st.integers(0, 9),
)


@given(accounts)
@settings(max_examples=60, deadline=None)
def test_our_own_documents_are_read_without_loss(found):
    document = to_document(found)
    assert from_document(document) == found
    assert to_document(from_document(json.loads(json.dumps(document)))) == document


def test_labels_in_which_two_documents_of_a_workload_differ_are_known_as_such():
    one, other = account(), replace(account(), labels=(("app", "web"), ("role", "a")))
    bare = to_document(account()) | {"status": {}}  # another program's says nothing of labels
    (found,) = read_all([("a:", to_document(one)), ("b:", to_document(other)), ("c:", bare)])
    assert found.differing == {"role"}
    (found,) = read_all([("b:", to_document(other)), ("c:", bare)])
    assert (found.labels, found.differing) == (other.labels, frozenset())


@pytest.mark.parametrize("marks", [(), (Mark.EXISTING,)])
def test_of_two_documents_what_was_met_in_either_was_met(marks):
    key = NeighborKey(Direction.EGRESS, Peer(PeerKind.EXTERNAL, address="203.0.113.4"), Port(Protocol.TCP, 443))
    met, found = Counts(9, 9, 0, 10, 90), Counts(2, 2, 0, 5, 95, frozenset(marks))
    documents = [to_document(account(Neighbor(key, one))) for one in (met, found)]
    for each in (documents, documents[::-1]):
        (both,) = read_all([(f"{number}:", one) for number, one in enumerate(each)])
        (neighbor,) = both.neighbors
        assert neighbor.met == (met if marks else None)


def test_a_pod_that_one_of_two_documents_heard_was_heard():
    deaf = replace(account(), pods=(PodLife("web-0", "n1", 9), PodLife("web-1", "n1", 5)))
    heard = replace(account(), pods=(PodLife("web-0", "n1", 4, 4),))
    (found,) = read_all([("a:", to_document(deaf)), ("b:", to_document(heard))])
    assert found.pods == (PodLife("web-0", "n1", 9, 4), PodLife("web-1", "n1", 5))


@pytest.mark.parametrize(
    "pods",
    [
        [{"name": "x"}, {"name": "x"}],
        [{"node": "n1"}],
        [{"name": "x", "heard": -1}],
        [{"name": "x", "lived": "y"}],
        "x",
    ],
)
def test_pods_that_are_none_are_refused(pods):
    document = to_document(account())
    document["status"]["pods"] = pods
    with pytest.raises(InputError, match="pods"):
        from_document(document)


@given(accounts)
@settings(max_examples=40, deadline=None)
def test_the_spec_alone_says_what_was_answered(found):
    document = to_document(found)
    del document["status"]
    again = from_document(document)
    assert all(one.is_answered and is_expressible(one.key) for one in again.neighbors)
    assert to_document(again)["spec"] == document["spec"]


def test_an_entry_that_was_taken_out_by_hand_is_gone():
    kept, dropped = (neighbor(Peer(PeerKind.EXTERNAL, address=f"203.0.113.{number}")) for number in (1, 2))
    document = to_document(account(kept, dropped))
    document["spec"]["egress"] = [e for e in document["spec"]["egress"] if e["ipAddress"] == "203.0.113.1"]
    assert from_document(document).neighbors == (kept,)


REFERENCE = """
apiVersion: spdx.softwarecomposition.kubescape.io/v1beta1
kind: NetworkNeighbors
metadata:
  annotations: {kubescape.io/status: complete}
  creationTimestamp: "2023-12-11T17:16:58Z"
  labels:
    kubescape.io/workload-api-group: apps
    kubescape.io/workload-api-version: v1
    kubescape.io/workload-kind: deployment
    kubescape.io/workload-name: operator
    kubescape.io/workload-namespace: kubescape
  name: deployment-operator
  namespace: kubescape
spec:
  egress:
  - dns: ""
    identifier: ad98a9e0
    ipAddress: ""
    namespaceSelector: null
    podSelector: {matchLabels: {app: otel-collector}}
    ports: [{name: TCP-4317, port: 4317, protocol: TCP}]
    type: internal
  - dns: report.armo.cloud.
    identifier: 83260a3b
    ipAddress: 16.171.184.118
    namespaceSelector: null
    podSelector: null
    ports: [{name: TCP-443, port: 443, protocol: TCP}]
    type: external
  - dns: ""
    identifier: d3e4abc9
    ipAddress: 10.128.0.90
    ports: [{name: TCP-443, port: 443, protocol: TCP}]
    type: internal
  ingress: []
  matchLabels: {app.kubernetes.io/name: operator}
"""


def test_the_reference_document_is_read():
    found = from_document(yaml.safe_load(REFERENCE))
    assert found.workload == Workload("kubescape", "Deployment", "operator", "apps/v1")
    assert found.selector == Selector((("app.kubernetes.io/name", "operator"),))
    peers = {one.key.peer.address or one.key.peer.pod_selector: one for one in found.neighbors}
    assert set(peers) == {"10.128.0.90", "16.171.184.118", Selector((("app", "otel-collector"),))}
    assert peers["16.171.184.118"].counts.names == ("report.armo.cloud.",)
    assert all(one.is_answered for one in found.neighbors)


def test_of_an_internal_address_it_is_not_guessed_what_has_it_and_the_document_stays_what_it_is():
    found = from_document(yaml.safe_load(REFERENCE))
    (internal,) = (one.key.peer for one in found.neighbors if one.key.peer.address == "10.128.0.90")
    assert internal == Peer(PeerKind.WORKLOAD, address="10.128.0.90")
    again = from_document(to_document(found))
    assert again == found
    assert to_document(again) == to_document(found)


def places(value, path=()):
    yield path
    items = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for key, inner in items:
        yield from places(inner, (*path, key))


values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=3),
    lambda inner: st.lists(inner, max_size=2) | st.dictionaries(st.text(max_size=3), inner, max_size=2),
)


@given(st.data(), values)
@settings(max_examples=120, deadline=None)
def test_a_document_with_one_wrong_part_is_read_or_refused_by_its_field(data, planted):
    peer = Peer(PeerKind.WORKLOAD, "n", API, KUBE_SYSTEM)
    document = copy.deepcopy(
        to_document(account(neighbor(peer), neighbor(Peer(PeerKind.EXTERNAL, address="203.0.113.1"))))
    )
    path = data.draw(st.sampled_from(list(places(document))[1:]))
    target = document
    for step in path[:-1]:
        target = target[step]
    target[path[-1]] = planted
    try:
        found = from_document(document, "file.yaml: document 1")
    except InputError as error:
        assert error.message.startswith("file.yaml: document 1")
        assert error.hint
        return
    assert isinstance(found, NetworkNeighbors)


@pytest.mark.parametrize("document", [None, [], "x", 1, {}, {"kind": "Pod"}, {"kind": "NetworkNeighbors"}])
def test_what_is_no_document_is_refused(document):
    with pytest.raises(InputError):
        from_document(document)
