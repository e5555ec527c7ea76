"""The click group: finds a verb's module when that verb runs, and never before."""

from __future__ import annotations

from importlib import import_module

import click

from .catalog import ANSWERING, PROGRAM, VERBS, overview
from .kubectl_flags import asks_for, to_click, verb_of
from .nearest import Group
from .streams import guard


class Verbs(Group):
    """A group whose commands are named by the catalog and imported one at a time."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        return list(VERBS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        if cmd_name not in VERBS:
            return None
        command: click.Command = import_module(f".{VERBS[cmd_name][0]}", __package__).command
        add_debug(command)
        return command

    def get_help(self, ctx: click.Context) -> str:
        return overview().rstrip()


def add_debug(command: click.Command) -> None:
    """Gives a command, and those below it, the flag that ``run`` looks for."""
    if not any(parameter.name == "debug" for parameter in command.params):
        command.params.append(
            click.Option(["--debug"], is_flag=True, expose_value=False, help="Tell each request, and where it failed.")
        )
    if isinstance(command, click.Group):
        command.no_args_is_help = False  # an error and a hint, as for any other word that is missing
        for below in command.commands.values():
            add_debug(below)


@click.group(cls=Verbs, context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100})
def application() -> None:
    """Record what workloads talk to, and write NetworkPolicies."""


add_debug(application)


def run(arguments: list[str]) -> int:
    """Runs one command line (without the program's name); its exit code. Everything it says is said by then."""
    failure = 2 if verb_of(arguments) in ANSWERING else 1
    return guard(lambda: _invoke(arguments), asks_for(arguments, "--debug"), failure)


def _invoke(arguments: list[str]) -> int:
    words = to_click(_as_command(arguments), application, PROGRAM)
    try:
        result = _call(words)
    except click.UsageError as error:
        error.ctx = error.ctx or _context(words)
        raise
    return result if type(result) is int else 0


# click's own main ends the process with 1 where a reader went away, and that is 141 here.
def _call(words: list[str]) -> object:
    try:
        with application.make_context(PROGRAM, list(words)) as context:
            return application.invoke(context)
    except click.exceptions.Exit as ended:
        return ended.exit_code


# Of an option without its argument click does not say which command it was given to, whose help would tell.
def _context(words: list[str]) -> click.Context:
    context = click.Context(application, info_name=PROGRAM)
    for word in words:
        group = context.command
        below = group.get_command(context, word) if isinstance(group, click.Group) else None
        if below is None:
            break
        context = click.Context(below, parent=context, info_name=word)
    return context


# What fingers type out of habit: `help generate` as of kubectl, `--version` as of everything else.
def _as_command(arguments: list[str]) -> list[str]:
    match arguments:
        case ["help", *path]:
            return [*path, "--help"]
        case ["--version", *rest]:
            return ["version", "--client", *rest]
        case _:
            return arguments
