"""A confirmed apply that is interrupted: no guard is promised that is not there, and nothing stays that none holds."""

import pytest

from kubectl_netpol.cluster.trouble import UnreachableError

from .shop import JOBS, shop, told
from .test_apply_races import both

__all__ = ["both", "shop"]

API, WEB = (f"networkpolicy.networking.k8s.io/deployment-{name}" for name in ("api", "web"))


def once(shop, **acts):
    """Each is called when the policy of that workload is applied."""
    shop.after_apply = lambda name: acts[name.removeprefix("deployment-")]()


def interrupt():
    raise KeyboardInterrupt


@pytest.mark.parametrize("command", ["confirm", "rollback"])
def test_an_interruption_after_the_guard_went_puts_back_what_was_applied(shop, capsys, both, command):
    once(shop, api=lambda: told(capsys, f"{command} -n shop"), web=interrupt)
    code, printed, said = told(capsys, both)
    assert (code, shop.names(), shop.names(JOBS)) == (130, [], [])
    assert f"{WEB} removed\n" in printed
    assert said.endswith("interrupted: what was applied is put back\n")


@pytest.mark.parametrize("trouble", [UnreachableError("no answer in time"), KeyboardInterrupt()])
def test_an_interruption_where_nobody_answers_is_not_sure_of_the_guard(shop, capsys, both, monkeypatch, trouble):
    def no_answer(*_):
        raise trouble

    def cut_off():
        monkeypatch.setattr(shop, "get", no_answer)
        interrupt()

    once(shop, api=lambda: None, web=cut_off)
    code, _, said = told(capsys, both)
    assert (code, shop.names()) == (130, ["deployment-api", "deployment-web"])
    assert f"interrupted: 1 of 2 policies were applied ({API} in namespace shop), {WEB} in namespace shop may" in said
    assert "; the guard, if it is still there, puts the earlier state back at " in said
