"""``rollback`` that is ended in its midst: what is left, and how to go on, is told."""

import os
import signal

import pytest

from .shop import JOBS, shop, told
from .test_apply import apply_guarded

__all__ = ["shop"]


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_whatever_ends_a_rollback_it_tells_how_to_go_on(shop, capsys, monkeypatch, number):
    session, send, earlier = apply_guarded(capsys), shop.send, signal.getsignal(number)

    def end_at_deletion(method, *more):
        if method == "DELETE":
            os.kill(os.getpid(), number)
        return send(method, *more)

    monkeypatch.setattr(shop, "send", end_at_deletion)
    code, printed, said = told(capsys, "rollback -n shop --as jane")
    assert (code, printed, len(shop.names(JOBS)), signal.getsignal(number)) == (130, "", 1, earlier)
    assert said.startswith(f"interrupted: perhaps only some of {session} (deployment-web, until ")
    assert said.endswith(f" are back; the rest: kubectl netpol rollback {session} -n shop --as jane\n")
