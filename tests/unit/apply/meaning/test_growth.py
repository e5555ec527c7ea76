"""What a comparison costs: twice the rules are about twice the work, however they and their ports lie."""

import sys

import pytest

from kubectl_netpol.apply.meaning.compare import compare
from kubectl_netpol.model import Protocol, Requirement, Selector
from kubectl_netpol.policy.evaluation.values import NetworkPolicy, PolicyPeer, PolicyPort, PolicyRule

EACH = 8  # ports of a rule


def host(number):
    return PolicyPeer(cidr=f"10.{number // 250}.{number % 250}.1/32")


def network(number):
    return PolicyPeer(cidr=f"10.{number // 250}.{number % 250}.0/24")


def app(number):
    return PolicyPeer(pods=Selector((("app", f"a{number}"),)))


def app_and_tier(number):
    return PolicyPeer(pods=Selector((("app", f"a{number}"), ("tier", "x"))))


def one_of_two_apps(number):
    return PolicyPeer(pods=Selector((), (Requirement("app", "In", (f"a{number}", f"z{number}")),)))


def same_ports(number):
    return [PolicyPort(Protocol.TCP, port, port) for port in range(1000, 1000 + EACH)]


def own_ports(number):
    return [PolicyPort(Protocol.TCP, port, port) for port in range(1 + number * EACH, 1 + (number + 1) * EACH)]


def own_range(number):
    return [PolicyPort(Protocol.TCP, 1 + number * EACH, (number + 1) * EACH)]


def policy(size, peer, ports):
    rules = tuple(PolicyRule((peer(number),), tuple(ports(number))) for number in range(size))
    return NetworkPolicy("shop", "web", Selector((("app", "web"),)), rules, None)


def steps(old, new):
    """How many calls a comparison makes, of functions in Python and in C: no time, so that no machine is too slow."""
    found = 0

    def count(frame, event, argument):
        nonlocal found
        found += event in ("call", "c_call")

    before = sys.getprofile()
    sys.setprofile(count)
    try:
        compare(old, new)
    finally:
        sys.setprofile(before)
    return found


@pytest.mark.parametrize(
    ("old", "new"),
    [
        pytest.param((one, ports), (other, ports), id=f"{one.__name__}-{other.__name__}-{ports.__name__}")
        for one, other in ((host, network), (app, app_and_tier), (app, one_of_two_apps))
        for ports in (same_ports, own_ports)
    ]
    + [pytest.param((host, own_range), (host, own_ports), id="range-single_ports")],
)
def test_twice_the_rules_are_about_twice_the_work(old, new):
    few, many = (steps(policy(size, *old), policy(size, *new)) for size in (30, 60))
    assert many < 2.5 * few


@pytest.mark.parametrize("other", [app_and_tier, one_of_two_apps])
def test_where_all_rules_have_the_same_ports_a_peer_is_not_judged_anew_at_each(other):
    grants = 30 * EACH
    assert steps(policy(30, app, same_ports), policy(30, other, same_ports)) < 500 * grants
