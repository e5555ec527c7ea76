"""The Job's manifest. That a real API server takes it, and a real kubelet runs it, is tested in tests/cluster."""

import re
from dataclasses import replace

import pytest

from kubectl_netpol.capture.image import IMAGE
from kubectl_netpol.capture.job import CAPABILITIES, Capture, job, job_name, probe

CAPTURE = Capture("k7m2px", "shop", IMAGE, "IfNotPresent", ("pull",), "tcx", 10.0, 3600.0, 4500, 86400, "{}")


def container(manifest):
    return manifest["spec"]["template"]["spec"]["containers"][0]


@pytest.mark.parametrize(
    "node",
    ["n1", "ip-10-0-0-1.eu-west-1.compute.internal", "a" * 253, "x.y", "x-y", "node.with." + "dots." * 40 + "end"],
)
@pytest.mark.parametrize("generation", [1, 20])
def test_a_name_is_a_label_and_leaves_room_for_the_pods_suffix(node, generation):
    name = job_name("k7m2px", node, generation)
    assert re.fullmatch(r"[a-z0-9]([-a-z0-9]*[a-z0-9])?", name)
    assert len(name) <= 52


def test_nodes_and_generations_have_names_of_their_own():
    nodes = ["x.y", "x-y", "n1", "a" * 100 + "b", "a" * 100 + "c"]
    names = {job_name("k7m2px", node, generation) for node in nodes for generation in (1, 2)}
    assert len(names) == 10


def test_it_ends_and_goes_by_itself_and_stands_on_its_node_alone():
    made = job(CAPTURE, "n1")
    assert (made["spec"]["activeDeadlineSeconds"], made["spec"]["ttlSecondsAfterFinished"]) == (4500, 86400)
    pod = made["spec"]["template"]["spec"]
    assert pod["nodeName"] == "n1"
    assert pod["tolerations"] == [{"operator": "Exists"}]
    assert pod["imagePullSecrets"] == [{"name": "pull"}]
    assert container(made)["args"][-6:] == ["--attach", "tcx", "--interval", "10", "--duration", "3600"]
    until = container(job(replace(CAPTURE, until=1_700_000_000_000), "n1"))["args"][-4:]
    assert until == ["--duration", "3600", "--until", "1700000000000"]


def test_each_agent_of_a_detached_session_keeps_its_own_log():
    """A kubelet drops the log of a container that was restarted once its successor has ended, too."""
    detached, watched = job(CAPTURE, "n1")["spec"], job(replace(CAPTURE, duration=0.0), "n1")["spec"]
    assert (detached["template"]["spec"]["restartPolicy"], detached["backoffLimit"]) == ("Never", 50)
    assert (watched["template"]["spec"]["restartPolicy"], watched["backoffLimit"]) == ("OnFailure", 1000)


def test_privileged_is_asked_for_only_when_it_was_told_to():
    security = container(job(CAPTURE, "n1"))["securityContext"]
    assert "privileged" not in security
    assert security["capabilities"] == {"drop": ["ALL"], "add": list(CAPABILITIES)}
    assert container(job(CAPTURE, "n1", privileged=True))["securityContext"]["privileged"] is True


def test_apparmor_is_told_in_the_words_of_older_and_newer_api_servers_or_not_at_all():
    annotation = {"container.apparmor.security.beta.kubernetes.io/agent": "unconfined"}
    plain, privileged = (job(CAPTURE, "n1", privileged=wanted) for wanted in (False, True))
    assert plain["spec"]["template"]["metadata"]["annotations"] == annotation
    assert container(plain)["securityContext"]["appArmorProfile"] == {"type": "Unconfined"}
    assert "annotations" not in privileged["spec"]["template"]["metadata"]
    assert "appArmorProfile" not in container(privileged)["securityContext"]


def test_the_probe_is_the_very_pod_of_the_job():
    assert probe(CAPTURE, "n1")["spec"] == job(CAPTURE, "n1")["spec"]["template"]["spec"]
    metadata = job(CAPTURE, "n1")["spec"]["template"]["metadata"]
    assert probe(CAPTURE, "n1")["metadata"] == metadata | {"name": "netpol-k7m2px-check", "namespace": "shop"}
