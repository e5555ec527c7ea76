"""What is told about blocks when they are added."""

from ipaddress import ip_network

from hypothesis import given
from hypothesis import strategies as st

from kubectl_netpol.known_servers.overlap import remarks
from kubectl_netpol.known_servers.values import known_server


def test_host_bits_equal_and_nested_blocks_are_told_and_others_are_not():
    present = [
        known_server("lan", "10.0.0.0/8", "office"),
        known_server("a", "142.250.1.0/24", "x"),
        known_server("far", "192.0.2.0/24"),
        known_server("six", "::/8"),
    ]
    assert remarks(present, [known_server("github", "142.250.1.100/24", "", "github.com")]) == [
        "142.250.1.100/24 has host bits: it stands for 142.250.1.0/24",
        "142.250.1.0/24 is known 2 times: a: x wins, by its name's order",
    ]
    assert remarks(present, [known_server("b", "10.1.0.0/16")]) == [
        "10.1.0.0/16 lies within 10.0.0.0/8 (lan: office) and, more specific, wins there"
    ]
    assert remarks(present, [known_server("b", "128.0.0.0/1")]) == [
        "128.0.0.0/1 holds 2 known blocks, which are more specific"
    ]
    assert remarks(present, [known_server("b", "172.16.0.1"), known_server("b", "2001:db8::/32")]) == []


def test_added_blocks_are_compared_with_each_other():
    added = [known_server("a", "10.0.0.0/8"), known_server("a", "10.0.0.1")]
    assert remarks([], added) == [
        "10.0.0.0/8 holds 1 known block, which is more specific",
        "10.0.0.1/32 lies within 10.0.0.0/8 (a) and, more specific, wins there",
    ]


octets = st.integers(0, 3).map(lambda n: n << 6)
blocks = st.builds(
    lambda a, b, length: f"{a}.{b}.0.0/{length}", octets, octets, st.sampled_from([1, 2, 8, 9, 10, 16, 32])
)
some = st.lists(st.builds(known_server, st.sampled_from(["a", "b"]), blocks), max_size=8, unique=True)


@given(some, some)
def test_each_new_block_is_told_of_what_it_holds_equals_or_lies_within(present, added):
    added = [server for server in added if server not in present]
    lines = remarks(present, added)
    for server in added:
        network = ip_network(server.cidr)
        others = [ip_network(other.cidr) for other in [*present, *added] if other is not server]
        inner = sum(other.subnet_of(network) and other != network for other in others)
        assert any(line.startswith(f"{network} holds {inner} known") for line in lines) == (inner > 0)
        outer = [other for other in others if network.subnet_of(other) and other != network]
        nearest = max(outer, key=lambda other: other.prefixlen, default=None)
        assert any(line.startswith(f"{network} lies within {nearest} ") for line in lines) == bool(outer)
        equals = others.count(network) + 1
        assert any(line.startswith(f"{network} is known {equals} times") for line in lines) == (equals > 1)
