"""Confirmed applies on a real cluster that enforces: what breaks comes back by itself, what is confirmed stays."""

from __future__ import annotations

import json
import re
import signal
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

from .cluster import Cluster
from .layout import SOURCE
from .namespaces import await_gone
from .processes import wait_until
from .product import Product, until

pytestmark = [
    pytest.mark.cluster,
    pytest.mark.network("calico", reason="who enforces is not what is tried here, and once is enough"),
]

NAMESPACE = "guarded"
EARLIER: dict[str, Any] = {
    "apiVersion": "networking.k8s.io/v1",
    "kind": "NetworkPolicy",
    "metadata": {
        "name": "deployment-client",
        "namespace": NAMESPACE,
        "labels": {"team": "red"},
        "annotations": {"example.com/why": "an earlier, wider one"},
    },
    "spec": {
        "podSelector": {"matchLabels": {"app": "client"}},
        "policyTypes": ["Egress"],
        "egress": [{"to": [{"podSelector": {}}], "ports": [{"port": 8080}, {"port": 9090}]}],
    },
}
"""It admits both of the client's flows."""


def neighbors(workload: str, **sides: list[dict[str, Any]]) -> dict[str, Any]:
    """A NetworkNeighbors document of one of the two workloads."""
    prefix = "kubescape.io/workload-"
    told = {"api-group": "apps", "api-version": "v1", "kind": "deployment", "name": workload, "namespace": NAMESPACE}
    return {
        "apiVersion": "spdx.softwarecomposition.kubescape.io/v1beta1",
        "kind": "NetworkNeighbors",
        "metadata": {"name": workload, "namespace": NAMESPACE, "labels": {prefix + key: told[key] for key in told}},
        "spec": {"matchLabels": {"app": workload}, "ingress": [], "egress": []} | sides,
    }


def peer(app: str, *ports: int) -> list[dict[str, Any]]:
    told = [{"name": f"TCP-{port}", "port": port, "protocol": "TCP"} for port in ports]
    return [{"type": "internal", "podSelector": {"matchLabels": {"app": app}}, "ports": told}]


LACKING = neighbors("client", egress=peer("server", 8080))
"""Without the client's second flow, as a recording that missed it."""

_MANY = 60
"""Policies, of which an interruption leaves some out; what is shown of them fits into a pipe that nobody reads yet."""

NEW = neighbors("server", ingress=peer("client", 8080, 9090))


@pytest.fixture(scope="module")
def guarded(cluster: Cluster) -> Iterator[Cluster]:
    await_gone(cluster, NAMESPACE)
    cluster.kubectl("apply", "-f", str(SOURCE / "manifests/guarded.yaml"))
    for name in ("server", "client"):
        cluster.kubectl("-n", NAMESPACE, "rollout", "status", f"deployment/{name}", "--timeout=60s", timeout=70)
    yield cluster
    cluster.kubectl("delete", "namespace", NAMESPACE, "--wait=false")


@pytest.fixture
def product(guarded: Cluster, tmp_path: Path) -> Iterator[Product]:
    """The product with an empty cache, and no policy in the namespace but the earlier one."""
    guarded.kubectl("-n", NAMESPACE, "delete", "networkpolicies", "--all")
    guarded.kubectl("apply", "-f", "-", stdin=json.dumps(EARLIER))
    yield Product(guarded, tmp_path / "cache")
    guarded.kubectl("-n", NAMESPACE, "delete", "jobs", "-l", "app.kubernetes.io/name=kubectl-netpol")


def written(tmp_path: Path, *documents: dict[str, Any]) -> str:
    path = tmp_path / "neighbors.yaml"
    path.write_text(yaml.safe_dump_all(documents))
    return str(path)


def policies(cluster: Cluster) -> dict[str, Any]:
    """By name what a policy is: its spec, labels and annotations."""
    items = json.loads(cluster.kubectl("-n", NAMESPACE, "get", "networkpolicies", "-o", "json"))["items"]
    return {
        one["metadata"]["name"]: (one["spec"], one["metadata"].get("labels"), one["metadata"].get("annotations"))
        for one in items
    }


def managers(cluster: Cluster) -> list[tuple[str, str]]:
    """Who manages the earlier policy, and how."""
    words = ("-n", NAMESPACE, "get", "networkpolicy", "deployment-client", "-o", "json", "--show-managed-fields")
    found = json.loads(cluster.kubectl(*words))["metadata"]["managedFields"]
    return [(one["manager"], one["operation"]) for one in found]


def failures(cluster: Cluster, since: float) -> list[float]:
    """When the client began a connection that failed, after ``since`` (seconds since the Unix epoch)."""
    log = cluster.kubectl("-n", NAMESPACE, "logs", "deployment/client", "--tail=400")
    lines = [line.split() for line in log.splitlines()]
    return [float(at) for at, _, how in lines if how == "failed" and float(at) > since]


def guard_objects(cluster: Cluster) -> list[str]:
    words = ("-n", NAMESPACE, "get", "jobs,pods,serviceaccounts,roles,rolebindings", "-o", "name")
    return cluster.kubectl(*words, "-l", "kubectl-netpol/guard").split()


def session_in(text: str) -> str:
    found = re.search(r"kubectl netpol confirm ([a-z0-9]{6}) -n guarded", text)
    assert found, text
    return found[1]


def test_a_rule_left_out_rolls_back_within_a_minute_of_the_first_blocked_flow(product: Product, tmp_path: Path) -> None:
    before, ours, begun = policies(product.cluster), managers(product.cluster), time.time()
    file = written(tmp_path, LACKING)
    words = ("generate", "-f", file, "--apply", "--yes", "--force-conflicts", "--rollback-after", "5m")
    printed, said = product.run(*words, exit_code=1)
    assert "networkpolicy.networking.k8s.io/deployment-client restored" in printed
    assert re.search("blocked: deployment/client in namespace guarded: egress to .* at TCP 9090", said), said
    assert "denied meanwhile: deployment/client" in said
    assert "port: 9090" in said.partition("a rule that would admit it, in a policy of guarded/deployment/client:")[2]
    assert "error: rolled back: 1 flow that used to be answered went unanswered" in said
    blocked = failures(product.cluster, begun)
    assert blocked, "nothing was blocked, so nothing is proven"
    assert blocked[-1] - blocked[0] < 60
    assert (policies(product.cluster), managers(product.cluster)) == (before, ours)
    wait_until(lambda: guard_objects(product.cluster) == [], 60, "the guard is gone")
    assert product.remains(NAMESPACE) == []


def test_a_dead_laptop_leaves_the_rollback_to_a_guard_that_a_default_deny_and_a_drain_do_not_stop(
    product: Product, tmp_path: Path
) -> None:
    before, ours = policies(product.cluster), managers(product.cluster)
    file = written(tmp_path, LACKING, NEW)
    words = ("generate", "-f", file, "--apply", "--yes", "--force-conflicts", "--default-deny")
    printed, said = product.run(*words, exit_code=1)
    assert "ingress from guarded/deployment/client at TCP 9090 was answered 1 time and would be denied" in said
    assert "error: 1 recorded flow would break, and nothing was applied" in said
    assert (printed, policies(product.cluster)) == ("", before)
    running = product.start(*words, "--allow-broken", "--rollback-after", "30s")
    until(running, "capturing")
    product.cluster.kubectl("-n", NAMESPACE, "label", "networkpolicy", "deployment-client", "team=blue", "--overwrite")
    before, ours = policies(product.cluster), managers(product.cluster)  # with what others wrote meanwhile
    said = until(running, "at once: kubectl netpol rollback")
    running.send_signal(signal.SIGKILL)
    running.communicate()
    names = {"deployment-client", "deployment-server", "default-deny"}
    assert set(policies(product.cluster)) == names
    session = session_in(said)
    product.cluster.kubectl("-n", NAMESPACE, "delete", "pods", "-l", f"kubectl-netpol/guard={session}", "--wait=false")
    wait_until(lambda: policies(product.cluster) == before, 120, "the earlier policies are back")
    wait_until(lambda: state(product.cluster, session) == "rolled back", 60, "the guard has said so")
    assert managers(product.cluster) == ours
    _, late = product.run("confirm", session, "-n", NAMESPACE, exit_code=1)
    assert "too late to confirm" in late
    product.run("rollback", session, "-n", NAMESPACE)
    wait_until(lambda: guard_objects(product.cluster) == [], 60, "the guard is gone")


def state(cluster: Cluster, session: str) -> str:
    path = r"jsonpath={.metadata.annotations.kubectl-netpol/guard-state}"
    return cluster.kubectl("-n", NAMESPACE, "get", "job", f"netpol-guard-{session}", "-o", path)


@pytest.mark.parametrize(
    ("number", "more"), [(signal.SIGINT, ()), (signal.SIGHUP, ()), (signal.SIGHUP, ("--no-watch",))]
)
def test_who_interrupts_while_the_guard_starts_applies_nothing_and_leaves_nothing(
    product: Product, tmp_path: Path, number: signal.Signals, more: tuple[str, ...]
) -> None:
    before = policies(product.cluster)
    file = written(tmp_path, LACKING)
    words = ("generate", "-f", file, "--apply", "--yes", "--force-conflicts", "--rollback-after", "5m")
    with product.watching(*words, *more) as running:
        until(running, "starting the guard of session")
        running.send_signal(number)
        printed, said = running.communicate(timeout=120)
    assert (running.returncode, printed) == (130, ""), said
    assert said.splitlines()[-1] == "nothing was applied"
    assert policies(product.cluster) == before
    wait_until(lambda: guard_objects(product.cluster) == [], 60, "the guard is gone")
    assert product.remains(NAMESPACE) == []


def test_who_confirms_while_the_guard_starts_is_told_that_nothing_was_applied(product: Product, tmp_path: Path) -> None:
    before = policies(product.cluster)
    words = ("generate", "-f", written(tmp_path, NEW), "--apply", "--yes", "--rollback-after", "5m", "--no-watch")
    with product.watching(*words, "--image", "registry.invalid/none") as running:  # a guard that is never ready
        until(running, "starting the guard of session")
        wait_until(lambda: guard_objects(product.cluster), 20, "the guard's Job is there")
        printed, said = product.run("confirm", "-n", NAMESPACE, exit_code=1)
        _, ended = running.communicate(timeout=30)
    assert printed == "networkpolicy.networking.k8s.io/deployment-server not applied\n"
    assert "was confirmed before all of it was applied" in said
    assert (running.returncode, "error: the guard is gone, and nothing was applied" in ended) == (1, True)
    assert policies(product.cluster) == before


def test_who_interrupts_an_apply_is_told_which_half_of_it_is_there(product: Product, tmp_path: Path) -> None:
    several = [neighbors(f"server-{number}", ingress=peer("client", 8080)) for number in range(_MANY)]
    with product.watching("generate", "-f", written(tmp_path, *several), "--apply", "--yes") as running:
        assert running.stdout
        first = running.stdout.readline()
        running.send_signal(signal.SIGINT)
        _, said = running.communicate(timeout=60)
    assert "serverside-applied" in first, said
    assert running.returncode == 130, said
    told = re.search(
        rf"interrupted: (\d+) of {_MANY} policies were applied.* may be there, and these were not: (.*)", said
    )
    assert told, said
    lost = re.findall(r"networkpolicy\.networking\.k8s\.io/(\S+) in", told[2])
    there = set(policies(product.cluster)) - {"deployment-client"}
    assert int(told[1]) <= len(there) <= int(told[1]) + 1
    assert len(lost) == _MANY - 1 - int(told[1])
    assert there.isdisjoint(lost)
    back = said.partition("to take back what is new: kubectl ")[2].splitlines()[0]
    product.cluster.kubectl(*back.split())
    assert set(policies(product.cluster)) == {"deployment-client"}


def test_what_is_confirmed_stays_and_nothing_else_of_ours(product: Product, tmp_path: Path) -> None:
    product.cluster.kubectl("label", "namespace", NAMESPACE, "pod-security.kubernetes.io/enforce=restricted")
    try:
        file = written(tmp_path, NEW)
        words = ("generate", "-f", file, "--apply", "--yes", "--rollback-after", "5m", "--no-watch")
        _, refused = product.run(*words, "--default-deny", exit_code=1)
        assert "networkpolicy/default-deny would cut it off" in refused
        printed, said = product.run(*words)
        assert printed == "networkpolicy.networking.k8s.io/deployment-server serverside-applied\n"
        _, held = product.run(*words[:5], exit_code=1)
        assert f"session {session_in(said)} in namespace guarded waits to be confirmed" in held
        confirmed, _ = product.run("confirm", "-n", NAMESPACE)
        assert confirmed == "networkpolicy.networking.k8s.io/deployment-server confirmed\n"
        wait_until(lambda: guard_objects(product.cluster) == [], 60, "the guard is gone")
        assert set(policies(product.cluster)) == {"deployment-client", "deployment-server"}
        _, gone = product.run("confirm", session_in(said), "-n", NAMESPACE, exit_code=1)
        assert "not found in namespace guarded" in gone
        assert "confirmed, or rolled back by hand or by whoever watched" in gone
    finally:
        product.cluster.kubectl("label", "namespace", NAMESPACE, "pod-security.kubernetes.io/enforce-")


def test_what_somebody_else_makes_in_the_place_of_a_new_one_is_left_by_the_way_back(
    product: Product, tmp_path: Path
) -> None:
    file = written(tmp_path, NEW)
    product.run("generate", "-f", file, "--apply", "--yes", "--rollback-after", "5m", "--no-watch")
    product.cluster.kubectl("-n", NAMESPACE, "delete", "networkpolicy", "deployment-server")
    named = EARLIER["metadata"] | {"name": "deployment-server"}
    product.cluster.kubectl("apply", "-f", "-", stdin=json.dumps(EARLIER | {"metadata": named}))
    before = policies(product.cluster)
    printed, said = product.run("rollback", "-n", NAMESPACE)
    assert (printed, policies(product.cluster)) == ("", before)
    assert "note: networkpolicy/deployment-server in namespace guarded was made anew by somebody else" in said


def test_what_others_manage_is_left_alone_and_a_conflict_names_field_and_manager(
    product: Product, tmp_path: Path
) -> None:
    file = written(tmp_path, LACKING, neighbors("server", ingress=peer("client", 8080)))
    words = ("generate", "-f", file, "--apply", "--yes")
    printed, said = product.run(*words, exit_code=1)
    assert "deployment-client in namespace guarded is there and not of this program" in said
    assert (printed, set(policies(product.cluster))) == ("", {"deployment-client"})
    product.run(*words, "--force-conflicts")
    patch = json.dumps([{"op": "replace", "path": "/spec/ingress/0/ports/0/port", "value": 7070}])
    target = ("-n", NAMESPACE, "patch", "networkpolicy", "deployment-server", "--type=json", "-p", patch)
    product.cluster.kubectl(*target, "--field-manager=somebody")
    before = policies(product.cluster)
    _, said = product.run(*words, exit_code=1)
    assert "conflicts: .spec.ingress is managed by somebody" in said
    assert policies(product.cluster) == before


def test_with_the_printed_role_one_may_and_without_a_right_is_told_which(product: Product, tmp_path: Path) -> None:
    jane = ("--as", "jane")
    file = written(tmp_path, NEW)
    words = ("generate", "-f", file, "--apply", "--yes", *jane)
    _, said = product.run(*words, exit_code=1)
    assert "you may not get networkpolicies.networking.k8s.io in namespace guarded" in said
    roles, _ = product.run("doctor", "--print-rbac", "--for", "confirmed-apply", "-n", NAMESPACE)
    product.cluster.kubectl("apply", "-f", "-", stdin=roles)
    name = "kubectl-netpol-confirmed-apply"
    product.cluster.kubectl("-n", NAMESPACE, "create", "rolebinding", name, f"--role={name}", "--user=jane")
    may = ("-n", NAMESPACE, "auth", "can-i", "create", "networkpolicies.networking.k8s.io", *jane)
    wait_until(lambda: product.cluster.agrees(*may), 20, "the API server grants what was bound")
    before = policies(product.cluster)
    product.run(*words, "--rollback-after", "5m", "--no-watch")
    assert set(policies(product.cluster)) == {"deployment-client", "deployment-server"}
    printed, _ = product.run("rollback", "-n", NAMESPACE, *jane)
    assert printed == "networkpolicy.networking.k8s.io/deployment-server removed\n"
    assert policies(product.cluster) == before
    wait_until(lambda: guard_objects(product.cluster) == [], 60, "the guard is gone")
