"""``doctor`` on a real cluster: what it finds, and that the roles it prints are the least with which one can record."""

from __future__ import annotations

import json
import os
import re
import shlex
import subprocess
import sys
from collections.abc import Iterator
from copy import deepcopy
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import yaml

from kubectl_netpol.cluster.rights import roles_to_record

from .cluster import Cluster
from .namespaces import make
from .processes import wait_until

pytestmark = [
    pytest.mark.cluster,
    pytest.mark.network("calico", reason="rights are the API server's matter, not the network's"),
]

ROOT = Path(__file__).parents[2]
NAMESPACE = "doctor"
USER = f"system:serviceaccount:{NAMESPACE}:recorder"
POD = """
apiVersion: v1
kind: Pod
metadata: {name: talker, namespace: doctor}
spec:
  terminationGracePeriodSeconds: 0
  containers:
  - name: talker
    image: cluster.test/python:3
    command: [bash, -c, "while true; do nc -z -w 1 kubernetes.default 443; sleep 0.2; done"]
"""


def netpol(kubeconfig: Path, *arguments: str, cache: Path | None = None) -> subprocess.CompletedProcess[str]:
    """The program with that kubeconfig, as it stands in this checkout."""
    environment = os.environ | {"KUBECONFIG": str(kubeconfig)}
    if cache:
        environment["KUBECTL_NETPOL_CACHE_DIR"] = str(cache)
    command = [sys.executable, "-m", "kubectl_netpol", *arguments]
    settings: dict[str, Any] = {"cwd": ROOT, "env": environment, "capture_output": True, "text": True}
    return subprocess.run(command, check=False, timeout=120, **settings)


@pytest.fixture(scope="module")
def namespace(cluster: Cluster) -> Iterator[str]:
    """A namespace with a pod to record and a ServiceAccount that may do nothing yet."""
    make(cluster, NAMESPACE)
    cluster.kubectl("-n", NAMESPACE, "create", "serviceaccount", "recorder")
    cluster.kubectl("create", "-f", "-", stdin=POD)
    cluster.kubectl("-n", NAMESPACE, "wait", "--for=condition=Ready", "pod/talker", "--timeout=60s", timeout=70)
    yield NAMESPACE
    cluster.kubectl("delete", "namespace", NAMESPACE, "--wait=false")


@dataclass(frozen=True, slots=True)
class Granted:
    """A user with the roles as they were printed. ``kubeconfig`` is theirs, with a token of their own."""

    cluster: Cluster
    kubeconfig: Path
    roles: tuple[dict[str, Any], ...]

    def may(self, right: Granular) -> bool:
        place = ("-A",) if right.kind == "ClusterRole" else ("-n", NAMESPACE)
        resource, _, below = right.what.partition("/")
        words = ("auth", "can-i", right.verb, resource, *((f"--subresource={below}",) if below else ()), *place)
        return self.cluster.agrees(*words, "--as", USER)

    def replace(self, role: dict[str, Any]) -> None:
        self.cluster.kubectl("replace", "-f", "-", stdin=json.dumps(role))


@dataclass(frozen=True, slots=True)
class Granular:
    """One verb on one resource, as a rule of that kind of role grants it."""

    kind: str
    group: str
    resource: str
    verb: str

    @property
    def what(self) -> str:
        name, _, below = self.resource.partition("/")
        return name + (f".{self.group}" if self.group else "") + (f"/{below}" if below else "")

    def __str__(self) -> str:
        return f"{self.verb} {self.what} {'' if self.kind == 'ClusterRole' else 'in a namespace'}".strip()


def granular(role: dict[str, Any]) -> list[Granular]:
    return [
        Granular(role["kind"], group, resource, verb)
        for rule in role["rules"]
        for group in rule["apiGroups"]
        for resource in rule["resources"]
        for verb in rule["verbs"]
    ]


def without(role: dict[str, Any], right: Granular) -> dict[str, Any]:
    reduced = deepcopy(role)
    kept = [one for one in granular(role) if one != right]
    reduced["rules"] = [{"apiGroups": [one.group], "resources": [one.resource], "verbs": [one.verb]} for one in kept]
    return reduced


@pytest.fixture(scope="module")
def granted(cluster: Cluster, namespace: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Granted]:
    """Does as an admin would: applies what is printed, then types the commands in its comments."""
    printed = netpol(cluster.kubeconfig, "doctor", "--print-rbac", "-n", namespace, "--as", USER).stdout
    roles = tuple(yaml.safe_load_all(printed))
    bindings = [shlex.split(line.removeprefix("#")) for line in printed.splitlines() if line.startswith("#   kubectl")]
    cluster.kubectl("create", "-f", "-", stdin=printed)
    for words in bindings:
        cluster.kubectl(*words[1:])
    configuration = yaml.safe_load(cluster.kubeconfig.read_text())  # kubectl config writes YAML
    token = cluster.kubectl("-n", namespace, "create", "token", "recorder").strip()
    configuration["users"][0]["user"] = {"token": token}
    kubeconfig = tmp_path_factory.mktemp("recorder") / "config"
    kubeconfig.write_text(json.dumps(configuration))
    found = Granted(cluster, kubeconfig, roles)
    rights = [right for role in roles for right in granular(role)]
    wait_until(lambda: all(map(found.may, rights)), 60, "the API server grants what was bound")
    yield found
    for words in (*bindings, ("", "", "clusterrole", roles[0]["metadata"]["name"])):
        place = ("-n", namespace) if "-n" in words else ()
        cluster.kubectl(*place, "delete", words[2], next(word for word in words[3:] if not word.startswith("-")))


def test_an_admin_hears_that_all_is_well(cluster: Cluster, namespace: str, tmp_path: Path) -> None:
    result = netpol(cluster.kubeconfig, "doctor", "-n", namespace, cache=tmp_path)
    assert result.returncode == 0, result.stdout
    assert result.stderr == ""
    lines = result.stdout.splitlines()
    assert lines[0].split() == ["CHECK", "VERDICT", "FINDING"]
    assert any("n1 and n2: linux/" in line and line.endswith(", ready") for line in lines)
    assert any(line.startswith("policies") and "Calico (API group crd.projectcalico.org)" in line for line in lines)
    assert not any(" failure " in line for line in lines)


def test_with_exactly_what_is_printed_a_recording_works(granted: Granted, tmp_path: Path) -> None:
    told = netpol(granted.kubeconfig, "doctor", "-n", NAMESPACE, cache=tmp_path)
    assert told.returncode == 0, told.stdout
    result = netpol(granted.kubeconfig, "record", "-n", NAMESPACE, "--duration", "5s", cache=tmp_path)
    assert result.returncode == 0, result.stderr
    heard = re.search(r"^doctor/pod/talker: (\d+) neighbors?, (\d+) answered\b", result.stderr, re.MULTILINE)
    assert heard, result.stderr
    assert int(heard[2]) >= 2, result.stderr  # the API server and DNS
    jobs = granted.cluster.get("jobs", "-n", NAMESPACE)
    assert jobs["items"] == [] or all(job["metadata"].get("deletionTimestamp") for job in jobs["items"])


def test_what_is_printed_is_what_is_asked_for(granted: Granted) -> None:
    assert list(granted.roles) == roles_to_record(NAMESPACE)


@pytest.mark.parametrize("right", [one for role in roles_to_record(NAMESPACE) for one in granular(role)], ids=str)
def test_with_one_right_fewer_it_is_refused_and_the_right_is_named(granted: Granted, right: Granular) -> None:
    role = next(one for one in granted.roles if one["kind"] == right.kind)
    assert granted.may(right)
    granted.replace(without(role, right))
    try:
        wait_until(lambda: not granted.may(right), 30, f"the API server denies: {right}")
        result = netpol(granted.kubeconfig, "record", "-n", NAMESPACE, "--duration", "5s")
    finally:
        granted.replace(role)
        wait_until(lambda: granted.may(right), 30, f"the API server grants: {right}")
    place = "in all namespaces" if right.kind == "ClusterRole" else f"in namespace {NAMESPACE}"
    error, hint = result.stderr.splitlines()
    assert result.returncode == 1
    assert error.startswith(f"error: you may not {right.verb} {right.what} {place}, which is needed to ")
    assert " more" not in error
    assert hint == f"hint: give an admin what is needed: kubectl netpol doctor --print-rbac -n {NAMESPACE}"


def test_the_doctor_names_what_is_missing_and_fails(granted: Granted, tmp_path: Path) -> None:
    right = Granular("Role", "batch", "jobs", "patch")
    role = next(one for one in granted.roles if one["kind"] == right.kind)
    granted.replace(without(role, right))
    try:
        wait_until(lambda: not granted.may(right), 30, f"the API server denies: {right}")
        result = netpol(granted.kubeconfig, "doctor", "-n", NAMESPACE, "-o", "json", cache=tmp_path)
    finally:
        granted.replace(role)
        wait_until(lambda: granted.may(right), 30, f"the API server grants: {right}")
    failures = [one for one in json.loads(result.stdout)["checks"] if one["verdict"] == "failure"]
    assert result.returncode == 1
    assert failures == [
        {
            "name": "rights to record",
            "verdict": "failure",
            "finding": f"you may not patch jobs.batch in namespace {NAMESPACE}, "
            "which is needed to renew the capture's deadline",
            "remedy": "give an admin what is needed: kubectl netpol doctor --print-rbac -n doctor",
        }
    ]


def test_pod_security_that_refuses_is_told_and_its_remedy_helps(
    cluster: Cluster, namespace: str, tmp_path: Path
) -> None:
    cluster.kubectl("label", "namespace", namespace, "pod-security.kubernetes.io/enforce=baseline", "--overwrite")

    def verdict() -> subprocess.CompletedProcess[str]:
        return netpol(cluster.kubeconfig, "doctor", "-n", namespace, "-o", "json", cache=tmp_path)

    # Admission hears of a label a moment after it is there.
    wait_until(lambda: verdict().returncode, 30, "Pod Security refuses")
    refused = verdict()
    check = next(one for one in json.loads(refused.stdout)["checks"] if one["name"] == "pod security")
    assert (refused.returncode, check["verdict"]) == (1, "failure")
    assert "Pod Security does not admit the capture pods" in check["finding"]
    cluster.kubectl(*shlex.split(check["remedy"].rpartition("kubectl ")[2]))
    wait_until(lambda: verdict().returncode == 0, 30, "the remedy helps")


def test_a_cluster_that_does_not_answer_fails_and_the_cache_is_looked_at_all_the_same(
    cluster: Cluster, tmp_path: Path
) -> None:
    configuration = yaml.safe_load(cluster.kubeconfig.read_text())  # kubectl config writes YAML
    configuration["clusters"][0]["cluster"]["server"] = "https://127.0.0.1:1"
    kubeconfig = tmp_path / "config"
    kubeconfig.write_text(json.dumps(configuration))
    result = netpol(kubeconfig, "doctor", "-n", NAMESPACE, "-o", "json", cache=tmp_path / "cache")
    assert result.returncode == 1
    checks = json.loads(result.stdout)["checks"]
    assert [(one["name"], one["verdict"]) for one in checks] == [("connection", "failure"), ("cache", "ok")]
    assert "cannot be reached" in checks[0]["finding"]
