"""Blocks that hold every address together are refused as one that does, and what is wider than any network is told."""

from ipaddress import collapse_addresses, ip_network

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kubectl_netpol.cli.application import run
from kubectl_netpol.errors import InputError
from kubectl_netpol.known_servers.documents import read_documents, read_object
from kubectl_netpol.known_servers.edits import add_documents
from kubectl_netpol.known_servers.providers import read_provider
from kubectl_netpol.known_servers.values import Document, known_server
from kubectl_netpol.known_servers.width import whole_family, wide_remarks

HALVES = ("0.0.0.0/1", "128.0.0.0/1")
API = {"apiVersion": "spdx.softwarecomposition.kubescape.io/v1beta1", "kind": "KnownServer"}


def servers(*blocks):
    return tuple(known_server("x", block) for block in blocks)


def yaml_of(*blocks, name="x", annotations=""):
    spec = "".join(f"- ipBlock: {block}\n" for block in blocks)
    head = f"apiVersion: {API['apiVersion']}\nkind: KnownServer\nmetadata:\n  name: {name}\n{annotations}spec:\n"
    return head + spec


@pytest.fixture
def file(tmp_path, monkeypatch):
    path = tmp_path / "known-servers.yaml"
    monkeypatch.setenv("KUBECTL_NETPOL_KNOWN_SERVERS", str(path))
    return path


@pytest.mark.parametrize(
    ("blocks", "family"),
    [
        (HALVES, "IPv4"),
        (("0.0.0.0/0",), "IPv4"),
        (("8000::/1", "::/2", "4000::/2"), "IPv6"),
        (("::ffff:0.0.0.0/97", "128.0.0.0/1"), "IPv4"),
        (("0.0.0.0/1", "0.0.0.0/1"), ""),
        (("0.0.0.0/1", "128.0.0.0/2", "224.0.0.0/3"), ""),
        (("0.0.0.0/1", "8000::/1"), ""),
        ((), ""),
    ],
)
def test_blocks_are_a_whole_family_when_they_leave_no_address_out(blocks, family):
    assert whole_family(servers(*blocks)) == family


@given(st.lists(st.tuples(st.integers(0, 7), st.integers(0, 3)), max_size=12))
def test_whether_blocks_are_a_whole_family_is_what_ipaddress_says(found):
    blocks = [str(ip_network((number << 29, length), strict=False)) for number, length in found]
    together = list(collapse_addresses(map(ip_network, blocks)))
    assert bool(whole_family(servers(*blocks))) == (together == [ip_network("0.0.0.0/0")])


def test_halves_are_refused_from_a_provider_a_file_a_cluster_and_in_two_objects():
    listed = "\n".join(HALVES).encode()
    problem = "every IPv4 address"
    with pytest.raises(InputError, match=problem):
        read_provider("text", listed, "offices.txt", "offices")
    with pytest.raises(InputError, match=problem):
        read_documents(yaml_of(*HALVES), "a.yaml")
    with pytest.raises(InputError, match=problem):
        spec = [{"ipBlock": block} for block in HALVES]
        read_object(API | {"metadata": {"name": "x"}, "spec": spec}, "it", "mend it")
    two = "---\n".join(yaml_of(half) for half in HALVES)
    with pytest.raises(InputError, match=f"a.yaml: the objects named 'x' hold {problem} together"):
        read_documents(two, "a.yaml")
    assert len(read_documents(two.replace("name: x", "name: y", 1), "a.yaml")) == 2


def test_halves_that_come_one_after_the_other_are_refused():
    first, second = (Document("x", servers(half)) for half in HALVES)
    text = add_documents("", "f", [first]).text
    with pytest.raises(InputError, match="the blocks of x would hold every IPv4 address together"):
        add_documents(text, "f", [second])
    with pytest.raises(InputError, match="would hold every IPv4 address"):
        add_documents("", "f", [first, second])


def test_halves_are_taken_by_force_and_read_again(file, capsys):
    blocks = [word for half in HALVES for word in ("--ip-block", half)]
    command = ["known-servers", "add", "x", *blocks, "--server", "internet"]
    assert run(command) == 1
    assert "the blocks together hold every IPv4 address" in capsys.readouterr().err
    assert run([*command, "--force"]) == 0
    assert run(["known-servers", "list", "-o", "name"]) == 0
    (document,) = read_documents(file.read_text(), "f")
    assert document.every_address
    file.with_name("halves.yaml").write_text(yaml_of(*HALVES, name="y"))
    assert run(["known-servers", "import", "--force", "-f", str(file.with_name("halves.yaml"))]) == 0
    assert [one.every_address for one in read_documents(file.read_text(), "f")] == [True, True]


def test_blocks_that_are_wider_than_any_network_are_told_once():
    assert wide_remarks(servers("10.0.0.0/8", "2001:db8::/12", "142.250.1.0/24")) == []
    (remark,) = wide_remarks(servers("64.0.0.0/7", "2000::/3", "64.0.0.0/6", "128.0.0.0/1"))
    assert remark.startswith("64.0.0.0/7, 2000::/3, 64.0.0.0/6 and 1 more: wider than an IPv4 /8 or an IPv6 /12")


def test_wide_blocks_are_told_when_they_are_added_imported_and_read_again(file, capsys):
    listing = file.with_name("offices.txt")
    listing.write_text("64.0.0.0/3\n")
    told = "64.0.0.0/3: wider than an IPv4 /8"
    for command in (
        ("add", "near", "--ip-block", "64.0.0.0/3", "--server", "a"),
        ("import", "--from", "text", str(listing), "--name", "offices"),
        ("refresh",),
    ):
        assert run(["known-servers", *command]) == 0
        assert told in capsys.readouterr().err
