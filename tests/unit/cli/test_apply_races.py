"""``generate --apply``, guarded or not, while others write to the same policies: nothing of theirs is lost."""

import pytest

from kubectl_netpol.cli import streams
from kubectl_netpol.cluster.trouble import RefusedError, UnreachableError

from .shop import JOBS, POLICIES, shop, told
from .test_apply import APPLY, GUARDED, label, ours

__all__ = ["shop"]

WEB = f"{POLICIES}/deployment-web"
CONFLICT = RefusedError(409, "Conflict", "Apply failed", causes=((".spec.egress", 'conflict with "argocd"'),))
FAILED = RefusedError(500, "InternalError", "etcd: request timed out")
BUSY = RefusedError(429, "TooManyRequests", "busy")


@pytest.fixture
def both(shop, tmp_path):
    """The words of an apply of ``api``, then ``web``."""
    both = tmp_path / "both.yaml"
    both.write_text("---\n".join((tmp_path / name).read_text() for name in ("api.yaml", "web.yaml")))
    return f"{APPLY} {both} {GUARDED}"


def once_api_is_applied(shop, act):
    shop.after_apply = lambda name: act() if name == "deployment-api" else None


@pytest.mark.parametrize("force", ["", "--force-conflicts"])
def test_an_edit_in_the_midst_of_an_apply_is_kept_and_the_rest_put_back(shop, capsys, both, force):
    ours(shop)
    once_api_is_applied(shop, lambda: label(shop, WEB))
    code, _, said = told(capsys, f"{both} {force}")
    assert (code, shop.names(), shop.names(JOBS)) == (1, ["deployment-web"], [])
    assert shop.objects[WEB]["metadata"]["labels"] == {"team": "red"}
    assert "somebody changed networkpolicy.networking.k8s.io/deployment-web in namespace shop meanwhile" in said
    assert "what was applied is put back" in said


@pytest.mark.parametrize("force", ["", "--force-conflicts"])
def test_a_policy_that_others_make_in_the_midst_of_an_apply_is_theirs(shop, capsys, both, force):
    once_api_is_applied(shop, lambda: shop.policy("deployment-web", annotations={"made-by": "security"}))
    code, _, said = told(capsys, f"{both} {force}")
    assert (code, shop.names()) == (1, ["deployment-web"])
    assert shop.objects[WEB]["metadata"]["annotations"] == {"made-by": "security"}
    assert "somebody changed networkpolicy.networking.k8s.io/deployment-web" in said


def test_a_policy_that_others_remove_in_the_midst_of_an_apply_is_not_made_again(shop, capsys, both):
    ours(shop)
    once_api_is_applied(shop, lambda: shop.objects.pop(WEB))
    assert (told(capsys, both)[0], shop.names()) == (1, [])


@pytest.mark.parametrize("refusal", [CONFLICT, BUSY])
def test_a_policy_that_was_surely_not_applied_is_not_put_back(shop, capsys, both, refusal):
    ours(shop)
    shop.refused = {"deployment-web": refusal}
    once_api_is_applied(shop, lambda: label(shop, WEB))
    assert (told(capsys, both)[0], shop.names()) == (1, ["deployment-web"])
    assert shop.objects[WEB]["metadata"]["labels"] == {"team": "red"}


@pytest.mark.parametrize("trouble", [UnreachableError("no answer in time"), FAILED])
def test_a_policy_that_may_be_there_without_an_answer_is_put_back(shop, capsys, both, trouble):
    def answer_is_lost(name):
        if name == "deployment-web":
            raise trouble

    shop.after_apply = answer_is_lost
    code, printed, _ = told(capsys, both)
    assert (code, shop.names(), shop.names(JOBS)) == (1, [], [])
    assert "deployment-web removed" in printed


def test_a_server_that_is_busy_at_the_very_end_takes_no_complete_apply_back(shop, capsys, both, monkeypatch):
    merge = shop.merge

    def busy_once(*request):
        monkeypatch.setattr(shop, "merge", merge)
        raise BUSY

    monkeypatch.setattr(shop, "merge", busy_once)
    assert (told(capsys, both)[0], shop.names()) == (0, ["deployment-api", "deployment-web"])
    assert told(capsys, "confirm -n shop")[0] == 0


@pytest.fixture
def asked(shop, capsys, monkeypatch):
    """Applies ``web`` in a terminal; ``act`` happens while the question stands, which is answered with yes."""

    def apply(act, more=""):
        def ask(_):
            act()
            return True

        monkeypatch.setattr(streams, "is_terminal", lambda: True)
        monkeypatch.setattr(streams, "ask", ask)
        return told(capsys, f"generate --apply -f web.yaml {more}")

    return apply


def narrow(shop):
    found = shop.objects[WEB]
    shop.put(WEB, found | {"spec": found["spec"] | {"egress": []}})


CHANGES = {
    "narrowed": narrow,
    "removed": lambda shop: shop.objects.pop(WEB),
    "another comes": lambda shop: shop.policy("quarantine", annotations={"made-by": "security"}),
}


@pytest.mark.parametrize("more", ["", "--force-conflicts", GUARDED])
@pytest.mark.parametrize("change", CHANGES)
def test_what_changes_while_the_question_stands_stops_the_apply(shop, capsys, asked, change, more):
    assert told(capsys, f"{APPLY} web.yaml")[0] == 0
    left = {}

    def act():
        CHANGES[change](shop)
        left.update(shop.objects)

    code, printed, said = asked(act, more)
    assert (code, printed, shop.objects) == (1, "", left)
    assert said.endswith(
        "error: the cluster's policies changed meanwhile, and nothing was applied\n"
        "hint: look at it again with the same command\n"
    )


def test_what_becomes_somebody_elses_while_the_question_stands_is_theirs(shop, asked):
    path = ours(shop)

    def take():
        shop.put(path, shop.objects[path] | {"metadata": {"name": "deployment-web", "namespace": "shop"}})

    code, _, said = asked(take)
    assert (code, "is there and not of this program" in said) == (1, True)


def test_a_label_that_comes_while_the_question_stands_changes_nothing_of_what_was_shown(shop, asked):
    path = ours(shop)

    def act():
        metadata = shop.objects[path]["metadata"]
        shop.put(path, shop.objects[path] | {"metadata": metadata | {"labels": {"team": "red"}}})

    assert asked(act)[:2] == (0, "networkpolicy.networking.k8s.io/deployment-web serverside-applied\n")


@pytest.mark.parametrize("force", ["", "--force-conflicts"])
def test_an_edit_in_the_midst_of_an_unguarded_apply_is_kept_and_the_half_told(shop, capsys, both, force):
    ours(shop)
    once_api_is_applied(shop, lambda: label(shop, WEB))
    code, _, said = told(capsys, f"{both.removesuffix(GUARDED)} {force}")
    assert (code, shop.objects[WEB]["metadata"]["labels"]) == (1, {"team": "red"})
    assert said.partition("error: ")[2].startswith("1 of 2 policies were applied (")
    assert "somebody changed networkpolicy.networking.k8s.io/deployment-web in namespace shop meanwhile" in said
