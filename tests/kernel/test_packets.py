"""What the observer makes of crafted packets: the account must be the truth, by every way of attaching it."""

from __future__ import annotations

import packets
import pytest
from packets import (
    ACK,
    FIN,
    ICMP,
    ICMPV6,
    PEER,
    PEER6,
    POD,
    POD6,
    PSH,
    RST,
    SCTP,
    SYN,
    TCP,
    UDP,
    Wire,
    icmp,
    ip,
    ipv4,
    ipv6,
    quoted,
    run,
    sctp,
    tcp,
    udp,
)

from kubectl_netpol.agent.layout import BOUND_CLIENT, BOUND_SERVER
from kubectl_netpol.agent.stub import SOCKET_FILTER

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


@pytest.mark.kernel
def test_the_stubs_tell_their_programs_apart():
    observer = Wire(False)
    assert observer.stubs.ingress == observer.stubs.egress == -1
    assert run(observer.stubs.socket, bytes(12) + b"\x08\x00" + ipv4(POD, PEER, TCP, tcp(1, 2, SYN)))[0] == 0
    descriptor = packets.stub.load(SOCKET_FILTER, 9, observer.kernel.scopes, observer.kernel.entries, 0)
    run(descriptor, bytes(12) + b"\x08\x00" + ipv4(PEER, POD, TCP, tcp(3, 4, SYN)))
    scopes = sorted(int.from_bytes(key[:4], "little") for key, _ in observer.kernel.read_neighbors())
    assert scopes == [7, 9]
