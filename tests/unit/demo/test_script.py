"""Where nothing can be captured the demo says why and replays; what it ships leads to the policies of its world."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
import yaml

from kubectl_netpol.demo import isolation, replay, script
from kubectl_netpol.errors import InputError

ROOT = Path(__file__).resolve().parents[3]
DEMO = [sys.executable, "-m", "kubectl_netpol", "demo"]


def environment(tmp_path: Path) -> dict[str, str]:
    return os.environ | {"TMPDIR": str(tmp_path), "HOME": str(tmp_path), "PYTHONPATH": str(ROOT)}


def policies(output: str) -> dict[str, dict]:
    shown = output.partition("$ kubectl netpol generate")[2].partition("\n")[2]
    text = re.sub(r"^\$ .*", "---", shown.partition("\nLast, whose is ")[0], flags=re.MULTILINE)
    return {document["metadata"]["name"]: document["spec"] for document in yaml.safe_load_all(text)}


def edges(rules: list[dict], side: str) -> set[tuple]:
    """(peer, protocol, port) of each rule, the peer as its labels' values or its cidr."""
    found = set()
    for rule in rules:
        for peer in rule[side]:
            labels = peer.get("podSelector", {}).get("matchLabels", {})
            name = peer["ipBlock"]["cidr"] if "ipBlock" in peer else ",".join(labels.values())
            place = peer.get("namespaceSelector", {}).get("matchLabels", {}).get("kubernetes.io/metadata.name", "")
            found |= {(place, name, port["protocol"], port["port"]) for port in rule["ports"]}
    return found


def assert_policies_of_the_world(output: str) -> None:
    found = policies(output)
    assert set(found) == {"deployment-api", "deployment-web"}
    assert edges(found["deployment-api"]["ingress"], "from") == {("", "web", "TCP", 8080)}
    assert edges(found["deployment-api"]["egress"], "to") == {
        ("", "142.250.1.104/32", "TCP", 443),
        ("", "db", "TCP", 5432),
        ("kube-system", "kube-dns", "UDP", 53),
        ("kube-system", "kube-dns", "TCP", 53),
        ("monitoring", "statsd", "UDP", 8125),
    }
    assert edges(found["deployment-web"]["ingress"], "from") == {("edge", "gateway", "TCP", 3000)}
    assert edges(found["deployment-web"]["egress"], "to") == {
        ("", "api", "TCP", 8080),
        ("", "cache", "TCP", 6379),
        ("kube-system", "kube-dns", "UDP", 53),
        ("monitoring", "statsd", "UDP", 8125),
    }


def assert_the_block_is_known_afterwards(output: str) -> None:
    before, _, after = output.partition("$ kubectl netpol known-servers add github --ip-block 142.250.1.100/24")
    command = "$ kubectl netpol generate deploy/api -n shop --local\n"
    first, second = (part.partition(command)[2].partition("\n\n")[0].splitlines() for part in (before, after))
    assert [line.strip() for line in first if line not in second] == [
        "cidr: 142.250.1.104/32  # api.github.com.",
    ]
    assert [line.strip() for line in second if line not in first] == [
        "cidr: 142.250.1.0/24  # api.github.com., github-workflows (github.com)",
    ]
    text = after.rpartition("$ kubectl netpol generate")[2].partition("\n")[2].partition("\nThat was all.")[0]
    document = yaml.safe_load(text)
    assert [(one["ipBlock"], one["originalIP"], one["server"]) for one in document["policyRef"]] == [
        ("142.250.1.0/24", "142.250.1.104", "github.com")
    ]
    earlier, later = (
        edges(one["egress"], "to") for one in (policies(output)["deployment-api"], document["spec"]["spec"])
    )
    assert earlier - later == {("", "142.250.1.104/32", "TCP", 443)}
    assert later - earlier == {("", "142.250.1.0/24", "TCP", 443)}


def test_the_shipped_recording_gives_the_worlds_policies_and_leaves_nothing(tmp_path: Path):
    done = subprocess.run([*DEMO, "--replay"], env=environment(tmp_path), capture_output=True, timeout=60, check=False)
    assert done.returncode == 0, done.stderr
    output = done.stdout.decode()
    assert "So this is a replay" in output
    assert_policies_of_the_world(output)
    assert_the_block_is_known_afterwards(output)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(("platform", "user", "reason"), [("darwin", 0, "Linux only"), ("linux", 1000, "needs root")])
def test_the_obstacle_is_said_plainly(monkeypatch, platform, user, reason):
    monkeypatch.setattr(isolation.sys, "platform", platform)
    monkeypatch.setattr(isolation.os, "geteuid", lambda: user)
    assert reason in isolation.obstacle()


def test_a_refusal_is_followed_by_a_replay(monkeypatch):
    said: list[str] = []
    shown: list[str] = []
    monkeypatch.setattr(script, "obstacle", lambda: "a reason and its remedy")
    monkeypatch.setattr(script, "replay_shipped", lambda _say, _show: shown.append("replayed"))
    script.play(said.append)
    assert "Nothing is captured here: a reason and its remedy." in said
    assert shown == ["replayed"]


@pytest.mark.parametrize("content", [None, b"", b"no record\n"])
def test_a_damaged_package_is_told_in_one_line(tmp_path: Path, content):
    recording = tmp_path / "recording.ndjson"
    if content is not None:
        recording.write_bytes(content)
    with pytest.raises(InputError, match="recording"):
        replay.feed(tmp_path / "cache", recording)


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_an_interrupted_replay_leaves_nothing(tmp_path: Path, number):
    demo = subprocess.Popen(
        [*DEMO, "--replay"], env=environment(tmp_path), stdout=subprocess.PIPE, stderr=subprocess.PIPE
    )
    deadline = time.monotonic() + 20
    while not list(tmp_path.iterdir()) and time.monotonic() < deadline:
        time.sleep(0.01)
    demo.send_signal(number)
    demo.communicate(timeout=20)
    assert demo.returncode == 130
    assert list(tmp_path.iterdir()) == []
