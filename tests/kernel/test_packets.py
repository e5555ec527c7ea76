"""What the observer makes of crafted packets: the account must be the truth, by every way of attaching it."""

from __future__ import annotations

import struct

import packets
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from packets import (
    ACK,
    FIN,
    ICMP,
    ICMPV6,
    IPV4,
    IPV6,
    PEER,
    PEER6,
    POD,
    POD6,
    PSH,
    QINQ,
    RST,
    SCTP,
    SYN,
    TCP,
    UDP,
    VLAN,
    TestRun,
    Wire,
    icmp,
    ip,
    ipv4,
    ipv6,
    run,
    sctp,
    socket_stub,
    tagged,
    tcp,
    udp,
)

from kubectl_netpol.agent.layout import BOUND_CLIENT, BOUND_SERVER, CHUNK, address_text
from kubectl_netpol.agent.packets import Answer, parse_packet
from kubectl_netpol.agent.stub import SOCKET_FILTER

WAYS = {"tcx": lambda *size: Wire(True, *size), "socket": lambda *size: Wire(False, *size)}
FAMILIES = {"IPv4": (POD, PEER), "IPv6": (POD6, PEER6)}
FUZZ = settings(max_examples=1500, deadline=None, database=None, suppress_health_check=list(HealthCheck))


@pytest.fixture(params=WAYS)
def way(request):
    """Makes the observer, inside the private machine."""
    return WAYS[request.param]


@pytest.fixture(params=FAMILIES)
def family(request):
    """(the pod's address, its peer's)"""
    return FAMILIES[request.param]


# TCP


@pytest.mark.kernel
@pytest.mark.parametrize("outgoing", [True, False])
def test_a_handshake_is_one_answered_connection_however_often_its_packets_are_repeated(way, family, outgoing):
    observer, (pod, peer) = way(), family
    client, server = (pod, peer) if outgoing else (peer, pod)
    for _repeated in range(3):
        observer.show(outgoing, ip(client, server, TCP, tcp(40000, 8080, SYN, 1000)))
        observer.show(not outgoing, ip(server, client, TCP, tcp(8080, 40000, SYN | ACK, 5000, 1001)))
    observer.show(outgoing, ip(client, server, TCP, tcp(40000, 8080, ACK | PSH, 1001, 5001, b"hello")))
    observer.show(not outgoing, ip(server, client, TCP, tcp(8080, 40000, ACK | FIN, 5001, 1006)))
    assert observer.flows() == {f"{'out' if outgoing else 'in'} tcp {pod} {peer} 8080": (1, 1, 0)}
    assert observer.counts() == {}


@pytest.mark.kernel
def test_connections_to_one_server_are_one_entry(way):
    observer = way()
    for number in range(50):
        observer.send(ipv4(POD, PEER, TCP, tcp(40000 + number, 80, SYN, number)))
        if number % 2:
            observer.receive(ipv4(PEER, POD, TCP, tcp(80, 40000 + number, SYN | ACK, 9, number + 1)))
    assert observer.flows() == {f"out tcp {POD} {PEER} 80": (50, 25, 0)}


@pytest.mark.kernel
def test_the_same_port_with_another_initial_number_is_another_connection(way):
    observer = way()
    for sequence in (1, 2, 0xFFFFFFFF):
        observer.send(ipv4(POD, PEER, TCP, tcp(40000, 80, SYN, sequence)))
        observer.receive(ipv4(PEER, POD, TCP, tcp(80, 40000, SYN | ACK, 9, (sequence + 1) & 0xFFFFFFFF)))
    assert observer.flows() == {f"out tcp {POD} {PEER} 80": (3, 3, 0)}


@pytest.mark.kernel
def test_explicit_congestion_notification_does_not_hide_a_handshake(way):
    observer = way()
    observer.send(ipv4(POD, PEER, TCP, tcp(40000, 80, SYN | 0xC0, 7)))
    observer.receive(ipv4(PEER, POD, TCP, tcp(80, 40000, SYN | ACK | 0x40, 9, 8)))
    assert observer.flows() == {f"out tcp {POD} {PEER} 80": (1, 1, 0)}


@pytest.mark.kernel
def test_a_reset_refuses_an_attempt_and_says_nothing_of_a_living_connection(way, family):
    observer, (pod, peer) = way(), family
    observer.send(ip(pod, peer, TCP, tcp(40000, 81, SYN, 1000)))
    for _repeated in range(2):
        observer.receive(ip(peer, pod, TCP, tcp(81, 40000, RST | ACK, 0, 1001)))
    observer.send(ip(pod, peer, TCP, tcp(40001, 80, SYN, 2000)))
    observer.receive(ip(peer, pod, TCP, tcp(80, 40001, SYN | ACK, 7000, 2001)))
    observer.receive(ip(peer, pod, TCP, tcp(80, 40001, RST | ACK, 7001, 2001)))
    observer.receive(ip(peer, pod, TCP, tcp(80, 40001, RST, 7001, 0)))
    observer.send(ip(pod, peer, TCP, tcp(40001, 80, RST, 2001, 0)))
    assert observer.flows() == {f"out tcp {pod} {peer} 81": (1, 0, 1), f"out tcp {pod} {peer} 80": (1, 1, 0)}


@pytest.mark.kernel
def test_answers_to_nothing_make_no_neighbor(way):
    observer = way()
    observer.receive(ipv4(PEER, POD, TCP, tcp(80, 40000, SYN | ACK, 9, 1)))
    observer.receive(ipv4(PEER, POD, TCP, tcp(80, 40001, RST | ACK, 0, 1)))
    observer.send(ipv4(POD, PEER, TCP, tcp(80, 40000, SYN | ACK, 9, 1)))
    observer.receive(ipv4(PEER, POD, SCTP, sctp(36412, 40000, 5, 2, 6)))
    observer.receive(ipv4(PEER, POD, ICMP, icmp(0)))
    observer.receive(ipv4(PEER, POD, TCP, tcp(80, 40000, ACK, 9, 1, b"data")))
    assert observer.flows() == {}
    assert observer.counts() == {"unsolicited": 5}


@pytest.mark.kernel
def test_an_answer_beyond_those_that_are_due_is_not_booked(way):
    observer = way()
    observer.send(ipv4(POD, PEER, TCP, tcp(40000, 80, SYN, 1)))
    for number in range(5):
        observer.receive(ipv4(PEER, POD, TCP, tcp(80, 40000, SYN | ACK, 9, 2)))
        observer.receive(ipv4(PEER, POD, TCP, tcp(80, 50000 + number, SYN | ACK, 9, 77)))
    assert observer.flows() == {f"out tcp {POD} {PEER} 80": (1, 1, 0)}
    assert observer.counts() == {"unsolicited": 5}


# UDP


@pytest.mark.kernel
@pytest.mark.parametrize("port", [53, 8125, 51820])
def test_the_first_speaker_over_udp_is_the_client(way, family, port):
    observer, (pod, peer) = way(), family
    for _datagram in range(5):
        observer.send(ip(pod, peer, UDP, udp(40000, port)))
        observer.receive(ip(peer, pod, UDP, udp(port, 40000)))
    observer.receive(ip(peer, pod, UDP, udp(41000, 9000)))
    assert observer.flows() == {
        f"out udp {pod} {peer} {port}": (1, 1, 0),
        f"in udp {pod} {peer} 9000": (1, 0, 0),
    }


@pytest.mark.kernel
def test_each_udp_flow_counts_once_and_one_way_flows_stay_unanswered(way):
    observer = way()
    for source in range(40000, 40010):
        for _datagram in range(10):
            observer.send(ipv4(POD, PEER, UDP, udp(source, 8125)))
    assert observer.flows() == {f"out udp {POD} {PEER} 8125": (10, 0, 0)}


def quoted(pod: str, peer: str, payload: bytes, protocol: int) -> bytes:
    """An ICMP "unreachable" about a packet from pod to peer, of which it bears the first bytes."""
    inner = ip(pod, peer, protocol, payload)
    return icmp(1, 4, inner) if ":" in pod else icmp(3, 3, inner)


@pytest.mark.kernel
@pytest.mark.parametrize("outgoing", [True, False])
def test_an_unreachable_port_refuses_a_udp_flow_once(way, family, outgoing):
    observer, (pod, peer) = way(), family
    client, server = (pod, peer) if outgoing else (peer, pod)
    control = ICMPV6 if ":" in pod else ICMP
    for _datagram in range(3):
        observer.show(outgoing, ip(client, server, UDP, udp(40000, 5001)))
        observer.show(not outgoing, ip(server, client, control, quoted(client, server, udp(40000, 5001), UDP)))
    assert observer.flows() == {f"{'out' if outgoing else 'in'} udp {pod} {peer} 5001": (1, 0, 1)}


@pytest.mark.kernel
def test_a_router_that_reaches_no_host_refuses_tcp_and_sctp(way, family):
    observer, (pod, peer) = way(), family
    control, router = (ICMPV6, "fd00::1") if ":" in pod else (ICMP, "10.1.0.1")
    asked, associated = tcp(40000, 80, SYN, 1234), sctp(40000, 36412, 0, 1, 4321)
    for protocol, payload, cut in ((TCP, asked, 8), (SCTP, associated, 20)):
        observer.send(ip(pod, peer, protocol, payload))
        observer.receive(ip(router, pod, control, quoted(pod, peer, payload[:cut], protocol)))
    assert observer.flows() == {f"out tcp {pod} {peer} 80": (1, 0, 1), f"out sctp {pod} {peer} 36412": (1, 0, 1)}


@pytest.mark.kernel
def test_path_mtu_discovery_refuses_nothing(way):
    observer = way()
    observer.send(ipv4(POD, PEER, UDP, udp(40000, 5001)))
    observer.receive(ipv4("10.1.0.1", POD, ICMP, icmp(3, 4, ipv4(POD, PEER, UDP, udp(40000, 5001)))))
    observer.send(ipv6(POD6, PEER6, UDP, udp(40000, 5001)))
    observer.receive(ipv6("fd00::1", POD6, ICMPV6, icmp(2, 0, ipv6(POD6, PEER6, UDP, udp(40000, 5001)))))
    assert set(observer.flows().values()) == {(1, 0, 0)}
    assert observer.counts() == {"icmp": 2}


@pytest.mark.kernel
def test_an_unreachable_about_what_was_never_sent_refuses_nothing(way):
    observer = way()
    observer.send(ipv4(POD, PEER, UDP, udp(40000, 5001)))
    observer.receive(ipv4(PEER, POD, ICMP, quoted(POD, PEER, udp(40000, 5002), UDP)))
    observer.receive(ipv4(PEER, POD, ICMP, quoted(PEER, POD, udp(5001, 40000), UDP)))
    observer.receive(ipv4(PEER, POD, ICMP, quoted(POD, PEER, tcp(40000, 80, SYN, 1), TCP)))
    assert observer.flows() == {f"out udp {POD} {PEER} 5001": (1, 0, 0)}


@pytest.mark.kernel
def test_ports_bound_before_the_capture_settle_who_serves(way):
    observer = way()
    observer.kernel.bind_port(7, 5000, BOUND_SERVER)
    observer.kernel.bind_port(7, 40000, BOUND_CLIENT)
    observer.send(ipv4(POD, PEER, UDP, udp(5000, 41000)))
    observer.receive(ipv4(PEER, POD, UDP, udp(123, 40000)))
    assert observer.flows() == {f"in udp {POD} {PEER} 5000": (1, 1, 0), f"out udp {POD} {PEER} 123": (1, 1, 0)}


# SCTP


@pytest.mark.kernel
@pytest.mark.parametrize("outgoing", [True, False])
def test_sctp_is_told_by_its_first_chunks(way, family, outgoing):
    observer, (pod, peer) = way(), family
    client, server = (pod, peer) if outgoing else (peer, pod)
    for _repeated in range(2):
        observer.show(outgoing, ip(client, server, SCTP, sctp(40000, 36412, 0, 1, 111)))
        observer.show(not outgoing, ip(server, client, SCTP, sctp(36412, 40000, 111, 2, 222)))
        observer.show(outgoing, ip(client, server, SCTP, sctp(40001, 36413, 0, 1, 333)))
        observer.show(not outgoing, ip(server, client, SCTP, sctp(36413, 40001, 333, 6)))
    observer.show(outgoing, ip(client, server, SCTP, sctp(40000, 36412, 222, 10)))
    role = "out" if outgoing else "in"
    assert observer.flows() == {
        f"{role} sctp {pod} {peer} 36412": (1, 1, 0),
        f"{role} sctp {pod} {peer} 36413": (1, 0, 1),
    }


@pytest.mark.kernel
def test_an_abort_of_a_living_association_refuses_nothing(way):
    observer = way()
    observer.send(ipv4(POD, PEER, SCTP, sctp(40000, 36412, 0, 1, 111)))
    observer.receive(ipv4(PEER, POD, SCTP, sctp(36412, 40000, 111, 2, 222)))
    observer.send(ipv4(POD, PEER, SCTP, sctp(40000, 36412, 222, 6)))
    observer.receive(ipv4(PEER, POD, SCTP, sctp(36412, 40000, 111, 6)))
    assert observer.flows() == {f"out sctp {POD} {PEER} 36412": (1, 1, 0)}


# ICMP, and what is to many


@pytest.mark.kernel
def test_echo_is_a_flow_of_port_0_and_other_icmp_is_counted(way, family):
    observer, (pod, peer) = way(), family
    control, request, reply, other = (ICMPV6, 128, 129, 136) if ":" in pod else (ICMP, 8, 0, 11)
    observer.send(ip(pod, peer, control, icmp(request)))
    observer.receive(ip(peer, pod, control, icmp(reply)))
    observer.receive(ip(peer, pod, control, icmp(other)))
    assert observer.flows() == {f"out icmp {pod} {peer} 0": (1, 1, 0)}
    assert observer.counts() == {"icmp": 1}


@pytest.mark.kernel
def test_multicast_and_broadcast_are_counted_apart(way):
    observer = way()
    observer.send(ipv4(POD, "224.0.0.251", UDP, udp(5353, 5353)))
    observer.send(ipv4(POD, "239.255.255.250", UDP, udp(40000, 1900)))
    observer.send(ipv6(POD6, "ff02::fb", UDP, udp(5353, 5353)))
    observer.send(ipv4(POD, "255.255.255.255", UDP, udp(68, 67)))
    assert observer.flows() == {}
    assert observer.counts() == {"multicast": 3, "broadcast": 1}


@pytest.mark.kernel
@pytest.mark.parametrize("use_tcx", [True, False])
def test_a_broadcast_is_told_by_its_frame(use_tcx):
    observer = Wire(use_tcx)
    observer.show(False, ipv4(PEER, "10.1.0.255", UDP, udp(138, 138)), None, b"\xff" * 6)
    assert observer.flows() == {}
    assert observer.counts() == {"broadcast": 1}


@pytest.mark.kernel
def test_frames_for_another_machine_are_not_ours(way):
    observer = way()
    observer.show(False, ipv4(PEER, "10.1.0.77", TCP, tcp(40000, 80, SYN, 1)), None, b"\x02\0\0\0\0\x77")
    assert observer.flows() == observer.counts() == {}


@pytest.mark.kernel
def test_protocols_that_a_policy_cannot_name_are_counted(way, family):
    observer, (pod, peer) = way(), family
    for protocol in (2, 4, 41, 47, 50, 112):
        observer.send(ip(pod, peer, protocol, bytes(40)))
    observer.send(ipv6(POD6, PEER6, 59, b""))
    assert observer.flows() == {}
    assert observer.counts() == {"other": 7}


# Headers


@pytest.mark.kernel
@pytest.mark.parametrize("length", [4, 12, 40])
def test_ipv4_options_are_stepped_over(way, length):
    observer = way()
    observer.send(ipv4(POD, PEER, TCP, tcp(40000, 80, SYN, 1), options=b"\x01" * length))
    observer.send(ipv4(POD, PEER, UDP, udp(40000, 5000), options=b"\x01" * length))
    assert observer.flows() == {f"out tcp {POD} {PEER} 80": (1, 0, 0), f"out udp {POD} {PEER} 5000": (1, 0, 0)}


@pytest.mark.kernel
@pytest.mark.parametrize("chain", [(0,), (43,), (44,), (51,), (60,), (0, 60, 43, 44, 51, 60), (0,) * 8])
def test_ipv6_extension_headers_are_walked(way, chain):
    observer = way()
    observer.send(ipv6(POD6, PEER6, TCP, tcp(40000, 80, SYN, 1), chain))
    observer.receive(ipv6(PEER6, POD6, TCP, tcp(80, 40000, SYN | ACK, 9, 2), chain))
    assert observer.flows() == {f"out tcp {POD6} {PEER6} 80": (1, 1, 0)}


@pytest.mark.kernel
def test_too_many_extension_headers_are_counted_not_followed(way):
    observer = way()
    observer.send(ipv6(POD6, PEER6, TCP, tcp(40000, 80, SYN, 1), (60,) * 9))
    assert observer.flows() == {}
    assert observer.counts() == {"short": 1}


@pytest.mark.kernel
def test_only_first_fragments_are_read(way):
    observer = way()
    later = struct.pack(">BBHI", UDP, 0, 185 << 3, 7) + b"looks like ports"
    observer.send(ipv4(POD, PEER, UDP, udp(40000, 5000), fragment=0x2000))
    observer.send(ipv4(POD, PEER, UDP, b"looks like ports", fragment=185))
    observer.send(ipv6(POD6, PEER6, UDP, udp(40000, 5000), (44,)))
    observer.send(ipv6(POD6, PEER6, 44, later))
    assert observer.flows() == {f"out udp {POD} {PEER} 5000": (1, 0, 0), f"out udp {POD6} {PEER6} 5000": (1, 0, 0)}
    assert observer.counts() == {"fragments": 2}


@pytest.mark.kernel
@pytest.mark.parametrize("tags", [(VLAN,), (QINQ, VLAN), (VLAN, VLAN), (QINQ,)])
def test_tags_are_stepped_over(way, family, tags):
    observer, (pod, peer) = way(), family
    kind, packet = tagged(ip(peer, pod, TCP, tcp(40000, 80, SYN, 1)), *tags)
    observer.receive(packet, kind)
    kind, packet = tagged(ip(pod, peer, TCP, tcp(80, 40000, SYN | ACK, 9, 2)), *tags)
    observer.send(packet, kind)
    assert observer.flows() == {f"in tcp {pod} {peer} 80": (1, 1, 0)}


@pytest.mark.kernel
def test_what_is_no_ip_is_left_alone(way):
    observer = way()
    for kind in (0x0806, 0x88CC, 0x86DD, 0x0800):
        observer.send(bytes(46), kind)
    assert observer.flows() == {}
    assert observer.counts() == {"short": 2}


@pytest.mark.kernel
@pytest.mark.parametrize("kind", [IPV4, IPV6])
@pytest.mark.parametrize("protocol", [TCP, UDP, SCTP, "icmp"])
def test_headers_cut_off_anywhere_are_counted(kind, protocol):
    pod, peer = (POD6, PEER6) if kind == IPV6 else (POD, PEER)
    number = protocol if protocol != "icmp" else ICMPV6 if kind == IPV6 else ICMP
    payload = {TCP: tcp(1, 80, SYN), UDP: udp(1, 80), SCTP: sctp(1, 80, 0, 1, 1), "icmp": icmp(8)}[protocol]
    needed = {TCP: 16, UDP: 4, SCTP: 16, "icmp": 8}[protocol]
    whole = ip(pod, peer, number, payload)
    head = len(whole) - len(payload)
    observer = TestRun(64)
    for length in range(1, head + needed):
        before = observer.counts().get("short", 0)
        try:
            observer.send(whole[:length], kind)
        except OSError:
            continue  # the kernel takes no test frame without a whole IP header
        assert observer.flows() == {}
        assert observer.counts() == {"short": before + 1}


# Bounds


@pytest.mark.kernel
def test_a_full_map_is_counted_and_goes_on_with_what_it_has(way):
    observer = way(16)
    for port in range(1, 41):
        observer.send(ipv4(POD, PEER, TCP, tcp(40000, port, SYN, port)))
    flows, counts = observer.flows(), observer.counts()
    assert 16 <= len(flows) < 40
    assert counts == {"overflow": 40 - len(flows)}
    for port in range(1, 41):
        observer.receive(ipv4(PEER, POD, TCP, tcp(port, 40000, SYN | ACK, 9, port + 1)))
    assert dict.fromkeys(flows, (1, 1, 0)) == observer.flows()


# DNS


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


# Anything at all

VALID = [
    ip(source, target, protocol, payload)
    for source, target in ((POD, PEER), (PEER, POD), (POD6, PEER6), (PEER6, POD6))
    for protocol, payload in (
        (TCP, tcp(40000, 53, SYN, 1)),
        (TCP, tcp(53, 40000, ACK, 1, 1, b"\0\x03abc")),
        (TCP, tcp(80, 40000, RST | ACK, 0, 2)),
        (UDP, udp(40000, 53, bytes(60))),
        (UDP, udp(53, 40000, bytes(2000))),
        (SCTP, sctp(40000, 36412, 0, 1, 1)),
        (ICMPV6 if ":" in source else ICMP, quoted(target, source, udp(53, 40000), UDP)),
    )
]
VALID += [ipv6(POD6, PEER6, TCP, tcp(1, 2, SYN), (0, 60, 43, 44, 51)), ipv4(POD, PEER, UDP, udp(1, 2), bytes(40))]


@st.composite
def mutated(draw):
    """A valid packet with some of its bytes changed, perhaps cut, perhaps in tags."""
    packet = bytearray(draw(st.sampled_from(VALID)))
    for _ in range(draw(st.integers(0, 8))):
        packet[draw(st.integers(0, min(len(packet), 100) - 1))] = draw(st.integers(0, 255))
    cut = bytes(packet[: draw(st.integers(1, len(packet)))]) if draw(st.booleans()) else bytes(packet)
    tags = draw(st.lists(st.sampled_from([VLAN, QINQ]), max_size=3))
    return tagged(cut, *tags) if tags else (draw(st.sampled_from([IPV4, IPV6])), cut)


ANYTHING = st.one_of(mutated(), st.tuples(st.sampled_from([IPV4, IPV6, VLAN, 0x0806]), st.binary(min_size=1)))


@pytest.mark.kernel(timeout=240)
@pytest.mark.parametrize("program", ["ingress", "egress", "socket"])
def test_no_packet_makes_a_program_do_anything_but_look(program):
    observer = TestRun(256)
    filters = packets.Kernel(False, 256)
    descriptor = socket_stub(filters) if program == "socket" else getattr(observer.stubs, program)
    allowed = {0, 0xFFFF} if program == "socket" else {-1}
    ran = 0

    @FUZZ
    @given(ANYTHING, st.binary(min_size=12, max_size=12))
    def check(anything, addresses):
        nonlocal ran
        kind, packet = anything
        frame = addresses + struct.pack(">H", kind) + packet
        try:
            result, after = run(descriptor, frame)
        except OSError:
            return  # frames that the kernel itself takes for none
        ran += 1
        assert result in allowed
        # A test run puts an empty Ethernet header before what a socket filter was shown.
        assert after[14:] == frame[14:] if program == "socket" else after == frame

    check()
    assert ran > 500


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


@pytest.mark.kernel(timeout=240)
def test_what_the_filter_lets_through_the_agent_reads_the_same():
    """Where broken packets give anything out, the agent's parser reads it too; most of them give nothing."""
    observer = TestRun(64)
    for packet in VALID:
        observer.send(packet)

    @FUZZ
    @given(mutated())
    def check(anything):
        kind, packet = anything
        if kind not in (IPV4, IPV6):
            return
        observer.pieces.clear()
        try:
            observer.show(False, packet, kind)
        except OSError:
            return
        given_out = b"".join(observer.answers())
        if given_out and packets.ether_type(packet) == kind:
            answer = parse_packet(packet)
            assert answer is not None
            assert answer.payload[: len(given_out)] == given_out

    check()


@pytest.mark.kernel
def test_the_stubs_tell_their_programs_apart():
    observer = Wire(False)
    assert observer.stubs.ingress == observer.stubs.egress == -1
    assert run(observer.stubs.socket, bytes(12) + b"\x08\x00" + ipv4(POD, PEER, TCP, tcp(1, 2, SYN)))[0] == 0
    descriptor = packets.stub.load(SOCKET_FILTER, 9, observer.kernel.scopes, observer.kernel.entries, 0)
    run(descriptor, bytes(12) + b"\x08\x00" + ipv4(PEER, POD, TCP, tcp(3, 4, SYN)))
    scopes = sorted(int.from_bytes(key[:4], "little") for key, _ in observer.kernel.read_neighbors())
    assert scopes == [7, 9]
