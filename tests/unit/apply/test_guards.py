"""A guard as the laptop finds and marks it, and rolling back from there: a failure is loud."""

import pytest

from kubectl_netpol.apply import guards
from kubectl_netpol.apply.guard_objects import Guard, job
from kubectl_netpol.apply.guard_start import settled_network
from kubectl_netpol.apply.guards import APPLIED, find, look, mark_applied
from kubectl_netpol.apply.server import ApplyError
from kubectl_netpol.apply.way_back import roll_back
from kubectl_netpol.cluster.trouble import ClusterError, RefusedError, UnreachableError
from kubectl_netpol.guard.plan import Earlier, Plan
from kubectl_netpol.guard.restore import DONE, STATE

PLAN = Plan("shop", "netpol-guard-abc", 5000, (Earlier("new", None),))
GUARD = Guard("abc", PLAN, 600, "image")


class Cluster:
    """A guard's Job as an API server keeps it, and what else was asked. ``refused``: statuses by method."""

    def __init__(self, state=""):
        self.job = job(GUARD)
        self.job["metadata"] |= {"uid": "u", "resourceVersion": "1", "annotations": {STATE: state} if state else {}}
        self.deleted = []
        self.refused = {}

    def get(self, path, query=None, silence=60.0):
        if path.endswith("/jobs"):
            return {"items": [self.job] if self.job else [], "metadata": {}}
        if self.job is None:
            raise RefusedError(404, "NotFound", "not found")
        return self.job

    def delete(self, path, body=None, query=None):
        if path.endswith("netpol-guard-abc"):
            wanted = body.get("preconditions", {}).get("resourceVersion", self.job["metadata"]["resourceVersion"])
            if wanted != self.job["metadata"]["resourceVersion"]:
                raise RefusedError(409, "Conflict", "it changed")
            self.job = None
        self.deleted.append(path)
        return {}

    def merge(self, path, body):
        return self.send("PATCH", path, body, "")

    def send(self, method, path, body, media):
        if method in self.refused:
            raise RefusedError(self.refused[method], "Forbidden", "you may not")
        if method == "GET":
            return {"metadata": {"uid": "p", "resourceVersion": "1", "annotations": {"generated-by": "kubectl-netpol"}}}
        if method == "PATCH":
            self.job["metadata"]["annotations"] |= body["metadata"]["annotations"]
            return self.job
        return self.delete(path, body)

    def create(self, path, body, query=None):
        if "hostNetwork" in body["spec"]:
            raise RefusedError(403, "Forbidden", 'violates PodSecurity "restricted": host namespaces')
        return body


def the(cluster):
    (found,) = find(cluster, "shop")
    return found


def test_of_what_is_gone_is_told_that_it_was_decided_elsewhere():
    cluster = Cluster()
    before = the(cluster)
    cluster.delete("netpol-guard-abc", {})
    assert look(cluster, before) is None


def test_a_rollback_removes_what_is_new_and_then_the_guard():
    cluster = Cluster()
    assert roll_back(cluster, the(cluster), "--context 'my own'").removed == ["new"]
    assert [path.rpartition("/")[2] for path in cluster.deleted] == ["new", "netpol-guard-abc"]


def test_a_session_that_its_guard_rolled_back_is_not_rolled_back_again():
    cluster = Cluster()
    before = the(cluster)
    cluster.job["metadata"]["annotations"] = {STATE: DONE}
    with pytest.raises(ApplyError, match="session abc was rolled back already by its guard"):
        roll_back(cluster, before, "")
    assert (cluster.deleted, the(cluster).state) == ([], DONE)


def test_a_rollback_that_fails_is_loud_leaves_the_guard_and_names_the_commands():
    cluster = Cluster()
    cluster.refused = {"DELETE": 403}
    with pytest.raises(ApplyError) as caught:
        roll_back(cluster, the(cluster), "--context 'my own'")
    assert caught.value.message == "THE ROLLBACK FAILED: new: you may not"
    assert caught.value.hint == "finish it by hand: kubectl delete networkpolicy new -n shop --context 'my own'"
    assert the(cluster).state == "failed: new: you may not; by hand: kubectl delete networkpolicy new -n shop"


def test_a_rollback_that_may_not_mark_the_guard_does_not_begin():
    cluster = Cluster()
    cluster.refused = {"PATCH": 403}
    with pytest.raises(ApplyError, match=r"could not begin.*403") as caught:
        roll_back(cluster, the(cluster), "--context 'my own'")
    assert cluster.deleted == []
    assert caught.value.hint == (
        "the guard puts the policies back at its deadline; "
        "again: kubectl netpol rollback abc -n shop --context 'my own'"
    )


def test_a_job_that_is_no_guards_is_left_alone():
    cluster = Cluster()
    cluster.job["metadata"]["name"] = "netpol-guard-other"
    assert find(cluster, "shop") == []


def deny(selector):
    spec = {"podSelector": selector, "policyTypes": ["Egress"]}
    metadata = {"name": "deny", "namespace": "shop"}
    return {"apiVersion": "networking.k8s.io/v1", "kind": "NetworkPolicy", "metadata": metadata, "spec": spec}


def test_where_the_nodes_network_is_not_admitted_the_pods_is_taken_unless_a_policy_isolates_it():
    cluster = Cluster()
    assert settled_network(cluster, GUARD, [deny({"matchLabels": {"app": "web"}})]).host_network is False
    with pytest.raises(ApplyError, match="networkpolicy/deny would cut it off"):
        settled_network(cluster, GUARD, [deny({})])


AWAY = RefusedError(429, "TooManyRequests", "busy"), UnreachableError("no answer in time")


@pytest.fixture
def marking(monkeypatch):
    """Marks the guard of a cluster that answers with these errors first; the seconds waited, and the error raised."""

    def mark(errors, clock=0):
        cluster, left, waited = Cluster(), list(errors), []
        send = cluster.send

        def fail_first(*request):
            if left:
                raise left.pop(0)
            return send(*request)

        monkeypatch.setattr(cluster, "send", fail_first)
        monkeypatch.setattr(guards, "now", lambda _: clock)
        try:
            mark_applied(cluster, the(cluster), waited.append)
        except ClusterError as error:
            return waited, error
        assert APPLIED in cluster.job["metadata"]["annotations"]
        return waited, None

    return mark


@pytest.mark.parametrize("error", AWAY)
def test_the_end_of_an_apply_is_noted_again_where_the_server_is_away_for_a_moment(marking, error):
    waited, raised = marking([error, error])
    assert (len(waited), raised) == (2, None)


def test_the_end_of_an_apply_is_not_noted_for_ever(marking):
    waited, raised = marking([AWAY[0]] * 100)
    assert (sum(waited) < 10, raised) == (True, AWAY[0])


def test_near_the_deadline_the_end_of_an_apply_is_not_noted_again(marking):
    assert marking([AWAY[0]], clock=PLAN.until - 1000) == ([], AWAY[0])


def test_what_is_refused_for_good_is_not_noted_again(marking):
    refusal = RefusedError(403, "Forbidden", "you may not")
    assert marking([refusal]) == ([], refusal)
