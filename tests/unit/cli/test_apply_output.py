"""An apply whose output fails in its midst: its reader left, or a disk is full. Which half is there is told."""

import errno
import os

import pytest

from kubectl_netpol.cli import streams

from .shop import JOBS, shop, told
from .test_apply import GUARDED
from .test_apply_half import API, WEB, lose_guard, once
from .test_apply_races import both

__all__ = ["both", "shop"]


@pytest.fixture(params=[errno.EPIPE, errno.ENOSPC, errno.EIO], ids=errno.errorcode.get)
def failure(request):
    return OSError(request.param, os.strerror(request.param))


@pytest.fixture
def cause(failure):
    is_gone = failure.errno == errno.EPIPE
    return "nobody reads the output any more" if is_gone else f"the output cannot be written ({failure.strerror})"


@pytest.fixture
def told_to_failing_output(shop, capsys, monkeypatch, failure):
    """What a command says whose first line to stdout cannot be written, without the error that it ends with."""

    def fail():
        raise failure

    def run(words):
        monkeypatch.setattr(streams, "flush", fail)
        if failure.errno != errno.EPIPE:
            code, _, said = told(capsys, words)
            assert code == 1
            assert said.endswith(f"error: {failure.strerror}\n")
            return said.removesuffix(f"error: {failure.strerror}\n")
        with pytest.raises(BrokenPipeError):  # which the process turns into its exit code
            told(capsys, words)
        return capsys.readouterr().err

    return run


def test_a_plain_apply_whose_output_fails_tells_which_half_is_there(shop, both, told_to_failing_output, cause):
    said = told_to_failing_output(both.removesuffix(GUARDED))
    assert shop.names() == ["deployment-api"]
    assert said.endswith(
        f"{cause}: 1 of 2 policies were applied ({API} in namespace shop), and these were "
        f"not: {WEB} in namespace shop\n"
        "type the same command again for the rest: what is applied already stays as it is; to take back what is new: "
        "kubectl delete networkpolicy/deployment-api -n shop\n"
    )


def test_a_confirmed_apply_whose_output_fails_tells_what_its_guard_will_do(shop, both, told_to_failing_output, cause):
    said = told_to_failing_output(both)
    assert (shop.names(), len(shop.names(JOBS))) == (["deployment-api"], 1)
    assert f"{cause}: 1 of 2 policies were applied ({API} in namespace shop), and " in said
    assert f"these were not: {WEB} in namespace shop; the guard puts the earlier state back at " in said


def test_a_confirmed_apply_whose_output_fails_and_whose_guard_is_gone_puts_back_what_was_applied(
    shop, both, told_to_failing_output, cause
):
    once(shop, api=lambda: lose_guard(shop))
    said = told_to_failing_output(both)
    assert shop.names() == []
    assert said.endswith(f"{cause}: what was applied is put back\n")
