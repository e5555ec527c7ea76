"""Every policy that is generated, from whatever a document may hold, is one that Kubernetes takes."""

import json
import re
from pathlib import Path

import pytest
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st

from kubectl_netpol.errors import InputError
from kubectl_netpol.known_servers.lookup import Lookup
from kubectl_netpol.known_servers.values import known_server
from kubectl_netpol.neighbors.collection import read_all
from kubectl_netpol.policy.generate import Options, generate
from kubectl_netpol.policy.generated import to_generated
from kubectl_netpol.render.document import to_yaml

from .kubernetes_schema import check_policy, check_schema

CASES = sorted((Path(__file__).parents[2] / "cases").glob("*.case"))
NAMES = ("", "api.example.com.", "evil.\n  x: 1", "a # b", "\u2028\u202e\x85\x1b[2J", "*/ '\"", "é" * 400)
GITHUB = known_server("github", "142.250.1.100/24", "workflows # é", "github.com")
ODD = known_server("odd", "2001:db8::/32", "# x: y", "")
TEXTS = ("a", "1e3", "on", "x.y", "", "null", "0x1f", "1_000", "2024-01-01", "No", "x" * 63)


def labels(*keys):
    return st.dictionaries(st.sampled_from(keys), st.sampled_from(TEXTS), max_size=2)


def expressions():
    sets = st.fixed_dictionaries(
        {
            "key": st.sampled_from(["tier", "example.com/zone"]),
            "operator": st.sampled_from(["In", "NotIn"]),
            "values": st.lists(st.sampled_from(TEXTS), min_size=1, max_size=3),
        }
    )
    bare = st.fixed_dictionaries(
        {"key": st.just("tier"), "operator": st.sampled_from(["Exists", "DoesNotExist"]), "values": st.just([])}
    )
    return st.lists(sets | bare, max_size=2)


def selector(*keys):
    return st.fixed_dictionaries({}, optional={"matchLabels": labels(*keys), "matchExpressions": expressions()})


ports = st.fixed_dictionaries(
    {
        "name": st.just("x"),
        "port": st.integers(1, 65535),
        "protocol": st.sampled_from(["TCP", "UDP", "SCTP", "udp"]),
    }
)
addresses = st.sampled_from(
    ["142.250.1.104", "142.250.1.9", "::ffff:142.250.1.104", "10.0.0.1", "2001:DB8::1", "198.51.100.7"]
)
spans = st.sampled_from(["*", "10.0.0.5/8", "0.0.0.0/0", "2001:db8::/32", "192.0.2.1/32"])
pods, namespaces = selector("app", "pod-template-hash"), selector("kubernetes.io/metadata.name")
types = st.sampled_from(["internal", "external"])
without_peer = st.fixed_dictionaries(
    {"type": types, "ports": st.lists(ports, max_size=3)},
    optional={"dns": st.sampled_from(NAMES), "dnsNames": st.lists(st.sampled_from(NAMES), max_size=3) | st.none()},
)
peers = st.fixed_dictionaries(
    {},
    optional={
        "ipAddress": addresses | st.just(""),
        "ipAddresses": st.lists(addresses | spans, max_size=2) | st.none(),
        "podSelector": pods | st.none(),
        "namespaceSelector": namespaces | st.none(),
        "serviceRefName": st.sampled_from(["", "gate"]),
        "entity": st.sampled_from(["", "host"]),
    },
)
one_peer = st.one_of(
    st.builds(dict, ipAddress=addresses),
    st.builds(dict, ipAddresses=st.lists(addresses | spans, min_size=1, max_size=2)),
    st.builds(dict, podSelector=pods),
    st.builds(dict, namespaceSelector=namespaces),
    st.just({"serviceRefName": "gate"}),
    st.just({"entity": "host"}),
)
entries = st.builds(lambda *parts: parts[0] | parts[1] | parts[2], without_peer, peers, one_peer)
admissible = st.builds(
    lambda entry, peer, found: {**entry, **peer, "ports": found},
    without_peer,
    st.builds(dict, ipAddress=addresses) | st.builds(dict, podSelector=st.just({"matchLabels": {"app": "x"}})),
    st.lists(ports, min_size=1, max_size=3),
)


def document(kind, number, ingress, egress):
    lists = {"ingress": ingress, "egress": egress}
    spec = {"matchLabels": {"app": f"w{number}", "controller-revision-hash": "x"}}
    if kind == "NetworkNeighborhood":
        spec |= {"containers": [{"name": "c", "egress": egress}], "initContainers": [{"name": "i", "ingress": ingress}]}
    return {
        "apiVersion": "spdx.softwarecomposition.kubescape.io/v1beta1",
        "kind": kind,
        "metadata": {
            "name": f"replicaset-w{number}-5d9f",
            "namespace": "shop",
            "labels": {
                "kubescape.io/workload-kind": "Deployment",
                "kubescape.io/workload-name": f"w{number}",
                "kubescape.io/workload-api-group": "apps",
                "kubescape.io/workload-api-version": "v1",
            },
        },
        "spec": spec if kind == "NetworkNeighborhood" else spec | lists,
    }


def documents_with(sure):
    lists = st.lists(entries, max_size=2)
    directions = st.tuples(lists, lists, sure, st.booleans())
    return st.builds(
        lambda kind, number, found: document(
            kind, number, found[0] + [found[2]] * found[3], found[1] + [found[2]] * (not found[3])
        ),
        st.sampled_from(["NetworkNeighbors", "NetworkNeighborhood", "ContainerProfile"]),
        st.integers(0, 2),
        directions,
    )


@given(st.lists(documents_with(admissible), min_size=1, max_size=4), st.booleans(), st.randoms(use_true_random=False))
@settings(max_examples=250, deadline=None)
def test_every_policy_is_one_that_kubernetes_takes_and_is_the_same_in_any_order(found, everyone, random):
    options, lookup = Options(allow_empty_selector=everyone), Lookup([GITHUB, ODD])
    accounts = read_all((f"f: document {number}:", one) for number, one in enumerate(found, 1))
    policies = generate(accounts, options, lookup).policies
    assert len(policies) == len({one["metadata"]["name"] for one in found})
    shuffled = found * 2
    random.shuffle(shuffled)
    again = generate(read_all(("f:", one) for one in shuffled), options, lookup)
    assert again.policies == policies
    for policy in policies:
        text = to_yaml([policy.document], [policy.comments])
        assert text.isascii()
        assert yaml.safe_load(text) == policy.document
        check_policy(policy.document)
        _check_references(to_generated(policy).document)


@given(st.lists(documents_with(admissible), max_size=2), documents_with(without_peer))
@settings(max_examples=60, deadline=None)
def test_an_entry_without_a_peer_is_refused_wherever_it_stands(found, wrong):
    with pytest.raises(InputError) as raised:
        read_all((f"f: document {number}:", one) for number, one in enumerate([*found, wrong], 1))
    assert re.match(rf"f: document {len(found) + 1}: spec\..*(in|e)gress\[\d\] has neither", raised.value.message)


def _check_references(generated):
    text = to_yaml([generated])
    assert yaml.safe_load(text) == generated
    cidrs = set(re.findall(r"cidr': '([^']+)", str(generated["spec"]["spec"])))
    for entry in generated["policyRef"]:
        assert set(entry) == {"name", "dns", "ipBlock", "originalIP", "server"}
        assert entry["ipBlock"] in cidrs
        assert entry["dns"] in NAMES
        assert entry["dns"] or entry["name"] or entry["server"]
    known = [entry for entry in generated["policyRef"] if entry["server"] == "github.com"]
    assert {entry["ipBlock"] for entry in known} <= {"142.250.1.0/24"}
    assert ("142.250.1.0/24" in cidrs) == bool(known)


@pytest.mark.parametrize("path", CASES, ids=lambda path: path.stem)
def test_what_the_cases_print_is_valid(path):
    stdout = path.read_text().partition("=== stdout\n")[2].partition("=== stderr\n")[0]
    if path.stem.startswith("neighbors") or ("apiVersion: " not in stdout and '"apiVersion"' not in stdout):
        return
    for found in yaml.safe_load_all(stdout):
        for one in found["items"] if found["kind"] == "List" else [found]:
            if one["kind"] in ("NetworkPolicy", "GeneratedNetworkPolicy"):  # of others test_kinds judges
                check_policy(one["spec"] if one["kind"] == "GeneratedNetworkPolicy" else one)


def test_the_schema_refuses_what_kubernetes_would():
    good = {
        "apiVersion": "networking.k8s.io/v1",
        "kind": "NetworkPolicy",
        "metadata": {"name": "a", "namespace": "b", "labels": {}},
        "spec": {
            "podSelector": {},
            "policyTypes": ["Egress"],
            "egress": [{"ports": [{"port": 1, "protocol": "TCP"}], "to": [{"ipBlock": {"cidr": "10.0.0.0/8"}}]}],
        },
    }
    check_policy(good)
    for wrong in (
        '"cidrs"',
        '"port": "x", "ports"',
        '"cidr": 1',
        '"cidr": "10.0.0.1/8"',
        '"cidr": null',
        '"matchLabel"',
    ):
        name = wrong.partition(":")[0].strip('"')
        text = json.dumps(good)
        text = text.replace('"podSelector": {}', '"podSelector": {"matchLabel": {}}') if name == "matchLabel" else text
        text = text.replace('"cidr": "10.0.0.0/8"', wrong if ":" in wrong else f'{wrong}: "10.0.0.0/8"')
        text = text if text != json.dumps(good) else text.replace('"ports"', wrong)
        with pytest.raises((AssertionError, ValueError, TypeError)):
            check_policy(json.loads(text))
    with pytest.raises(AssertionError):
        check_schema([])
