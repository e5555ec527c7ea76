"""The guard's objects, what of a policy is ours, a default-deny, and an apply that breaks off."""

import json
from dataclasses import replace

import pytest

from kubectl_netpol import __version__
from kubectl_netpol.apply.applied import steps
from kubectl_netpol.apply.guard_objects import Guard, job, owned, probe, rules
from kubectl_netpol.apply.owned import RECORDED_ANNOTATION, VERSION_ANNOTATION
from kubectl_netpol.apply.server import ApplyError, Manner, apply_all, refuse_theirs
from kubectl_netpol.cli.changes import takeover_notes
from kubectl_netpol.guard.ours import is_ours
from kubectl_netpol.guard.plan import Earlier, Plan, decode
from kubectl_netpol.model import (
    Counts,
    Direction,
    Neighbor,
    NeighborKey,
    NetworkNeighbors,
    Peer,
    PeerKind,
    Port,
    Protocol,
    Selector,
    Window,
    Workload,
)
from kubectl_netpol.policy.default_deny import with_default_deny
from kubectl_netpol.policy.evaluation.reading import read_policy
from kubectl_netpol.policy.generate import generate
from tests.unit.cluster.server import played, said

FIRST, LAST = 1_700_000_000_000, 1_700_003_600_000
DNS = Peer(PeerKind.WORKLOAD, "kube-system/deployment/dns", Selector((("k8s-app", "dns"),)), Selector((("n", "x"),)))


def account(name, *keys, answered=1, **more):
    neighbors = tuple(Neighbor(key, Counts(1, answered)) for key in keys)
    windows = (Window("e", FIRST, LAST),)
    workload = Workload("shop", "Deployment", name, "apps/v1")
    return NetworkNeighbors(workload, Selector((("app", name),)), neighbors, windows, **more)


def to(peer, port, protocol=Protocol.TCP):
    return NeighborKey(Direction.EGRESS, peer, Port(protocol, port))


WORLD = Peer(PeerKind.EXTERNAL, address="192.0.2.1")
ACCOUNTS = [
    account("api", to(WORLD, 443), to(DNS, 53, Protocol.UDP)),
    account("web", to(WORLD, 443)),
    account("mute", to(WORLD, 443), answered=0),
    account("agent", to(WORLD, 443), host_network=True),
]


def found_steps(present=(), accounts=ACCOUNTS[:2]):
    return steps(generate(accounts).policies, accounts, {"shop": list(present)})


def theirs(name, **metadata):
    told = {"name": name, "namespace": "shop", "managedFields": [{"manager": "argocd", "operation": "Apply"}]}
    spec = {"podSelector": {}, "policyTypes": ["Ingress"]}
    return {"apiVersion": "networking.k8s.io/v1", "kind": "NetworkPolicy", "metadata": told | metadata, "spec": spec}


def test_a_policy_tells_who_wrote_it_and_from_what():
    metadata = found_steps()[0].document["metadata"]
    assert metadata["annotations"] == {
        "generated-by": "kubectl-netpol",
        VERSION_ANNOTATION: __version__,
        RECORDED_ANNOTATION: "2023-11-14T22:13:20Z/2023-11-14T23:13:20Z",
    }
    assert metadata["labels"]["app.kubernetes.io/managed-by"] == "kubectl-netpol"
    assert is_ours(found_steps()[0].document)


def test_others_policies_of_the_same_name_are_refused_and_others_of_the_same_pods_mentioned():
    (api, web) = found_steps([theirs("deployment-api"), theirs("wide")])
    assert web.foreign == ("deployment-api (managed by argocd)", "wide (managed by argocd)")
    with pytest.raises(
        ApplyError, match=r"deployment-api in namespace shop is there and not of this program.*argocd"
    ) as caught:
        refuse_theirs([api, web], Manner())
    assert caught.value.hint == "take it over with --force-conflicts, or leave its workload out"
    refuse_theirs([api, web], Manner(force=True))
    refuse_theirs([web], Manner())
    (note,) = takeover_notes([api, web])
    assert note.endswith("deployment-api in namespace shop is taken over: it is managed by argocd")


def test_somebody_elses_default_deny_leads_to_the_flag_that_asked_for_it():
    generated = with_default_deny(generate(ACCOUNTS), ACCOUNTS)
    with pytest.raises(ApplyError) as caught:
        refuse_theirs(steps(generated.policies, ACCOUNTS, {"shop": [theirs("default-deny")]}), Manner())
    assert caught.value.hint == "take it over with --force-conflicts, or leave --default-deny out"


def test_an_apply_that_breaks_off_says_which_half_is_there(tmp_path):
    def play(path, query):
        assert (query["fieldManager"], query["fieldValidation"], query["force"]) == (
            "kubectl-netpol",
            "Strict",
            "false",
        )
        if path.endswith("deployment-web"):
            return said({"reason": "Forbidden", "message": "you may not"}, 403)
        return said({})

    with played(play, tmp_path) as (api, _), pytest.raises(ApplyError) as caught:
        applied = []
        applied.extend(one.name for one in apply_all(api, found_steps(), Manner(), ""))
    message, hint = caught.value.message, caught.value.hint
    assert message.startswith("1 of 2 policies were applied (networkpolicy.networking.k8s.io/deployment-api in")
    assert "these were not: networkpolicy.networking.k8s.io/deployment-web in namespace shop: you may not" in message
    assert "kubectl delete networkpolicy/deployment-api -n shop" in hint


def test_what_is_new_in_several_namespaces_is_taken_back_in_its_own_and_what_was_there_stays(tmp_path):
    shop, other = ACCOUNTS[1], replace(ACCOUNTS[0], workload=replace(ACCOUNTS[0].workload, namespace="other"))
    blog = replace(shop, workload=replace(shop.workload, namespace="blog"))
    accounts = [other, blog, shop, replace(shop, workload=replace(shop.workload, name="zed"))]
    there = theirs("deployment-web", namespace="blog")
    found = steps(generate(accounts).policies, accounts, {"blog": [there]})

    def play(path, _):
        return said({"message": "you may not"}, 403) if path.endswith("deployment-zed") else said({})

    with played(play, tmp_path) as (api, _), pytest.raises(ApplyError) as caught:
        list(apply_all(api, found, Manner(), "--as jane"))
    commands = caught.value.hint.partition("to take back what is new: ")[2].split("; ")
    assert sorted(commands) == [
        "kubectl delete networkpolicy/deployment-api -n other --as jane",
        "kubectl delete networkpolicy/deployment-web -n shop --as jane",
    ]


def test_a_conflict_names_each_field_and_its_manager(tmp_path):
    causes = [{"reason": "FieldManagerConflict", "message": 'conflict with "argocd" using x', "field": ".spec.egress"}]
    answer = said({"reason": "Conflict", "message": "no", "details": {"causes": causes}}, 409)
    with played(lambda *_: answer, tmp_path) as (api, _), pytest.raises(ApplyError) as caught:
        list(apply_all(api, found_steps(), Manner(), ""))
    assert "conflicts: .spec.egress is managed by argocd" in caught.value.message
    assert "--force-conflicts" in caught.value.hint


MODIFIED = said({"reason": "Conflict", "message": "the object has been modified", "details": {"name": "x"}}, 409)
CAUSE = {"reason": "FieldValueInvalid", "message": "field is immutable", "field": "metadata.uid"}
ANOTHER = said({"reason": "Invalid", "message": "is invalid", "details": {"causes": [CAUSE]}}, 422)


@pytest.mark.parametrize("answer", [MODIFIED, ANOTHER])
def test_a_conflict_of_versions_is_no_conflict_of_managers_and_is_told_only_where_it_was_asked_for(tmp_path, answer):
    found = found_steps([theirs("deployment-api", uid="u", resourceVersion="7")])[:1]
    with played(lambda *_: answer, tmp_path) as (api, _):
        with pytest.raises(ApplyError) as caught:
            list(apply_all(api, found, Manner(force=True, is_locked=True), ""))
        assert caught.value.message.startswith("somebody changed networkpolicy.networking.k8s.io/deployment-api")
        with pytest.raises(ApplyError, match="nothing was applied: "):
            list(apply_all(api, found, Manner(force=True), ""))


def guard(**more):
    plan = Plan("shop", "netpol-guard-abc", 5000, (Earlier("old", theirs("old")), Earlier("new", None)))
    return Guard("abc", plan, 600, "image", **more)


def test_the_guard_may_put_back_these_policies_and_mark_its_job_and_nothing_else():
    allowed = {
        (rule["resources"][0], verb, name)
        for rule in rules(guard().plan)
        for verb in rule["verbs"]
        for name in rule["resourceNames"]
    }
    assert allowed == {
        ("networkpolicies", "get", "old"),
        ("networkpolicies", "update", "old"),
        ("networkpolicies", "get", "new"),
        ("networkpolicies", "delete", "new"),
        ("jobs", "patch", "netpol-guard-abc"),
    }
    only_new = Plan("shop", "j", 1, (Earlier("new", None),))
    assert all(rule["resourceNames"] for rule in rules(only_new))


def test_what_the_guard_needs_is_owned_by_its_job_and_the_job_holds_the_plan():
    made = job(guard())
    for _, body in owned(guard(), "uid-1"):
        (owner,) = body["metadata"]["ownerReferences"]
        assert (owner["kind"], owner["name"], owner["uid"]) == ("Job", "netpol-guard-abc", "uid-1")
    variables = {one["name"]: one["value"] for one in made["spec"]["template"]["spec"]["containers"][0]["env"]}
    assert decode(variables) == guard().plan
    assert made["spec"]["activeDeadlineSeconds"] > 600
    assert made["spec"]["ttlSecondsAfterFinished"]
    assert "suspend" not in made["spec"], "a suspended Job has no deadline, and one that is left behind has to end"
    assert json.dumps(made)


def test_the_guards_pod_is_in_the_nodes_network_unless_it_is_not_admitted_there():
    assert probe(guard())["spec"]["hostNetwork"] is True
    inside = probe(guard(host_network=False))["spec"]
    assert "hostNetwork" not in inside
    assert inside["securityContext"]["runAsNonRoot"] is True


def test_a_default_deny_comes_last_allows_dns_as_recorded_and_names_whom_it_cuts_off():
    generated = with_default_deny(generate(ACCOUNTS), ACCOUNTS)
    names = [policy.document["metadata"]["name"] for policy in generated.policies]
    assert names == ["deployment-api", "deployment-web", "default-deny"]
    deny = read_policy(generated.policies[-1].document)
    assert (deny.selector.is_empty, deny.ingress, len(deny.egress or ())) == (True, (), 1)
    (rule,) = deny.egress
    assert [(str(port), peer.pods) for port in rule.ports for peer in rule.peers] == [("UDP 53", DNS.pod_selector)]
    notes = {note.workload.name: note.text for note in generated.notes if "default-deny" in note.text}
    assert set(notes) == {"mute", "agent"}
    assert "cuts it off" in notes["mute"]
    assert "does not reach it" in notes["agent"]
