"""Blocks of external addresses: exact ones admit exactly what was seen, the others say how much more they admit."""

import re
from ipaddress import ip_address, ip_network

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from kubectl_netpol.errors import InputError
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
    Workload,
)
from kubectl_netpol.policy.aggregation import Announced, Exact, Prefixes, widen
from kubectl_netpol.policy.announcements import read_announcements
from kubectl_netpol.policy.generate import Options, generate
from kubectl_netpol.policy.generated import to_generated
from kubectl_netpol.policy.rules import no_servers

WEB = Workload("shop", "Deployment", "web", "apps/v1")
ORIGINS = (int(ip_address("203.0.113.248")), int(ip_address("2001:db8::fff8")))

near = st.builds(lambda origin, offset: str(ip_address(origin + offset)), st.sampled_from(ORIGINS), st.integers(0, 15))
pairs = st.lists(
    st.tuples(
        st.sampled_from(Direction),
        st.sampled_from([PeerKind.EXTERNAL, PeerKind.EXTERNAL, PeerKind.EXTERNAL, PeerKind.NODE]),
        near,
        st.sampled_from([53, 80, 443]),
    ),
    min_size=1,
    max_size=60,
)


def account(found):
    neighbors = tuple(
        Neighbor(NeighborKey(direction, Peer(kind, address=address), Port(Protocol.TCP, port)), Counts(1, 1, 0, 1, 2))
        for direction, kind, address, port in found
    )
    return NetworkNeighbors(WEB, Selector((("app", "web"),)), neighbors)


def rules_of(document):
    for direction, side in (("ingress", "from"), ("egress", "to")):
        for rule in document["spec"].get(direction, ()):
            for peer in rule[side]:
                yield direction, peer["ipBlock"]["cidr"], [port["port"] for port in rule["ports"]]


def admitted(document):
    return {
        (direction, str(address), port)
        for direction, cidr, ports in rules_of(document)
        for address in ip_network(cidr)
        for port in ports
    }


@given(pairs)
@settings(max_examples=200, deadline=None)
def test_exact_blocks_admit_exactly_the_pairs_of_address_and_port_that_were_seen(found):
    generated = generate([account(found)], Options(aggregate=Exact()))
    assert admitted(generated.policies[0].document) == {(str(way), address, port) for way, _, address, port in found}
    assert not any("widened" in str(note) for note in generated.notes)


@given(pairs)
@settings(max_examples=100, deadline=None)
def test_no_two_exact_blocks_with_the_same_ports_could_be_one(found):
    external = [one for one in found if one[1] is PeerKind.EXTERNAL]
    if not external:
        return
    (policy,) = generate([account(external)], Options(aggregate=Exact())).policies
    seen = [(way, ip_network(cidr), tuple(ports)) for way, cidr, ports in rules_of(policy.document)]
    for way, block, ports in seen:
        if block.prefixlen:
            sibling = next(one for one in block.supernet().subnets() if one != block)
            assert (way, sibling, ports) not in seen


@given(pairs, st.integers(1, 32), st.integers(1, 128))
@settings(max_examples=100, deadline=None)
def test_blocks_of_a_length_hold_what_was_seen_and_tell_the_surplus(found, ipv4, ipv6):
    generated = generate([account(found)], Options(aggregate=Prefixes(ipv4, ipv6)))
    blocks = [(way, ip_network(cidr), ports) for way, cidr, ports in rules_of(generated.policies[0].document)]
    for way, kind, address, port in found:
        bits = (ipv6 if ":" in address else ipv4) if kind is PeerKind.EXTERNAL else ip_address(address).max_prefixlen
        wanted = ip_network(f"{address}/{bits}", strict=False)
        assert any(way == one and block == wanted and port in ports for one, block, ports in blocks)
    widened = widen(account(found).neighbors, no_servers, Prefixes(ipv4, ipv6))
    told = {one.direction: (one.addresses, one.pairs) for one in widened.surplus()}
    for direction in Direction:
        mine = {
            (ip_network(f"{address}/{ipv6 if ':' in address else ipv4}", strict=False), address, port)
            for way, kind, address, port in found
            if way is direction and kind is PeerKind.EXTERNAL
        }
        addresses = {block: block.num_addresses for block, _, _ in mine}
        pairs = {(block, port): block.num_addresses for block, _, port in mine}
        more = sum(addresses.values()) - len({one for _, one, _ in mine}), sum(pairs.values()) - len(mine)
        assert told.get(direction, (0, 0)) == more


@given(pairs)
@settings(max_examples=200, deadline=None)
def test_the_surplus_counts_each_pair_of_address_and_port_that_was_not_seen_once(found):
    external = [one for one in found if one[1] is PeerKind.EXTERNAL]
    if not external:
        return
    nested = Announced({"203.0.113.240/28": "", "203.0.113.248/30": "", "203.0.113.249/32": "", "2001:db8::/120": ""})
    (policy,) = generate([account(external)], Options(tuple(Direction), aggregate=nested)).policies
    told = {one.direction: one.pairs for one in widen(account(external).neighbors, no_servers, nested).surplus()}
    seen = {(str(way), address, port) for way, _, address, port in external}
    unseen = [way for way, *_ in admitted(policy.document) - seen]
    assert told == {way: unseen.count(way) for way in Direction if way in unseen}


def test_the_surplus_is_told_for_each_direction_that_is_isolated():
    found = [(way, PeerKind.EXTERNAL, "203.0.113.9", 443) for way in Direction]
    notes = [str(note) for note in generate([account(found)], Options(aggregate=Prefixes(24))).notes]
    assert [note.partition("shop: ")[2] for note in notes] == [
        f"{way} is widened to 203.0.113.0/24: 255 addresses more than were seen" for way in Direction
    ]
    one = generate([account(found)], Options((Direction.EGRESS,), aggregate=Prefixes(31)))
    assert [str(note) for note in one.notes if "widened" in str(note)] == [
        "deployment/web in namespace shop: egress is widened to 203.0.113.8/31: 1 address more than were seen"
    ]


@pytest.mark.parametrize(
    ("length", "ports", "expected"),
    [
        (31, (80, 5432), "2 pairs of an address and a port more than were seen"),
        (30, (80, 5432), "2 addresses, and 6 pairs of an address and a port, more than were seen"),
        (30, (80, 80), "2 addresses more than were seen"),
        (31, (80, 80), None),
        (32, (80, 5432), None),
    ],
)
def test_ports_that_a_block_was_not_seen_with_everywhere_are_told(length, ports, expected):
    found = [(Direction.EGRESS, PeerKind.EXTERNAL, f"203.0.113.{n}", port) for n, port in enumerate(ports)]
    notes = generate([account(found)], Options((Direction.EGRESS,), aggregate=Prefixes(length))).notes
    told = [note.text for note in notes if "widened" in note.text]
    assert told == ([f"egress is widened to 203.0.113.0/{length}: {expected}"] if expected else [])


def test_a_known_server_keeps_its_block_whatever_is_aggregated():
    lookup = Lookup([known_server("github", "203.0.113.8/30", "", "")])
    found = [(Direction.EGRESS, PeerKind.EXTERNAL, f"203.0.113.{number}", 443) for number in (9, 12, 13)]
    (policy,) = generate([account(found)], Options(aggregate=Exact()), lookup).policies
    assert [cidr for _, cidr, _ in rules_of(policy.document)] == ["203.0.113.8/30", "203.0.113.12/31"]


def test_the_references_repeat_the_block_and_keep_the_address():
    names = Counts(1, 1, 0, 1, 2, names=("a.example.com.",))
    neighbors = tuple(
        Neighbor(NeighborKey(way, Peer(PeerKind.EXTERNAL, address=address), Port(Protocol.TCP, 443)), names)
        for way, address in (
            (Direction.EGRESS, "203.0.113.8"),
            (Direction.EGRESS, "203.0.113.9"),
            (Direction.INGRESS, "203.0.113.9"),
        )
    )
    one = NetworkNeighbors(WEB, Selector((("app", "web"),)), neighbors)
    (policy,) = generate([one], Options(aggregate=Exact())).policies
    found = [(entry["ipBlock"], entry["originalIP"]) for entry in to_generated(policy).document["policyRef"]]
    assert found == [
        ("203.0.113.8/31", "203.0.113.8"),
        ("203.0.113.8/31", "203.0.113.9"),
        ("203.0.113.9/32", "203.0.113.9"),
    ]


def test_of_a_table_the_most_specific_block_holds_and_what_none_holds_stays_alone():
    table = Announced({"203.0.112.0/20": "AS1", "203.0.113.0/24": "AS2 x", "2001:db8::/32": "AS3"})
    addresses = dict.fromkeys(("203.0.113.9", "203.0.112.9", "2001:db8::9", "198.51.100.1"), frozenset())
    assert table.blocks(addresses) == {
        "203.0.113.9": "203.0.113.0/24",
        "203.0.112.9": "203.0.112.0/20",
        "2001:db8::9": "2001:db8::/32",
    }
    assert table.label("203.0.113.0/24") == "AS2 x"


def test_a_table_is_lines_of_block_number_and_name():
    lines = [
        "# a comment",
        "",
        "142.250.0.0/15 AS15169 Google  LLC ",
        "2001:DB8::/32\tas64496",
        "10.0.0.0/8 1",
        "10.0.0.0/8 2",
    ]
    assert read_announcements(lines, "f") == {
        "142.250.0.0/15": "AS15169 Google  LLC",
        "2001:db8::/32": "AS64496",
        "10.0.0.0/8": "AS1",
    }


@pytest.mark.parametrize(
    ("line", "problem"),
    [
        ("10.0.0.0/8", "f: line 1: has no AS number after its block"),
        ("10.0.0.0/8 ASx", "f: line 1: has no AS number after its block"),
        ("10.0.0.0/8 4294967296", "f: line 1: has no AS number after its block"),
        ("10.0.0.1/8 1", "f: line 1: '10.0.0.1/8' is no block of addresses, without host bits"),
        ("10.0.0.1 1", "f: line 1: '10.0.0.1' is no block that a network announces"),
        ("::/0 1", "f: line 1: '::/0' is no block that a network announces"),
        ("# nothing", "f: holds no block"),
    ],
)
def test_a_line_that_says_something_else_is_refused(line, problem):
    with pytest.raises(InputError, match=f"^{re.escape(problem)}$"):
        read_announcements([line], "f")
