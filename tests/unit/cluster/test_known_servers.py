import json
import shlex

import pytest
import yaml

from kubectl_netpol.cli.application import run

from .server import played

PATH = "/apis/spdx.softwarecomposition.kubescape.io/v1beta1/knownservers"


def item(name, block):
    metadata = {"name": name, "uid": f"uid-{name}", "resourceVersion": "7", "managedFields": [{"manager": "kubectl"}]}
    return {"metadata": metadata, "spec": [{"ipBlock": block, "name": f"{name}-label", "server": f"{name}.example"}]}


@pytest.fixture
def file(tmp_path, monkeypatch):
    path = tmp_path / "known-servers.yaml"
    monkeypatch.setenv("KUBECTL_NETPOL_KNOWN_SERVERS", str(path))
    return path


def test_a_clusters_objects_are_read_in_pages_and_read_again(file, tmp_path, capsys):
    pages = {"": ([item("github", "192.0.2.0/24")], "more"), "more": ([item("other", "2001:db8::/32")], "")}

    def play(path, query):
        assert path == PATH
        items, following = pages[query.get("continue", "")]
        return 200, json.dumps({"metadata": {"continue": following}, "items": items}).encode()

    with played(play, tmp_path):
        config = ["--kubeconfig", str(tmp_path / "config")]
        assert run(["known-servers", "import", "--cluster", *config]) == 0
        pages["more"] = ([], "")
        capsys.readouterr()
        assert run(["known-servers", "refresh", *config]) == 0
    assert capsys.readouterr().out == (
        "knownserver.spdx.softwarecomposition.kubescape.io/github unchanged: 0 added, 0 removed\n"
        "knownserver.spdx.softwarecomposition.kubescape.io/other configured: 0 added, 1 removed\n"
        "  - 2001:db8::/32 other-label\n"
    )


def test_a_cluster_without_kubescape_says_so(file, tmp_path, capsys):
    with played(lambda *_: (404, b"404 page not found"), tmp_path):
        assert run(["known-servers", "import", "--cluster", "--kubeconfig", str(tmp_path / "config")]) == 1
    assert capsys.readouterr().err.startswith("error: the cluster has no KnownServer objects\nhint: ")
    assert not file.exists()


def test_a_name_that_was_written_by_hand_gives_way_as_the_hint_says(file, tmp_path, capsys):
    assert run(["known-servers", "add", "github", "--ip-block", "198.51.100.0/24", "--server", "me"]) == 0
    body = json.dumps({"items": [item("github", "192.0.2.0/24")]}).encode()
    words = ["known-servers", "import", "--cluster", "--kubeconfig", str(tmp_path / "config")]
    with played(lambda *_: (200, body), tmp_path):
        capsys.readouterr()
        assert run(words) == 1
        error, hint = capsys.readouterr().err.splitlines()
        assert error == "error: known server 'github' exists and was not imported"
        before, _, command = hint.partition("kubectl netpol ")
        assert before == f"hint: rename it in {file}, or remove it: "
        assert run(shlex.split(command)) == 0
        assert run(words) == 0
    assert "192.0.2.0/24" in file.read_text("utf-8")


def test_an_object_that_is_wrong_changes_nothing(file, tmp_path, capsys):
    body = json.dumps({"items": [item("github", "192.0.2.0/24"), item("bad", "no block")]}).encode()
    with played(lambda *_: (200, body), tmp_path):
        assert run(["known-servers", "import", "--cluster", "--kubeconfig", str(tmp_path / "config")]) == 1
    assert capsys.readouterr().err == (
        "error: the cluster's KnownServer bad: spec[0]: 'no block' is no IP block\n"
        "hint: write an address and a prefix length, such as 142.250.1.0/24 or 2001:db8::/32\n"
    )
    assert not file.exists()


@pytest.mark.parametrize(
    ("changed", "problem"),
    [
        ({"spec": [{"ipBlock": "192.0.2.0/24", "server": 7}]}, "spec[0].server is no text"),
        ({"spec": [{"ipBlock": ["192.0.2.0/24"]}]}, "spec[0].ipBlock is no text"),
        ({"spec": []} | {"more": 1}, "'more' is no field of a KnownServer"),
        ({"spec": None}, "spec is missing"),
    ],
)
def test_an_object_that_is_wrong_is_named_with_how_to_mend_it(changed, problem, file, tmp_path, capsys):
    body = json.dumps({"items": [item("github", "192.0.2.0/24"), item("bad", "192.0.2.0/24") | changed]}).encode()
    with played(lambda *_: (200, body), tmp_path):
        assert run(["known-servers", "import", "--cluster", "--kubeconfig", str(tmp_path / "config")]) == 1
    error, hint = capsys.readouterr().err.splitlines()
    assert error == f"error: the cluster's KnownServer bad: {problem}"
    edit = "hint: mend it: kubectl edit knownservers.spdx.softwarecomposition.kubescape.io bad"
    assert hint == ("hint: known: apiVersion, kind, metadata, spec, status" if "more" in changed else edit)


def test_a_cluster_is_asked_as_whom_the_flags_say(file, tmp_path):
    body = json.dumps({"items": [item("github", "192.0.2.0/24")]}).encode()
    with played(lambda *_: (200, body), tmp_path) as (_, headers):
        flags = ["--kubeconfig", str(tmp_path / "config"), "--user", "u", "--as", "eve", "--as-group", "g"]
        flags += ["--request-timeout", "5s"]
        assert run(["known-servers", "import", "--cluster", *flags]) == 0
        assert run(["known-servers", "refresh", *flags, "--cluster", "k"]) == 0
    assert [(one["Impersonate-User"], one["Impersonate-Group"]) for one in headers] == [("eve", "g")] * 2


def test_a_refresh_asks_the_context_that_was_imported_from_and_takes_no_other_for_it(file, tmp_path, capsys):
    body = json.dumps({"items": [item("github", "192.0.2.0/24")]}).encode()
    with played(lambda *_: (200, body), tmp_path) as (_, headers):
        config = tmp_path / "config"
        kubeconfig = ["--kubeconfig", str(config)]
        assert run(["known-servers", "import", "--cluster", "--context", "c", *kubeconfig]) == 0
        contexts = yaml.safe_load(config.read_text())
        contexts["contexts"].append({"name": "other", "context": {"cluster": "none", "user": "u"}})
        config.write_text(yaml.safe_dump(contexts | {"current-context": "other"}))
        before = file.read_bytes()
        assert run(["known-servers", "refresh", *kubeconfig]) == 0
        assert run(["known-servers", "refresh", "--context", "c", *kubeconfig]) == 0
        capsys.readouterr()
        assert run(["known-servers", "refresh", "--context", "other", *kubeconfig]) == 1
    told = capsys.readouterr().err
    assert told.startswith("error: known server 'github' was imported from the context 'c'\nhint: leave --context out")
    assert len(headers) == 3
    assert file.read_bytes() == before


def test_a_context_may_be_named_for_what_was_imported_from_the_current_one(file, tmp_path):
    body = json.dumps({"items": [item("github", "192.0.2.0/24")]}).encode()
    with played(lambda *_: (200, body), tmp_path):
        kubeconfig = ["--kubeconfig", str(tmp_path / "config")]
        assert run(["known-servers", "import", "--cluster", *kubeconfig]) == 0
        before = file.read_bytes()
        assert run(["known-servers", "refresh", "--context", "c", *kubeconfig]) == 0
    assert file.read_bytes() == before


def test_a_cluster_that_does_not_answer_is_told_with_the_way_on_for_the_others(file, tmp_path, capsys):
    body = json.dumps({"items": [item("github", "192.0.2.0/24"), item("x", "198.51.100.0/24")]}).encode()
    kubeconfig = ["--kubeconfig", str(tmp_path / "config")]
    with played(lambda *_: (200, body), tmp_path):
        assert run(["known-servers", "import", "--cluster", *kubeconfig]) == 0
    (tmp_path / "offices").write_text("203.0.113.0/24")
    assert run(["known-servers", "import", "--from", "text", str(tmp_path / "offices"), "--name", "offices"]) == 0
    before = file.read_bytes()
    capsys.readouterr()
    assert run(["known-servers", "refresh", *kubeconfig]) == 1
    error, hint = capsys.readouterr().err.splitlines()
    assert error.startswith("error: known servers 'github', 'x': the cluster at ")
    others = f"kubectl netpol known-servers refresh offices --known-servers {file} {' '.join(kubeconfig)}"
    assert hint.endswith(f"; or refresh the others: {others}")
    assert file.read_bytes() == before
