"""The commands as a user types them: what comes out, where, and with which code."""

import io
import json
import sys

import pytest
import yaml

from kubectl_netpol.cli.application import run

PREFIX = "knownserver.spdx.softwarecomposition.kubescape.io/"
GITHUB = ["--ip-block", "142.250.1.100/24", "--name", "github-workflows", "--server", "github.com"]


@pytest.fixture
def netpol(tmp_path, monkeypatch, capsys):
    """Runs ``kubectl netpol known-servers ...`` with a configuration of its own: code, stdout, stderr."""
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "config"))
    monkeypatch.delenv("KUBECTL_NETPOL_KNOWN_SERVERS", raising=False)

    def call(*arguments, stdin=""):
        monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(stdin.encode())))
        code = run(["known-servers", *arguments])
        output = capsys.readouterr()
        return code, output.out, output.err

    return call


@pytest.fixture
def file(tmp_path):
    return tmp_path / "config" / "kubectl-netpol" / "known-servers.yaml"


def test_the_references_example_is_added_listed_explained_and_removed(netpol, file):
    code, out, err = netpol("add", "github", *GITHUB)
    assert (code, out) == (0, f"{PREFIX}github created\n")
    assert err == "note: 142.250.1.100/24 has host bits: it stands for 142.250.1.0/24\n"
    assert yaml.safe_load(file.read_text()) == {
        "apiVersion": "spdx.softwarecomposition.kubescape.io/v1beta1",
        "kind": "KnownServer",
        "metadata": {"name": "github"},
        "spec": [{"ipBlock": "142.250.1.100/24", "name": "github-workflows", "server": "github.com"}],
    }
    code, out, _ = netpol("list")
    assert [line.split() for line in out.splitlines()] == [
        ["NAME", "IP-BLOCK", "LABEL", "SERVER"],
        ["github", "142.250.1.0/24", "github-workflows", "github.com"],
    ]
    code, out, _ = netpol("explain", "142.250.1.104")
    assert out == (
        "142.250.1.104 belongs to 142.250.1.0/24 (github: github-workflows, github.com), the only block that holds it\n"
    )
    assert netpol("remove", f"{PREFIX}github") == (0, f"{PREFIX}github removed\n", "")
    assert netpol("list") == (0, "", "No known servers found.\n")


def test_the_same_again_is_an_error_and_changes_nothing(netpol, file):
    netpol("add", "github", *GITHUB)
    before = file.read_bytes()
    code, out, err = netpol("add", "github", *GITHUB)
    assert (code, out) == (1, "")
    assert err.startswith("error: known server 'github' already exists with 142.250.1.0/24")
    assert file.read_bytes() == before
    code, out, err = netpol("add", "github", *GITHUB, "--ip-block", "10.0.0.1")
    assert (code, out) == (0, f"{PREFIX}github configured\n")
    assert err == "note: 1 block was given twice or known already: not added again\n"


def test_explain_tells_every_block_that_holds_the_address_and_why_one_wins(netpol):
    netpol("add", "wide", "--ip-block", "142.250.0.0/16", "--server", "wide.example")
    netpol("add", "github", *GITHUB)
    netpol("add", "zebra", "--ip-block", "142.250.1.0/24", "--server", "zebra.example")
    _, out, _ = netpol("explain", "::ffff:142.250.1.104")
    first, *others = out.splitlines()
    assert first.endswith("(github: github-workflows, github.com), whose name comes first among equal blocks")
    assert others == [
        "  not 142.250.1.0/24 (zebra: zebra.example): equal, but its name comes later",
        "  not 142.250.0.0/16 (wide: wide.example): less specific",
    ]
    assert netpol("explain", "2001:DB8::1")[1].endswith("in a policy it is 2001:db8::1/128\n")
    assert netpol("explain", "github.com")[0] == 1


def test_every_address_needs_force_and_stays_readable(netpol):
    code, _, err = netpol("add", "all", "--ip-block", "::/0", "--server", "internet")
    assert code == 1
    assert "--force" in err
    assert netpol("add", "all", "--ip-block", "::/0", "--server", "internet", "--force")[0] == 0
    assert netpol("list", "-o", "name")[1] == f"{PREFIX}all\n"


def test_what_is_exported_is_imported_unchanged_in_yaml_and_json(netpol, tmp_path):
    netpol("add", "github", *GITHUB)
    netpol("add", "lan", "--ip-block", "::ffff:10.0.0.1", "--ip-block", "2001:db8::/32", "--server", "*.lan.example")
    netpol("add", "all", "--ip-block", "0.0.0.0/0", "--server", "internet", "--force")
    table = netpol("list")[1]
    for output in ("yaml", "json"):
        exported = netpol("export", "-o", output)[1]
        other = str(tmp_path / f"{output}.yaml")
        code, out, _ = netpol("import", "-f", "-", "--known-servers", other, stdin=exported)
        assert (code, out) == (0, "".join(f"{PREFIX}{name} created\n" for name in ("github", "lan", "all")))
        assert netpol("list", "--known-servers", other)[1] == table
        code, out, _ = netpol("import", "-f", "-", "--known-servers", other, stdin=exported)
        assert out == "".join(f"{PREFIX}{name} unchanged\n" for name in ("github", "lan", "all"))
    assert json.loads(netpol("list", "-o", "json")[1]) == yaml.safe_load(netpol("list", "-o", "yaml")[1])
    assert [d["metadata"]["name"] for d in yaml.safe_load_all(netpol("export", "lan")[1])] == ["lan"]


def test_a_file_with_every_address_is_imported_as_the_hint_says(netpol, tmp_path):
    entry = "apiVersion: spdx.softwarecomposition.kubescape.io/v1beta1\nkind: KnownServer\nmetadata:\n  name: all\n"
    (tmp_path / "all.yaml").write_text(f"{entry}spec:\n- ipBlock: 0.0.0.0/0\n")
    code, _, err = netpol("import", "-f", str(tmp_path / "all.yaml"))
    assert code == 1
    assert "import --force" in err.splitlines()[1]
    assert netpol("import", "--force", "-f", str(tmp_path / "all.yaml"))[1] == f"{PREFIX}all created\n"


@pytest.mark.parametrize("suffix", ["yaml", "YAML", "Yml", "JSON"])
def test_a_folders_files_are_known_by_their_suffix_in_any_case(netpol, tmp_path, suffix):
    netpol("add", "github", *GITHUB)
    folder = tmp_path / "folder"
    folder.mkdir()
    (folder / f"a.{suffix}").write_text(netpol("export", "-o", "json")[1])
    other = str(tmp_path / "other.yaml")
    assert netpol("import", "-f", str(folder), "--known-servers", other)[1] == f"{PREFIX}github created\n"


def test_one_bad_file_among_good_ones_imports_nothing(netpol, file, tmp_path):
    netpol("add", "github", *GITHUB)
    before = file.read_bytes()
    folder = tmp_path / "folder"
    folder.mkdir()
    good = netpol("export")[1].replace("github", "good")
    (folder / "a.yaml").write_text(good)
    (folder / "b.yml").write_text(good + "---\n" + good.replace("142.250.1.100/24", "nowhere"))
    (folder / "notes.txt").write_text("not read")
    code, out, err = netpol("import", "-f", str(folder))
    assert (code, out) == (1, "")
    assert f"error: {folder}/b.yml: document 2, line 15: spec[0]: 'nowhere' is no IP block\n" in err
    assert file.read_bytes() == before
    (folder / "b.yml").unlink()
    assert netpol("import", "-f", str(folder))[1] == f"{PREFIX}good created\n"


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["add", "GitHub", *GITHUB], "'GitHub' is no name of a Kubernetes object"),
        (["add", "x", "--ip-block", "10.0.0.0/33", "--server", "a"], "'10.0.0.0/33' is no IP block"),
        (["add", "x", "--ip-block", "10.0.0.1"], "missing option '--server'"),
        (["add", "x", "--ip-block", "10.0.0.1", "--server", ""], "--server is empty"),
        (["add", "x", "--ip-block", "10.0.0.1", "--server", " "], "--server is empty"),
        (["add", "x", "--ip-block", "10.0.0.1", "--server", "a\x1b[2J"], r"server 'a\x1b[2J' holds a character"),
        (["remove", "nope"], "there is no known server 'nope'; nothing was removed"),
        (["list", "nope"], "there is no known server 'nope'"),
        (["list", "--known-servers", "/nonexistent/file"], "/nonexistent/file: no such file"),
        (["import", "-f", "/nonexistent"], "/nonexistent: no such file"),
        (["import", "-f", "-"], "standard input holds no KnownServer"),
    ],
)
def test_what_cannot_be_done_is_told_in_one_line(netpol, file, arguments, words):
    code, out, err = netpol(*arguments)
    assert (code, out) == (1, "")
    assert err.startswith("error: ")
    assert words in err.splitlines()[0]
    assert not file.exists()


def test_the_environment_names_the_file_and_a_hand_written_one_keeps_its_comments(netpol, tmp_path, monkeypatch):
    path = tmp_path / "mine.yaml"
    netpol("add", "github", *GITHUB, "--known-servers", str(path))
    path.write_text(path.read_text().replace("- ip", "# ours\n- ip") + "\n# the end\n")
    monkeypatch.setenv("KUBECTL_NETPOL_KNOWN_SERVERS", str(path))
    netpol("add", "github", "--ip-block", "10.0.0.1", "--server", "a")
    netpol("add", "other", "--ip-block", "10.0.0.2", "--server", "a")
    netpol("remove", "other")
    text = path.read_text()
    assert "# ours\n- ipBlock: 142.250.1.100/24\n" in text
    assert text.endswith('- ipBlock: 10.0.0.1\n  name: ""\n  server: a\n\n# the end\n')


def test_an_import_of_thousands_of_overlapping_blocks_says_so_briefly(netpol, tmp_path):
    entries = "".join(f"- ipBlock: 10.{i >> 8}.{i & 255}.0/24\n" for i in range(1000))
    head = "apiVersion: spdx.softwarecomposition.kubescape.io/v1beta1\nkind: KnownServer\nmetadata: {name: a}\nspec:\n"
    path = tmp_path / "in.yaml"
    path.write_text(head + "- ipBlock: 10.0.0.0/8\n" + entries)
    code, _, err = netpol("import", "-f", str(path))
    assert code == 0
    assert err.splitlines()[0] == "note: 10.0.0.0/8 holds 1000 known blocks, which are more specific"
    assert err.splitlines()[-1] == "note: and 981 more such notes"
