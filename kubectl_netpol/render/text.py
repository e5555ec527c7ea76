"""Foreign text made safe to print: names come from DNS and from other people's objects."""

from __future__ import annotations

import re

_PLAIN = re.compile(r"[ -~]*")


def escape(text: str) -> str:
    r"""The text with each character that does not print (control, ANSI, bidi, surrogates) as ``\x1b`` or ``\u202e``."""
    if _PLAIN.fullmatch(text):
        return text
    return "".join(character if character.isprintable() else _escaped(character) for character in text)


def counted(number: int, noun: str) -> str:
    """``1 workload``, ``2 workloads``, ``2 policies``: for nouns whose plural has an s."""
    if number == 1:
        return f"{number} {noun}"
    return f"{number} {noun.removesuffix('y')}ies" if noun.endswith("cy") else f"{number} {noun}s"


def decimal(number: float) -> str:
    """``300``, ``0.5``, ``1209600``: to three places, never with an exponent."""
    return f"{number:.3f}".rstrip("0").rstrip(".")


def _escaped(character: str) -> str:
    return character.encode("unicode_escape").decode("ascii")
