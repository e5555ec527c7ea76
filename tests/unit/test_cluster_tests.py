"""What the cluster's tests rest on where no cluster is needed: how logs are read, and what is waited for."""

from __future__ import annotations

import gzip
import json
import subprocess
import sys
from dataclasses import dataclass, field
from datetime import datetime, timedelta, timezone
from typing import Any

import pytest

from kubectl_netpol.errors import WireError
from kubectl_netpol.wire import StatusRecord, encode
from tests.cluster import container_logs, namespaces, processes, test_faults, traffic
from tests.cluster.agents import records
from tests.cluster.processes import ClusterError
from tests.cluster.product import Product, until
from tests.cluster.test_record import captured

LINES = [f"2026-01-01T00:00:0{second}.000000001Z stdout F 10.244.1.5 2000{second} 1700\n" for second in range(4)]


def test_a_containers_log_is_read_from_its_rotated_files_too(tmp_path, monkeypatch):
    folder = tmp_path / "faults_caller_uid/tally"
    folder.mkdir(parents=True)
    (folder / "0.log.20260101-000000.gz").write_bytes(gzip.compress("".join(LINES[:2]).encode()))
    (folder / "0.log.20260101-000001").write_text("".join(LINES[1:3]))  # while it is compressed it is there twice
    (folder / "0.log.20260101-000001.tmp").write_text("half of a")
    (folder / "0.log").write_text(LINES[3])

    def run_here(_node: str, *command: str) -> str:
        here = (word.replace("/var/log/pods", str(tmp_path)) for word in command)
        return processes.run_in(processes.HOST, *here)

    monkeypatch.setattr(container_logs, "run_in", run_here)
    told = container_logs.read("n1", "faults_caller_uid")
    assert sorted(told) == [f"10.244.1.5 2000{second} 1700" for second in range(4)]


def test_a_line_without_its_end_is_not_read():
    assert container_logs.texts(LINES[0] + LINES[1][:-3]) == ["10.244.1.5 20000 1700"]


def test_what_was_printed_before_is_left_out():
    since = datetime(2026, 1, 1, 1, 0, 2, tzinfo=timezone(timedelta(hours=1)))
    assert container_logs.texts("".join(LINES), since) == ["10.244.1.5 20002 1700", "10.244.1.5 20003 1700"]


def test_a_log_whose_file_was_renamed_meanwhile_is_read_again(monkeypatch):
    answers: list[Any] = [ClusterError("no such file"), LINES[0]]

    def run(*_: str) -> str:
        answer = answers.pop(0)
        if isinstance(answer, ClusterError):
            raise answer
        return str(answer)

    monkeypatch.setattr(container_logs, "run_in", run)
    assert container_logs.read("n1", "x") == ["10.244.1.5 20000 1700"]


def status(at: int) -> str:
    return encode(StatusRecord(epoch="e", seq=1, time=at, since=0)).rstrip("\n")


def test_the_line_in_which_an_agent_was_killed_is_left_out_and_no_other():
    whole, cut = [status(1000), status(2000)], status(3000)[:40]
    assert [one.time for one in records(["attached", *whole, cut])] == [1000, 2000]
    assert records([cut]) == []
    with pytest.raises(WireError):
        records([cut, *whole])


@dataclass
class Stub:
    """Answers each question with what comes next, the last again and again."""

    answers: list[str]
    asked: list[tuple[str, ...]] = field(default_factory=list)
    stdin: str = ""

    def kubectl(self, *arguments: str, stdin: str = "", **_: Any) -> str:
        self.stdin = stdin
        self.asked.append(arguments)
        return self.answers.pop(0) if len(self.answers) > 1 else self.answers[0]

    def agrees(self, *arguments: str) -> bool:
        self.asked.append(arguments)
        return True

    def get(self, *arguments: str) -> Any:
        return json.loads(self.kubectl(*arguments))


def listed(**deleted: bool) -> str:
    metadata = [{"name": name} | ({"deletionTimestamp": "x"} if gone else {}) for name, gone in deleted.items()]
    return json.dumps({"items": [{"metadata": one} for one in metadata]})


def test_namespaces_of_an_earlier_run_are_waited_for_and_others_are_not():
    stub = Stub([listed(shop=True, other=True), listed(other=True, visitors=False)])
    namespaces.await_gone(stub, "shop", "visitors")
    assert len(stub.asked) == 2


def test_a_namespace_has_its_labels_from_its_beginning():
    stub = Stub([listed(strict=True), listed(), "created"])
    namespaces.make(stub, "strict", {"enforce": "restricted"})
    assert stub.asked[-1] == ("-n", "strict", "get", "serviceaccount", "default")
    assert json.loads(stub.stdin)["metadata"] == {"name": "strict", "labels": {"enforce": "restricted"}}


@dataclass
class Addresses:
    """Gives pods these addresses in turn."""

    given: list[str]
    removed: list[str] = field(default_factory=list)

    def add(self, *_: str) -> str:
        return self.given.pop(0)

    def remove(self, name: str) -> None:
        self.removed.append(name)


@pytest.fixture
def no_node(monkeypatch):
    monkeypatch.setattr(test_faults, "give_again", lambda *_: None)


def test_an_address_that_another_pod_took_is_waited_for(no_node):
    pods = Addresses(["10.0.0.9", "10.0.0.5"])
    test_faults.add_at("10.0.0.5", pods, "late", "n1")
    assert pods.removed == ["late"]
    with pytest.raises(ClusterError, match=r"late does not get the address 10\.0\.0\.5"):
        test_faults.add_at("10.0.0.5", Addresses(["10.0.0.9"] * 3), "late", "n1")


def test_the_next_pod_is_made_in_another_second_than_the_last_one_spoke_in(no_node):
    made: list[int] = []

    class Clocked(Addresses):
        def add(self, *words: str) -> str:
            made.append(traffic.now())
            return super().add(*words)

    before = traffic.now()
    test_faults.add_at("10.0.0.5", Clocked(["10.0.0.5"]), "late", "n1")
    assert made[0] // 1000 > before // 1000


def test_an_address_is_returned_once_it_is_known(monkeypatch):
    monkeypatch.setattr(traffic.Traffic, "_speaks", lambda *_: True)
    stub = Stub(["created", "uid-1", "", "10.0.0.5"])
    made = traffic.Traffic(stub)
    assert made.add("late", "n1", "call") == "10.0.0.5"
    assert made.logs == {"late": ("n1", "faults_late_uid-1")}


def test_a_truth_that_is_too_small_proves_nothing(monkeypatch):
    made = traffic.Traffic(Stub([""]), {"10.244.1.5": "server-n1"})
    told = [f"10.244.1.5 {20000 + number} {1000 + number}" for number in range(11)]
    monkeypatch.setattr(traffic.Traffic, "told", lambda *_: told)
    assert len(made.truth(1000, 1010)) == 22
    with pytest.raises(AssertionError, match="too little traffic"):
        made.truth(1000, 1009)


def test_the_nodes_of_captures_are_told_by_whole_words():
    assert captured(["job.batch/netpol-n2k7mx-n1", "pod/netpol-n2k7mx-n1-n2x4d"]) == {"n1"}
    assert captured(["job.batch/netpol-bcdfgh-n2-2", "job.batch/netpol-bcdfgh-n1"]) == {"n1", "n2"}


def test_a_session_is_heard_when_all_its_nodes_are(monkeypatch, tmp_path):
    told = [[], [{"name": "a", "heard": []}], [{"name": "a", "heard": ["n1"]}], [{"name": "a", "heard": ["n1", "n2"]}]]
    monkeypatch.setattr(Product, "sessions", lambda *_: told.pop(0))
    assert Product(Stub([""]), tmp_path).await_heard("shop", "n2", "n1") == "a"
    assert told == []


def speaker(code: str) -> subprocess.Popen[str]:
    return subprocess.Popen([sys.executable, "-c", code], stderr=subprocess.PIPE, text=True)


def test_a_process_is_read_up_to_the_words_that_are_waited_for():
    with speaker("import sys; print('one\\nstopping: two', file=sys.stderr); sys.stdin.read()") as process:
        assert until(process, "stopping:") == "one\nstopping: two\n"
        process.kill()
    with speaker("import sys; print('one', file=sys.stderr)") as process, pytest.raises(AssertionError, match="one"):
        until(process, "stopping:")


def test_what_is_watched_ends_with_the_test(monkeypatch, tmp_path):
    monkeypatch.setattr(Product, "start", lambda *_: speaker("import time; time.sleep(600)"))
    with pytest.raises(ZeroDivisionError), Product(Stub([""]), tmp_path).watching("record") as process:
        assert 1 / 0
    assert process.returncode == -9
