"""Completion, as kubectl asks for it: words in, a line ``value<TAB>description`` for each candidate out.

kubectl runs ``kubectl_complete-netpol WORD ...`` with the words after ``kubectl netpol``, the last one maybe empty. The
last line is cobra's ShellCompDirective: what the shell is to do beside. Whatever goes wrong, nothing is said.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Iterable, Sequence

from .candidates import NO_FILES, Candidate, Candidates
from .catalog import VERBS

TYPE_CHECKING = False  # typing itself takes longer than a shell should wait
if TYPE_CHECKING:
    from typing import NoReturn

    import click

    from .complete_words import Wish

# A shell puts what is chosen onto the command line as it is: nothing may be in it that a shell would act upon.
_HARMLESS = frozenset("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789._:/@+=,%-")


def answer(words: Sequence[str]) -> NoReturn:
    """Prints the candidates for the last of these words, and ends the process."""
    out = _silence()
    try:
        text = to_text(*candidates(words))
    except Exception:  # noqa: BLE001  # the process's edge: a shell that waits for a word wants no message
        text = ""
    os.write(out, text.encode())
    os._exit(0)  # without waiting for a cluster that has not answered


def to_text(found: Iterable[Candidate], directive: int) -> str:
    """What the shell's side reads. Values that are not harmless to a shell are left out."""
    lines = []
    for value, description in dict(found).items():
        if value and _HARMLESS.issuperset(value):
            sentence = " ".join("".join(letter if letter.isprintable() else " " for letter in description).split())
            lines.append(f"{value}\t{sentence}\n" if sentence else f"{value}\n")
    return "".join(lines) + f":{directive}\n"


def candidates(words: Sequence[str]) -> Candidates:
    """What the last of these words can become."""
    last = words[-1] if words else ""
    if len(words) < 2 or list(words[:-1]) == ["help"] or _only_globals(words[:-1]):
        return [(verb, said) for verb, (_, said) in VERBS.items() if verb.startswith(last)], NO_FILES
    from .complete_words import read_words  # noqa: PLC0415  # click takes longer than all of the above

    wish = read_words(words, _find)
    found, directive = _of(wish)
    return [(value, said) for value, said in found if value.startswith(wish.last)], directive


def _only_globals(words: Sequence[str]) -> bool:
    if not words[0].startswith("-"):
        return False
    from .kubectl_flags import split_globals  # noqa: PLC0415  # it imports click

    return not split_globals(words)[1]


def _of(wish: Wish) -> Candidates:
    if wish.wants_flag and wish.command:
        return _flags(wish.command, wish), NO_FILES
    commands = getattr(wish.command, "commands", None)
    if commands is not None:
        return [(name, below.get_short_help_str(80)) for name, below in commands.items()], NO_FILES
    if wish.parameter is None:
        return (), NO_FILES
    from .complete_values import values_of  # noqa: PLC0415

    return values_of(wish, wish.parameter)


def _find(verb: str) -> click.Command | None:
    import click  # noqa: PLC0415

    from .application import application  # noqa: PLC0415

    return application.get_command(click.Context(application), verb)


def _flags(command: click.Command, wish: Wish) -> Iterable[Candidate]:
    import click  # noqa: PLC0415

    for one in command.params:
        if isinstance(one, click.Option) and not one.hidden and (one.multiple or not wish.has(str(one.name))):
            for flag in one.opts:
                if flag.startswith("--") or wish.last == "-":
                    yield flag, one.help or ""
    yield "--help", "Show this message and exit."


# Neither a credential plugin nor a library may write between the candidates, or read what is typed.
def _silence() -> int:
    out = os.dup(sys.stdout.fileno())
    nowhere = os.open(os.devnull, os.O_RDWR)
    for descriptor in (0, 1, 2):
        os.dup2(nowhere, descriptor)
    return out
