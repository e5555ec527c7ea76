"""What completion offers, word for word, and that nothing hostile gets onto a command line."""

import json
import os
import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest
import yaml
from cache.recordings import recording

from kubectl_netpol.apply.guard_objects import Guard, job
from kubectl_netpol.cache.store import Store
from kubectl_netpol.cli import complete_cluster
from kubectl_netpol.cli.catalog import COMPLETER, VERBS, asked_words
from kubectl_netpol.cli.complete import candidates, to_text
from kubectl_netpol.guard.plan import Earlier, Plan
from kubectl_netpol.guard.restore import DONE, STATE
from kubectl_netpol.model import Workload
from tests.unit.cluster.server import played

ROOT = Path(__file__).parents[3]
KINDS = {
    "deployments": "Deployment",
    "statefulsets": "StatefulSet",
    "daemonsets": "DaemonSet",
    "cronjobs": "CronJob",
}


@pytest.fixture(autouse=True)
def home(tmp_path, monkeypatch):
    for name in ("KUBECONFIG", "XDG_CONFIG_HOME", "XDG_CACHE_HOME", "KUBECTL_NETPOL_KNOWN_SERVERS"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("KUBECTL_NETPOL_CACHE_DIR", str(tmp_path / "cache"))
    with Store.open(tmp_path / "cache") as store:
        kept = [("shop", "Deployment", "web", "apps/v1"), ("shop", "StatefulSet", "db", "apps/v1")]
        kept += [("shop", "DaemonSet", "agent", "apps/v1"), ("edge", "Deployment", "gateway", "apps/v1")]
        store.merge("local", [recording(Workload(*one)) for one in kept])
    return tmp_path


def offered(*words):
    found, directive = candidates(words)
    return [value for value, _ in found], directive


def test_the_first_word_is_a_verb():
    assert offered("") == (list(VERBS), 4)
    assert offered("g") == ([verb for verb in VERBS if verb.startswith("g")], 4)
    assert offered("help", "gen") == (["generate"], 4)
    assert offered("nonsense", "") == ([], 4)


def test_flags_may_stand_before_the_verb_and_have_their_value_behind_an_equals_sign():
    assert offered("--context", "dev", "-n=shop", "gen") == (["generate"], 4)
    assert offered("--context", "dev", "cache", "") == offered("cache", "")
    assert offered("-n=shop", "neighbors", "--local", "deploy/")[0] == ["deploy/web"]
    assert offered("neighbors", "--local", "-n=shop", "deploy/")[0] == ["deploy/web"]
    assert "--namespace" not in offered("-n", "shop", "neighbors", "--n")[0]
    assert offered("--context", "") == ([], 4)


def test_groups_offer_their_commands():
    assert offered("cache", "")[0] == ["info", "clear", "export", "import"]
    assert offered("cache", "in") == (["info"], 4)


def test_flags_that_were_given_are_not_offered_again_unless_they_may_be_repeated():
    before, after = offered("generate", "--")[0], offered("generate", "-A", "-f", "x", "-o", "json", "--")[0]
    assert set(before) - set(after) == {"--all-namespaces", "--output"}
    assert "-n" in offered("generate", "-")[0]
    assert "--help" in before


@pytest.mark.parametrize(
    "words", [("-o", ""), ("--output", ""), ("--output=",), ("-A", "-o", ""), ("-Ao", ""), ("deploy/web", "-o", "")]
)
def test_choices_are_offered_however_the_flag_is_written(words):
    found, directive = offered("generate", *words)
    assert found[:4] == ["yaml", "json", "name", "jsonpath="]
    assert directive == 4


def test_files_and_folders_are_left_to_the_shell():
    assert offered("generate", "-f", "") == ([], 0)
    assert offered("generate", "--output-dir", "") == ([], 16)
    assert offered("generate", "--known-servers=") == ([], 0)
    assert offered("record", "--cache-dir", "") == ([], 16)
    assert offered("import", "--from", "hubble", "flo") == ([], 0)
    assert offered("known-servers", "import", "--from", "aws", "ip-r") == ([], 0)
    assert offered("graph", "--policies", "pol") == ([], 0)
    assert offered("check", "-f", "") == ([], 0)


def test_words_that_stand_beside_a_file_are_offered_with_it():
    assert offered("generate", "--aggregate", "") == (["exact"], 0)
    assert offered("generate", "--aggregate", "AS.t") == ([], 0)
    for command in ("diff", "check"):
        assert offered(command, "--aggregate", "") == (["exact"], 0)
        assert offered(command, "--policy-types", "i")[0] == ["ingress", "ingress,egress"]


@pytest.mark.parametrize("words", [("-o", "{}"), ("--output={}",), ("-A", "--output", "{}")])
@pytest.mark.parametrize(
    ("begun", "expected"),
    [
        ("jsonpath-a", (["jsonpath-as-json="], 6)),  # no files, and no blank behind it
        ("custom-columns-f", (["custom-columns-file="], 6)),
        ("js", (["json", "jsonpath=", "jsonpath-as-json=", "jsonpath-file="], 4)),
        ("jsonpath=", ([], 4)),
        ("jsonpath={.items", ([], 4)),
        ("jsonpath-file=", ([], 0)),
        ("custom-columns-file=/home/col", ([], 0)),
        ("nonsense=", ([], 4)),
    ],
)
def test_formats_with_a_template_go_on_behind_the_sign(words, begun, expected):
    assert offered("generate", *(word.format(begun) for word in words)) == expected


@pytest.mark.parametrize(
    ("words", "expected"),
    [
        (("",), ["daemonset/agent", "deployment/web", "statefulset/db"]),
        (("deploy",), ["deployment/web"]),
        (("deploy/",), ["deploy/web"]),
        (("deployments.apps/w",), ["deployments.apps/web"]),
        (("ds",), ["ds/agent"]),
        (("deployment/web", ""), ["daemonset/agent", "statefulset/db"]),
        (("deploy", ""), ["web"]),
        (("deploy,sts", ""), ["web", "db"]),
        (("nonsense/",), []),
        (("--", "st"), ["statefulset/db"]),
    ],
)
def test_workloads_come_from_the_cache(words, expected):
    for verb in ("neighbors", "generate"):
        assert offered(verb, "--local", "-n", "shop", *words) == (expected, 4)


def test_all_namespaces_and_another_cache_are_heeded(tmp_path):
    assert "deployment/gateway" in offered("neighbors", "--local", "-A", "")[0]
    elsewhere = ("--cache-dir", str(tmp_path / "empty"))
    assert offered("neighbors", "--local", "-A", *elsewhere, "") == ([], 4)
    assert not (tmp_path / "empty").exists()


def test_namespaces_that_were_recorded_are_offered():
    assert offered("neighbors", "--local", "-n", "")[0] == ["edge", "shop"]
    assert offered("neighbors", "--local", "-nsh")[0] == []  # the shell would replace the flag with it


def test_known_servers_are_offered_once(home):
    file = home / ".config/kubectl-netpol/known-servers.yaml"
    file.parent.mkdir(parents=True)
    entry = {"ipBlock": "142.250.1.0/24", "name": "workflows", "server": "github.com"}
    head = {"apiVersion": "spdx.softwarecomposition.kubescape.io/v1beta1", "kind": "KnownServer"}
    documents = [head | {"metadata": {"name": name}, "spec": [entry]} for name in ("github", "other")]
    file.write_text(yaml.safe_dump_all(documents), "utf-8")
    assert offered("known-servers", "remove", "") == (["github", "other"], 4)
    assert offered("known-servers", "remove", "github", "") == (["other"], 4)
    assert dict(candidates(["known-servers", "list", ""])[0])["github"] == "github.com"


def kubeconfig(tmp_path, url):
    path = tmp_path / "kubeconfig"
    names = ("first", "second", "$(touch pwned)", "a b", "-rf")
    document = {
        "current-context": "first",
        "contexts": [{"name": name, "context": {"cluster": "k", "user": "u", "namespace": "shop"}} for name in names],
        "clusters": [{"name": "k", "cluster": {"server": url}}],
        "users": [{"name": "u", "user": {"token": "s3cret"}}],
    }
    path.write_text(yaml.safe_dump(document), "utf-8")
    return path


def test_contexts_clusters_and_users_come_from_the_kubeconfig(tmp_path):
    path = str(kubeconfig(tmp_path, "http://127.0.0.1:9"))
    assert "second" in offered("record", "--kubeconfig", path, "--context", "")[0]
    assert offered("record", "--kubeconfig", path, "--cluster", "") == (["k"], 4)
    assert offered("record", "--kubeconfig", path, "--user", "") == (["u"], 4)


def play(path, _):
    kind = KINDS.get(path.rpartition("/")[2])
    if path == "/api/v1/namespaces":
        return 200, json.dumps({"items": [{"metadata": {"name": name}} for name in ("shop", "prod")]}).encode()
    if path == "/apis/apps/v1/namespaces/shop/deployments":
        named = [{"metadata": {"name": name, "namespace": "shop"}} for name in ("api", "web")]
        return 200, json.dumps({"items": named}).encode()
    return (200, b'{"items": [null, 7, {"metadata": 3}]}') if kind else (404, b"{}")


def asked(tmp_path, play, *words):
    with played(play, tmp_path) as (api, _):
        path = kubeconfig(tmp_path, api.server)
        return offered(words[0], "--kubeconfig", str(path), *words[1:])


def test_record_offers_what_is_in_the_cluster(tmp_path):
    assert asked(tmp_path, play, "record", "") == (["deployment/api", "deployment/web"], 4)
    assert asked(tmp_path, play, "record", "-n", "") == (["shop", "prod"], 4)


def test_what_is_only_read_asks_no_cluster(tmp_path):
    def refuse(path, _):
        raise AssertionError(path)

    assert asked(tmp_path, refuse, "neighbors", "") == ([], 4)
    assert asked(tmp_path, refuse, "generate", "-n", "") == ([], 4)


def test_a_cluster_that_does_not_answer_is_waited_for_only_so_long(tmp_path, monkeypatch):
    monkeypatch.setattr(complete_cluster, "SECONDS", 0.3)
    go_on = threading.Event()

    def hang(*_):
        go_on.wait(20)
        return 200, b"{}"

    began = time.monotonic()
    with played(hang, tmp_path) as (api, _):
        try:
            path = kubeconfig(tmp_path, api.server)
            assert offered("record", "--kubeconfig", str(path), "-n", "") == ([], 4)
            assert time.monotonic() - began < 15
        finally:
            go_on.set()


@pytest.mark.parametrize("answer", [(403, b"{}"), (500, b"x"), (200, b"[]"), (200, b"no json"), (200, b'{"items": 3}')])
def test_a_cluster_that_refuses_or_talks_nonsense_offers_nothing(tmp_path, answer):
    assert asked(tmp_path, lambda *_: answer, "record", "-n", "") == ([], 4)
    assert asked(tmp_path, lambda *_: answer, "stop", "") == ([], 4)


@pytest.mark.parametrize("verb", ["confirm", "rollback"])
def test_confirm_and_rollback_are_offered_the_guards_that_are_not_done(tmp_path, verb):
    def made(session, state):
        plan = Plan("shop", f"netpol-guard-{session}", 1, (Earlier("deployment-web", None),))
        found = job(Guard(session, plan, 60, "image:1"))
        found["metadata"].setdefault("annotations", {}).update({STATE: state} if state else {})
        return found

    items = [made("aaaaaa", ""), made("bbbbbb", f"{DONE}"), made("cccccc", "rollback failed: x")]
    answer = 200, json.dumps({"items": items, "metadata": {}}).encode()
    assert asked(tmp_path, lambda *_: answer, verb, "-n", "shop", "") == (["aaaaaa", "cccccc"], 4)


def test_what_a_shell_would_act_upon_is_never_printed():
    hostile = ["$(id)", "a;b", "a b", "`id`", "a\nb", "a\tb", "é", "", "a'b", 'a"b', "a\\b", "a|b", "~", "*", "\x1b[2J"]
    assert to_text([(value, "") for value in hostile], 4) == ":4\n"
    assert to_text([("web", "one\ntwo\tthree\x1b[2J")], 4) == "web\tone two three [2J\n:4\n"


def start(home, *words, name="kubectl_complete-netpol", **more):
    link = home / name
    if not link.exists():
        link.symlink_to(Path(sys.executable).parent / "kubectl-netpol")
    environment = {"PATH": os.environ["PATH"], "HOME": str(home), **more}
    settings = {"capture_output": True, "text": True, "timeout": 60}
    return subprocess.run([link, *words], env=environment, check=False, **settings)


def test_the_program_completes_by_its_other_name_and_by_a_first_word(home):
    said = start(home, "gen")
    assert (said.returncode, said.stderr) == (0, "")
    assert said.stdout == f"generate\t{VERBS['generate'][1]}\n:4\n"
    assert start(home, "__complete", "gen", name="kubectl-netpol").stdout == said.stdout
    assert asked_words([f"/x/{COMPLETER}", "a"]) == ["a"]
    assert asked_words(["kubectl-netpol", "generate"]) is None


def test_what_goes_wrong_is_not_said(home):
    (home / "broken").write_text("{", "utf-8")
    said = start(home, "record", "--context", "", KUBECONFIG=str(home / "broken"))
    assert (said.returncode, said.stdout, said.stderr) == (0, "", "")


def test_a_verb_is_completed_without_click(home):
    code = """
import os, sys
end = os._exit
def leave(code):
    with open(os.environ["SEEN"], "w") as seen:
        seen.write(" ".join(sys.modules))
    end(code)
os._exit = leave
sys.argv = ["kubectl_complete-netpol", "ge"]
from kubectl_netpol.cli.main import main
main()"""
    seen = home / "seen"
    subprocess.run([sys.executable, "-c", code], env={"SEEN": str(seen), "HOME": str(home)}, check=True, cwd=ROOT)
    modules = set(seen.read_text("utf-8").split())
    assert "kubectl_netpol.cli.complete" in modules
    assert not modules & {"click", "yaml", "dataclasses", "kubernetes", "typing"}
