import io

import pytest

from kubectl_netpol.capture.imported import read
from kubectl_netpol.errors import InputError
from kubectl_netpol.model import Mark
from tests.netobserv import DB, OBJECTS, WEB, WORLD, flow, side

from .flows import imported, rows

OTHER = WEB | {"Name": "other"}


def test_flags_say_who_began_and_who_answered(tmp_path):
    lines = [flow(WEB, DB, (40000, 5432), 2 | 16 | 0x200), flow(DB, WEB, (5432, 40000), 0x100 | 16)]
    found = imported(lines, tmp_path, "netobserv", OBJECTS)
    assert rows(found["deployment/web"]) == [("egress", "shop/statefulset/db", "TCP/5432", 1, 1)]
    assert rows(found["statefulset/db"]) == [("ingress", "shop/deployment/web", "TCP/5432", 1, 1)]
    assert found["deployment/web"].selector.match_labels == (("app", "web"),)


def test_flags_may_be_names_and_the_file_a_list(tmp_path):
    lines = ["[\n", flow(WEB, DB, (40000, 5432), ["SYN", "ACK"]), flow(DB, WEB, (5432, 40000), ["SYN_ACK"]), "]\n"]
    found = imported(lines, tmp_path, "netobserv", OBJECTS)
    assert rows(found["deployment/web"]) == [("egress", "shop/statefulset/db", "TCP/5432", 1, 1)]


def test_a_question_without_an_answer_is_not_answered(tmp_path):
    found = imported([flow(WEB, WORLD, (40000, 443), 2)], tmp_path, "netobserv", OBJECTS)
    assert rows(found["deployment/web"]) == [("egress", "203.0.113.9", "TCP/443", 0, 1)]


def test_what_was_dropped_is_refused(tmp_path):
    lines = [flow(WEB, WORLD, (40000, 53), proto=17, Packets=2, PktDropPackets=2)]
    found = imported(lines, tmp_path, "netobserv", OBJECTS)
    assert rows(found["deployment/web"]) == [("egress", "203.0.113.9", "UDP/53", 0, 1)]


def test_in_the_middle_of_a_connection_the_lower_port_serves_and_is_marked(tmp_path):
    found = imported([flow(DB, WEB, (5432, 40000), 16)], tmp_path, "netobserv", OBJECTS)
    (neighbor,) = found["deployment/web"].neighbors
    assert neighbor.key.port.port == 5432
    assert Mark.INFERRED_PORT in neighbor.counts.marks


def test_an_owner_that_is_none_is_told_by_the_name_that_it_lacks(tmp_path):
    lines = [flow(WEB | {"OwnerType": "", "OwnerName": ""}, WORLD, (40000, 443))]
    assert list(imported(lines, tmp_path, "netobserv", OBJECTS)) == ["deployment/web"]


@pytest.mark.parametrize("name", ["n" * 5000, "\ud800", "a b", ""])
def test_a_node_whose_name_is_none_is_a_node_without_a_name(name, tmp_path):
    node = {"DstK8S_Type": "Node", "DstK8S_Name": name}
    lines = [flow(WEB, {"Addr": "10.0.9.9"}, (40000, 443), SrcK8S_HostName=name, **node)]
    found = imported(lines, tmp_path, "netobserv", OBJECTS)
    assert rows(found["deployment/web"]) == [("egress", "node/10.0.9.9", "TCP/443", 0, 1)]


def test_udp_is_begun_by_who_speaks_first(tmp_path):
    lines = [flow(WEB, DB, (40000, 8125), proto=17), flow(DB, WEB, (8125, 40000), proto=17)]
    found = imported(lines, tmp_path, "netobserv", OBJECTS)
    assert rows(found["deployment/web"]) == [("egress", "shop/statefulset/db", "UDP/8125", 1, 1)]


@pytest.mark.parametrize(
    ("seen", "answered"),
    [
        ([{"IfDirections": [1]}], 1),  # into the receiver, on its own node
        ([{"IfDirections": [0]}], 0),
        ([{"IfDirections": [1], "AgentIP": "10.0.1.2"}], 0),  # out of another node
        ([{"IfDirections": None, "AgentIP": None}], 0),
        ([{"IfDirections": [0], "AgentIP": "10.0.1.2"}, {"IfDirections": [0, 1]}], 1),
    ],
)
def test_udp_without_a_reply_counts_where_the_receivers_own_interface_saw_it(seen, answered, tmp_path):
    lines = [flow(WEB, DB, (40000, 8125), proto=17, **one) for one in seen]
    found = imported(lines, tmp_path, "netobserv", OBJECTS)
    assert rows(found["deployment/web"]) == [("egress", "shop/statefulset/db", "UDP/8125", answered, 1)]
    assert rows(found["statefulset/db"]) == [("ingress", "shop/deployment/web", "UDP/8125", answered, 1)]


def test_a_translated_service_is_the_pod_behind_it(tmp_path):
    translated = {"XlatDstAddr": DB["Addr"], "XlatDstPort": 5432}
    translated |= {f"Xlat{key}": value for key, value in side("Dst", DB).items() if key != "DstAddr"}
    service = {"Addr": "172.30.7.7"}
    fields = {"DstK8S_Type": "Service", "DstK8S_Name": "db", "DstK8S_Namespace": "shop"}
    found = imported([flow(WEB, service, (40000, 80), 2, **fields, **translated)], tmp_path, "netobserv", OBJECTS)
    assert rows(found["deployment/web"]) == [("egress", "shop/statefulset/db", "TCP/5432", 0, 1)]


@pytest.mark.parametrize(
    "line",
    [
        "no json",
        "[1]",
        "{}",
        flow(WEB, DB, (70000, 1)),
        flow(WEB, DB, (1, 2), "SYN"),
        flow(WEB, DB, (1, 2), TimeFlowEndMs="now"),
        flow(WEB, DB, (1, 2), TimeFlowEndMs=1 << 43),
        flow(WEB, DB, (1, 2), TimeFlowEndMs=-1),
        flow({"Addr": 7}, DB, (1, 2)),
        flow(WEB | {"Name": "\x00"}, DB, (1, 2)),
        flow(OTHER | {"OwnerName": ""}, DB, (1, 2)),
        flow(OTHER | {"OwnerName": "n" * 5000}, DB, (1, 2)),
        flow(OTHER | {"OwnerName": "a b"}, DB, (1, 2)),
        flow(OTHER | {"OwnerType": "D" * 5000}, DB, (1, 2)),
        flow(OTHER | {"OwnerType": "\ud800"}, DB, (1, 2)),
    ],
)
def test_a_wrong_line_is_named_by_its_number(line):
    good = flow(WEB, DB, (40000, 5432))
    with pytest.raises(InputError, match=r"^flows: line 2: "):
        read(io.BytesIO(f"{good}{line.rstrip()}\n{good}".encode()), "netobserv", "flows")
