"""What the last word of a command line is to become: a verb, a flag, or the value of an option or argument. Pure.

The words before it are read as click would read them, and forgiven whatever click would not forgive.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

import click

from .kubectl_flags import split_globals, value_of

Find = Callable[[str], click.Command | None]


@dataclass(slots=True)
class Wish:
    """What is typed so far. ``parameter`` is whose value is asked for, None for a name or a flag.

    ``given`` holds the options by their names, with "" for a switch; ``words`` the arguments; ``last`` the word.
    """

    command: click.Command | None
    path: tuple[str, ...]
    last: str
    parameter: click.Parameter | None = None
    wants_flag: bool = False
    given: dict[str, list[str]] = field(default_factory=dict)
    words: list[str] = field(default_factory=list)

    def one(self, name: str) -> str:
        """The last value of an option, or empty."""
        return (self.given.get(name) or [""])[-1]

    def has(self, name: str) -> bool:
        return name in self.given


def read_words(words: Sequence[str], find: Find) -> Wish:
    """The wish of a command line without the program's name; its last word, maybe empty, is to be completed."""
    *done, last = words or ("",)
    if done[:1] == ["help"]:
        del done[0]
    early, done = split_globals(done)
    command: click.Command | None = None
    path: list[str] = []
    while done and not done[0].startswith("-"):
        below = find(done[0]) if command is None else _below(command, done[0])
        if below is None:
            break
        command, path = below, [*path, done.pop(0)]
    wish = Wish(command, tuple(path), last)
    if command is None:
        wish.words = done
        return wish
    pending, only_arguments = _read_done(wish, command, [*early, *done])
    _place_last(wish, command, pending, only_arguments)
    return wish


def _below(command: click.Command, name: str) -> click.Command | None:
    return command.commands.get(name) if isinstance(command, click.Group) else None


def _read_done(wish: Wish, command: click.Command, done: list[str]) -> tuple[click.Option | None, bool]:
    """Reads the words before the last: the option that waits for its value, and whether ``--`` was among them."""
    pending: click.Option | None = None
    for number, word in enumerate(done):
        if pending:
            wish.given.setdefault(str(pending.name), []).append(word)
            pending = None
        elif word == "--":
            wish.words += done[number + 1 :]
            return None, True
        elif word.startswith("-") and word != "-":
            pending = _read_flag(wish, command, word)
        else:
            wish.words.append(word)
    return pending, False


def _read_flag(wish: Wish, command: click.Command, word: str) -> click.Option | None:
    name, equals, value = word.partition("=")
    if word.startswith("--"):
        option = _option(command, name)
        if option and (equals or option.is_flag):
            wish.given.setdefault(str(option.name), []).append(value)
        return option if option and not equals and not option.is_flag else None
    for place, letter in enumerate(word[1:], 2):  # -Ao wide, -nshop
        option = _option(command, f"-{letter}")
        if option is None:
            return None
        if not option.is_flag:
            if word[place:]:
                wish.given.setdefault(str(option.name), []).append(value_of(word[place:]))
            return None if word[place:] else option
        wish.given.setdefault(str(option.name), []).append("")
    return None


def _option(command: click.Command, flag: str) -> click.Option | None:
    options = (one for one in command.params if isinstance(one, click.Option))
    return next((one for one in options if flag in (*one.opts, *one.secondary_opts)), None)


def _place_last(wish: Wish, command: click.Command, pending: click.Option | None, only_arguments: bool) -> None:
    name, equals, value = wish.last.partition("=")
    if pending:
        wish.parameter = pending
    elif only_arguments or not wish.last.startswith("-"):
        wish.parameter = _argument(command, len(wish.words))
    elif equals:
        wish.parameter, wish.last = _option(command, name), value
    else:
        wish.wants_flag = True


def _argument(command: click.Command, before: int) -> click.Parameter | None:
    arguments = [one for one in command.params if isinstance(one, click.Argument)]
    for argument in arguments:
        if argument.nargs < 0 or before < argument.nargs:
            return argument
        before -= argument.nargs
    return None
