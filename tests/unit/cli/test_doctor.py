"""The doctor's table, its exit code, and the roles that it prints without asking anybody."""

from __future__ import annotations

import json

import pytest
import yaml

from kubectl_netpol.capture.diagnosis import Check, Verdict
from kubectl_netpol.cli import doctor
from kubectl_netpol.cli.application import run
from kubectl_netpol.cluster.rights import roles_to_apply, roles_to_record

GOOD = Check("nodes", Verdict.OK, "n1: linux/amd64")
DOUBTFUL = Check("policies", Verdict.WARNING, "unknown", "look: kubectl get daemonsets -A")
BAD = Check("pod security", Verdict.FAILURE, "refused \x1b[2J", "label it")
CACHE = Check("cache", Verdict.OK, "/c: nothing is kept yet")


@pytest.fixture
def nowhere(monkeypatch, tmp_path):
    """No kubeconfig, and a home of its own."""
    for name in ("KUBECONFIG", "KUBERNETES_SERVICE_HOST"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("KUBECTL_NETPOL_CACHE_DIR", str(tmp_path / "cache"))


@pytest.fixture
def found(monkeypatch, nowhere):
    """Sets what the cluster and the cache are found to be."""

    def settle(*checks):
        monkeypatch.setattr(doctor, "_ask_cluster", lambda *_: checks)
        monkeypatch.setattr(doctor, "_ask_cache", lambda _: CACHE)

    return settle


def test_the_table_holds_every_check_and_below_it_what_to_do(found, capsys):
    found(GOOD, DOUBTFUL, BAD)
    assert run(["doctor"]) == 1
    assert capsys.readouterr().out == (
        "CHECK          VERDICT   FINDING\n"
        "nodes          ok        n1: linux/amd64\n"
        "policies       warning   unknown\n"
        "pod security   failure   refused \\x1b[2J\n"
        "cache          ok        /c: nothing is kept yet\n"
        "\n"
        "What to do:\n"
        "  policies: look: kubectl get daemonsets -A\n"
        "  pod security: label it\n"
    )


def test_a_remedy_that_helps_twice_is_told_once(found, capsys):
    found(BAD, BAD, Check("nodes", Verdict.FAILURE, "not seen", "label it"))
    assert run(["doctor"]) == 1
    assert capsys.readouterr().out.endswith("What to do:\n  pod security, nodes: label it\n")


@pytest.mark.parametrize("checks", [(GOOD,), (GOOD, DOUBTFUL)])
def test_without_a_failure_it_exits_with_0(found, capsys, checks):
    found(*checks)
    assert run(["doctor"]) == 0
    assert ("What to do" in capsys.readouterr().out) == (DOUBTFUL in checks)


def test_json_holds_the_same(found, capsys):
    found(DOUBTFUL)
    assert run(["doctor", "-o", "json"]) == 0
    first, second = json.loads(capsys.readouterr().out)["checks"]
    assert first == {
        "name": "policies",
        "verdict": "warning",
        "finding": "unknown",
        "remedy": "look: kubectl get daemonsets -A",
    }
    assert (second["name"], second["remedy"]) == ("cache", "")


def test_without_a_kubeconfig_that_is_the_finding(nowhere, capsys):
    assert run(["doctor", "-o", "json"]) == 1
    connection, cache = json.loads(capsys.readouterr().out)["checks"]
    assert (connection["name"], connection["verdict"]) == ("connection", "failure")
    assert connection["finding"] == "there is no kubeconfig"
    assert (cache["name"], cache["verdict"]) == ("cache", "ok")


def test_a_context_that_is_not_there_is_the_finding(nowhere, tmp_path, capsys):
    (tmp_path / "config").write_text("contexts: []\n")
    assert run(["doctor", "--kubeconfig", str(tmp_path / "config"), "--context", "x", "-o", "json"]) == 1
    assert "no context 'x'" in json.loads(capsys.readouterr().out)["checks"][0]["finding"]


@pytest.mark.parametrize(
    ("arguments", "roles"),
    [
        ([], roles_to_record("default")),
        (["-n", "shop"], roles_to_record("shop")),
        (["-n", "shop", "--capture-namespace", "tools"], roles_to_record("tools")),
        (["-n", "shop", "--for", "apply"], roles_to_apply("shop")),
    ],
)
def test_the_least_roles_are_printed_without_a_cluster(nowhere, capsys, arguments, roles):
    assert run(["doctor", "--print-rbac", *arguments]) == 0
    printed = capsys.readouterr()
    assert list(yaml.safe_load_all(printed.out)) == roles
    assert printed.err == ""


def test_how_to_bind_the_roles_is_told_beside_them(nowhere, capsys):
    assert run(["doctor", "--print-rbac", "-n", "shop", "--as", "o'hara"]) == 0
    name = "kubectl-netpol-record"
    comments = [line for line in capsys.readouterr().out.splitlines() if line.startswith("#")]
    assert comments[1:] == [
        f"#   kubectl create clusterrolebinding {name} --clusterrole={name} --user='o'\"'\"'hara'",
        f"#   kubectl create rolebinding {name} -n shop --role={name} --user='o'\"'\"'hara'",
    ]


@pytest.mark.parametrize(
    "arguments",
    [
        ["--print-rbac", "-o", "json"],
        ["--for", "apply"],
        ["--print-rbac", "--for", "apply", "--capture-namespace", "tools"],
        ["--print-rbac", "--for", "confirmed-apply", "--capture-namespace", "tools"],
    ],
)
def test_what_means_nothing_together_is_refused(nowhere, capsys, arguments):
    assert run(["doctor", *arguments]) == 1
    assert "hint: " in capsys.readouterr().err
