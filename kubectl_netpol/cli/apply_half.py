"""A confirmed apply that does not come to its end: what was applied is put back, or left to its guard."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import NoReturn

from ..apply.applied import Step
from ..apply.guards import Found, is_nearly_over, look
from ..apply.half_applied import half_words
from ..apply.server import ApplyError
from ..apply.way_back import take_back, unfinished
from ..cluster.api import Api
from ..cluster.trouble import ClusterError
from ..errors import NetpolError
from ..guard.restore import Outcome
from . import streams
from .apply_interruption import Told
from .apply_words import cause, fate, way_back
from .connection import Connection
from .rolled_back import tell_outcome


@dataclass(frozen=True, slots=True)
class Half:
    """What there is when a confirmed apply breaks off: ``applied`` are the first of ``steps``, as they were made."""

    api: Api
    connection: Connection
    found: Found
    steps: Sequence[Step]
    applied: Sequence[Step]

    def fail(self, error: NetpolError) -> NoReturn:
        """Puts back what was applied. Raises ApplyError that tells both."""
        is_unsure = isinstance(error, ApplyError) and error.is_unsure
        tell_outcome(self.found, self._taken_back(self._next if is_unsure else None, error))
        words = "; what was applied is put back" if self.applied or is_unsure else ""
        raise ApplyError(f"{error.message}{words}", "mend that, and type the same command again") from error

    def interrupt(self, why: KeyboardInterrupt | OSError) -> NoReturn:
        """Says what the guard will do, or puts back what none will. Raises Told or ``why``, ApplyError if it cannot."""
        self._tell_or_take_back(why)
        if isinstance(why, KeyboardInterrupt):
            raise Told from why
        raise why

    def _tell_or_take_back(self, why: KeyboardInterrupt | OSError) -> None:
        try:
            is_held = self._is_held()
        except (ClusterError, KeyboardInterrupt):  # nobody answers, or not soon enough
            self._tell_fate(why, is_sure=False)
            return
        if is_held:
            self._tell_fate(why, is_sure=True)
            return
        outcome = self._taken_back(self._next if isinstance(why, KeyboardInterrupt) else None, why)
        streams.say(f"{cause(why)}: what was applied is put back")
        tell_outcome(self.found, outcome)  # last, for stdout may take no more

    # It may have been under way to the server when Ctrl-C came.
    @property
    def _next(self) -> Step | None:
        return next(iter(self.steps[len(self.applied) :]), None)

    # Near its deadline the guard may not put back what came last. Before that somebody may have confirmed too early,
    # or rolled back.
    def _is_held(self) -> bool:
        if is_nearly_over(self.api, self.found):
            return False
        current = look(self.api, self.found)
        return current is not None and current.is_waiting

    def _tell_fate(self, why: KeyboardInterrupt | OSError, is_sure: bool) -> None:
        words = half_words(self.steps, len(self.applied), isinstance(why, KeyboardInterrupt))
        streams.say(f"{cause(why)}: {words}; {fate(self.found.plan, self.connection, is_sure)}")

    def _taken_back(self, unsure: Step | None, why: BaseException) -> Outcome:
        try:
            return take_back(self.api, self.found, self.applied, unsure, self.connection.flags)
        except NetpolError as error:
            raise ApplyError(f"{_said(why)}{error.message}", error.hint) from why
        except KeyboardInterrupt as again:
            self._tell_rest(unsure, why)
            raise Told from again

    def _tell_rest(self, unsure: Step | None, why: BaseException) -> None:
        words = half_words(self.steps, len(self.applied), unsure is not None)
        rest = unfinished(self.api, self.found, self.applied, unsure, self.connection.flags)
        rest = rest or way_back(self.found, self.connection)
        streams.say(f"{_said(why)}interrupted while what was applied is put back: {words}; {rest}")


def _said(why: BaseException) -> str:
    return f"{why.message}; " if isinstance(why, NetpolError) else ""
