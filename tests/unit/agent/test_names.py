"""DNS answers to names of addresses: what is true comes through, whatever else is on the wire is counted."""

from __future__ import annotations

import random
import struct

import dns.flags
import dns.message
import dns.rcode
import dns.rrset
import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from kubectl_netpol.agent import names
from kubectl_netpol.agent.names import AnswerCounts, NameTable, Streams, read_answer

FUZZ = settings(max_examples=400, deadline=None, suppress_health_check=list(HealthCheck))


def answer(asked: str, *records: str, kind: str = "A", flags: int = 0, rcode: int = 0) -> bytes:
    """A DNS answer's bytes; each record is "NAME TYPE VALUE"."""
    message = dns.message.make_response(dns.message.make_query(asked, kind, id=7))
    for record in records:
        name, record_kind, value = record.split(" ", 2)
        message.answer.append(dns.rrset.from_text(name, 60, "IN", record_kind, value))
    message.flags |= flags
    message.set_rcode(rcode)
    return message.to_wire()


def raw_answer(question: bytes, records: bytes, count: int) -> bytes:
    return struct.pack(">HHHHHH", 1, 0x8180, 1, count, 0, 0) + question + struct.pack(">HH", 1, 1) + records


def read(payload: bytes) -> tuple[tuple[str, list[str]], AnswerCounts]:
    counts = AnswerCounts()
    return read_answer(payload, counts), counts


def test_the_name_that_was_asked_is_kept_through_a_chain_of_aliases():
    payload = answer(
        "Shop.Example.",
        "shop.example. CNAME edge.cdn.example.",
        "edge.cdn.example. CNAME pop1.cdn.example.",
        "pop1.cdn.example. A 192.0.2.7",
        "pop1.cdn.example. A 192.0.2.5",
        "other.example. A 192.0.2.99",
    )
    assert read(payload) == (("shop.example.", ["192.0.2.5", "192.0.2.7"]), AnswerCounts(answers=1))


@pytest.mark.parametrize(
    ("value", "text"),
    [("2001:db8:0:0::1", "2001:db8::1"), ("::ffff:192.0.2.1", "192.0.2.1"), ("::1.2.3.4", "::102:304")],
)
def test_addresses_are_spelled_as_flows_spell_them(value, text):
    assert read(answer("six.example.", f"six.example. AAAA {value}", kind="AAAA"))[0] == ("six.example.", [text])


def test_compressed_names_are_followed():
    question = b"\4shop\7example\0"
    records = b"\xc0\x0c" + struct.pack(">HHIH", 5, 1, 60, 6) + b"\3cdn\xc0\x11"
    records += b"\3cdn\xc0\x11" + struct.pack(">HHIH", 1, 1, 60, 4) + bytes([192, 0, 2, 1])
    assert read(raw_answer(question, records, 2))[0] == ("shop.example.", ["192.0.2.1"])


@pytest.mark.parametrize("pointer", [b"\xc0\x1e", b"\xc0\x1d", b"\xff\xff", b"\xc0"])
def test_pointers_that_lead_nowhere_are_counted(pointer):
    question = b"\4shop\7example\0"
    records = pointer + struct.pack(">HHIH", 1, 1, 60, 4) + bytes(4)
    assert read(raw_answer(question, records, 1)) == (("", []), AnswerCounts(malformed=1))


def test_a_loop_of_aliases_ends():
    payload = answer("a.example.", "a.example. CNAME b.example.", "b.example. CNAME a.example.")
    assert read(payload)[0] == ("a.example.", [])
    assert read(answer("a.example.", "a.example. CNAME a.example."))[0] == ("a.example.", [])


def test_a_truncated_answer_is_counted_and_what_it_has_is_used():
    payload = answer("shop.example.", "shop.example. A 192.0.2.1", flags=dns.flags.TC)
    assert read(payload) == (("shop.example.", ["192.0.2.1"]), AnswerCounts(answers=1, truncated=1))


@pytest.mark.parametrize(
    "payload",
    [
        answer("shop.example.", "shop.example. A 192.0.2.1", rcode=dns.rcode.NXDOMAIN),
        answer("shop.example.", "shop.example. TXT hello", kind="TXT"),
        answer("shop.example.", kind="SRV"),
    ],
)
def test_answers_without_addresses_name_nothing_and_are_no_fault(payload):
    assert read(payload) == (("", []), AnswerCounts())


@pytest.mark.parametrize(
    "payload",
    [b"", bytes(11), bytes(12), dns.message.make_query("shop.example.", "A", id=7).to_wire(), b"\xff" * 500],
)
def test_what_is_no_answer_is_counted(payload):
    assert read(payload) == (("", []), AnswerCounts(malformed=1))


GOOD = answer(
    "shop.example.", "shop.example. CNAME cdn.example.", "cdn.example. A 192.0.2.1", "cdn.example. A 192.0.2.2"
)


@FUZZ
@given(st.binary(max_size=600))
def test_any_bytes_are_an_answer_or_counted(payload):
    (name, addresses), counts = read(payload)
    assert bool(name) == bool(counts.answers)
    assert all(isinstance(address, str) for address in addresses)


@FUZZ
@given(st.data())
def test_any_damage_is_an_answer_or_counted(data):
    payload = bytearray(GOOD)
    for _ in range(data.draw(st.integers(1, 6))):
        payload[data.draw(st.integers(0, len(payload) - 1))] = data.draw(st.integers(0, 255))
    (name, addresses), counts = read(bytes(payload[: data.draw(st.integers(0, len(payload)))]))
    assert counts.answers + counts.malformed <= 1
    assert not addresses or name


def test_every_cut_of_an_answer_is_counted():
    for length in range(len(GOOD)):
        assert read(GOOD[:length]) == (("", []), AnswerCounts(malformed=1))


def test_a_table_holds_a_bounded_number_of_names(monkeypatch):
    monkeypatch.setattr(names, "MAX_NAMES", 10)
    table, counts = NameTable(), AnswerCounts()
    for number in range(30):
        table.note(answer(f"n{number}.example.", f"n{number}.example. A 192.0.2.1"), 1000, counts)
    assert sum(map(len, table.names.values())) == 10
    assert counts.forgotten == 20
    table.note(answer("n1.example.", "n1.example. A 192.0.2.1"), 2000, counts)
    assert table.names["192.0.2.1"]["n1.example."] == 2000
    assert counts.forgotten == 20


# TCP


def framed(messages: list[bytes]) -> bytes:
    return b"".join(struct.pack(">H", len(message)) + message for message in messages)


@FUZZ
@given(
    st.lists(st.binary(min_size=1, max_size=3000), min_size=1, max_size=4),
    st.lists(st.integers(1, 1500), min_size=1, max_size=40),
    st.integers(0, 0xFFFFFFFF),
    st.randoms(use_true_random=False),
)
@example([b"x" * 2000], [500], 0xFFFFFF00, random.Random(1))
def test_segments_in_any_order_and_number_give_the_same_messages(messages, cuts, start, shuffle):
    data, segments, at = framed(messages), [], 0
    while at < len(data) and len(segments) < 50:
        size = cuts[len(segments) % len(cuts)] if len(segments) < 49 else len(data)
        segments.append((at, data[at : at + size]))
        at += size
    again = [(at, data[at : at + shuffle.randint(1, 3000)]) for at, _ in shuffle.sample(segments, len(segments) // 3)]
    rest = segments[1:] + again
    shuffle.shuffle(rest)
    streams, counts, found = Streams(), AnswerCounts(), []
    for at, piece in [segments[0], *rest]:
        found += streams.add(("key",), (start + at) & 0xFFFFFFFF, piece, counts)
    assert found == messages
    assert counts.malformed == 0


def test_a_stream_may_begin_with_its_second_segment():
    streams, counts, message = Streams(), AnswerCounts(), b"\xff" * 2000
    data = framed([message])
    assert streams.add(("key",), 1500, data[500:1200], counts) == []
    assert streams.add(("key",), 1000, data[:500], counts) == []
    assert streams.add(("key",), 2200, data[1200:], counts) == [message]


def test_a_port_that_is_used_again_is_a_new_stream():
    streams, counts = Streams(), AnswerCounts()
    for start in (5, 1 << 30, 1 << 31, 3 << 30, 77):
        assert streams.add(("key",), start, framed([b"first"]), counts) == [b"first"]


@FUZZ
@given(st.lists(st.tuples(st.integers(0, 5), st.integers(0, 0xFFFFFFFF), st.binary(max_size=2000), st.booleans())))
def test_hostile_pieces_keep_within_bounds(pieces):
    streams, counts = Streams(), AnswerCounts()
    for key, position, piece, last in pieces:
        streams.add((key,), position, piece, counts)
        streams.gather((key, "udp"), position % 3000, piece, last)
    assert streams._size == sum(stream.size for stream in streams._streams.values())


def test_memory_is_bounded_whatever_is_sent():
    streams, counts, piece = Streams(), AnswerCounts(), bytes(60000)
    for key in range(2000):
        streams.add((key,), 0, b"\xff\xff", counts)
        streams.add((key,), 100_000, piece, counts)
        streams.gather((key, "udp"), 0, piece, False)
    assert streams._size <= 4 << 20
    assert len(streams._streams) <= 256
    for position in range(0, 1 << 20, 60000):
        streams.add(("gap",), position + 10, piece, counts)
    assert streams._size <= 4 << 20


def test_a_datagram_comes_whole_or_not_at_all():
    streams = Streams()
    assert streams.gather(("key",), 0, b"ab", False) == b""
    assert streams.gather(("key",), 2, b"cd", False) == b""
    assert streams.gather(("key",), 4, b"e", True) == b"abcde"
    assert streams.gather(("key",), 0, b"ab", False) == b""
    assert streams.gather(("key",), 4, b"e", True) == b""
    assert streams.gather(("key",), 2, b"cd", True) == b""
    assert streams.gather(("key",), 0, b"whole", True) == b"whole"
