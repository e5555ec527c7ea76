"""How a capture fares, read from pods as API servers have them; whatever is odd in one reads as not yet."""

import pytest

from kubectl_netpol.capture.job import Capture, job
from kubectl_netpol.capture.nodes import read_node_facts
from kubectl_netpol.capture.pods import is_capture_pod, read_capture_pod


def pod(phase="Running", state=None, last=None, **more):
    container = {
        "name": "agent",
        "state": state or {},
        "lastState": last or {},
        "restartCount": more.get("restarts", 0),
    }
    return {
        "metadata": {"name": "p", "uid": "u", "labels": {"job-name": "j"}, **more.get("metadata", {})},
        "spec": {"nodeName": "n1"},
        "status": {"phase": phase, "containerStatuses": [{"name": "other"}, container], **more.get("status", {})},
    }


def test_a_running_pod_has_a_log():
    found = read_capture_pod(pod(state={"running": {"startedAt": "2024-01-01T00:00:00Z"}}))
    assert (found.name, found.node, found.job, found.is_running, found.has_log) == ("p", "n1", "j", True, True)
    assert not found.failure


@pytest.mark.parametrize(
    "reason", ["ErrImageNeverPull", "ImagePullBackOff", "CreateContainerError", "InvalidImageName"]
)
def test_a_wait_that_ends_only_when_somebody_mends_something_is_a_failure(reason):
    state = {"waiting": {"reason": reason, "message": "no\nsuch   image"}}
    found = read_capture_pod(pod("Pending", state))
    assert found.failure == f"{reason}: no such image"
    assert not found.has_log


@pytest.mark.parametrize("reason", ["ContainerCreating", "PodInitializing", "ErrImagePull", ""])
def test_a_wait_that_may_end_by_itself_is_none(reason):
    assert read_capture_pod(pod("Pending", {"waiting": {"reason": reason}})).failure == ""


def test_a_container_that_crashed_has_its_exit_code_and_a_log():
    last = {"terminated": {"exitCode": 1}}
    found = read_capture_pod(pod(state={"waiting": {"reason": "CrashLoopBackOff"}}, last=last, restarts=2))
    assert (found.exit_code, found.restarts, found.has_log, found.is_over) == (1, 2, True, False)


def test_a_pod_that_the_kubelet_refused_says_why():
    found = read_capture_pod(pod("Failed", status={"reason": "OutOfcpu", "message": "Node didn't have enough"}))
    assert found.failure == "OutOfcpu: Node didn't have enough"
    assert found.is_over


def test_a_pod_that_failed_as_its_agent_did_leaves_the_reason_to_the_agents_words():
    found = read_capture_pod(pod("Failed", {"terminated": {"exitCode": 1, "reason": "Error"}}))
    assert (found.failure, found.exit_code, found.is_over, found.has_log) == ("", 1, True, True)


def test_a_pod_that_was_evicted_says_why():
    terminated = {"terminated": {"exitCode": 137}}
    found = read_capture_pod(pod("Failed", terminated, status={"reason": "Evicted", "message": "low on memory"}))
    assert found.failure == "Evicted: low on memory"


@pytest.mark.parametrize(
    "odd", [{}, {"metadata": 1, "spec": [], "status": "x"}, {"status": {"containerStatuses": [1]}}]
)
def test_whatever_is_odd_reads_as_not_yet(odd):
    found = read_capture_pod(odd)
    assert (found.name, found.failure, found.is_running, found.is_over) == ("", "", False, False)


@pytest.mark.parametrize(
    ("info", "obstacle"),
    [
        ({"operatingSystem": "linux", "architecture": "amd64"}, ""),
        ({"operatingSystem": "linux", "architecture": "arm64"}, ""),
        ({"operatingSystem": "windows", "architecture": "amd64"}, "it runs windows, and eBPF is Linux's"),
        ({"operatingSystem": "linux", "architecture": "s390x"}, "the image is for amd64 and arm64, and this is s390x"),
        ({}, ""),
    ],
)
def test_nodes_that_cannot_be_captured_say_why(info, obstacle):
    assert read_node_facts({"metadata": {"name": "n"}, "status": {"nodeInfo": info}}).obstacle == obstacle


@pytest.mark.parametrize(
    "marked",
    [
        {"metadata": {"labels": {"type": "virtual-kubelet"}}},
        {"metadata": {"labels": {"eks.amazonaws.com/compute-type": "fargate"}}},
        {"spec": {"taints": [{"key": "other"}, {"key": "virtual-kubelet.io/provider", "value": "azure"}]}},
    ],
)
def test_nothing_can_be_captured_on_a_virtual_node(marked):
    linux = {"status": {"nodeInfo": {"operatingSystem": "linux", "architecture": "amd64"}}}
    assert read_node_facts(linux | marked).obstacle == "it is a virtual node, whose pods run elsewhere"


def test_other_labels_and_taints_make_no_virtual_node():
    labels = {"type": "worker", "eks.amazonaws.com/compute-type": "ec2"}
    assert not read_node_facts({"metadata": {"labels": labels}, "spec": {"taints": [{"key": "dedicated"}]}}).obstacle


def made(generation=1, **more):
    """The pod that a Job controller makes of our Job for n1; ``more`` replaces parts of it."""
    found = job(Capture("abc", "shop", "image"), "n1", generation)
    template = found["spec"]["template"]
    owner = {"apiVersion": "batch/v1", "kind": "Job", "name": found["metadata"]["name"], "uid": "u", "controller": True}
    metadata = {"name": "p", "namespace": "shop", "ownerReferences": [owner | more.get("owner", {})]}
    labels = template["metadata"]["labels"] | more.get("labels", {})
    return {
        "metadata": metadata | {"labels": labels} | more.get("metadata", {}),
        "spec": template["spec"] | more.get("spec", {}),
    }


@pytest.mark.parametrize("generation", [1, 2, 20])
def test_a_pod_of_our_job_is_ours(generation):
    assert is_capture_pod(made(generation), "shop", "abc")


@pytest.mark.parametrize(
    "foreign",
    [
        {"metadata": {"namespace": "infra"}},
        {"metadata": {"ownerReferences": []}},
        {"metadata": {"ownerReferences": "x"}},
        {"labels": {"kubectl-netpol/session": "xyz"}},
        {"owner": {"name": "netpol-abc-n2"}},
        {"owner": {"name": "netpol-abc-n1-21"}},
        {"owner": {"kind": "ReplicaSet", "apiVersion": "apps/v1"}},
        {"owner": {"controller": None}},
        {"spec": {"nodeName": "n2"}},
        {"spec": {"hostPID": None}},
        {"spec": {"hostNetwork": False}},
    ],
    ids=str,
)
def test_a_pod_that_only_bears_our_label_is_not(foreign):
    assert not is_capture_pod(made(**foreign), "shop", "abc")
