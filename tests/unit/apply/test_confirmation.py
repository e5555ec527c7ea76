"""Confirming from the laptop: it or the rollback comes first, never both, and a lost answer is not taken for a no."""

import pytest

from kubectl_netpol.apply.confirmation import confirm
from kubectl_netpol.apply.server import ApplyError
from kubectl_netpol.cluster.trouble import ClusterError, RefusedError, UnreachableError
from kubectl_netpol.guard.restore import DONE, RUNNING, STATE

from .test_guards import Cluster, the

NO_ANSWER, TIMEOUT = UnreachableError("no answer in time"), RefusedError(504, "Timeout", "request timed out")


WAIT = [].append
"""No time passes between the tries."""


def test_a_confirmation_removes_the_guard():
    cluster = Cluster()
    confirm(cluster, the(cluster), WAIT)
    assert cluster.job is None


@pytest.mark.parametrize(("state", "words"), [(RUNNING, "was begun"), (DONE, "ran out"), ("failed: x", "not all")])
def test_once_a_rollback_has_begun_it_is_too_late_to_confirm(state, words):
    cluster = Cluster()
    before = the(cluster)
    cluster.job["metadata"] |= {"annotations": {STATE: state}, "resourceVersion": "2"}  # since it was looked at
    with pytest.raises(ApplyError, match=f"too late to confirm session abc: .*{words}"):
        confirm(cluster, before, WAIT)
    assert cluster.job is not None


def test_a_job_that_changed_otherwise_is_confirmed_all_the_same():
    cluster = Cluster()
    before = the(cluster)
    cluster.job["metadata"]["resourceVersion"] = "2"
    confirm(cluster, before, WAIT)
    assert cluster.job is None


class Failing(Cluster):
    """Whose first deletions end with these errors; with those among ``done`` the guard is removed all the same.

    ``policies``: those that are there, at first what was applied.
    """

    def __init__(self, *errors, done=()):
        super().__init__()
        self.errors, self.done = list(errors), done
        self.policies = [{"metadata": {"name": "new"}, "spec": {"podSelector": {}}}]

    def get(self, path, query=None, silence=60.0):
        if path.endswith("/networkpolicies"):
            return {"items": self.policies, "metadata": {}}
        return super().get(path, query, silence)

    def delete(self, path, body=None, query=None):
        error = self.errors.pop(0) if self.errors else None
        if self.job is None:
            raise error or RefusedError(404, "NotFound", "not found")
        if error is None or error in self.done:
            super().delete(path, body, query)
        if error is not None:
            raise error
        return {}


def test_one_that_somebody_else_confirmed_meanwhile_is_confirmed():
    cluster = Failing()
    before = the(cluster)
    cluster.job = None
    assert confirm(cluster, before, WAIT) == before


@pytest.mark.parametrize("errors", [(), (NO_ANSWER,), (RefusedError(429, "TooManyRequests", "busy"),)])
def test_one_that_somebody_else_rolled_back_meanwhile_is_not_confirmed(errors):
    cluster = Failing(*errors)
    before = the(cluster)
    cluster.job, cluster.policies = None, []
    with pytest.raises(ApplyError, match="session abc is gone, and the earlier policies are there"):
        confirm(cluster, before, WAIT)


@pytest.mark.parametrize(("errors", "raised"), [((NO_ANSWER,), "no answer in time"), ((), "you may not")])
def test_where_nobody_tells_what_is_there_that_is_raised(monkeypatch, errors, raised):
    cluster = Failing(*errors, done=errors)
    before, get = the(cluster), cluster.get
    cluster.job = None

    def fail(path, query=None, silence=60.0):
        if path.endswith("/networkpolicies"):
            raise RefusedError(403, "Forbidden", "you may not")
        return get(path, query, silence)

    monkeypatch.setattr(cluster, "get", fail)
    with pytest.raises(ClusterError, match=raised):
        confirm(cluster, before, WAIT)


@pytest.mark.parametrize("error", [NO_ANSWER, TIMEOUT])
def test_where_the_answer_is_lost_a_guard_that_is_gone_is_confirmed(error):
    cluster = Failing(error, done=[error])
    before = the(cluster)
    assert confirm(cluster, before, WAIT) == before


@pytest.mark.parametrize("error", [NO_ANSWER, TIMEOUT, RefusedError(429, "TooManyRequests", "busy")])
def test_where_the_answer_is_lost_a_guard_that_is_still_there_is_removed_again(error):
    cluster, waited = Failing(error, error), []
    confirm(cluster, the(cluster), waited.append)
    assert (cluster.job, [bool(seconds) for seconds in waited]) == (None, [False, True, True])


def test_a_deletion_that_comes_true_after_the_look_is_a_confirmation():
    cluster = Failing(NO_ANSWER)
    before = the(cluster)

    def late(seconds):
        if seconds:
            cluster.job = None

    assert confirm(cluster, before, late) == before


def test_a_guard_that_cannot_be_removed_is_not_tried_for_ever():
    cluster, waited = Failing(*[NO_ANSWER] * 100), []
    with pytest.raises(UnreachableError):
        confirm(cluster, the(cluster), waited.append)
    assert sum(waited) < 10


@pytest.mark.parametrize("trouble", [UnreachableError("no route"), RefusedError(403, "Forbidden", "you may not")])
def test_where_nobody_tells_whether_the_guard_is_gone_the_lost_answer_is_raised(monkeypatch, trouble):
    cluster = Failing(NO_ANSWER)
    before = the(cluster)

    def fail(*_):
        raise trouble

    monkeypatch.setattr(cluster, "get", fail)
    with pytest.raises(ClusterError) as caught:
        confirm(cluster, before, WAIT)
    assert caught.value is NO_ANSWER


def test_after_a_lost_answer_a_rollback_that_began_meanwhile_is_too_late_to_confirm():
    cluster = Failing(NO_ANSWER)
    before = the(cluster)
    cluster.job["metadata"] |= {"annotations": {STATE: RUNNING}, "resourceVersion": "2"}
    with pytest.raises(ApplyError, match="too late to confirm session abc"):
        confirm(cluster, before, WAIT)
    assert cluster.job is not None
