import io
import json
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from kubectl_netpol.capture.imported import read
from kubectl_netpol.errors import InputError
from kubectl_netpol.imports.hubble import HubbleReader
from kubectl_netpol.imports.hubble_lines import Lines
from kubectl_netpol.imports.traffic import LATEST, Traffic
from kubectl_netpol.model import PeerKind

from .flows import API, WEB, WORLD, answered, asked, event, imported, rows

DATA = Path(__file__).parent / "data"
REAL = sorted(DATA.glob("hubble-*.jsonl"))


def test_a_connection_that_both_nodes_tell_of_counts_once_on_each_side(tmp_path):
    lines = [
        asked(WEB, API, (40000, 8080), 1, here="source"),
        asked(WEB, API, (40000, 8080), 1, here="destination", node="n2"),
        answered(WEB, API, (40000, 8080), 1, here="source", node="n2"),
        answered(WEB, API, (40000, 8080), 1, here="destination"),
    ]
    found = imported(lines, tmp_path)
    assert rows(found["deployment/web"]) == [("egress", "shop/deployment/api", "TCP/8080", 1, 1)]
    assert rows(found["deployment/api"]) == [("ingress", "shop/deployment/web", "TCP/8080", 1, 1)]


def test_each_client_port_is_another_connection(tmp_path):
    lines = [asked(WEB, API, (port, 8080), 1) for port in (40000, 40001, 40000, 40002)]
    assert rows(imported(lines, tmp_path)["deployment/web"]) == [("egress", "shop/deployment/api", "TCP/8080", 0, 3)]


def test_a_denied_packet_that_two_events_tell_of_is_one_refused_attempt(tmp_path):
    denied = {"verdict": "DROPPED", "traffic_direction": "EGRESS"}
    lines = [
        event(WEB, API, (40000, 8081), 1, event_type={"type": 5}, **denied),
        event(WEB, API, (40000, 8081), 1, event_type={"type": 1, "sub_type": 133}, **denied),
    ]
    found = imported(lines, tmp_path)
    (neighbor,) = found["deployment/web"].neighbors
    assert (neighbor.counts.attempts, neighbor.counts.answered, neighbor.counts.refused) == (1, 0, 1)
    assert "deployment/api" not in found  # nothing of it arrived there


def test_udp_that_was_denied_is_not_taken_for_one_way(tmp_path):
    lines = [event(WEB, API, (40000, 8125), 1, protocol="UDP", verdict="DROPPED", traffic_direction="EGRESS")]
    assert rows(imported(lines, tmp_path)["deployment/web"]) == [("egress", "shop/deployment/api", "UDP/8125", 0, 1)]


def test_udp_that_the_receivers_node_denied_is_denied_for_its_sender_too(tmp_path):
    dropped = {"verdict": "DROPPED", "traffic_direction": "INGRESS", "node": "n2", "here": "destination"}
    lines = [
        asked(WEB, API, (40000, 8125), 1, protocol="UDP"),
        event(WEB, API, (40000, 8125), 1, protocol="UDP", **dropped),
    ]
    found = imported(lines, tmp_path)
    assert rows(found["deployment/web"]) == [("egress", "shop/deployment/api", "UDP/8125", 0, 1)]
    assert rows(found["deployment/api"]) == [("ingress", "shop/deployment/web", "UDP/8125", 0, 1)]


def test_a_query_that_the_proxy_denied_is_not_answered_by_the_proxys_own_reply(tmp_path):
    denied = {"verdict": "DROPPED", "Type": "L7", "l7": {"type": "REQUEST", "dns": {"query": "evil.example."}}}
    lines = [
        asked(WEB, API, (40000, 53), 1, protocol="UDP", verdict="REDIRECTED", traffic_direction="EGRESS"),
        asked(WEB, API, (40000, 53), 1, protocol="UDP", traffic_direction="EGRESS", **denied),
        answered(WEB, API, (40000, 53), 1, protocol="UDP"),
    ]
    assert rows(imported(lines, tmp_path)["deployment/web"]) == [("egress", "shop/deployment/api", "UDP/53", 0, 1)]


def test_a_reset_refuses_and_does_not_undo_an_answer(tmp_path):
    lines = [
        asked(WEB, API, (40000, 8080), 1),
        answered(WEB, API, (40000, 8080), 1),
        answered(WEB, API, (40000, 8080), 2, flags="RST"),
        asked(WEB, API, (40001, 9090), 1),
        answered(WEB, API, (40001, 9090), 1, flags="RST ACK"),
    ]
    found = imported(lines, tmp_path)["deployment/web"]
    assert [(one.counts.answered, one.counts.refused) for one in found.neighbors] == [(1, 0), (0, 1)]


def test_what_was_seen_before_the_service_was_translated_does_not_count(tmp_path):
    service = ("10.96.0.10", ["reserved:world-ipv4"])
    lines = [
        event(WEB, service, (40000, 80), 1, destination_service={"name": "api", "namespace": "shop"}),
        asked(WEB, API, (40000, 8080), 1),
        answered(WEB, API, (40000, 8080), 1),
    ]
    assert rows(imported(lines, tmp_path)["deployment/web"]) == [("egress", "shop/deployment/api", "TCP/8080", 1, 1)]


def test_socket_events_are_no_packets(tmp_path):
    lines = [
        asked(WEB, API, (40000, 8080), 1),
        event(WEB, API, (0, 8080), 1, verdict="TRANSLATED", Type="SOCK"),
    ]
    assert rows(imported(lines, tmp_path)["deployment/web"]) == [("egress", "shop/deployment/api", "TCP/8080", 0, 1)]


def test_a_selector_is_what_all_pods_share_without_what_changes(tmp_path):
    other = ("10.0.1.2", "shop", "web-6d59498f4b-zzzzz", "Deployment", "web")
    lines = [
        asked(WEB, API, (40000, 8080), 1).replace("k8s:app=web", 'k8s:app=web","k8s:shard=1'),
        asked(other, API, (40001, 8080), 1).replace("k8s:app=web", 'k8s:app=web","k8s:shard=2'),
    ]
    assert imported(lines, tmp_path)["deployment/web"].selector.match_labels == (("app", "web"),)


def test_an_inventory_tells_the_selector_that_the_flows_do_not(tmp_path):
    labels = {"app": "web", "tier": "front"}
    deployment = {
        "kind": "Deployment",
        "apiVersion": "apps/v1",
        "metadata": {"namespace": "shop", "name": "web"},
        "spec": {"selector": {"matchLabels": {"app": "web"}}, "template": {"metadata": {"labels": labels}}},
    }
    lines = [asked(WEB, API, (40000, 8080), 1).replace("k8s:app=web", 'k8s:app=web","k8s:tier=front')]
    found = imported(lines, tmp_path, objects=[deployment])
    assert found["deployment/web"].selector.match_labels == (("app", "web"),)


def test_an_address_that_another_pod_has_later_is_each_pods_in_its_time(tmp_path):
    later = (API[0], "shop", "cache-7bd45759cc-aaaaa", "Deployment", "cache")
    lines = [
        asked(WEB, API, (40000, 8080), 1),
        answered(WEB, API, (40000, 8080), 1),
        asked(API, WORLD, (50000, 443), 2),
        asked(WEB, later, (40001, 8080), 40),
        asked(later, WORLD, (50001, 443), 41),
    ]
    found = imported(lines, tmp_path)
    assert rows(found["deployment/web"]) == [
        ("egress", "shop/deployment/api", "TCP/8080", 1, 1),
        ("egress", "shop/deployment/cache", "TCP/8080", 0, 1),
    ]
    assert set(found) == {"deployment/web", "deployment/api", "deployment/cache"}


def test_names_come_from_answers_of_dns_and_from_hubbles_own(tmp_path):
    dns = {"type": "RESPONSE", "dns": {"query": "pay.example.com.", "ips": [WORLD[0]], "qtypes": ["A"]}}
    lines = [
        asked(WEB, API, (40000, 53), 1, protocol="UDP"),
        answered(WEB, API, (40000, 53), 1, protocol="UDP", Type="L7", l7=dns),
        asked(WEB, WORLD, (40001, 443), 2, destination_names=["pay.example.net"]),
    ]
    found = imported(lines, tmp_path)["deployment/web"]
    named = {one.key.peer.address: one.counts.names for one in found.neighbors if one.key.peer.address}
    assert named == {WORLD[0]: ("pay.example.com.", "pay.example.net.")}


def test_hosts_world_and_the_api_server_are_told_apart(tmp_path):
    ends = {
        "10.0.1.254": ["reserved:host"],
        "172.30.0.12": ["reserved:remote-node"],
        "172.30.0.1": ["reserved:kube-apiserver", "reserved:world-ipv4"],
        "10.0.9.9": ["reserved:unmanaged"],
        "198.51.100.1": ["cidr:198.51.100.0/24", "reserved:world-ipv4"],
    }
    lines = [asked(WEB, end, (40000 + i, 6443), 1) for i, end in enumerate(ends.items())]
    found = imported(lines, tmp_path)["deployment/web"]
    kinds = {one.key.peer.address: one.key.peer.kind for one in found.neighbors}
    assert kinds == {
        "10.0.1.254": PeerKind.NODE,
        "172.30.0.12": PeerKind.NODE,
        "172.30.0.1": PeerKind.API_SERVER,
        "10.0.9.9": PeerKind.UNKNOWN,
        "198.51.100.1": PeerKind.EXTERNAL,
    }


def test_lost_events_and_a_cut_end_are_told():
    lines = [
        asked(WEB, API, (40000, 8080), 1),
        '{"lost_events":{"source":"HUBBLE_RING_BUFFER","num_events_lost":"7"},"node_name":"n1"}\n',
        asked(WEB, API, (40001, 8080), 1)[:200],
    ]
    reading = read(io.BytesIO("".join(lines).encode()), "hubble", "flows")
    assert (reading.traffic.lost, reading.is_cut) == (7, True)


@pytest.mark.parametrize(
    "line",
    [
        "no json",
        "[]",
        '{"flow":[]}',
        '{"a":1}',
        '{"flow":{"verdict":[]}}',
        "[" * 100_000,
        asked(WEB, API, (40000, 8080), 1).replace("10.0.1.1", "10.0.1.999"),
        asked(WEB, API, (40000, 8080), 1).replace("web-6d59498f4b-5q6kz", "web\\u0000"),
        asked(WEB, API, (40000, 8080), 1).replace('k8s:app=api"', 'k8s:app=<script>"'),
        asked(WEB, API, (40000, 8080), 1).replace("2026-11-22T23", "2026-99-22T23"),
        asked(WEB, API, (40000, 80800), 1),
    ],
)
def test_a_wrong_line_is_named_by_its_number(line):
    good = asked(WEB, WORLD, (1, 2), 1)
    with pytest.raises(InputError, match=r"^flows: line 2: "):
        read(io.BytesIO(f"{good}{line.rstrip()}\n{good}".encode()), "hubble", "flows")


@pytest.mark.parametrize(
    ("changed", "expected"),
    [
        (('"time":"2026-11-22T23:57:01.463956761Z"', '"time":""'), "this is no flow: a time is none"),
        (('"time":"2026-11-22T23:57:01.463956761Z"', '"time":"soon"'), "this is no flow: a time is none"),
        (('"destination_port":8080', f'"destination_port":{"8" * 5000}'), "this is no flow"),
        (('"is_reply":false', '"is_reply"'), "this is no JSON"),
        (('"source_port":40000', '"source_port":"4"'), "this is no flow: a port is none"),
    ],
)
def test_what_is_wrong_with_a_line_is_said_in_our_own_words(changed, expected):
    line = asked(WEB, API, (40000, 8080), 1).replace(*changed)
    with pytest.raises(InputError) as raised:
        read(io.BytesIO(line.encode()), "hubble", "flows")
    assert raised.value.message == f"flows: line 1: {expected}"


@pytest.mark.parametrize(
    "time",
    ["9999-12-31T23:59:59.999999999Z", "9999-12-31T23:59:59-23:00", "1969-12-31T23:59:59Z", "2249-01-01T00:00:00Z"],
)
@pytest.mark.parametrize("is_compact", [True, False])
def test_a_time_that_cannot_be_is_refused(time, is_compact):
    line = asked(WEB, API, (40000, 8080), 1).replace("2026-11-22T23:57:01.463956761Z", time)
    line = line if is_compact else json.dumps(json.loads(line))
    with pytest.raises(InputError) as raised:
        read(io.BytesIO(line.encode()), "hubble", "flows")
    assert raised.value.message == "flows: line 1: this is no flow: a time is before 1970 or after 2248"


def test_a_number_of_lost_events_that_is_none_is_no_flow():
    line = b'{"lost_events":{"num_events_lost":"many"}}\n'
    with pytest.raises(InputError, match=r"^flows: line 1: this is no flow$"):
        read(io.BytesIO(line), "hubble", "flows")


@pytest.mark.parametrize("path", REAL, ids=lambda path: path.stem)
def test_real_flows_become_the_same_however_they_are_laid_out(path, tmp_path):
    compact = path.read_bytes()
    spaced = b"".join(json.dumps(json.loads(line)).encode() + b"\n" for line in compact.splitlines())
    bare = b"".join(json.dumps(json.loads(line)["flow"]).encode() + b"\n" for line in compact.splitlines())
    found = [imported(content, tmp_path / str(i)) for i, content in enumerate((compact, spaced, bare))]
    assert found[0] == found[1] == found[2]
    assert {"deployment/client", "deployment/web"} <= set(found[0])


@pytest.mark.parametrize("path", REAL, ids=lambda path: path.stem)
def test_the_commonest_of_real_lines_are_read_without_json(path):
    lines = Lines()
    read_so = sum(lines.read(line) is not None for line in path.read_bytes().splitlines())
    assert read_so > len(path.read_bytes().splitlines()) / 4


@pytest.mark.parametrize("path", REAL, ids=lambda path: path.stem)
def test_importing_real_flows_again_changes_nothing(path, tmp_path):
    first = imported(path.read_bytes(), tmp_path)
    assert imported(path.read_bytes(), tmp_path) == first


def test_a_denied_flow_among_the_real_ones_is_answered_nowhere(tmp_path):
    for number, path in enumerate(REAL):
        denied = b"".join(line + b"\n" for line in path.read_bytes().splitlines() if b'"DROPPED"' in line)
        for found in imported(denied, tmp_path / str(number)).values():
            assert found.neighbors
            assert not found.answered


@given(st.sampled_from(REAL), st.data())
@settings(max_examples=150, deadline=None)
def test_a_damaged_line_is_refused_or_read_and_never_breaks_anything(path, data):
    lines = path.read_bytes().splitlines()
    line = bytearray(data.draw(st.sampled_from(lines)))
    for _ in range(data.draw(st.integers(1, 4))):
        place = data.draw(st.integers(0, len(line) - 1))
        line[place : place + data.draw(st.integers(0, 9))] = data.draw(st.binary(max_size=5))
    reader = HubbleReader(Traffic())
    for one in (lines[0], bytes(line), lines[0]):
        try:
            reader.take(one)
        except (ValueError, TypeError, KeyError, AttributeError, RecursionError, OverflowError):
            assert one is not lines[0]


@given(st.sampled_from(REAL), st.data())
@settings(max_examples=150, deadline=None)
def test_both_ways_to_read_a_line_agree(path, data):
    line = data.draw(st.sampled_from(path.read_bytes().splitlines()))
    swapped = data.draw(st.sampled_from([(b"10.244", b"10.245"), (b'"SYN":true', b'"RST":true'), (b"8080", b"70")]))
    line = line.replace(*swapped)
    quick, slow = Traffic(), Traffic()
    HubbleReader(quick).take(line)
    HubbleReader(slow).take(b" " + line)
    assert [(p.out, p.into) for p in quick.pairs.values()] == [(p.out, p.into) for p in slow.pairs.values()]
    assert (quick.skipped, quick.replies, quick.first) == (slow.skipped, slow.replies, slow.first)


def test_memory_of_connections_is_bounded():
    traffic = Traffic()
    one, other = traffic.ends.add("10.0.0.1"), traffic.ends.add("10.0.0.2")
    for port in range(1, 5):
        for client_port in range(65536):
            traffic.meet(one, other, "tcp", port, client_port, 1, 1)
    assert len(traffic._latest) + len(traffic._before) <= 2 * LATEST
    assert sum(pair.out[0] for pair in traffic.pairs.values()) == 4 * 65536


def test_a_workloads_pods_are_one_neighbor_and_talk_to_each_other(tmp_path):
    second = ("10.0.2.2", "shop", "api-7bd45759cc-zzzzz", "Deployment", "api")
    lines = [
        asked(WEB, API, (40000, 8080), 1),
        asked(WEB, second, (40000, 8080), 2),
        answered(WEB, second, (40000, 8080), 3),
        asked(API, second, (40001, 7000), 4, here="source destination"),
        answered(API, second, (40001, 7000), 5, here="source destination"),
    ]
    found = imported(lines, tmp_path)
    assert rows(found["deployment/web"]) == [("egress", "shop/deployment/api", "TCP/8080", 1, 2)]
    assert rows(found["deployment/api"]) == [
        ("egress", "shop/deployment/api", "TCP/7000", 1, 1),
        ("ingress", "shop/deployment/api", "TCP/7000", 1, 1),
    ]
    (neighbor,) = found["deployment/web"].neighbors
    assert neighbor.counts.last - neighbor.counts.first == 2000
