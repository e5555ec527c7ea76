"""docs/reference.md, from the commands themselves: ``python -m kubectl_netpol.cli.reference`` prints it."""

from __future__ import annotations

import re
import sys
from collections.abc import Iterator
from inspect import cleandoc

import click

from .application import application
from .catalog import PROGRAM, VERBS

_ROOT = click.Context(application, info_name=PROGRAM)
_HEAD = f"""\
# Command reference

Made from the commands by `make reference`; do not edit. What all of them have in common with kubectl, and what they do
not: [kubectl-conventions.md](kubectl-conventions.md).

Every command has `-h, --help`, and `--debug`, which tells each request and where something failed, without secrets.
`{PROGRAM} help COMMAND` and `{PROGRAM} --version` work too.
"""
_EVERYWHERE = ("help", "debug")


def commands() -> Iterator[tuple[click.Context, click.Command]]:
    """Every command and group, in the catalog's order, each with the context that names its path."""
    for verb in VERBS:
        command = application.get_command(_ROOT, verb)
        if command is not None:
            yield from _walk(command, verb, _ROOT)


def _walk(command: click.Command, name: str, parent: click.Context) -> Iterator[tuple[click.Context, click.Command]]:
    context = click.Context(command, info_name=name, parent=parent)
    yield context, command
    if isinstance(command, click.Group):
        for below, one in command.commands.items():
            yield from _walk(one, below, context)


def reference() -> str:
    """The whole page."""
    return _HEAD + "".join(_section(context, command) for context, command in commands() if not command.hidden)


def _section(context: click.Context, command: click.Command) -> str:
    prose, examples = _parts(command)
    usage = " ".join([context.command_path, *command.collect_usage_pieces(context)])
    title = context.command_path.removeprefix(f"{PROGRAM} ")
    parts = [f"\n## {title}\n", f"    {usage}\n", *prose, _options(context, command)]
    parts += [f"Examples:\n\n{examples}\n"] if examples else []
    return "\n".join(part for part in parts if part)


# A help's paragraphs, and its examples; "\b" is click's own mark for lines that stay as they are.
def _parts(command: click.Command) -> tuple[list[str], str]:
    text = cleandoc(command.help or "").replace("\b\n", "")
    prose, _, examples = text.partition("Examples:\n")
    paragraphs = [_escaped(" ".join(one.split())) + "\n" for one in re.split(r"\n\s*\n", prose) if one.strip()]
    lines = [line.removeprefix("  ") for line in examples.splitlines()]
    return paragraphs, "\n".join(f"    {line}".rstrip() for line in lines).rstrip()


def _options(context: click.Context, command: click.Command) -> str:
    rows = []
    for parameter in command.params:
        if isinstance(parameter, click.Option) and not parameter.hidden and parameter.name not in _EVERYWHERE:
            flags, told = parameter.get_help_record(context) or ("", "")
            rows.append(f"| `{flags.replace('|', chr(92) + '|')}` | {_escaped(told).replace('|', chr(92) + '|')} |\n")
    return "| Flag | Meaning |\n|---|---|\n" + "".join(rows) if rows else ""


def _escaped(text: str) -> str:
    return re.sub(r"([<>*_\[\]])", r"\\\1", text) if "`" not in text else text


if __name__ == "__main__":
    sys.stdout.write(reference())
