"""What doctor says of what it was told: every finding that is not good has a remedy."""

from __future__ import annotations

from pathlib import Path

import pytest

from kubectl_netpol.cache.health import Health
from kubectl_netpol.capture.diagnosis import (
    Admission,
    Check,
    Verdict,
    judge_admission,
    judge_cache,
    judge_connection,
    judge_nodes,
    judge_rights,
    names_of,
    trouble,
    version_of,
)
from kubectl_netpol.capture.nodes import NodeFacts, read_node_facts
from kubectl_netpol.cluster.resources import NODE, POD
from kubectl_netpol.cluster.rights import Right, to_apply, to_record
from kubectl_netpol.errors import CaptureError, NetpolError, StoreError

OK, WARNING, FAILURE = Verdict.OK, Verdict.WARNING, Verdict.FAILURE
SERVER = "https://192.0.2.1:6443"


def node(name: str = "n1", kernel: str = "6.18.5", **facts: object) -> NodeFacts:
    settings = {"os": "linux", "architecture": "amd64", "runtime": "containerd://2.1", "is_ready": True} | facts
    return NodeFacts(name, kernel=kernel, **settings)


def verdicts(checks: list[Check]) -> list[Verdict]:
    assert all(bool(check.remedy) == (check.verdict is not OK) for check in checks)
    return [check.verdict for check in checks]


@pytest.mark.parametrize("version", ["v1.36.2+k3s1", "v1.21.0", "v1.31.4-gke.1", "", "nonsense"])
def test_a_server_that_answers_is_a_connection(version: str) -> None:
    check = judge_connection(SERVER, version)
    assert verdicts([check]) == [OK]
    assert check.finding == f"{SERVER}, Kubernetes {version or 'of an unknown version'}"


@pytest.mark.parametrize("version", ["v1.20.15", "v1.9.0"])
def test_a_server_that_lacks_what_is_asked_for_fails(version: str) -> None:
    check = judge_connection(SERVER, version)
    assert verdicts([check]) == [FAILURE]
    assert "older than 1.21" in check.finding


def test_rights_that_are_there_are_told_by_place_and_verbs() -> None:
    checks = judge_rights("record", to_record("shop"), [], FAILURE, "grant")
    assert set(verdicts(checks)) == {OK}
    assert [check.finding for check in checks][1:3] == [
        "list, watch endpointslices.discovery.k8s.io, nodes, pods, services in all namespaces",
        "create pods in namespace shop",
    ]


def test_each_right_of_a_command_is_told() -> None:
    for rights in (to_record("shop"), to_apply("shop")):
        for lacking in ((), rights):
            told = " ".join(check.finding for check in judge_rights("x", rights, lacking, FAILURE, "grant"))
            assert all(right.what in told and right.verb in told for right in rights)


@pytest.mark.parametrize("verdict", [WARNING, FAILURE])
def test_a_right_that_is_missing_is_named_with_its_reason(verdict: Verdict) -> None:
    lacking = [Right("watch", POD, "see them go"), Right("watch", NODE, "see them go")]
    rights = [*lacking, Right("get", POD, "read it", "shop", "log")]
    checks = judge_rights("record", rights, lacking, verdict, "grant it")
    assert checks == [
        Check("rights to record", OK, "get pods/log in namespace shop"),
        Check(
            "rights to record",
            verdict,
            "you may not watch pods, nodes in all namespaces, which is needed to see them go",
            "grant it",
        ),
    ]


def test_a_namespace_that_admits_captures_is_well_whether_or_not_its_level_is_known() -> None:
    assert judge_admission(Admission("shop")).finding == "capture pods are admitted in namespace shop"
    known = judge_admission(Admission("shop", "privileged"))
    assert known.finding == "capture pods are admitted in namespace shop, which enforces privileged"
    assert verdicts([known]) == [OK]


def test_a_namespace_that_refuses_them_fails_with_the_remedy_of_the_refusal() -> None:
    check = judge_admission(Admission("shop", "baseline", CaptureError("it is refused", "label it")))
    assert check == Check("pod security", FAILURE, "it is refused", "label it")


def test_nodes_that_are_alike_share_a_row() -> None:
    checks = judge_nodes([node("n2"), node("n1"), node("n3", kernel="6.12.1")])
    assert verdicts(checks) == [OK, OK]
    assert checks[0].finding == "n1 and n2: linux/amd64, kernel 6.18.5, containerd://2.1, ready"


@pytest.mark.parametrize(("kernel", "verdict"), [("5.1.21", FAILURE), ("4.19.0-27-amd64", FAILURE), ("3.10", FAILURE)])
def test_a_kernel_that_cannot_load_the_program_fails(kernel: str, verdict: Verdict) -> None:
    checks = judge_nodes([node("old", kernel=kernel), node("new")])
    assert verdicts(checks) == [OK, verdict]
    assert "before 5.2" in checks[1].finding


@pytest.mark.parametrize(
    ("kernel", "is_told"), [("5.2.0", True), ("6.5.13", True), ("6.6.1", False), ("7.0", False), ("", False)]
)
def test_packet_sockets_are_foretold_where_the_kernel_is_older_than_tcx(kernel: str, is_told: bool) -> None:
    (check,) = judge_nodes([node(kernel=kernel)])
    assert verdicts([check]) == [OK]
    assert ("packet sockets" in check.finding) == is_told


@pytest.mark.parametrize("facts", [{"os": "windows"}, {"architecture": "s390x"}])
def test_a_node_that_no_capture_runs_on_is_a_warning_beside_others(facts: dict[str, str]) -> None:
    checks = judge_nodes([node("a", **facts), node("b")])
    assert verdicts(checks) == [WARNING, OK]
    assert "nothing can be captured there: " in checks[0].finding


@pytest.mark.parametrize("nodes", [[], [node(os="windows")], [node(kernel="4.4.0")]])
def test_a_cluster_without_any_node_to_capture_fails(nodes: list[NodeFacts]) -> None:
    checks = judge_nodes(nodes)
    assert verdicts(checks)[-1] is FAILURE


def test_a_node_that_is_not_ready_is_a_warning() -> None:
    (check,) = judge_nodes([node("sick", is_ready=False)])
    assert verdicts([check]) == [WARNING]
    assert check.remedy == "look at it: kubectl describe node sick"


def test_what_a_node_does_not_say_is_said_to_be_unknown() -> None:
    (check,) = judge_nodes([read_node_facts({"metadata": {"name": "n1"}})])
    assert "n1: unknown/unknown, kernel unknown, an unknown runtime" in check.finding


def test_an_empty_cache_and_a_full_one_are_well() -> None:
    new = judge_cache(Health(Path("/c"), is_new=True, free=3 << 30))
    full = judge_cache(Health(Path("/c"), False, 3, 1, 2048, 512 << 20))
    assert new.finding == "/c: nothing is kept yet; 3.0 GiB free"
    assert full.finding == "/c: 3 workloads of 1 cluster, 2.0 KiB, all of it readable; 512.0 MiB free"
    assert verdicts([new, full]) == [OK, OK]


def test_a_cache_without_room_is_a_warning_and_one_that_cannot_be_read_fails() -> None:
    small = judge_cache(Health(Path("/c"), is_new=True, free=1000))
    broken = judge_cache(Health(Path("/c"), problem=StoreError("it is damaged", "clear it")))
    assert verdicts([small, broken]) == [WARNING, FAILURE]
    assert (broken.finding, broken.remedy) == ("it is damaged", "clear it")


def test_trouble_keeps_its_own_remedy_unless_that_leads_back_to_the_doctor() -> None:
    assert trouble("x", NetpolError("no", "do this"), "or that").remedy == "do this"
    assert trouble("x", NetpolError("no", "see what is missing: kubectl netpol doctor"), "or that").remedy == "or that"
    assert trouble("x", NetpolError("no"), "or that", WARNING) == Check("x", WARNING, "no", "or that")


def test_names_and_versions() -> None:
    assert [names_of(list("abcdefg")[:count]) for count in (1, 2, 4, 5, 7)] == [
        "a",
        "a and b",
        "a, b, c and d",
        "a, b, c, d and 1 more",
        "a, b, c, d and 3 more",
    ]
    assert [version_of(text) for text in ("6.18.5-x", "5.2", "6", "", "v1.2")] == [(6, 18), (5, 2), None, None, None]
