"""The demo's name server answers real clients, and stays silent to what is no query."""

from __future__ import annotations

import dns.flags
import dns.message
import dns.rcode
import dns.rdatatype
import pytest
from hypothesis import given
from hypothesis import strategies as st

from kubectl_netpol.demo.dns_server import answer, answer_udp, frame, split_stream


def ask(name: str, kind: str = "A", reply=answer) -> dns.message.Message:
    return dns.message.from_wire(reply(dns.message.make_query(name, kind).to_wire()))


def values(message: dns.message.Message, kind: str) -> list[str]:
    wanted = dns.rdatatype.from_text(kind)
    return sorted(item.to_text() for found in message.answer if found.rdtype == wanted for item in found)


def test_an_alias_is_followed_to_its_address():
    reply = ask("API.github.com.")
    assert values(reply, "CNAME") == ["edge.github.com."]
    assert values(reply, "A") == ["142.250.1.104"]


def test_a_name_without_the_asked_type_has_an_empty_answer():
    assert ask("db.shop.svc.cluster.local.", "AAAA").answer == []
    assert ask("db.shop.svc.cluster.local.", "AAAA").rcode() == dns.rcode.NOERROR
    assert values(ask("cache.shop.svc.cluster.local.", "AAAA"), "AAAA") == ["fd00:10:244::30"]


def test_an_unknown_name_does_not_exist():
    assert ask("nowhere.example.com.").rcode() == dns.rcode.NXDOMAIN


def test_what_is_too_long_for_a_datagram_is_truncated_and_whole_over_tcp():
    short, whole = ask("many.example.com.", reply=answer_udp), ask("many.example.com.")
    assert short.flags & dns.flags.TC and not short.answer
    assert not whole.flags & dns.flags.TC and len(values(whole, "A")) == 200


@given(st.binary(max_size=600))
def test_any_bytes_are_answered_or_ignored(junk: bytes):
    for reply in (answer(junk), answer_udp(junk)):
        assert reply == b"" or dns.message.from_wire(reply).flags & dns.flags.QR


@given(st.lists(st.binary(max_size=300), max_size=5), st.data())
def test_a_stream_is_split_wherever_it_was_cut(messages: list[bytes], data):
    stream = b"".join(frame(message) for message in messages)
    cut = data.draw(st.integers(0, len(stream)))
    first, rest = split_stream(stream[:cut])
    second, left = split_stream(rest + stream[cut:])
    assert first + second == messages
    assert left == b""


@pytest.mark.parametrize("stream", [b"", b"\x00", b"\x00\x05ab"])
def test_an_unfinished_message_waits(stream: bytes):
    assert split_stream(stream) == ([], stream)
