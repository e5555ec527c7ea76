"""Groups of commands that, for a verb that is none, propose those that are written nearly like it."""

from __future__ import annotations

from difflib import get_close_matches

import click

from ..errors import InputError


class Group(click.Group):
    """A group that says ``did you mean``, as kubectl does."""

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        word, verbs = args[0], self.list_commands(ctx)
        if word in verbs or word.startswith("-"):
            return super().resolve_command(ctx, args)
        raise InputError(f"no such command {word!r}", _hint(ctx.command_path, get_close_matches(word.lower(), verbs)))


def _hint(path: str, near: list[str]) -> str:
    see = f"see '{path} --help' for usage and examples"
    proposed = " or ".join(f"'{path} {verb}'" for verb in near)
    return f"did you mean {proposed}? Otherwise {see}" if near else see
