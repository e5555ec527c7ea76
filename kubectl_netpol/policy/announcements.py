"""Tables of announced blocks: lines of ``CIDR ASN [name]``, as a routing table or a registry's extract gives them."""

from __future__ import annotations

import re
from collections.abc import Iterable
from ipaddress import ip_network

from ..errors import InputError

_ASN = re.compile(r"(?:AS)?([0-9]{1,10})", re.IGNORECASE)
_LARGEST_ASN = (1 << 32) - 1
_HINT = "a line is a block, its AS number and perhaps a name: 142.250.0.0/15 AS15169 Google"


def read_announcements(lines: Iterable[str], place: str) -> dict[str, str]:
    """What is known of each block, ``AS15169 Google``, by its canonical CIDR.

    Blank lines, and what follows a ``#`` at a line's beginning, say nothing. Of equal blocks the first line holds.
    Raises InputError for a line that is none, with ``place`` and its number.
    """
    found: dict[str, str] = {}
    for number, line in enumerate(lines, 1):
        words = line.split(maxsplit=2)
        if words and not words[0].startswith("#"):
            block, label = _read(words, f"{place}: line {number}")
            found.setdefault(block, label)
    if not found:
        raise InputError(f"{place}: holds no block", _HINT)
    return found


def _read(words: list[str], place: str) -> tuple[str, str]:
    asn = _ASN.fullmatch(words[1]) if len(words) > 1 else None
    if asn is None or int(asn[1]) > _LARGEST_ASN:
        raise InputError(f"{place}: has no AS number after its block", _HINT)
    return _block(words[0], place), " ".join((f"AS{int(asn[1])}", *(one.strip() for one in words[2:])))


# Everything is what no network announces, and so no block to be widened to.
def _block(text: str, place: str) -> str:
    try:
        network = ip_network(text)
    except ValueError as error:
        raise InputError(f"{place}: {text!r:.60} is no block of addresses, without host bits", _HINT) from error
    if "/" not in text or not network.prefixlen or "%" in text:
        raise InputError(f"{place}: {text!r:.60} is no block that a network announces", _HINT)
    return str(network)
