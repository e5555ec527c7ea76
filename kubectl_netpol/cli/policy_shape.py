"""The options that say what a policy is written as: its kind, and how wide it is on request."""

from __future__ import annotations

import functools
import re
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from ..cache.clusters import network_of
from ..errors import InputError
from ..policy.kinds import CLUSTER_DOMAIN, KINDS, Context
from ..policy.rules import Lookup
from .options import Scope

if TYPE_CHECKING:
    from ..policy.aggregation import Aggregate

DEFAULT_KIND = next(iter(KINDS))
_HINT = "write exact, a prefix length such as /24 (IPv4) or /24,/48 (and IPv6), or the file of a table"
_PREFIXES = re.compile(r"/([0-9]{1,2})(?:,/([0-9]{1,3}))?")
_NO_LENGTH = "is no prefix length: /1 to /32 for IPv4, and /1 to /128 for IPv6 behind a comma"
_DOMAIN = re.compile(r"([a-z0-9_]([-a-z0-9_]{0,61}[a-z0-9_])?\.)*[a-z0-9_]([-a-z0-9_]{0,61}[a-z0-9_])?")
_LARGEST = 256 << 20


@dataclass(frozen=True, slots=True)
class Shape:
    """What a policy is written as."""

    kind: str
    aggregate: Aggregate | None
    search_domains: tuple[str, ...]

    def context(self, scope: Scope, lookup: Lookup) -> Context:
        """What its kind has to know besides; of files nothing tells which network their cluster runs."""
        network = "" if scope.has_files else network_of(scope.directory, scope.cluster)
        return Context(lookup, self.search_domains, network)


aggregate_option = click.option(
    "--aggregate",
    metavar="exact|/N|FILE",
    help="Make blocks of external addresses: exact admits none more, /24 or /24,/48 their blocks of that length, "
    "FILE the block of its table (lines of CIDR ASN [name]) that holds them.",
)

_OPTIONS: tuple[Callable[[Any], Any], ...] = (
    click.option(
        "--kind", type=click.Choice(list(KINDS)), default=DEFAULT_KIND, help=f"What to print. [default: {DEFAULT_KIND}]"
    ),
    aggregate_option,
    click.option(
        "--search-domain",
        "domains",
        multiple=True,
        metavar="DOMAIN",
        help="For CiliumNetworkPolicies: a domain that pods search, as resolv.conf says; may be repeated. "
        f"[default: {CLUSTER_DOMAIN}]",
    ),
)


def shapes_policies(function: Callable[..., Any]) -> Callable[..., Any]:
    """Adds the options, and hands what they say to the command as ``shape``."""

    @functools.wraps(function)
    def with_shape(kind: str, aggregate: str | None, domains: tuple[str, ...], **values: Any) -> Any:
        shape = Shape(kind, None if aggregate is None else read_aggregate(aggregate), _domains(kind, domains))
        return function(shape=shape, **values)

    wrapped: Callable[..., Any] = with_shape
    for option in reversed(_OPTIONS):
        wrapped = option(wrapped)
    return wrapped


def read_aggregate(text: str) -> Aggregate:
    """What ``--aggregate`` says. Raises InputError."""
    if not text:
        raise InputError("--aggregate '' says nothing", _HINT)
    from ..policy.aggregation import Announced, Exact, Prefixes  # noqa: PLC0415  # few ask for it

    if text == "exact":
        return Exact()
    if found := _PREFIXES.fullmatch(text):
        ipv4, ipv6 = int(found[1]), int(found[2] or 128)
        if not (1 <= ipv4 <= 32 and 1 <= ipv6 <= 128):
            raise InputError(f"--aggregate {text} {_NO_LENGTH}", _HINT)
        return Prefixes(ipv4, ipv6)
    return Announced(_read_table(text))


def _read_table(text: str) -> dict[str, str]:
    from ..policy.announcements import read_announcements  # noqa: PLC0415

    try:
        with Path(text).expanduser().open("rb") as stream:
            content = stream.read(_LARGEST + 1)
    except (OSError, ValueError) as error:
        if text.startswith("/") and isinstance(error, FileNotFoundError | IsADirectoryError | NotADirectoryError):
            raise InputError(f"--aggregate {text!r:.80} {_NO_LENGTH}; nor is it a file", _HINT) from error
        reason = getattr(error, "strerror", None) or error
        raise InputError(f"--aggregate {text!r:.80} cannot be read: {reason}", _HINT) from error
    if len(content) > _LARGEST:
        raise InputError(f"--aggregate {text!r:.80} is larger than 256 MiB", "leave out what nobody reaches")
    try:
        lines = content.decode("utf-8-sig").splitlines()  # as spreadsheets write it
    except UnicodeDecodeError as error:
        raise InputError(f"--aggregate {text!r:.80} is no text in UTF-8", _HINT) from error
    return read_announcements(lines, text)


def _domains(kind: str, domains: tuple[str, ...]) -> tuple[str, ...]:
    if domains and kind != "CiliumNetworkPolicy":
        raise InputError("--search-domain is for --kind CiliumNetworkPolicy", "other kinds know no names")
    found = [one.lower().strip(".") for one in domains]
    for one in found:
        if not _DOMAIN.fullmatch(one) or len(one) > 200:
            raise InputError(f"--search-domain {one!r:.80} is no domain", "write it as in a pod's /etc/resolv.conf")
    return tuple(dict.fromkeys(found)) or (CLUSTER_DOMAIN,)
