"""What stands before what is counted, or in its place: headers, tags, fragments, and what is to many."""

from __future__ import annotations

import struct

import pytest
from packets import (
    ACK,
    ICMP,
    ICMPV6,
    IPV4,
    IPV6,
    PEER,
    PEER6,
    POD,
    POD6,
    QINQ,
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
    sctp,
    tagged,
    tcp,
    udp,
)


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
