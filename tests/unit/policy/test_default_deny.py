"""A namespace's default-deny: which DNS it admits, and what is said of those whom it cuts off."""

from __future__ import annotations

from typing import Any

import pytest

from kubectl_netpol.cli.connection import Connection
from kubectl_netpol.cli.unheard import tell_unheard
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
    Workload,
)
from kubectl_netpol.policy.default_deny import with_default_deny
from kubectl_netpol.policy.generate import BOTH, Generated, generate
from tests.unit.cluster.server import played, said

OPENSHIFT = Peer(PeerKind.WORKLOAD, "openshift-dns/daemonset/dns", Selector((("dns", "default"),)))
OUTSIDE = Peer(PeerKind.EXTERNAL, address="192.0.2.1")
BUT_FOR_DNS = "default-deny cuts it off but for DNS"
FROM_DNS_TOO = "default-deny cuts it off, from DNS as well, since no answered DNS was recorded in its namespace"


def account(name: str, *to: tuple[Peer, Protocol, int]) -> NetworkNeighbors:
    keys = (NeighborKey(Direction.EGRESS, peer, Port(protocol, port)) for peer, protocol, port in to)
    workload = Workload("shop", "Deployment", name, "apps/v1")
    return NetworkNeighbors(workload, Selector((("app", name),)), tuple(Neighbor(key, Counts(1, 1)) for key in keys))


def denied(*to: tuple[Peer, Protocol, int], directions: tuple[Direction, ...] = BOTH) -> Generated:
    """With a workload that talks to these, and a quiet one."""
    accounts = [account("api", (OUTSIDE, Protocol.TCP, 443), *to), account("quiet")]
    return with_default_deny(generate(accounts), accounts, directions=directions)


@pytest.mark.parametrize(
    ("peer", "protocol", "port"),
    [
        (OPENSHIFT, Protocol.UDP, 5353),
        (OPENSHIFT, Protocol.TCP, 5353),
        (OPENSHIFT, Protocol.UDP, 53),
        (OUTSIDE, Protocol.UDP, 53),
    ],
)
def test_dns_stays_at_the_port_at_which_it_was_answered(peer, protocol, port):
    generated = denied((peer, protocol, port))
    (rule,) = generated.policies[-1].document["spec"]["egress"]
    assert rule["ports"] == [{"port": port, "protocol": str(protocol)}]
    assert f"{BUT_FOR_DNS}: it has no policy of its own" in [note.text for note in generated.notes]


@pytest.mark.parametrize(
    "to", [(), ((OUTSIDE, Protocol.UDP, 5353),), ((OPENSHIFT, Protocol.SCTP, 53),), ((OPENSHIFT, Protocol.TCP, 54),)]
)
def test_where_no_dns_was_answered_it_is_told_that_dns_is_cut_off_too(to):
    generated = denied(*to)
    assert generated.policies[-1].document["spec"]["egress"] == []
    texts = [note.text for note in generated.notes]
    assert f"{FROM_DNS_TOO}: it has no policy of its own" in texts
    assert not any(BUT_FOR_DNS in text for text in texts)


def test_a_default_deny_of_ingress_leaves_egress_open_and_says_nothing_of_dns():
    generated = denied(directions=(Direction.INGRESS,))
    spec = generated.policies[-1].document["spec"]
    assert spec == {"podSelector": {}, "policyTypes": ["Ingress"], "ingress": []}
    assert "default-deny cuts off its ingress: it has no policy of its own" in [note.text for note in generated.notes]


@pytest.mark.parametrize(
    ("to", "expected"),
    [
        ((), "default-deny cuts its egress off, from DNS as well, since no answered DNS was recorded in its namespace"),
        (((OPENSHIFT, Protocol.UDP, 5353),), "default-deny cuts its egress off but for DNS"),
    ],
    ids=["none", "dns"],
)
def test_a_default_deny_of_egress_leaves_ingress_open(to, expected):
    generated = denied(*to, directions=(Direction.EGRESS,))
    spec = generated.policies[-1].document["spec"]
    assert (spec["policyTypes"], "ingress" in spec, len(spec["egress"])) == (["Egress"], False, len(to))
    assert f"{expected}: it has no policy of its own" in [note.text for note in generated.notes]


@pytest.mark.parametrize(
    ("to", "expected"), [((), FROM_DNS_TOO), (((OPENSHIFT, Protocol.UDP, 5353),), BUT_FOR_DNS)], ids=["none", "dns"]
)
def test_who_was_never_heard_is_told_the_same(to, expected, tmp_path, capsys):
    deployment = {"metadata": {"name": "dark", "namespace": "shop", "uid": "u1"}, "spec": {"selector": {}}}

    def play(path: str, _: dict[str, str]) -> Any:
        if path.endswith("/selfsubjectaccessreviews"):
            return said({"status": {"allowed": True}})
        return said({"metadata": {}, "items": [deployment] if path.endswith("/deployments") else []})

    with played(play, tmp_path):
        connection = Connection(str(tmp_path / "config"), None, None, None, None, (), 5.0, ())
        tell_unheard(connection, [account("api")], denied(*to).policies)
    text = f"never heard, and {expected}; record it first if it is to work on"
    assert capsys.readouterr().err == f"note: deployment/dark in namespace shop: {text}\n"
