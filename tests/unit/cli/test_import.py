"""What ``import`` says and how it ends, where golden cases would need files of bytes."""

import struct
from pathlib import Path

import pytest
import yaml

from kubectl_netpol.cli.application import run
from tests import netobserv
from tests.captured import CONNECTION, DB, OBJECTS, SYN, WEB, WORLD, block, classic, ip, next_generation, tcp, udp

FLOWS = Path(__file__).parents[2] / "cases" / "input" / "hubble.jsonl"
UNKNOWN_LINK = 9999


@pytest.fixture(autouse=True)
def alone(monkeypatch, tmp_path):
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("KUBECTL_NETPOL_CACHE_DIR", str(tmp_path / "cache"))
    monkeypatch.chdir(tmp_path)
    Path("objects.yaml").write_text(yaml.safe_dump_all(OBJECTS), "utf-8")
    Path("others.yaml").write_text(yaml.safe_dump_all([OBJECTS[0] | {"status": {"podIP": "10.9.9.9"}}]), "utf-8")


def imported(source, path, *more):
    return run(["import", "--from", source, str(path), "--local", *more])


def test_flows_of_another_source_are_an_error(capsys):
    assert imported("netobserv", FLOWS, "--inventory", "objects.yaml") == 1
    *_, note, error, hint = capsys.readouterr().err.splitlines()
    assert note == "note: not counted: 72 events without addresses or ports"
    assert error == f"error: nothing was taken in: {FLOWS} tells of no workload"
    assert hint == (
        "hint: is objects.yaml of the same cluster and time? --from netobserv reads the lines that "
        "'kubectl netobserv flows' and FlowCollector's exports write"
    )


def test_packets_of_nobody_in_the_inventory_are_an_error(capsys):
    Path("x.pcap").write_bytes(classic(CONNECTION))
    assert imported("pcap", "x.pcap", "--inventory", "others.yaml") == 1
    assert "error: nothing was taken in: x.pcap tells of no workload\n" in capsys.readouterr().err
    assert imported("pcap", "x.pcap", "--inventory", "objects.yaml") == 0
    assert imported("pcap", "x.pcap", "--inventory", "objects.yaml") == 0  # again: nothing new, and nothing wrong


@pytest.mark.parametrize("write", [classic, next_generation])
def test_an_unknown_link_type_is_an_error_that_names_it(write, capsys, monkeypatch):
    monkeypatch.setattr("tests.captured.linked", lambda _, packet: packet)
    Path("x.pcap").write_bytes(write(CONNECTION, UNKNOWN_LINK))
    assert imported("pcap", "x.pcap", "--inventory", "objects.yaml") == 1
    error, hint = capsys.readouterr().err.splitlines()
    assert error == "error: x.pcap: its packets are of link type 9999, which is not read"
    assert hint.startswith("hint: Ethernet, Linux cooked, raw IP and BSD loopback are read")


def test_packets_of_another_interface_are_told_beside_those_that_are_read(capsys):
    head, body = next_generation([], UNKNOWN_LINK), next_generation(CONNECTION)
    Path("x.pcap").write_bytes(body + head + block(6, bytes(12) + struct.pack("<II", 9, 9) + bytes(9)))
    assert imported("pcap", "x.pcap", "--inventory", "objects.yaml") == 0
    assert "note: not counted: 1 event of link type 9999, which is not read\n" in capsys.readouterr().err


def flows(*lines):
    Path("flows.jsonl").write_text("".join(lines), "utf-8")
    Path("deployments.yaml").write_text(yaml.safe_dump_all(netobserv.OBJECTS), "utf-8")
    return imported("netobserv", "flows.jsonl", "--inventory", "deployments.yaml")


def test_the_next_command_can_be_pasted_whatever_a_workload_is_called(capsys):
    pod = {"apiVersion": "v1", "kind": "Pod", "metadata": {"namespace": "shop; reboot", "name": "$(reboot)"}}
    Path("odd.yaml").write_text(yaml.safe_dump(pod | {"status": {"podIP": WEB}}), "utf-8")
    Path("x.pcap").write_bytes(classic(CONNECTION))
    assert imported("pcap", "x.pcap", "--inventory", "odd.yaml") == 0
    assert capsys.readouterr().err.splitlines()[-1] == (
        "next: kubectl netpol generate 'pod/$(reboot)' -n 'shop; reboot' --local"
    )


NO_REPLIES = "note: it holds no replies, so nothing is known to be answered: was it filtered when it was written?\n"


def test_a_file_without_replies_is_told_where_nothing_was_answered(capsys):
    Path("x.pcap").write_bytes(classic([ip(WEB, DB, 6, tcp((40000, 5432), SYN))]))
    assert imported("pcap", "x.pcap", "--inventory", "objects.yaml") == 0
    assert NO_REPLIES in capsys.readouterr().err
    Path("x.pcap").write_bytes(classic([ip(WEB, WORLD, 17, udp((40000, 8125)))]))
    assert imported("pcap", "x.pcap", "--inventory", "objects.yaml") == 0
    said = capsys.readouterr().err
    assert "shop/pod/web: 1 neighbor, 1 answered\n" in said
    assert NO_REPLIES not in said


def test_a_workload_that_nothing_selects_is_told_and_is_not_what_comes_next(capsys):
    new = netobserv.WEB | {"Addr": "10.128.0.77", "Name": "new-0", "OwnerName": "new", "OwnerType": "StatefulSet"}
    world = {"Addr": "203.0.113.10"}
    lines = [netobserv.flow(new, one, (40000, 443), 2 | 16 | 0x200) for one in (netobserv.WORLD, world)]
    unselected = "note: no selector is known, a newer --inventory may have it: shop/statefulset/new\n"
    assert flows(*lines) == 0
    said = capsys.readouterr().err
    assert unselected in said
    assert said.endswith("next: kubectl netpol generate statefulset/new -n shop --local\n")
    assert flows(*lines, netobserv.flow(netobserv.WEB, netobserv.WORLD, (40000, 443), 2 | 16 | 0x200)) == 0
    said = capsys.readouterr().err
    assert unselected in said
    assert said.endswith("next: kubectl netpol generate deployment/web -n shop --local\n")


def test_a_line_that_is_no_flow_is_told_with_what_is_read(capsys):
    Path("flows.jsonl").write_text('{"flow":{}}\n', "utf-8")
    assert imported("hubble", "flows.jsonl") == 1
    assert capsys.readouterr().err == (
        "error: flows.jsonl: line 1: this is no flow\n"
        "hint: --from hubble reads the lines that 'hubble observe -o jsonpb' and Cilium's flow exporter write\n"
    )
