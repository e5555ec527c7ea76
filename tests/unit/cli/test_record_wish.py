"""What is typed after ``record``: refused before anything is asked, and the Jobs that it stands for."""

from __future__ import annotations

import json
from typing import Any

import pytest

from kubectl_netpol.capture.session import decode
from kubectl_netpol.cli.application import run
from kubectl_netpol.cli.record_wish import Wish

BEGUN = 1_700_000_000_000
NOTHING: dict[str, Any] = dict.fromkeys(("namespace", "capture_namespace", "image", "pull_policy", "output"))
NONE: dict[str, Any] = {"selection": (), "nodes": (), "pull_secrets": (), "labels": "", "attach": "auto"}
DRY = ("record", "--dry-run=client")


@pytest.fixture(autouse=True)
def nowhere(monkeypatch: pytest.MonkeyPatch, tmp_path: Any) -> None:
    """No kubeconfig, so that whatever asked a cluster would fail."""
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.delenv("KUBECONFIG", raising=False)


def jobs(capsys: pytest.CaptureFixture[str], *words: str) -> list[dict[str, Any]]:
    """The Jobs of a dry run."""
    assert run([*DRY, *words, "-o", "json"]) == 0
    found = json.loads(capsys.readouterr().out)
    return found["items"] if found["kind"] == "List" else [found]


def refusal(capsys: pytest.CaptureFixture[str], *words: str) -> str:
    """What is said of words that are refused."""
    assert run(list(words)) == 1
    said = capsys.readouterr()
    assert said.out == ""
    assert "hint: " in said.err
    return said.err


@pytest.mark.parametrize("dry_run", ["client", "server", "none"])
@pytest.mark.parametrize(
    ("words", "problem"),
    [
        (("foo/bar/baz",), "'foo/bar/baz' is not TYPE/NAME"),
        (("deploy/",), "'deploy/' is not TYPE/NAME"),
        (("-l", "app in ("), "unable to parse the label selector 'app in ('"),
        (("--node", ""), "'' is no name of a node"),
        (("--node", "n1\x1b[31m"), "'n1\\x1b[31m' is no name of a node"),
        (("--node", "n1", "--node", "N2"), "'N2' is no name of a node"),
        (("--node", "n" * 254), "is no name of a node"),
    ],
    ids=str,
)
def test_what_is_no_workload_selector_or_node_is_refused_before_the_cluster_is_asked(
    capsys: pytest.CaptureFixture[str], dry_run: str, words: tuple[str, ...], problem: str
) -> None:
    assert problem in refusal(capsys, "record", f"--dry-run={dry_run}", *words)


def test_a_nodes_name_may_have_dots(capsys: pytest.CaptureFixture[str]) -> None:
    [job] = jobs(capsys, "--node", "ip-10-0-0-1.eu.internal")
    assert job["spec"]["template"]["spec"]["nodeName"] == "ip-10-0-0-1.eu.internal"


def test_a_type_that_only_the_cluster_knows_is_told(capsys: pytest.CaptureFixture[str]) -> None:
    assert run([*DRY, "foo,deploy", "web"]) == 0
    said = capsys.readouterr()
    assert said.out.startswith("job.batch/netpol-")
    assert said.err.splitlines() == [
        'note: whether there is a resource type "foo" was not asked: --dry-run=server asks the cluster'
    ]


def test_the_jobs_of_a_dry_run_are_where_captures_would_run(capsys: pytest.CaptureFixture[str]) -> None:
    [job] = jobs(capsys, "-n", "shop", "--capture-namespace", "tools")
    assert job["metadata"]["namespace"] == "tools"
    assert json.loads(job["metadata"]["annotations"]["kubectl-netpol/session"])["namespace"] == "shop"


def test_the_longest_duration_is_written_without_an_exponent(capsys: pytest.CaptureFixture[str]) -> None:
    [job] = jobs(capsys, "--detach", "--duration", "30d", "--ttl", "30d")
    spec = job["spec"]
    assert spec["template"]["spec"]["containers"][0]["args"][-2:] == ["--duration", "2592000"]
    assert (spec["activeDeadlineSeconds"], spec["ttlSecondsAfterFinished"]) == (2592000 + 900, 2592000)


@pytest.mark.parametrize("flag", ["--duration", "--until-stable"])
def test_more_than_thirty_days_are_refused(capsys: pytest.CaptureFixture[str], flag: str) -> None:
    said = refusal(capsys, *DRY, "--detach", flag, "1000w")
    assert said.startswith(f"error: {flag} 1000w: a session lasts for 30 days at most\nhint: recordings add up")


def test_what_waits_for_more_than_thirty_days_is_told_to_be_collected_before(
    capsys: pytest.CaptureFixture[str],
) -> None:
    assert refusal(capsys, *DRY, "--detach", "--duration", "1h", "--ttl", "40d").splitlines() == [
        "error: --ttl 40d: what was captured waits for 30 days at most",
        "hint: collect it before that: what is in the cache stays",
    ]


@pytest.mark.parametrize(
    ("flag", "what"),
    [
        ("--duration", "hears nothing; leave it out to record until Ctrl-C"),
        ("--until-stable", "hears nothing; leave it out to record until Ctrl-C"),
        ("--ttl", "keeps nothing; leave it out to keep it for a day"),
    ],
)
def test_a_flag_of_no_time_is_told_what_to_do_instead(capsys: pytest.CaptureFixture[str], flag: str, what: str) -> None:
    assert f": {flag} of no time {what}\n" in refusal(capsys, *DRY, "--detach", flag, "0s")


@pytest.mark.parametrize(("ttl", "seconds"), [("500ms", 1), ("1500ms", 2), ("3s", 3)])
def test_a_part_of_a_second_is_a_second_to_wait_and_not_the_default(
    capsys: pytest.CaptureFixture[str], ttl: str, seconds: int
) -> None:
    [job] = jobs(capsys, "--detach", "--duration", "1m", "--ttl", ttl)
    assert job["spec"]["ttlSecondsAfterFinished"] == seconds


@pytest.mark.parametrize(
    "words",
    [
        [f"deploy/w{number}" for number in range(1001)],
        ["-l", f"app in ({','.join(f'value-{number}' for number in range(500))})"],
        [f"deploy/{'w' * 240}{number}" for number in range(300)],
        [word for number in range(1001) for word in ("--node", f"n{number}")],
    ],
    ids=["words", "selector", "characters", "nodes"],
)
def test_a_session_that_could_not_be_found_again_is_refused(
    capsys: pytest.CaptureFixture[str], words: list[str]
) -> None:
    said = refusal(capsys, *DRY, "--detach", "--duration", "5m", *words)
    assert said.startswith("error: so much cannot be kept with a session: 1000 words or nodes, 4096 characters of a ")


@pytest.mark.parametrize(
    ("words", "kept"),
    [
        (["deploy/web"] * 1001, ["deploy/web"]),
        (["deploy", "web", "api", "web"], ["deploy", "web", "api"]),
        (["deploy", "deploy", "deploy"], ["deploy", "deploy"]),
        (["deploy"], ["deploy"]),
        ([], []),
    ],
    ids=lambda words: " ".join(words[:4]),
)
def test_what_is_named_twice_is_kept_once(
    capsys: pytest.CaptureFixture[str], words: list[str], kept: list[str]
) -> None:
    [job] = jobs(capsys, *words, "--node", "n1", "--node", "n1")
    session = decode(job["metadata"]["annotations"]["kubectl-netpol/session"])
    assert session and (list(session.selection), session.nodes) == (kept, ("n1",))


def wish(duration: float, detach: bool) -> Wish:
    rest: dict[str, Any] = {"all_namespaces": False, "until_stable": 0.0, "ttl": 0.0, "dry_run": "none", "quiet": False}
    return Wish(**NOTHING, **NONE, **rest, duration=duration, detach=detach)


@pytest.mark.parametrize(("duration", "lateness"), [(20, 2), (60, 6), (600, 60), (86_400, 60)])
def test_a_detached_agent_is_told_the_moment_when_it_ends_at_the_latest(duration: float, lateness: int) -> None:
    typed = wish(duration, detach=True)
    session = typed.session("shop", BEGUN)
    capture = typed.capture(session, "shop")
    assert session.ends == BEGUN + duration * 1000
    assert (capture.duration, capture.until) == (duration, session.ends + lateness * 1000)
    assert capture.until < BEGUN + capture.deadline * 1000


def test_a_watched_agent_ends_when_it_is_told_to() -> None:
    typed = wish(600, detach=False)
    capture = typed.capture(typed.session("shop", BEGUN), "shop")
    assert (capture.duration, capture.until) == (0, 0)
