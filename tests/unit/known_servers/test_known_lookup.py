"""Blocks, addresses and which block wins; the oracle is Python's own ipaddress, one block after the other."""

import ipaddress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kubectl_netpol.errors import InputError
from kubectl_netpol.known_servers.lookup import Lookup, rank
from kubectl_netpol.known_servers.values import (
    check_document_name,
    has_host_bits,
    known_server,
    parse_address,
    parse_block,
)


@pytest.mark.parametrize(
    ("written", "canonical"),
    [
        ("142.250.1.100/24", "142.250.1.0/24"),
        ("10.0.0.1", "10.0.0.1/32"),
        ("2001:DB8:0:0::1", "2001:db8::1/128"),
        ("2001:db8::1/32", "2001:db8::/32"),
        ("::ffff:10.1.2.3", "10.1.2.3/32"),
        ("::ffff:10.1.2.3/120", "10.1.2.0/24"),
        ("::ffff:0a01:0203/120", "10.1.2.0/24"),
        ("::ffff:1.2.3.4/96", "0.0.0.0/0"),
        ("::1/0", "::/0"),
        ("255.255.255.255/1", "128.0.0.0/1"),
    ],
)
def test_blocks_have_one_canonical_form(written, canonical):
    assert parse_block(written).cidr == canonical


@pytest.mark.parametrize(
    "text",
    [
        "", "/", "/24", "10.0.0.0/", "10.0.0/8", "10.0.0.0/33", "10.0.0.0/024", "10.0.0.0/+8", "10.0.0.0/255.0.0.0",
        "010.0.0.1", "10.0.0.256", "１0.0.0.1", "10.0.0.1/２４", " 10.0.0.1", "10.0.0.1\n", "fe80::1%eth0",
        "fe80::1%eth0/64", "2001:db8::/129", "::ffff:1.2.3.4/95", "example.com", "1:2", "10.0.0.0/8/8",
        "10.0.0.0/-1",
        "0x0a000001",
    ],
)  # fmt: skip
def test_what_is_no_block_is_refused_in_one_line(text):
    with pytest.raises(InputError) as caught:
        parse_block(text)
    assert "\n" not in caught.value.message
    assert caught.value.hint


@given(st.ip_addresses(), st.data())
def test_blocks_agree_with_ipaddress(address, data):
    length = data.draw(st.integers(0, address.max_prefixlen))
    if getattr(address, "ipv4_mapped", None) is not None:
        return
    expected = ipaddress.ip_network(f"{address}/{length}", strict=False)
    block = parse_block(f"{address}/{length}")
    assert block.cidr == str(expected)
    assert has_host_bits(known_server("a", f"{address}/{length}")) == (expected.network_address != address)
    assert parse_block(block.cidr) == block


@given(st.text(max_size=40))
def test_no_text_breaks_the_parsers(text):
    for parse in (parse_address, parse_block, check_document_name):
        try:
            parse(text)
        except InputError as error:
            assert error.message.isprintable()


def blocks():
    """Few addresses and all lengths, so that nesting and equality are common."""
    v4 = st.tuples(st.integers(0, 15).map(lambda n: ipaddress.IPv4Address(n << 28 | n)), st.integers(1, 32))
    v6 = st.tuples(st.integers(0, 15).map(lambda n: ipaddress.IPv6Address(n << 124 | n << 60)), st.integers(1, 128))
    return (v4 | v6).map(lambda pair: f"{pair[0]}/{pair[1]}")


def servers():
    word = st.sampled_from(["", "a", "b"])
    return st.lists(st.builds(known_server, st.sampled_from(["x", "y"]), blocks(), word, word), max_size=30)


@given(servers(), blocks())
def test_the_most_specific_block_wins_and_all_holders_are_told(known, block):
    address = ipaddress.ip_address(block.partition("/")[0])
    held = [server for server in known if address in ipaddress.ip_network(server.cidr)]
    held.sort(key=lambda server: (-ipaddress.ip_network(server.cidr).prefixlen, rank(server)))
    lookup = Lookup(known)
    assert lookup.holders(str(address)) == tuple(held)
    assert lookup(str(address)) == (held[0] if held else None)


@given(servers(), blocks(), st.randoms())
def test_the_order_of_entries_decides_nothing(known, block, random):
    address = block.partition("/")[0]
    winner = Lookup(known)(address)
    shuffled = list(known)
    random.shuffle(shuffled)
    assert Lookup(shuffled)(address) == winner


def test_of_equal_blocks_the_first_document_wins_then_the_label_then_the_server_and_empty_comes_last():
    words = [("a", "", ""), ("a", "label", ""), ("a", "label", "host"), ("b", "a", "a")]
    known = [known_server(document, "10.0.0.0/8", name, server) for document, name, server in words]
    ranked = Lookup(known).holders("10.1.1.1")
    assert [(s.document, s.name, s.server) for s in ranked] == [words[2], words[1], words[0], words[3]]


def test_a_mapped_address_is_looked_up_as_ipv4():
    lookup = Lookup([known_server("github", "142.250.1.100/24", "github-workflows", "github.com")])
    winner = lookup("::ffff:142.250.1.104")
    assert winner is not None
    assert (winner.cidr, winner.server) == ("142.250.1.0/24", "github.com")
    assert lookup("142.250.2.1") is None
    assert lookup("2001:db8::1") is None
    with pytest.raises(InputError):
        lookup("github.com")


@pytest.mark.parametrize("text", ["a\nb", "a\u2028b", "\x1b[31m", "x" * 254, "\u202egnp"])
def test_texts_that_could_break_out_of_a_comment_or_a_terminal_are_refused(text):
    with pytest.raises(InputError) as caught:
        known_server("a", "10.0.0.1", text)
    assert caught.value.message.isascii()
