"""What policies are written as: wrong wishes are one line, and each kind goes wherever a policy goes."""

import json
from pathlib import Path

import pytest
import yaml

from kubectl_netpol.cache.clusters import note_network
from kubectl_netpol.cache.store import Store
from kubectl_netpol.cli.application import run
from kubectl_netpol.cli.policy_shape import read_aggregate
from kubectl_netpol.errors import InputError
from kubectl_netpol.model import (
    Counts,
    Direction,
    NeighborKey,
    Peer,
    PeerKind,
    Port,
    Protocol,
    Selector,
    Window,
    Workload,
)
from kubectl_netpol.neighbors.recording import Recording
from kubectl_netpol.policy.aggregation import Announced, Exact, Prefixes

INPUT = Path(__file__).parents[2] / "cases" / "input"
FILES = ("generate", "-f", str(INPUT / "workflows.yaml"))


@pytest.fixture(autouse=True)
def folder(monkeypatch, tmp_path):
    for name in ("XDG_CONFIG_HOME", "XDG_CACHE_HOME", "KUBECONFIG", "KUBECTL_NETPOL_CACHE_DIR"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.mark.parametrize(
    ("text", "found"),
    [("exact", Exact()), ("/24", Prefixes(24, 128)), ("/24,/48", Prefixes(24, 48)), ("/32,/64", Prefixes(32, 64))],
)
def test_a_wish_is_read(text, found):
    assert read_aggregate(text) == found


@pytest.mark.parametrize("text", ["/0", "/33", "/24,/0", "/24,/129", "/999", "24", "", "/", "/24,48", "EXACT"])
def test_another_wish_is_refused(text):
    with pytest.raises(InputError):
        read_aggregate(text)


@pytest.mark.parametrize("text", ["/24,48", "/-1", "/x", "/", "/24,", "/33", "/0", "/24,/129", "/no-such-folder/table"])
def test_what_begins_as_a_prefix_length_is_told_what_one_is(text):
    with pytest.raises(
        InputError, match="is no prefix length: /1 to /32 for IPv4, and /1 to /128 for IPv6 behind a comma"
    ):
        read_aggregate(text)


def test_an_empty_wish_is_not_taken_for_a_folder():
    with pytest.raises(InputError, match="--aggregate '' says nothing"):
        read_aggregate("")


def test_a_table_is_a_file_wherever_it_lies_and_may_begin_with_a_byte_order_mark(folder):
    (folder / "table").write_bytes(b"\xef\xbb\xbf10.0.0.0/8 1\n")
    assert read_aggregate("table") == read_aggregate(str(folder / "table")) == Announced({"10.0.0.0/8": "AS1"})


def test_a_table_that_is_no_text_is_refused(folder):
    (folder / "table").write_bytes(b"10.0.0.0/8 1 \xff\n")
    with pytest.raises(InputError, match="no text in UTF-8"):
        read_aggregate("table")


@pytest.mark.parametrize(
    "arguments",
    [
        ("--search-domain", "x.example"),
        ("--kind", "CiliumNetworkPolicy", "--search-domain", "a b"),
        ("--kind", "CiliumNetworkPolicy", "--search-domain", ""),
        ("--kind", "CiliumNetworkPolicy", "--search-domain", "*.example"),
        ("--kind", "SomePolicy"),
        ("--aggregate", "no-such-file"),
    ],
)
def test_wrong_options_are_one_line_and_a_hint(capsys, arguments):
    assert run([*FILES, *arguments]) == 1
    printed = capsys.readouterr()
    assert printed.out == ""
    assert [line.partition(":")[0] for line in printed.err.splitlines()] == ["error", "hint"]


@pytest.mark.parametrize(
    ("kind", "names"),
    [
        ("CiliumNetworkPolicy", ["default.deployment-workflows.ciliumnetworkpolicy.yaml"]),
        (
            "ClusterNetworkPolicy",
            [
                "default.deployment-workflows.clusternetworkpolicy.yaml",
                "default.deployment-workflows.deny.clusternetworkpolicy.yaml",
            ],
        ),
    ],
)
def test_each_document_of_a_kind_has_a_file_of_its_own(folder, capsys, kind, names):
    assert run([*FILES, "--kind", kind, "--output-dir", "out"]) == 0
    assert sorted(path.name for path in (folder / "out").iterdir()) == names
    assert capsys.readouterr().out.count("written") == len(names)
    assert run([*FILES, "--kind", kind, "--output-dir", "out"]) == 0
    assert capsys.readouterr().out.count("unchanged") == len(names)


def test_several_documents_of_one_workload_are_a_list_in_json(capsys):
    assert run([*FILES, "--kind", "ClusterNetworkPolicy", "-o", "json", "deploy/workflows"]) == 0
    assert [one["kind"] for one in json.loads(capsys.readouterr().out)["items"]] == ["ClusterNetworkPolicy"] * 2


def test_our_own_documents_tell_what_an_address_was(folder, capsys):
    record(folder)
    assert run(["neighbors", "deploy/web", "-n", "shop", "--local", "-o", "yaml"]) == 0
    (folder / "web.yaml").write_text(capsys.readouterr().out)
    assert run(["generate", "-f", "web.yaml", "--kind", "CiliumNetworkPolicy"]) == 0
    (rule,) = yaml.safe_load(capsys.readouterr().out)["spec"]["egress"]
    assert rule["toEntities"] == ["host", "remote-node"]


def test_what_the_recorded_cluster_runs_is_told_with_its_policies(folder, capsys):
    record(folder)
    arguments = ["generate", "deploy/web", "-n", "shop", "--local"]
    assert run(arguments) == 0
    assert "seems to run Cilium" not in capsys.readouterr().err
    note_network(folder / ".cache" / "kubectl-netpol", "local", "Cilium")
    assert run(arguments) == 0
    assert "to node/n1 TCP/9100: the cluster seems to run Cilium" in capsys.readouterr().err


def record(folder):
    node = Peer(PeerKind.NODE, "node/n1", address="172.30.0.11")
    key = NeighborKey(Direction.EGRESS, node, Port(Protocol.TCP, 9100))
    flows = {key: {"epoch": Counts(1, 1, 0, 1, 2)}}
    window = {"epoch": Window("epoch", 1, 2, "n1")}
    workload = Workload("shop", "Deployment", "web", "apps/v1")
    with Store.open(folder / ".cache" / "kubectl-netpol") as store:
        store.merge("local", [Recording(workload, Selector((("app", "web"),)), (), False, window, flows)])
