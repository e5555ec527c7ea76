"""``generate --apply``, ``confirm`` and ``rollback`` in a namespace in memory: who is refused, and what is said."""

import os
import re
from dataclasses import replace

import pytest
import yaml
from cache.recordings import OUTSIDE, WEB, recording

from kubectl_netpol.cache.location import default_directory
from kubectl_netpol.cache.store import Store
from kubectl_netpol.cli import apply_guarded as apply_guarded_module
from kubectl_netpol.cli.apply_guarded import Guarded
from kubectl_netpol.cli.options import LOCAL_CONTEXT
from kubectl_netpol.cluster.trouble import UnreachableError
from kubectl_netpol.guard.restore import DONE, STATE

from .shop import JOBS, POLICIES, shop, told

__all__ = ["shop"]

APPLY = "generate --apply --yes -f"
GUARDED = "--rollback-after 1h --no-watch"


def apply_guarded(capsys, file="web.yaml"):
    """Applies under a guard; its session."""
    code, _, said = told(capsys, f"{APPLY} {file} {GUARDED}")
    assert code == 0, said
    return re.search(r"kubectl netpol confirm (\w+) -n shop", said)[1]


@pytest.mark.parametrize("more", ["", GUARDED, "--dry-run=server"])
def test_while_a_guard_holds_a_policy_nobody_applies_it(shop, capsys, more):
    session = apply_guarded(capsys)
    before = dict(shop.objects)
    code, printed, said = told(capsys, f"{APPLY} web.yaml {more}")
    assert (code, printed, shop.objects) == (1, "", before)
    assert f"error: session {session} in namespace shop waits to be confirmed" in said
    assert f"kubectl netpol confirm {session} -n shop, or kubectl netpol rollback {session} -n shop" in said


def test_who_may_not_capture_learns_how_to_apply_without_a_watch(shop, capsys, monkeypatch):
    create = shop.create

    def may_not_see_nodes(path, body, query=None):
        is_about_nodes = body["spec"].get("resourceAttributes", {}).get("resource") == "nodes"
        return {"status": {"allowed": False}} if is_about_nodes else create(path, body, query)

    monkeypatch.setattr(shop, "create", may_not_see_nodes)
    code, printed, said = told(capsys, f"{APPLY} web.yaml --rollback-after 1h")
    assert (code, printed) == (1, "")
    assert said.splitlines()[-2].startswith("error: the flows cannot be watched: you may not ")
    assert said.endswith("; or add --no-watch\n")


def test_what_is_proposed_bears_the_flags_that_lead_to_the_cluster_and_say_as_whom(shop, capsys):
    flags = "--user ops --as jane --as-group admins"
    code, _, said = told(capsys, f"{APPLY} web.yaml {GUARDED} {flags}")
    proposed = [line for line in said.splitlines() if ": kubectl netpol" in line]
    assert (code, len(proposed)) == (0, 2)
    assert all(line.endswith(f" -n shop {flags}") for line in proposed)


def test_policies_of_other_kinds_are_told_before_anything_is_applied(shop, capsys):
    other = "may have ciliumnetworkpolicies.cilium.io, which you may not list"
    assert other not in told(capsys, f"{APPLY} web.yaml")[2]
    shop.has_cilium = True
    code, _, said = told(capsys, f"{APPLY} web.yaml")
    assert (code, other in said) == (0, True)


def say(shop, session, state):
    """The guard says so of itself."""
    shop.merge(f"{JOBS}/netpol-guard-{session}", {"metadata": {"annotations": {STATE: state}}})


def test_a_guard_of_other_policies_and_one_that_is_done_hinder_nobody(shop, capsys):
    session = apply_guarded(capsys)
    assert told(capsys, f"{APPLY} api.yaml")[0] == 0
    say(shop, session, DONE)
    assert told(capsys, f"{APPLY} web.yaml")[0] == 0


@pytest.mark.parametrize("verb", ["confirm", "rollback"])
def test_without_a_name_it_is_the_one_that_waits_beside_one_that_failed(shop, capsys, verb):
    failed, _ = apply_guarded(capsys, "web.yaml"), apply_guarded(capsys, "api.yaml")
    say(shop, failed, "failed: x")
    code, printed, said = told(capsys, f"{verb} -n shop")
    assert (code, "deployment-api" in printed) == (0, True), said
    assert shop.names(JOBS) == [f"netpol-guard-{failed}"]


def test_a_guard_that_failed_has_to_be_finished_first(shop, capsys):
    session = apply_guarded(capsys)
    say(shop, session, "failed: x")
    code, _, said = told(capsys, f"{APPLY} web.yaml")
    assert code == 1
    assert "is not done with networkpolicy/deployment-web" in said
    assert f"roll it back first: kubectl netpol rollback {session} -n shop" in said


def test_of_two_guards_that_start_at_once_the_later_one_goes(shop, capsys):
    first = apply_guarded(capsys)
    other = shop.objects.pop(f"{JOBS}/netpol-guard-{first}")
    shop.objects.pop(f"{POLICIES}/deployment-web")
    shop.meanwhile = lambda: shop.objects.update({f"{JOBS}/netpol-guard-{first}": other})
    code, printed, said = told(capsys, f"{APPLY} web.yaml {GUARDED}")
    assert (code, printed, shop.names()) == (1, "", [])
    assert f"session {first} in namespace shop waits" in said
    assert shop.names(JOBS) == [f"netpol-guard-{first}"]


def test_a_default_deny_names_the_jobs_that_were_never_heard_and_not_our_own(shop, capsys):
    for name, labels in (("guard", {"kubectl-netpol/guard": "a"}), ("capture", {"kubectl-netpol/session": "b"})):
        shop.job(f"our-{name}", labels)
    shop.job("migration", {"app.kubernetes.io/name": "migration"})
    code, _, said = told(capsys, f"{APPLY} web.yaml --default-deny --allow-broken")
    assert code == 0, said
    assert "job/migration in namespace shop: never heard" in said
    assert "our-" not in said


def ours(shop, **metadata):
    """A policy of this program is there that means what is applied; its path."""
    return shop.policy("deployment-web", annotations={"generated-by": "kubectl-netpol"}, **metadata)


def label(shop, path):
    found = shop.objects[path]
    shop.put(path, found | {"metadata": found["metadata"] | {"labels": {"team": "red"}}})


def test_what_others_write_until_the_guard_is_made_comes_back_with_a_rollback(shop, capsys, monkeypatch):
    path, run = ours(shop), Guarded.run

    def run_later(guarded):  # captures start and listen before there is a guard
        label(shop, path)
        return run(guarded)

    monkeypatch.setattr(Guarded, "run", run_later)
    apply_guarded(capsys)
    assert shop.objects[path]["metadata"]["labels"] != {"team": "red"}
    assert told(capsys, "rollback -n shop")[0] == 0
    assert shop.objects[path]["metadata"]["labels"] == {"team": "red"}


def test_what_others_write_while_the_guard_starts_is_kept_and_nothing_applied(shop, capsys):
    path = ours(shop)
    shop.meanwhile = lambda: label(shop, path)
    code, printed, said = told(capsys, f"{APPLY} web.yaml {GUARDED}")
    assert (code, printed, shop.names(JOBS)) == (1, "", [])
    assert "somebody changed networkpolicy/deployment-web in namespace shop while the guard started" in said
    assert shop.objects[path]["metadata"]["labels"] == {"team": "red"}


@pytest.mark.parametrize("is_there", [True, False])
def test_a_policy_that_comes_or_goes_while_the_guard_starts_is_noticed(shop, capsys, is_there):
    path = ours(shop) if is_there else ""
    shop.meanwhile = (lambda: shop.objects.pop(path)) if is_there else (lambda: ours(shop))
    code, _, said = told(capsys, f"{APPLY} web.yaml {GUARDED}")
    assert (code, shop.names(JOBS)) == (1, [])
    assert "somebody changed networkpolicy/deployment-web" in said


@pytest.mark.parametrize(("trouble", "code"), [(UnreachableError("no route"), 1), (KeyboardInterrupt(), 130)])
def test_a_guard_that_cannot_be_found_again_goes_and_nothing_is_applied(shop, capsys, monkeypatch, trouble, code):
    def find(*_):
        assert len(shop.names(JOBS)) == 1
        raise trouble

    monkeypatch.setattr(apply_guarded_module, "find", find)
    assert told(capsys, f"{APPLY} web.yaml {GUARDED}")[:2] == (code, "")
    assert (shop.names(), shop.names(JOBS)) == ([], [])


def record():
    """Two workloads are in the cache."""
    with Store.open(default_directory(os.environ)) as store:
        recordings = [recording(WEB), recording(replace(WEB, name="api"), key=OUTSIDE)]
        store.merge(LOCAL_CONTEXT.cluster, recordings)


def test_as_text_what_was_applied_does_not_differ_although_the_api_drops_empty_lists(shop, capsys):
    record()
    assert told(capsys, "diff --all -n shop --default-deny -o yaml")[0] == 1
    assert told(capsys, "generate --all -n shop --default-deny --apply --yes --allow-broken")[0] == 0
    for policy in shop.objects.values():
        policy["spec"] = {key: value for key, value in policy["spec"].items() if value != []}
    assert told(capsys, "diff --all -n shop --default-deny -o yaml")[:2] == (0, "")


def test_as_text_what_kubectl_applied_from_files_does_not_differ_but_by_somebody_elses_label(shop, capsys, tmp_path):
    record()
    assert told(capsys, "generate --all -n shop --output-dir policies")[0] == 0
    for file in (tmp_path / "policies").iterdir():
        document = yaml.safe_load(file.read_text())
        path = f"{POLICIES}/{document['metadata']['name']}"
        shop.put(path, document)
    assert told(capsys, "diff --all -n shop -o yaml")[:2] == (0, "")
    shop.objects[path]["metadata"]["labels"]["app.kubernetes.io/managed-by"] = "helm"
    code, printed, _ = told(capsys, "diff --all -n shop -o yaml")
    assert (code, [one for one in printed.splitlines() if one.startswith("- ")]) == (
        1,
        ["-    app.kubernetes.io/managed-by: helm"],
    )


def test_what_only_one_end_heard_is_told_where_the_other_ends_policy_denies_it(shop, capsys, tmp_path):
    both = tmp_path / "both.yaml"
    both.write_text("---\n".join((tmp_path / name).read_text() for name in ("api.yaml", "web.yaml")))
    code, printed, said = told(capsys, f"{APPLY} both.yaml --policy-types Ingress,Egress")
    assert (code, printed, shop.names()) == (1, "", [])
    assert "note: shop/deployment/api itself did not hear 1 of these flows: it was not recorded at the time" in said
    assert "statefulset/db itself" not in said  # nothing of it is recorded


def test_a_half_apply_under_a_guard_is_put_back_and_the_hint_says_nothing_else(shop, capsys, tmp_path):
    both = tmp_path / "both.yaml"
    both.write_text("---\n".join((tmp_path / name).read_text() for name in ("api.yaml", "web.yaml")))
    untouched = shop.policy("default-deny", annotations={"generated-by": "kubectl-netpol"})
    before = dict(shop.objects[untouched])
    shop.refused = {"deployment-web": "exceeded quota"}
    code, printed, said = told(capsys, f"{APPLY} both.yaml --default-deny --allow-broken {GUARDED}")
    label = "networkpolicy.networking.k8s.io/deployment-api"
    assert (code, printed) == (1, f"{label} serverside-applied\n{label} removed\n")
    assert said.partition("error: ")[2].startswith("1 of 3 policies were applied (")
    assert said.endswith(
        "exceeded quota; what was applied is put back\nhint: mend that, and type the same command again\n"
    )
    assert (shop.objects[untouched], shop.names(), shop.names(JOBS)) == (before, ["default-deny"], [])


def test_the_way_back_from_a_half_apply_leads_to_the_same_cluster(shop, capsys, tmp_path):
    both = tmp_path / "both.yaml"
    both.write_text("---\n".join((tmp_path / name).read_text() for name in ("api.yaml", "web.yaml")))
    shop.refused = {"deployment-web": "exceeded quota"}
    code, _, said = told(capsys, f"{APPLY} both.yaml --as jane")
    assert (code, shop.names()) == (1, ["deployment-api"])
    assert said.endswith("what is new: kubectl delete networkpolicy/deployment-api -n shop --as jane\n")


def test_an_apply_and_a_rollback_that_both_fail_are_told_together(shop, capsys, monkeypatch):
    def is_away(*_):
        raise UnreachableError("no route to host")

    monkeypatch.setattr(shop, "send", is_away)
    shop.refused = {"deployment-web": "exceeded quota"}
    code, _, said = told(capsys, f"{APPLY} web.yaml {GUARDED} --as jane")
    assert (code, len(shop.names(JOBS))) == (1, 1)
    session = shop.names(JOBS)[0].removeprefix("netpol-guard-")
    assert said.endswith(
        "error: nothing was applied: exceeded quota; the rollback could not begin: no route to host\n"
        "hint: the guard puts the policies back at its deadline; "
        f"again: kubectl netpol rollback {session} -n shop --as jane\n"
    )


def test_nothing_is_said_to_be_put_back_where_the_first_one_is_refused(shop, capsys):
    shop.refused = {"deployment-web": "exceeded quota"}
    code, printed, said = told(capsys, f"{APPLY} web.yaml {GUARDED}")
    assert (code, printed, shop.names(), shop.names(JOBS)) == (1, "", [], [])
    assert "error: nothing was applied: exceeded quota\n" in said


def test_sessions_tell_of_policies_that_wait_to_be_confirmed(shop, capsys):
    session = apply_guarded(capsys)
    for words in ("sessions -n shop", "sessions -n shop --as jane"):
        code, printed, said = told(capsys, words)
        flags = words.removeprefix("sessions -n shop")
        assert (code, printed) == (0, "")
        assert re.search(rf"policies wait to be confirmed: {session} \(deployment-web, until \d\d:\d\d:\d\d\)", said)
        assert f"; kubectl netpol confirm {session} -n shop{flags}, or kubectl netpol rollback " in said
    assert told(capsys, "sessions -n shop -o name") == (0, "", "")
    say(shop, session, "failed: quota")
    assert f"a rollback is not done: {session} (deployment-web, until " in told(capsys, "sessions -n shop")[2]
    say(shop, session, DONE)
    assert "policies" not in told(capsys, "sessions -n shop")[2]


def test_an_interrupted_rollback_tells_how_to_go_on(shop, capsys, monkeypatch):
    session = apply_guarded(capsys)

    def interrupt(*_):
        raise KeyboardInterrupt

    monkeypatch.setattr(shop, "send", interrupt)
    code, printed, said = told(capsys, "rollback -n shop")
    assert (code, printed) == (130, "")
    assert f"perhaps only some of {session} (deployment-web, until " in said
    assert said.endswith(f"the rest: kubectl netpol rollback {session} -n shop\n")


def test_what_somebody_removed_meanwhile_is_not_said_to_be_removed(shop, capsys):
    apply_guarded(capsys)
    shop.objects.pop(f"{POLICIES}/deployment-web")
    code, printed, said = told(capsys, "rollback -n shop")
    assert (code, printed) == (0, "")
    assert "not there, so there was nothing to remove: networkpolicy/deployment-web in namespace shop" in said


def test_what_somebody_else_made_meanwhile_is_left_by_a_rollback_and_told(shop, capsys):
    apply_guarded(capsys)
    shop.objects.pop(f"{POLICIES}/deployment-web")
    theirs = shop.policy("deployment-web", annotations={"made-by": "security"})
    code, printed, said = told(capsys, "rollback -n shop")
    assert (code, printed, shop.names(JOBS)) == (0, "", [])
    assert shop.objects[theirs]["metadata"]["annotations"] == {"made-by": "security"}
    assert (
        "note: networkpolicy/deployment-web in namespace shop was made anew by somebody else meanwhile, and is left as "
        "it is\n"
    ) in said


@pytest.mark.parametrize("verb", ["confirm", "rollback"])
def test_where_all_guards_are_done_nothing_waits(shop, capsys, verb):
    sessions = sorted(apply_guarded(capsys, file) for file in ("web.yaml", "api.yaml"))
    for session in sessions:
        say(shop, session, DONE)
    code, printed, said = told(capsys, f"{verb} -n shop")
    assert (code, printed) == (1, "")
    problem, hint = said.splitlines()
    assert problem == "error: nothing in namespace shop waits to be confirmed"
    assert sorted(re.findall(r"\b[a-z0-9]{6}\b", hint.partition("already: ")[2])) == sessions


def test_without_a_name_it_is_the_only_one_that_is_not_done(shop, capsys):
    first, second = (apply_guarded(capsys, file) for file in ("web.yaml", "api.yaml"))
    code, _, said = told(capsys, "confirm -n shop")
    assert code == 1
    hint = rf"hint: name one: {first} \(deployment-web, until \d\d:\d\d:\d\d\); {second} \(deployment-api, until "
    assert re.search(hint, said)
    say(shop, first, DONE)
    say(shop, second, "failed: x")
    assert told(capsys, "rollback -n shop")[:2] == (0, "networkpolicy.networking.k8s.io/deployment-api removed\n")


@pytest.mark.parametrize(
    ("kind", "hint"),
    [
        ("CiliumNetworkPolicy", "kubectl netpol generate ... --kind CiliumNetworkPolicy | kubectl apply -f -"),
        ("ClusterNetworkPolicy", "kubectl netpol generate ... --kind ClusterNetworkPolicy | kubectl apply -f -"),
        ("GeneratedNetworkPolicy", "leave --kind or --apply out"),
    ],
)
def test_other_kinds_are_left_to_kubectl(shop, capsys, kind, hint):
    code, _, said = told(capsys, f"{APPLY} web.yaml --kind {kind}")
    assert (code, shop.names()) == (1, [])
    assert said == f"error: --apply applies NetworkPolicies only, and --kind asks for {kind}\nhint: {hint}\n"


def test_of_a_session_that_is_gone_all_that_may_have_ended_it_is_told(shop, capsys):
    session = apply_guarded(capsys)
    assert told(capsys, "rollback -n shop")[0] == 0
    hint = (
        "a session that is gone was confirmed, or rolled back by hand or by whoever watched, or by its guard more than "
        "an hour ago, and policies that meant the same were applied without one; to see what is there: kubectl get "
        "netpol -n shop"
    )
    missing = f'error: session "{session}" not found in namespace shop\n'
    assert told(capsys, f"confirm {session} -n shop") == (1, "", f"{missing}hint: {hint}\n")
    other = apply_guarded(capsys)
    assert told(capsys, f"confirm {session} -n shop")[2] == f"{missing}hint: there is {other}; {hint}\n"
