"""Whom ``check --explain`` takes an address for, recorded or not, with and without a cluster."""

from pathlib import Path

import pytest

from kubectl_netpol.cli.check_explain import explain_flow
from kubectl_netpol.cli.options import Scope
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
from kubectl_netpol.policy.evaluation.values import NetworkPolicy, PodEnd, PolicyPeer, PolicyRule
from kubectl_netpol.policy.replay.ends import OFFLINE, World

SCOPE = Scope(Path(), "", "shop", "", 0)
OUTSIDE = NeighborKey(Direction.EGRESS, Peer(PeerKind.EXTERNAL, address="192.168.7.1"), Port(Protocol.TCP, 443))
ACCOUNTS = [
    NetworkNeighbors(
        Workload("shop", "Deployment", name, "apps/v1"), Selector((("app", name),)), flows, labels=(("app", name),)
    )
    for name, flows in (("api", ()), ("web", (Neighbor(OUTSIDE, Counts(1, 1)),)))
]
APP = Selector((("app", "api"),))
NO_INGRESS = NetworkPolicy("shop", "in", APP, (), None)
NO_EGRESS = NetworkPolicy("shop", "out", APP, None, ())
TO_EVERY_POD = NetworkPolicy("shop", "pods", Selector(), None, (PolicyRule((PolicyPeer(None, Selector()),)),))
API_POD = PodEnd("shop", "api-1", (("app", "api"),), (), ("10.244.1.5", "fd00::5"), "n1")
PROXY = PodEnd("shop", "proxy-1", (("app", "proxy"),), (), ("10.0.0.1",), "n1", host_network=True)
LIVE = World(
    pods={"shop/deployment/api": (API_POD,), "shop/daemonset/proxy": (PROXY,)},
    nodes={"10.0.0.1": "n1", "10.0.0.2": "n2"},
)


def explained(flow, *policies, world=OFFLINE):
    found = explain_flow(flow, ACCOUNTS, policies, world, SCOPE)
    return found.answer, "\n".join(line.text for walk in found.walks for line in walk.lines)


@pytest.mark.parametrize("address", ["10.244.1.5", "[fd00::5]"])
def test_the_address_of_a_living_pod_is_that_pod_to_either_side(address):
    answer, text = explained(f"deploy/web -> {address}:8080", NO_INGRESS, world=LIVE)
    assert (answer, "shop/networkpolicy/in isolates it" in text) == (False, True)
    answer, text = explained(f"{address} -> deploy/web:8080", NO_EGRESS, world=LIVE)
    assert (answer, "shop/networkpolicy/out isolates it" in text) == (False, True)


def test_the_address_of_a_node_is_the_nodes_also_where_a_pod_is_in_its_network():
    assert explained("deploy/web -> 10.0.0.1:8080", NO_INGRESS, world=LIVE)[0] is True
    assert explained("10.0.0.1 -> pod/api-1:8080", NO_INGRESS, world=LIVE)[0] is True
    assert explained("10.0.0.2 -> pod/api-1:8080", NO_INGRESS, world=LIVE)[0] is False


@pytest.mark.parametrize("address", ["10.244.1.5", "10.96.0.7", "[2001:db8::7]"])
def test_whose_an_address_is_that_nobody_recorded_is_not_guessed(address):
    answer, text = explained(f"deploy/web -> {address}:8080", NO_INGRESS)
    assert (answer, text.endswith("this side is not judged (--live tells)")) == (None, True)
    answer, text = explained(f"deploy/web -> {address}:8080", TO_EVERY_POD)
    assert (answer, f"depends on whose address {address} was (--live tells)" in text) == (None, True)
    answer, text = explained(f"{address} -> deploy/api:8080", NO_INGRESS)
    assert (answer, "it may be the pod's own node" in text) == (None, True)


def test_an_address_that_no_living_pod_has_may_be_a_services_and_no_connection_comes_from_those():
    answer, text = explained("deploy/web -> 10.96.0.7:8080", NO_INGRESS, world=LIVE)
    assert (answer, text.endswith("this side is not judged")) == (None, True)
    answer, text = explained("10.96.0.7 -> deploy/api:8080", NO_INGRESS, world=LIVE)
    assert (answer, "10.96.0.7 is no pod" in text) == (False, True)


@pytest.mark.parametrize("address", ["192.168.7.1", "8.8.8.8", "169.254.20.10"])
@pytest.mark.parametrize("world", [OFFLINE, LIVE])
def test_what_was_recorded_as_no_pods_and_what_can_be_none_is_outside(address, world):
    answer, text = explained(f"deploy/api -> {address}:443", NO_INGRESS, world=world)
    assert (answer, f"{address} is no pod" in text) == (True, True)


def test_where_no_policy_isolates_anybody_it_does_not_matter_whose_an_address_is():
    assert explained("deploy/web -> 10.96.0.7:8080", NO_EGRESS)[0] is True
    assert explained("deploy/api -> 10.96.0.7:8080", NO_EGRESS)[0] is False
