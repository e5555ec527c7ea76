"""The way back as the laptop goes it, by the guard's own code."""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import suppress
from typing import Any

from ..cluster.api import Api
from ..cluster.trouble import RefusedError, UnreachableError
from ..guard.restore import FAILED, Ask, Outcome, by_hand, failure, is_claimed, note, restore
from .guards import Found, remove
from .server import ApplyError


def roll_back(api: Api, found: Found, flags: str) -> Outcome:
    """Puts the earlier policies back at once, and removes the guard. Raises ApplyError when not all could be.

    ``flags`` are those of the connection, as a shell takes them, for what is to be typed then.
    """
    ask = through(api)
    try:
        if not is_claimed(ask, found.plan):
            raise ApplyError(f"session {found.session} is gone: it was confirmed or rolled back by somebody else", "")
        outcome = restore(ask, found.plan)
    except OSError as error:
        again = f"kubectl netpol rollback {found.session} -n {found.plan.namespace} {flags}".rstrip()
        hint = f"the guard puts the policies back at its deadline; again: {again}"
        raise ApplyError(f"the rollback could not begin: {error}", hint) from error
    if outcome.failed:
        reasons = "; ".join(f"{name}: {why}" for name, why in outcome.failed.items())
        with suppress(OSError):
            note(ask, found.plan, f"{FAILED}: {failure(found.plan, outcome.failed)}")
        hand = by_hand(found.plan, outcome.failed, flags)
        raise ApplyError(f"THE ROLLBACK FAILED: {reasons}", f"finish it by hand: {hand}")
    remove(api, found.plan)
    return outcome


def through(api: Api) -> Ask:
    """The laptop's own way of asking for the guard's code."""

    def ask(method: str, path: str, body: Mapping[str, Any] | None, media: str) -> tuple[int, dict[str, Any]]:
        try:
            return 200, api.send(method, path, body, media)
        except RefusedError as error:
            return error.status, {"message": error.message}
        except UnreachableError as error:
            raise ConnectionError(error.message) from error

    return ask
