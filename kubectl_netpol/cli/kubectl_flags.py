"""kubectl's ways of writing flags, as click reads them: ``-n=shop``, ``-A=false``, ``--context dev version``. Pure.

kubectl's flags are pflag's and its verbs cobra's. ``application`` hands each command line through here before click.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import click

GLOBAL = frozenset(
    ("--as", "--as-group", "--cluster", "--context", "--kubeconfig", "--namespace", "--request-timeout", "--user")
)
"""Flags with a value that kubectl takes before the verb, too; ``-n`` is one of them."""

_TRUE = frozenset(("1", "t", "T", "TRUE", "true", "True"))
_FALSE = frozenset(("0", "f", "F", "FALSE", "false", "False"))


def verb_of(arguments: Sequence[str]) -> str:
    """The first word that is no flag and no flag's value, or empty."""
    return next((word for word in split_globals(arguments)[1] if not word.startswith("-")), "")


def asks_for(arguments: Sequence[str], flag: str) -> bool:
    """Whether a switch is on, as ``--debug`` or ``--debug=true``, wherever it stands."""
    return any(word == flag or (word.startswith(f"{flag}=") and word[len(flag) + 1 :] in _TRUE) for word in arguments)


def split_globals(words: Sequence[str]) -> tuple[list[str], list[str]]:
    """kubectl's global flags before the verb, and --debug, one word each; and what follows them."""
    flags: list[str] = []
    rest = list(words)
    while rest and (rest[0] == "--debug" or rest[0].startswith("--debug=") or _begins_global(rest)):
        flags.append(_one_word(rest))
    return flags, rest


def value_of(attached: str) -> str:
    """The value in what stands behind a short flag's letter: pflag takes ``-n=shop`` for ``-nshop``."""
    return attached[1:] if attached.startswith("=") and len(attached) > 1 else attached


def to_click(arguments: Sequence[str], root: click.Group, program: str) -> list[str]:
    """The words of a command line, without the program's name, as click reads them.

    Flags before the verb come behind it. A value loses its ``=`` behind a short flag. A switch loses its value: one
    that is turned off is left out, or is its opposite where it has one. The values of flags, and what stands after
    ``--``, stay as they are. Raises click.UsageError, with the command's context, for a switch's value that is none.
    """
    context = click.Context(root, info_name=program, **root.context_settings)
    path: list[str] = []
    early: list[str] = []
    rest = list(arguments)
    while isinstance(group := context.command, click.Group):
        flags, rest = split_globals(rest)
        below = group.get_command(context, rest[0]) if rest else None
        if below is None:
            return [*path, *rest]  # an error, or help: neither has need of the flags
        early += flags
        path.append(rest.pop(0))
        context = click.Context(below, parent=context, info_name=path[-1])
    return [*path, *_Words(context).read([*early, *rest])]


def _begins_global(words: Sequence[str]) -> bool:
    name, equals, _ = words[0].partition("=")
    if words[0].startswith("--"):
        return name in GLOBAL and (bool(equals) or len(words) > 1)
    return words[0].startswith("-n") and (words[0] != "-n" or len(words) > 1)


def _one_word(words: list[str]) -> str:
    word = words.pop(0)
    if word in GLOBAL:
        return f"{word}={words.pop(0)}"
    if word.startswith("--"):
        return word
    return f"--namespace={value_of(word[2:]) or words.pop(0)}"


class _Words:
    """One reading of a command's words: each with the option that it sets, since a later word may unset it."""

    def __init__(self, context: click.Context) -> None:
        self._context = context
        options = (one for one in context.command.get_params(context) if isinstance(one, click.Option))
        self._options = {flag: one for one in options for flag in (*one.opts, *one.secondary_opts)}
        self._read: list[tuple[click.Option | None, str]] = []

    def read(self, words: Sequence[str]) -> list[str]:
        rest = iter(words)
        for word in rest:
            if word == "--":
                self._read += [(None, one) for one in (word, *rest)]
            elif word.startswith("--"):
                self._long(word, rest)
            elif word.startswith("-") and word != "-":
                self._short(word, rest)
            else:
                self._read.append((None, word))
        return [word for _, word in self._read]

    def _long(self, word: str, rest: Iterator[str]) -> None:
        name, equals, value = word.partition("=")
        option = self._options.get(name)
        if option is not None and option.is_flag and equals:
            self._switch(option, name, value)
        else:
            self._read.append((option, word))
            if option is not None and not option.is_flag and not equals:
                self._next(rest)

    def _short(self, word: str, rest: Iterator[str]) -> None:
        switches: list[tuple[click.Option | None, str]] = []
        for place, letter in enumerate(word[1:], 2):  # -Ao=wide
            flag, attached = f"-{letter}", word[place:]
            option, value = self._options.get(flag), value_of(attached)
            if option is None:
                self._read.append((None, word))  # click tells of the letter
                return
            if not option.is_flag:
                self._read += [*switches, (option, flag + value)]
                if not attached:
                    self._next(rest)
                return
            if value != attached:
                self._read += switches
                self._switch(option, flag, value)
                return
            switches.append((option, flag))
        self._read += switches

    def _next(self, rest: Iterator[str]) -> None:
        self._read += [(None, value) for value in (next(rest, None),) if value is not None]

    def _switch(self, option: click.Option, flag: str, value: str) -> None:
        if value not in _TRUE | _FALSE:
            names = ", ".join(sorted(option.opts, key=len))
            why = f'strconv.ParseBool: parsing "{value}": invalid syntax'
            raise click.UsageError(f'invalid argument "{value}" for "{names}" flag: {why}', self._context)
        if value in _TRUE:
            self._read.append((option, flag))
        elif option.secondary_opts:
            opposites = option.secondary_opts if flag in option.opts else option.opts
            self._read.append((option, opposites[0]))
        else:
            self._read = [(one, word) for one, word in self._read if one is not option]
