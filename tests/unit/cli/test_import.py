"""What ``import`` says and how it ends, where golden cases would need files of bytes."""

import struct
from pathlib import Path

import pytest
import yaml

from kubectl_netpol.cli.application import run
from tests.captured import CONNECTION, OBJECTS, block, classic, next_generation

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


def test_a_line_that_is_no_flow_is_told_with_what_is_read(capsys):
    Path("flows.jsonl").write_text('{"flow":{}}\n', "utf-8")
    assert imported("hubble", "flows.jsonl") == 1
    assert capsys.readouterr().err == (
        "error: flows.jsonl: line 1: this is no flow\n"
        "hint: --from hubble reads the lines that 'hubble observe -o jsonpb' and Cilium's flow exporter write\n"
    )
