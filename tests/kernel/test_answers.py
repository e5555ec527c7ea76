"""DNS answers come whole out of the kernel, behind every header, and only where somebody asked."""

from __future__ import annotations

import struct

import pytest
from packets import (
    ACK,
    FIN,
    PEER,
    POD,
    PSH,
    SCTP,
    SYN,
    TCP,
    UDP,
    TestRun,
    ip,
    ipv4,
    ipv6,
    tcp,
    udp,
)

from kubectl_netpol.agent.layout import CHUNK, address_text
from kubectl_netpol.agent.packets import Answer, parse_packet


@pytest.mark.kernel
def test_dns_answers_are_handed_out_only_to_who_asked(way, family):
    observer, (pod, peer) = way(), family
    observer.receive(ip(peer, pod, UDP, udp(53, 40000, b"never asked")))
    observer.receive(ip(peer, pod, UDP, udp(53, 40000, b"never asked, again")))
    observer.receive(ip(peer, pod, TCP, tcp(53, 40000, ACK, 1, 1, b"never connected")))
    observer.send(ip(pod, peer, UDP, udp(41000, 53, b"question")))
    observer.receive(ip(peer, pod, UDP, udp(53, 41000, b"answer over udp")))
    observer.send(ip(pod, peer, TCP, tcp(42000, 53, SYN, 1)))
    observer.receive(ip(peer, pod, TCP, tcp(53, 42000, SYN | ACK, 9, 2)))
    observer.receive(ip(peer, pod, TCP, tcp(53, 42000, ACK, 10, 2)))
    observer.receive(ip(peer, pod, TCP, tcp(53, 42000, ACK | PSH, 10, 2, b"answer over tcp")))
    observer.send(ip(pod, peer, UDP, udp(53, 43000, b"the pod's own answer")))
    assert observer.answers() == [b"answer over udp", b"answer over tcp"]


@pytest.mark.kernel
@pytest.mark.parametrize("size", [1, 1023, 1024, 1025, 1400])
def test_a_dns_answer_comes_whole(way, size):
    observer, data = way(), bytes(number % 251 for number in range(size))
    observer.send(ipv4(POD, PEER, UDP, udp(41000, 53)))
    observer.receive(ipv4(PEER, POD, UDP, udp(53, 41000, data)))
    assert b"".join(observer.answers()) == data


@pytest.mark.kernel
def test_pieces_of_an_answer_say_where_they_belong():
    observer, data = TestRun(), bytes(3000)
    observer.send(ipv4(POD, PEER, TCP, tcp(41000, 53, SYN)))
    observer.receive(ipv4(PEER, POD, TCP, tcp(53, 41000, ACK, 0xFFFFFF00, 1, data)))
    observer.answers()
    pieces = [CHUNK.unpack_from(piece) for piece in observer.pieces]
    assert [(piece[3], piece[6], piece[7]) for piece in pieces] == [
        (0, 0xFFFFFF00, 1024),
        (0, 0x300, 1024),
        (1, 0x700, 952),
    ]
    assert {(piece[0], piece[1], piece[2]) for piece in pieces} == {(7, 41000, TCP)}
    assert {(address_text(piece[4]), address_text(piece[5])) for piece in pieces} == {(POD, PEER)}


@pytest.mark.kernel
def test_a_full_ring_is_counted():
    observer = TestRun()
    observer.send(ipv4(POD, PEER, UDP, udp(41000, 53)))
    for _answer in range(600):
        observer.receive(ipv4(PEER, POD, UDP, udp(53, 41000, bytes(1024))))
    kept = len(observer.answers())
    assert 400 < kept < 600
    assert observer.counts() == {"dns_lost": 600 - kept}


def carried() -> list[tuple[int, bytes]]:
    """(protocol, transport's bytes) of answers to the pod's port 40000; what they say is ANSWER."""
    optioned = bytearray(tcp(53, 40000, PSH | ACK, 7, 1))
    optioned[12] = 0x80
    return [
        (UDP, udp(53, 40000, ANSWER)),
        (TCP, tcp(53, 40000, PSH | ACK, 0xFFFFFFF0, 1, ANSWER)),
        (TCP, tcp(53, 40000, FIN | ACK, 3, 1, ANSWER)),
        (TCP, bytes(optioned) + b"\x01" * 12 + ANSWER),
    ]


def wrapped(family: tuple[str, str], protocol: int, payload: bytes) -> list[bytes]:
    """One answer in every kind of header that both parsers must step over, also with what Ethernet pads it with."""
    pod, peer = family
    if ":" in pod:
        made = [ipv6(peer, pod, protocol, payload, chain) for chain in CHAINS]
    else:
        made = [ipv4(peer, pod, protocol, payload, b"\x01" * length) for length in (0, 4, 20, 40)]
    return [*made, *(packet + bytes(6) for packet in made)]


ANSWER = bytes(number % 251 for number in range(700))
CHAINS = [(), (0,), (43,), (60,), (51,), (44,), (0, 60, 43, 51, 60), (0, 60, 43, 44, 51, 60), (60,) * 8]


@pytest.mark.kernel
@pytest.mark.parametrize("number", range(4))
def test_both_parsers_find_the_whole_answer_behind_every_header(family, number):
    """The parsers in C and in Python agree on what a DNS answer is, whose it is and which bytes it has."""
    observer, (pod, peer) = TestRun(64), family
    protocol, payload = carried()[number]
    question = tcp(40000, 53, SYN, 1) if protocol == TCP else udp(40000, 53)
    observer.send(ip(pod, peer, protocol, question))
    for packet in wrapped(family, protocol, payload):
        observer.pieces.clear()
        observer.receive(packet)
        assert observer.answers() == [ANSWER]
        _, port, *_, local, asked, position, _ = CHUNK.unpack_from(observer.pieces[0])
        expected = Answer(protocol, local, asked, port, position, ANSWER)
        assert parse_packet(packet) == expected
        assert (address_text(local), address_text(asked), port) == (pod, peer, 40000)


@pytest.mark.kernel
@pytest.mark.parametrize("number", range(4))
def test_answers_come_whole_behind_every_header(way, family, number):
    observer, (pod, peer) = way(), family
    protocol, payload = carried()[number]
    observer.send(ip(pod, peer, protocol, tcp(40000, 53, SYN, 1) if protocol == TCP else udp(40000, 53)))
    shown = wrapped(family, protocol, payload)
    for packet in shown:
        observer.receive(packet)
    assert observer.answers() == [ANSWER] * len(shown)


@pytest.mark.kernel
def test_both_parsers_leave_alone_what_is_no_answer(family):
    observer, (pod, peer) = TestRun(64), family
    for protocol, question in ((UDP, udp(40000, 53)), (TCP, tcp(40000, 53, SYN, 1))):
        observer.send(ip(pod, peer, protocol, question))
    later = struct.pack(">BBHI", UDP, 0, 1 << 3, 7) + udp(53, 40000, ANSWER)
    others = [
        ip(peer, pod, UDP, udp(5353, 40000, ANSWER)),
        ip(peer, pod, TCP, tcp(5353, 40000, ACK, 1, 1, ANSWER)),
        ip(peer, pod, SCTP, udp(53, 40000, ANSWER)),
        ipv6(peer, pod, 44, later) if ":" in pod else ipv4(peer, pod, UDP, udp(53, 40000, ANSWER), fragment=1),
        ip(peer, pod, UDP, udp(53, 40000, ANSWER))[:-1],  # says that it is longer than it is
    ]
    for packet in others:
        observer.receive(packet)
        assert parse_packet(packet) is None
    assert observer.answers() == []
