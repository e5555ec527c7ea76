"""What the entries of a document may say of labels, peers and kinds, and what is refused."""

import re

import pytest

from kubectl_netpol.errors import InputError
from kubectl_netpol.model import PeerKind
from kubectl_netpol.neighbors.document_input import from_document

PORTS = [{"name": "TCP-80", "port": 80, "protocol": "TCP"}]


def document(kind="NetworkNeighbors", metadata=(), **spec):
    return {
        "apiVersion": "spdx.softwarecomposition.kubescape.io/v1beta1",
        "kind": kind,
        "metadata": {
            "namespace": "shop",
            "labels": {"kubescape.io/workload-kind": "Deployment", "kubescape.io/workload-name": "web"},
            **dict(metadata),
        },
        "spec": {"matchLabels": {"app": "web"}, "ingress": [], "egress": [], **spec},
    }


def entry(**fields):
    return {"type": "internal", "ports": PORTS, **fields}


def read(found):
    return from_document(found, "f.yaml: document 2:")


def refused(found):
    with pytest.raises(InputError) as raised:
        read(found)
    return raised.value.message


KEYS = ["a b", "", "/a", "a/", "A.b/c", "a/b/c", "-a", "a_", "x" * 64, "a..b/c", "é", f"{'d.' * 126}dd/a", "a\n"]
VALUES = ["a b", "-a", "a.", "x" * 64, "é", "a/b", "a\n"]


@pytest.mark.parametrize("key", KEYS)
def test_a_key_that_kubernetes_refuses_is_named_with_its_field(key):
    expressions = [{"key": key, "operator": "Exists"}]
    for place, found in {
        "spec.matchLabels.": document(matchLabels={"app": "web", key: "x"}),
        "spec.matchExpressions[0].key": document(matchExpressions=expressions),
        "spec.egress[0].podSelector.matchLabels.": document(egress=[entry(podSelector={"matchLabels": {key: "x"}})]),
        "spec.ingress[0].namespaceSelector.matchExpressions[0].key": document(
            ingress=[entry(namespaceSelector={"matchExpressions": expressions})]
        ),
    }.items():
        message = refused(found)
        assert message.startswith(f"f.yaml: document 2: {place}")
        assert "is not a label's key" in message


@pytest.mark.parametrize("value", VALUES)
def test_a_value_that_kubernetes_refuses_is_named_with_its_field(value):
    expressions = [{"key": "tier", "operator": "NotIn", "values": ["a", value]}]
    for place, found in {
        "spec.matchLabels.app": document(matchLabels={"app": value}),
        "spec.matchExpressions[0].values": document(matchExpressions=expressions),
        "spec.egress[0].podSelector.matchLabels.app": document(
            egress=[entry(podSelector={"matchLabels": {"app": value}})]
        ),
        "spec.egress[0].podSelector.matchExpressions[0].values": document(
            egress=[entry(podSelector={"matchExpressions": expressions})]
        ),
    }.items():
        assert re.match(re.escape(f"f.yaml: document 2: {place} is not a label's value"), refused(found))


@pytest.mark.parametrize(
    ("key", "value"), [("a", ""), ("A_.b", "x" * 63), (f"{'d.' * 126}d/{'n' * 63}", "1e3"), ("e-x.io/A", "Z-_.z")]
)
def test_labels_at_the_limits_are_taken_as_they_are(key, value):
    assert read(document(matchLabels={key: value})).selector.match_labels == ((key, value),)


@pytest.mark.parametrize("absent", [{}, {"spec": None}])
def test_a_document_without_a_spec_is_refused(absent):
    found = {name: value for name, value in document().items() if name != "spec"} | absent
    assert refused(found) == "f.yaml: document 2: spec is missing"


def test_one_direction_may_be_absent_and_both_may_not():
    found = document(egress=[entry(ipAddress="10.0.0.1")])
    del found["spec"]["ingress"]
    assert len(read(found).neighbors) == 1
    del found["spec"]["egress"]
    assert refused(found) == "f.yaml: document 2: spec has neither ingress nor egress"
    assert read(document(ingress=None, egress=None)).neighbors == ()


@pytest.mark.parametrize("absent", [{}, {"type": None}, {"type": ""}])
def test_an_entry_without_a_type_is_read_by_what_it_names(absent):
    one = {"ports": PORTS, "ipAddress": "10.0.0.1", "podSelector": {"matchLabels": {"app": "api"}}} | absent
    kinds = {bool(found.key.peer.address): found.key.peer.kind for found in read(document(egress=[one])).neighbors}
    assert kinds == {True: PeerKind.EXTERNAL, False: PeerKind.WORKLOAD}
    assert "spec.egress[0].type" in refused(document(egress=[one | {"type": "outside"}]))


def test_a_namespace_that_the_label_contradicts_is_refused():
    labels = document()["metadata"]["labels"] | {"kubescape.io/workload-namespace": "bank"}
    message = refused(document(metadata={"labels": labels}))
    assert message.startswith("f.yaml: document 2: metadata.namespace is not bank, which the label")
    assert read(document(metadata={"labels": labels, "namespace": None})).workload.namespace == "bank"
    assert read(document(metadata={"labels": labels, "namespace": "bank"})).workload.namespace == "bank"


def test_a_dns_name_belongs_to_the_addresses_of_its_entry_or_else_to_its_pods():
    pods = entry(dns="api.shop.svc.", podSelector={"matchLabels": {"app": "api"}})
    (found,) = read(document(egress=[pods])).neighbors
    assert found.counts.names == ("api.shop.svc.",)
    both = read(document(egress=[pods | {"ipAddress": "10.0.0.1"}])).neighbors
    assert {bool(found.key.peer.address): found.counts.names for found in both} == {True: ("api.shop.svc.",), False: ()}
