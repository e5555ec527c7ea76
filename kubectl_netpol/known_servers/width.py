"""How wide a known server's blocks are together: whole families of addresses, and more than any provider has. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from ..errors import InputError
from .values import Document, KnownServer, parse_block

WIDEST = {4: 8, 6: 12}
"""By IP version: the shortest prefix that IANA gives out, an IPv4 /8 once also to companies, an IPv6 /12 to registries.
No provider's network is wider.
"""

_BITS = {4: 32, 6: 128}
_SHOWN = 3


def whole_family(servers: Sequence[KnownServer]) -> str:
    """``IPv4`` or ``IPv6`` where these blocks together hold each of its addresses; else empty.

    A policy with such blocks allows the whole Internet, in one block or in two halves.
    """
    for version, bits in _BITS.items():
        lengths = [int(one.cidr.rpartition("/")[2]) for one in servers if (":" in one.cidr) == (version == 6)]
        # Blocks are put in order only where they might be enough: nearly never.
        if sum(1 << bits - length for length in lengths) >> bits and _has_no_gap(servers, version):
            return f"IPv{version}"
    return ""


def refuse_together(documents: Iterable[Document], source: str) -> None:
    """Raises InputError for a known server whose objects, of which each may hold a half, hold a family together.

    ``source`` is the text's name in messages.
    """
    for one in documents:
        if not one.every_address and (family := whole_family(one.entries)):
            problem = f"{source}: the objects named {one.name!r:.80} hold every {family} address together"
            raise InputError(problem, "if that is meant, write their blocks into one object")


def refuse_completed(document: Document, old: Document | None) -> None:
    """Raises InputError where a known server's new entries and the ``old`` ones would hold a family together."""
    if document.every_address or (old is not None and old.every_address) or not document.entries:
        return
    family = whole_family((*(old.entries if old else ()), *document.entries))
    if family:
        message = f"the blocks of {document.name} would hold every {family} address together"
        raise InputError(message, "policies would then allow the whole Internet; give some of them another NAME")


def wide_remarks(servers: Iterable[KnownServer]) -> list[str]:
    """A sentence on the blocks that are wider than any provider's network; none where there is none."""
    found = dict.fromkeys(one.cidr for one in servers if _is_wide(one))
    if not found:
        return []
    shown = list(found)[:_SHOWN]
    text = ", ".join(shown) + (f" and {len(found) - len(shown)} more" if len(found) > len(shown) else "")
    bounds = f"an IPv4 /{WIDEST[4]} or an IPv6 /{WIDEST[6]}"
    return [f"{text}: wider than {bounds}, as no provider's network is; a policy for one of its addresses allows all"]


def _is_wide(server: KnownServer) -> bool:
    block = parse_block(server.cidr)
    return block.length < WIDEST[block.version]


def _has_no_gap(servers: Iterable[KnownServer], version: int) -> bool:
    blocks = sorted(block for block in (parse_block(one.cidr) for one in servers) if block.version == version)
    following = 0
    for block in blocks:
        if block.number > following:
            return False
        following = max(following, block.last + 1)
    return following == 1 << _BITS[version]
