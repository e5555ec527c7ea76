"""What is told when a command finds nothing: the reason, and a command that works when it is typed."""

import re
import shlex
import time

import pytest
import yaml
from cache.recordings import WEB, recording

from kubectl_netpol.cache.store import Store
from kubectl_netpol.cli.application import run
from kubectl_netpol.cli.kubeconfig import read_context
from kubectl_netpol.model import Workload

API = Workload("shop", "Deployment", "api", "apps/v1")
ODD = Workload("shop", "Deployment", "a b$(c)", "apps/v1")
HOUR = 3_600_000


@pytest.fixture(autouse=True)
def alone(monkeypatch, tmp_path):
    for name in ("KUBECONFIG", "XDG_CACHE_HOME", "XDG_CONFIG_HOME", "KUBECTL_NETPOL_CACHE_DIR"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("HOME", str(tmp_path))


@pytest.fixture
def default(tmp_path):
    return tmp_path / ".cache" / "kubectl-netpol"


def keep(directory, *workloads, cluster="local", ago=0):
    last = int(time.time() * 1000) - ago
    with Store.open(directory) as store:
        store.merge(cluster, [recording(workload, last=last) for workload in workloads])


@pytest.fixture
def cluster(tmp_path, monkeypatch):
    """A kubeconfig whose namespace is ``shop``; the identity of its cluster."""
    path = tmp_path / "kubeconfig"
    clusters = [{"name": "c", "cluster": {"server": "https://10.0.0.1:6443"}}]
    contexts = [{"name": "one", "context": {"cluster": "c", "namespace": "shop"}}]
    path.write_text(yaml.safe_dump({"current-context": "one", "contexts": contexts, "clusters": clusters}))
    monkeypatch.setenv("KUBECONFIG", str(path))
    return read_context([path]).cluster


def told(capsys, command, code=1):
    """What a command line says on stderr, as its first line and the rest."""
    assert run(shlex.split(command)) == code
    printed = capsys.readouterr()
    assert printed.out == "" or not code
    first, _, rest = printed.err.partition("\n")
    return first, rest


def proposed(hint):
    """The command line that a hint proposes, without ``kubectl netpol``."""
    program, _, command = hint.strip().partition("try: ")[2].partition(" netpol ")
    assert program == "kubectl"
    return command


@pytest.mark.parametrize("verb", ["neighbors", "generate"])
@pytest.mark.parametrize(
    ("options", "expected"),
    [
        ("-n shop", "deployment/web -n shop"),
        ("-n shop --local", "deployment/web -n shop --local"),
        ("-A", "deployment/web -n shop"),
        ("", "deployment/web -n shop"),
        ("-n shop --cache-dir 'other place'", "deployment/web -n shop --cache-dir 'other place'"),
    ],
)
def test_the_proposed_command_works_as_typed(verb, options, expected, default, tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    keep(tmp_path / "other place" if "place" in options else default, WEB)
    for asked in ("sts/web", "web", *(("deploy/nope",) if options else ())):  # without, nothing in scope is near it
        _, hint = told(capsys, f"{verb} {asked} {options}")
        assert proposed(hint) == f"{verb} {expected}"
        assert run(shlex.split(proposed(hint))) == 0
        assert "web" in capsys.readouterr().out


def test_the_namespace_is_left_out_where_it_is_the_contexts_own(default, cluster, capsys):
    keep(default, WEB, cluster=cluster)
    assert proposed(told(capsys, "generate deploy/nope")[1]) == "generate deployment/web"
    assert proposed(told(capsys, "generate deploy/nope --context one")[1]) == "generate deployment/web --context one"
    assert run(["generate", "deployment/web", "--context", "one"]) == 0


def test_a_name_that_a_shell_would_read_is_quoted(default, capsys):
    keep(default, ODD)
    _, hint = told(capsys, "neighbors deploy/nope -n shop")
    assert proposed(hint) == "neighbors 'deployment/a b$(c)' -n shop"
    assert run(shlex.split(proposed(hint))) == 0


@pytest.mark.parametrize(
    "arguments", ["web -n shop", "web api -n shop", "all -A", "web/web -n shop", "deploy.v9.apps -A"]
)
@pytest.mark.parametrize("verb", ["neighbors", "generate"])
def test_a_type_that_is_none_is_an_error(verb, arguments, default, capsys):
    keep(default, WEB)
    error, hint = told(capsys, f"{verb} {arguments}")
    assert error == f'error: there is no resource type "{arguments.split()[0].split("/")[0]}"'
    assert hint.startswith("hint: ")
    assert ("deployment/web -n shop" in hint) is (arguments != "all -A")


def test_a_type_is_none_when_nothing_is_recorded_too(capsys):
    error, hint = told(capsys, "neighbors web")
    assert error == 'error: there is no resource type "web"'
    assert "TYPE/NAME" in hint
    assert "record first" in hint


def test_kubernetes_own_types_and_recorded_ones_are_types(default, capsys):
    keep(default, Workload("shop", "Rollout", "web", "argoproj.io/v1alpha1"))
    assert told(capsys, "neighbors sts -n shop", 0)[0] == "No recordings of type sts found in shop namespace."
    assert told(capsys, "neighbors rollouts", 0)[0] == "No recordings of type rollouts found in default namespace."
    assert run(["neighbors", "rollouts", "-A", "-o", "name"]) == 0
    assert capsys.readouterr().out == "rollout.argoproj.io/web\n"


def test_what_only_this_machine_recorded_is_to_be_had_with_local(default, cluster, capsys):
    keep(default, WEB)
    for command in (
        "generate deploy/web",
        "generate web",
        "generate deploy/web -n elsewhere",
        "generate deploy/web -A",
    ):
        _, hint = told(capsys, command)
        assert proposed(hint) == "generate deployment/web -n shop --local"
    assert run(shlex.split(proposed(hint))) == 0
    capsys.readouterr()
    assert "add --local\n" in told(capsys, "generate deploy/nope")[1]
    assert "add --local\n" in told(capsys, "generate --all")[1]
    assert "add --local -A\n" in told(capsys, "generate --all -n elsewhere")[1]


def test_local_recordings_are_those_of_the_contexts_namespace(default, cluster, capsys):
    keep(default, WEB, Workload("default", "Deployment", "other", "apps/v1"))
    assert run(["neighbors", "--local", "-o", "name"]) == 0
    assert capsys.readouterr().out == "deployment.apps/web\n"


def test_a_broken_kubeconfig_is_no_hindrance_where_the_namespace_is_named(default, tmp_path, monkeypatch, capsys):
    (tmp_path / "broken").write_text("[")
    monkeypatch.setenv("KUBECONFIG", str(tmp_path / "broken"))
    keep(default, WEB)
    assert "-n" in told(capsys, "neighbors --local")[1]
    for scope in (["-n", "shop"], ["-A"]):
        assert run(["neighbors", "--local", *scope]) == 0


@pytest.mark.parametrize(
    ("command", "code"), [("neighbors -n shop", 0), ("neighbors deploy/web -n shop", 0), ("generate --all -n shop", 1)]
)
def test_what_since_excludes_is_not_said_to_be_unrecorded(command, code, default, capsys):
    keep(default, WEB, ago=2 * HOUR)
    problem, hint = told(capsys, f"{command} --since 1ms", code)
    reason = "othing of that in the recordings of shop namespace was seen within --since: the last was 120m ago"
    assert reason in problem
    assert hint == "hint: leave --since out, or make it longer\n"


@pytest.mark.parametrize("output", ["table", "wide", "yaml", "json", "name"])
def test_workloads_of_which_nothing_was_seen_within_since_are_left_out(output, default, capsys):
    keep(default, WEB)
    keep(default, API, ago=2 * HOUR)
    assert run(["neighbors", "-n", "shop", "--since", "1h", "-o", output]) == 0
    printed = capsys.readouterr()
    assert "web" in printed.out
    assert not re.search(r"^deployment(\.apps)?/api|deployment-api", printed.out, re.MULTILINE)
    assert (
        printed.err.splitlines()[0]
        == "note: 1 workload left out (shop/deployment/api): nothing of that was seen within --since"
    )


def test_of_files_since_leaves_out_what_was_not_seen(default, tmp_path, monkeypatch, capsys):
    keep(default, WEB)
    keep(default, API, ago=2 * HOUR)
    assert run(["neighbors", "-A", "-o", "yaml"]) == 0
    (tmp_path / "a.yaml").write_text(capsys.readouterr().out)
    monkeypatch.chdir(tmp_path)
    assert run(["generate", "-f", "a.yaml", "--since", "1h", "-o", "name"]) == 0
    printed = capsys.readouterr()
    assert printed.out == "networkpolicy.networking.k8s.io/deployment-web\n"
    assert "note: 1 workload left out (shop/deployment/api): nothing of that was seen within --since\n" in printed.err
    problem, _ = told(capsys, "generate deploy/api -f a.yaml --since 1h")
    assert problem == "error: nothing of that in the input was seen within --since: the last was 120m ago"


def test_labels_that_no_pod_has_are_told(default, capsys):
    keep(default, WEB)
    problem, hint = told(capsys, "generate -l app=nope -n shop")
    assert problem == "error: no recordings found in shop namespace with pods of the labels app=nope"
    assert "-l" in hint


def test_help_and_version_in_the_other_order(capsys):
    for words, same in (
        ("help generate", "generate --help"),
        ("help cache clear", "cache clear --help"),
        ("--version", "version --client"),
        ("--version -o json", "version --client -o json"),
    ):
        assert run(words.split()) == 0
        first = capsys.readouterr().out
        assert run(same.split()) == 0
        assert first == capsys.readouterr().out != ""
    assert told(capsys, "help nonsense")[0] == "error: no such command 'nonsense'"


@pytest.mark.parametrize(
    ("command", "near"),
    [
        ("versoin", ["version"]),
        ("Record", ["record"]),
        ("help genrate", ["generate"]),
        ("cache clera", ["clear"]),
        ("known-servers exprot github", ["export"]),
        ("completion instal", ["install", "uninstall"]),
    ],
)
def test_a_mistyped_verb_leads_to_those_that_are_written_nearly_like_it(command, near, capsys):
    *groups, word = [one for one in command.split() if one not in ("help", "github")]
    path = " ".join(("kubectl netpol", *groups))
    error, hint = told(capsys, command)
    assert error == f"error: no such command {word!r}"
    proposed = " or ".join(f"'{path} {verb}'" for verb in near)
    assert hint == f"hint: did you mean {proposed}? Otherwise see '{path} --help' for usage and examples\n"


@pytest.mark.parametrize(
    ("command", "path"),
    [
        ("generate -f", "generate"),
        ("generate --nonsense", "generate"),
        ("known-servers add x --ip-block", "known-servers add"),
        ("known-servers", "known-servers"),
        ("nonsense -f", ""),
        ("cache nonsense", "cache"),
    ],
)
def test_a_command_line_that_is_wrong_leads_to_the_help_of_its_command(command, path, capsys):
    program = f"kubectl netpol {path}".strip()
    assert told(capsys, command)[1] == f"hint: see '{program} --help' for usage and examples\n"
