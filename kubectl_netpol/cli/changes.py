"""What an apply would change, for people: shared by ``diff`` and ``generate --apply``."""

from __future__ import annotations

import difflib
from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING

from ..policy.listing import some_of

if TYPE_CHECKING:
    from ..apply.applied import Step


def in_words(steps: Iterable[Step]) -> Iterator[str]:
    """The policies that change, each with its lines below it."""
    from ..apply.words import change_lines  # noqa: PLC0415

    for one in steps:
        if one.change.is_none:
            continue
        what = "new" if one.change.is_new else "changed"
        yield f"networkpolicy.networking.k8s.io/{one.name} in namespace {one.namespace}: {what}"
        yield from (f"  {line}" for line in change_lines(one.change, one.names))


def as_text(steps: Iterable[Step]) -> str:
    """A unified diff of the documents; empty where nothing differs."""
    from ..apply.owned import comparable  # noqa: PLC0415
    from ..render.document import to_yaml  # noqa: PLC0415

    lines: list[str] = []
    for one in steps:
        old = to_yaml([comparable(one.present)]) if one.present else ""
        new = to_yaml([comparable(one.document, one.present)])
        path = f"{one.namespace}/networkpolicy/{one.name}"
        names = (f"applied/{path}" if old else "/dev/null", f"generated/{path}")
        lines += difflib.unified_diff(old.splitlines(keepends=True), new.splitlines(keepends=True), *names)
    return "".join(lines)


def takeover_notes(steps: Iterable[Step]) -> Iterator[str]:
    """From whom policies are taken over: those that are somebody else's."""
    from ..apply.half_applied import place  # noqa: PLC0415
    from ..apply.server import managed_by  # noqa: PLC0415

    for one in steps:
        if one.is_theirs and one.present is not None:
            yield f"{place(one)} is taken over: it is managed by {managed_by(one.present)}"


def foreign_notes(steps: Iterable[Step]) -> Iterator[str]:
    """Others' policies that select the same pods, whose rules add up with ours."""
    for one in steps:
        if one.foreign:
            yield (
                f"{one.policy.workload.path} in namespace {one.namespace}: other policies select its pods as well, "
                f"and what their rules admit is admitted too: {some_of(one.foreign)}"
            )
