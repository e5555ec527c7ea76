"""The guard against an API server that is played: it proves itself, waits, and puts back exactly what was."""

import base64
import json
import random
import threading
import zlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kubectl_netpol.errors import InputError
from kubectl_netpol.guard.__main__ import Guard
from kubectl_netpol.guard.plan import LARGEST, PART, Earlier, Plan, decode, encode
from kubectl_netpol.guard.restore import DONE, STATE, by_hand, job_path, prove, restore

POLICIES = "/apis/networking.k8s.io/v1/namespaces/shop/networkpolicies"


def policy(name, port, **metadata):
    spec = {"podSelector": {}, "policyTypes": ["Egress"], "egress": [{"ports": [{"port": port, "protocol": "TCP"}]}]}
    told = {"name": name, "namespace": "shop", "uid": "u", "resourceVersion": "1"} | metadata
    return {"apiVersion": "networking.k8s.io/v1", "kind": "NetworkPolicy", "metadata": told, "spec": spec}


OLD = policy("old", 80, labels={"team": "red"}, annotations={"a": "b"}, managedFields=[{"manager": "kubectl"}])
OURS = {"generated-by": "kubectl-netpol"}
PLAN = Plan("shop", "netpol-guard-abc", 1000, (Earlier("old", OLD), Earlier("new", None)))


class Played:
    """Policies and the guard's Job as an API server keeps them. ``refuse``: paths and their answers, each once."""

    def __init__(self):
        changed = policy("old", 443, labels={"ours": "yes"}) | {}
        changed["metadata"]["resourceVersion"] = "7"
        self.objects = {f"{POLICIES}/old": changed, f"{POLICIES}/new": policy("new", 1, annotations=OURS)}
        self.job = {"metadata": {"annotations": {}}}
        self.refuse = []
        self.asked = []

    def ask(self, method, path, body, _media):
        self.asked.append((method, path))
        for number, (refused, answer) in enumerate(self.refuse):
            if (method, path.partition("?")[0]) == refused:
                del self.refuse[number]
                if isinstance(answer, Exception):
                    raise answer
                return answer, {"message": f"refused with {answer}"}
        target, is_dry = path.partition("?")[0], "dryRun=All" in path
        if target == job_path(PLAN):
            if self.job is None:
                return 404, {}
            if not is_dry:
                self.job["metadata"]["annotations"] |= body["metadata"]["annotations"]
            return 200, self.job
        if target not in self.objects:
            return 404, {"message": "not found"}
        seen = (body or {}).get("preconditions" if method == "DELETE" else "metadata", {})
        if any(self.objects[target]["metadata"][key] != seen[key] for key in seen and ("uid", "resourceVersion")):
            return 409, {}
        if method == "DELETE" and not is_dry:
            del self.objects[target]
        if method == "PUT" and not is_dry:
            self.objects[target] = json.loads(json.dumps(body))
        return 200, self.objects.get(target, {})


def run(played, now=2000, stop=None):
    said = []
    code = Guard(PLAN, played.ask, lambda: now, stop or threading.Event(), said.append).run()
    return code, said


def test_the_policies_are_what_they_were_and_what_is_new_is_gone_first():
    played = Played()
    code, said = run(played)
    assert (code, said) == (0, ["put back: old", "removed: new"])
    (found,) = played.objects.values()
    assert (found["spec"], found["metadata"]["labels"]) == (OLD["spec"], OLD["metadata"]["labels"])
    assert found["metadata"]["annotations"] == OLD["metadata"]["annotations"]
    assert found["metadata"]["managedFields"] == OLD["metadata"]["managedFields"]
    assert played.job["metadata"]["annotations"][STATE] == DONE
    writes = [method for method, path in played.asked if method in ("DELETE", "PUT") and "dryRun" not in path]
    assert writes[0] == "DELETE"


def test_a_guard_that_waits_asks_for_the_servers_time_without_any_effect(monkeypatch):
    monkeypatch.setattr("kubectl_netpol.guard.__main__._CLOCK_SECONDS", 0.001)
    played, looks = Played(), []

    def asked():
        return played.asked.count(("PATCH", f"{job_path(PLAN)}?dryRun=All"))

    def ask(method, *more):
        answer = played.ask(method, *more)
        if method == "PATCH" and asked() == 2:
            raise ConnectionError("no route")
        return answer

    def now():  # the server's time, which only its answers tell
        looks.append(asked())
        assert len(looks) < 99, "nobody asks for the time"
        return 300 * asked()

    said = []
    assert Guard(PLAN, ask, now, threading.Event(), said.append).run() == 0
    assert said[-2:] == ["put back: old", "removed: new"]
    assert asked() == 4


def test_a_confirmed_apply_is_not_rolled_back():
    played = Played()
    played.job = None
    before = dict(played.objects)
    assert run(played) == (0, ["confirmed: without a rollback"])
    assert played.objects == before


def test_a_guard_that_is_told_to_end_changes_nothing_and_is_no_success_so_that_its_job_makes_another():
    stop, played = threading.Event(), Played()
    stop.set()
    before = dict(played.objects)
    assert run(played, now=0, stop=stop) == (143, ["told to end: without a rollback"])
    assert (played.objects, played.asked) == (before, [])


def test_a_conflict_is_met_with_another_look_and_a_lost_policy_stays_lost():
    played = Played()
    played.refuse = [(("PUT", f"{POLICIES}/old"), 409)]
    assert run(played)[1] == ["put back: old", "removed: new"]
    played = Played()
    del played.objects[f"{POLICIES}/old"]
    assert run(played)[1] == ["removed: new", "gone: old"]
    played = Played()
    del played.objects[f"{POLICIES}/new"]
    assert run(played)[1] == ["put back: old", "not there: new"]


def test_what_somebody_else_made_anew_in_the_place_of_one_is_left_and_told():
    played = Played()
    theirs = [policy(name, 9, uid="another", annotations={"made-by": "security"}) for name in ("new", "old")]
    played.objects = {f"{POLICIES}/{one['metadata']['name']}": one for one in theirs}
    before = json.dumps(played.objects)
    assert run(played) == (0, ["left, since somebody else made it: new, old"])
    assert json.dumps(played.objects) == before
    assert played.job["metadata"]["annotations"][STATE] == DONE
    assert prove(played.ask, PLAN) == ""


def test_what_was_made_anew_by_this_program_and_what_others_only_edited_comes_back():
    played = Played()
    played.objects[f"{POLICIES}/old"] = policy("old", 9, uid="another", annotations=OURS)
    applied = [{"manager": "kubectl-netpol", "operation": "Apply"}, {"manager": "kubectl-edit", "operation": "Update"}]
    played.objects[f"{POLICIES}/new"] = policy("new", 9, managedFields=applied)
    assert run(played)[1] == ["put back: old", "removed: new"]
    played.objects = {f"{POLICIES}/old": policy("old", 9, annotations={"made-by": "security"})}
    assert run(played)[1] == ["put back: old", "not there: new"]


def test_what_somebody_makes_between_the_look_and_the_removal_is_left():
    played = Played()

    def ask(method, path, *more):
        if method == "DELETE" and "dryRun" not in path:
            played.objects[path] = policy("new", 9, uid="another")
        return played.ask(method, path, *more)

    assert restore(ask, PLAN).theirs == ["new"]
    assert f"{POLICIES}/new" in played.objects


def test_a_rollback_that_fails_is_loud_names_the_way_by_hand_and_is_tried_again(monkeypatch):
    monkeypatch.setattr("kubectl_netpol.guard.__main__._AGAIN_SECONDS", 0.01)
    played = Played()
    played.refuse = [(("DELETE", f"{POLICIES}/new"), 403), (("GET", f"{POLICIES}/old"), ConnectionError("no route"))]
    code, said = run(played)
    assert code == 0
    assert said[0].startswith("ROLLBACK FAILED, and is tried again: new: refused with 403; old: no route; by hand: ")
    assert "kubectl delete networkpolicy new -n shop; kubectl netpol rollback abc -n shop" in said[0]
    assert said[-2:] == ["put back: old", "removed: new"]


def test_a_rollback_that_fails_leaves_the_way_by_hand_in_its_job():
    played, stop = Played(), threading.Event()
    played.refuse = [(("DELETE", f"{POLICIES}/new"), 403)]
    Guard(PLAN, played.ask, lambda: 2000, stop, lambda _: stop.set()).run()
    state = played.job["metadata"]["annotations"][STATE]
    assert state == "failed: new: refused with 403; by hand: kubectl delete networkpolicy new -n shop"


@pytest.mark.parametrize("answer", [403, ConnectionError("no route")])
def test_a_rollback_that_cannot_begin_is_loud_names_the_way_by_hand_and_is_tried_again(monkeypatch, answer):
    monkeypatch.setattr("kubectl_netpol.guard.__main__._AGAIN_SECONDS", 0.01)
    played = Played()
    played.refuse = [(("PATCH", job_path(PLAN)), answer)] * 2
    code, said = run(played)
    assert code == 0
    assert all(one.startswith("ROLLBACK FAILED: it cannot begin, and is tried again: ") for one in said[:2])
    hand = "; by hand: kubectl delete networkpolicy new -n shop; kubectl netpol rollback abc -n shop"
    assert all(one.endswith(hand) for one in said[:2])
    assert said[2:] == ["put back: old", "removed: new"]


def test_it_proves_its_rights_without_changing_anything():
    played = Played()
    before = json.dumps(played.objects)
    assert prove(played.ask, PLAN) == ""
    assert json.dumps(played.objects) == before
    assert played.job["metadata"]["annotations"] == {}
    for refused in (
        ("GET", f"{POLICIES}/new"),
        ("DELETE", f"{POLICIES}/new"),
        ("PUT", f"{POLICIES}/old"),
        ("PATCH", job_path(PLAN)),
    ):
        played.refuse = [(refused, 403)]
        assert "refused with 403" in prove(played.ask, PLAN)


def test_nothing_is_to_be_done_by_hand_where_nothing_failed():
    assert by_hand(PLAN, {}) == ""


NAMES = st.from_regex(r"[a-z0-9]([-a-z0-9]{0,20}[a-z0-9])?", fullmatch=True)
PLANS = st.builds(
    lambda namespace, job, until, names: Plan(
        namespace, job, until, tuple(Earlier(name, policy(name, 1) if number % 2 else None) for number, name in names)
    ),
    NAMES,
    NAMES,
    st.integers(1, (1 << 53) - 1),
    st.lists(st.tuples(st.integers(0, 1), NAMES), min_size=1, max_size=5),
)


@given(PLANS)
def test_a_plan_comes_back_as_it_was(plan):
    assert decode(encode(plan)) == plan


def test_a_plan_is_cut_into_parts_that_a_process_can_take_and_has_a_limit():
    noise = "".join(chr(33 + (number * 7919 + number // 89) % 90) for number in range(400_000))
    large = Plan("shop", "job", 1, (Earlier("old", policy("old", 1, annotations={"noise": noise})),))
    parts = encode(large)
    assert decode(parts) == large
    assert all(len(part) <= PART for part in parts.values())

    digits = random.Random(1).randbytes(LARGEST).hex()
    with pytest.raises(InputError, match="too large for a guard"):
        encode(Plan("shop", "job", 1, (Earlier("old", policy("old", 1, annotations={"noise": digits})),)))


@pytest.mark.parametrize(
    "value",
    [
        None,
        [],
        {},
        {"namespace": "shop", "job": "j", "until": 0, "policies": [{"name": "a", "found": None}]},
        {"namespace": "shop", "job": "j", "until": 1, "policies": []},
        {"namespace": "sh/op", "job": "j", "until": 1, "policies": [{"name": "a", "found": None}]},
        {"namespace": "shop", "job": "j", "until": 1, "policies": [{"name": "a", "found": policy("b", 1)}]},
        {"namespace": "shop", "job": "j", "until": 1, "policies": [{"name": "a", "found": {"kind": "Secret"}}]},
        {"namespace": "shop", "job": "j", "until": True, "policies": [{"name": "a", "found": None}]},
    ],
)
def test_what_is_no_plan_is_refused(value):

    text = base64.b64encode(zlib.compress(json.dumps(value).encode())).decode()
    with pytest.raises(InputError):
        decode({"GUARD_PLAN_0": text})


@given(st.text())
def test_noise_is_no_plan(text):
    with pytest.raises(InputError):
        decode({"GUARD_PLAN_0": text})
