import io
import struct

import dns.message
import dns.rrset
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from kubectl_netpol.capture.imported import read
from kubectl_netpol.errors import InputError
from tests.captured import (
    ACK,
    AT,
    CONNECTION,
    DB,
    DB6,
    LINKS,
    OBJECTS,
    RST,
    SYN,
    WEB,
    WEB6,
    WORLD,
    classic,
    ip,
    next_generation,
    tcp,
    udp,
)

from .flows import imported, rows


@pytest.mark.parametrize("link", LINKS)
@pytest.mark.parametrize("order", ["<", ">"])
@pytest.mark.parametrize("write", [classic, next_generation])
def test_a_handshake_is_an_answered_connection_on_both_sides(write, order, link, tmp_path):
    found = imported(write(CONNECTION, link, order), tmp_path, "pcap", OBJECTS)
    assert rows(found["pod/web"]) == [("egress", "shop/pod/db", "TCP/5432", 1, 1)]
    assert rows(found["pod/db"]) == [("ingress", "shop/pod/web", "TCP/5432", 1, 1)]
    assert found["pod/web"].neighbors[0].counts.first == AT * 1000


def test_retransmissions_refusals_and_silence(tmp_path):
    packets = [
        ip(WEB, DB, 6, tcp((40000, 81), SYN)),
        ip(WEB, DB, 6, tcp((40000, 81), SYN)),
        ip(WEB, DB, 6, tcp((40001, 82), SYN)),
        ip(DB, WEB, 6, tcp((82, 40001), RST | ACK, number=0)),
        ip(DB, WEB, 6, tcp((83, 40002), SYN | ACK)),  # answers nothing that was asked
    ]
    found = imported(classic(packets), tmp_path, "pcap", OBJECTS)
    assert rows(found["pod/web"]) == [
        ("egress", "shop/pod/db", "TCP/81", 0, 1),
        ("egress", "shop/pod/db", "TCP/82", 0, 1),
    ]
    assert [one.counts.refused for one in found["pod/web"].neighbors] == [0, 1]


def test_udp_over_ipv6_and_names_from_its_answers(tmp_path):
    question = dns.message.make_query("pay.example.com.", "A")
    answer = dns.message.make_response(question)
    answer.answer.append(dns.rrset.from_text("pay.example.com.", 5, "IN", "A", WORLD))
    packets = [
        ip(WEB6, DB6, 17, udp((40000, 53), question.to_wire())),
        ip(DB6, WEB6, 17, udp((53, 40000), answer.to_wire())),
        ip(WEB, WORLD, 6, tcp((40001, 443), SYN)),
    ]
    found = imported(classic(packets), tmp_path, "pcap", OBJECTS)
    assert rows(found["pod/web"]) == [
        ("egress", WORLD, "TCP/443", 0, 1),
        ("egress", "shop/pod/db", "UDP/53", 1, 1),
    ]
    assert found["pod/web"].neighbors[0].counts.names == ("pay.example.com.",)


def test_udp_without_a_reply_is_not_answered_by_a_pod_or_a_service_and_is_one_way_to_others(tmp_path):
    service = {
        "apiVersion": "v1",
        "kind": "Service",
        "metadata": {"namespace": "shop", "name": "db"},
        "spec": {"clusterIP": "10.96.0.9", "selector": {"app": "db"}, "ports": [{"port": 8125, "protocol": "UDP"}]},
    }
    packets = [ip(WEB, to, 17, udp((40000, 8125), b"x")) for to in (DB, DB, "10.96.0.9", WORLD)]
    packets += [ip(WEB, DB, 17, udp((40000, 514))), ip(DB, WEB, 17, udp((514, 40000)))]
    found = imported(classic(packets), tmp_path, "pcap", [*OBJECTS, service])
    assert rows(found["pod/web"]) == [
        ("egress", WORLD, "UDP/8125", 1, 1),
        ("egress", "shop/pod/db", "UDP/514", 1, 1),
        ("egress", "shop/pod/db", "UDP/8125", 0, 2),
    ]
    assert rows(found["pod/db"]) == [
        ("ingress", "shop/pod/web", "UDP/514", 1, 1),
        ("ingress", "shop/pod/web", "UDP/8125", 0, 1),
    ]


def test_an_unreachable_refuses_the_datagram_that_it_quotes(tmp_path):
    asked = ip(WEB, DB, 17, udp((40000, 8125), b"x"))
    packets = [asked, ip(DB, WEB, 1, struct.pack(">BBHI", 3, 3, 0, 0) + asked)]
    found = imported(classic(packets), tmp_path, "pcap", OBJECTS)
    assert rows(found["pod/web"]) == [("egress", "shop/pod/db", "UDP/8125", 0, 1)]


def test_what_the_capture_lost_and_where_it_was_cut_are_told():
    whole = read(io.BytesIO(next_generation(CONNECTION)), "pcap", "x.pcap")
    assert (whole.traffic.lost, whole.is_cut) == (3, False)
    assert read(io.BytesIO(classic(CONNECTION)[:-5]), "pcap", "x.pcap").is_cut


@pytest.mark.parametrize(
    "content",
    [b"no capture at all", classic([])[:20], classic([]) + struct.pack("<IIII", 1, 1, 1 << 30, 1 << 30) + bytes(99)],
)
def test_what_is_no_capture_is_refused(content):
    with pytest.raises(InputError, match=r"^x\.pcap"):
        read(io.BytesIO(content), "pcap", "x.pcap")


@pytest.mark.parametrize("high", [0x7FFFFFFF, 0xFFFFFFFF])
def test_a_packet_of_a_time_that_cannot_be_is_named(high):
    at = struct.pack("<I", AT * 1_000_000_000 >> 32)
    content = next_generation(CONNECTION[:1]).replace(at, struct.pack("<I", high))
    with pytest.raises(InputError) as raised:
        read(io.BytesIO(content), "pcap", "x.pcap")
    assert raised.value.message == "x.pcap: packet 1: a time is before 1970 or after 2248"


@given(st.sampled_from([classic, next_generation]), st.sampled_from(LINKS), st.data())
@settings(max_examples=200, deadline=None)
def test_a_damaged_file_is_read_or_refused_and_never_breaks_anything(write, link, data):
    content = bytearray(write(CONNECTION, link))
    for _ in range(data.draw(st.integers(1, 4))):
        place = data.draw(st.integers(0, len(content) - 1))
        content[place : place + data.draw(st.integers(0, 6))] = data.draw(st.binary(max_size=6))
    try:
        read(io.BytesIO(bytes(content)), "pcap", "x.pcap")
    except InputError as error:
        assert error.message.startswith("x.pcap")
