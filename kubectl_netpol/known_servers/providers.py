"""Files in which providers publish their addresses, as KnownServers. Pure; strict where a file would mislead.

A block that stands in a file several times becomes one entry whose label has all of its names, the general ones left
out where there are others. Formats: docs/imports.md.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from typing import Any

from ..errors import InputError
from .values import TEXT_LIMIT, KnownServer, canonical_cidr, holds_every_address, known_server
from .width import whole_family

MOST_BLOCKS = 200_000
SERVERS = {
    "aws": "amazonaws.com",
    "gcp": "cloud.google.com",
    "azure": "azure.com",
    "github": "github.com",
    "cloudflare": "cloudflare.com",
    "text": "",
}
"""The formats, and whose the blocks are."""

_Pair = tuple[str, str]
_NO_BLOCKS = frozenset(
    {
        *("verifiable_password_authentication", "ssh_key_fingerprints", "ssh_keys", "domains", "installed_version"),
        *("artifact_attestations",),
    }
)
_MOST_LABELS = 3
_FORCED = "if that is meant: known-servers add NAME --ip-block ... --force"


def read_provider(form: str, content: bytes, title: str, document: str, server: str = "") -> tuple[KnownServer, ...]:
    """The entries of a published file in one of the SERVERS' formats; ``title`` is its name in messages.

    Raises InputError for what is not of that format, and for blocks that hold every address, alone or together.
    """
    names: dict[str, list[str]] = {}
    for block, label in _READERS[form](_text(content, title), title):
        try:
            cidr = canonical_cidr(block)
        except InputError as error:
            raise InputError(f"{title}: {error.message}", f"is it what --from {form} reads?") from error
        if len(names) >= MOST_BLOCKS and cidr not in names:
            raise InputError(f"{title}: more than {MOST_BLOCKS:,} blocks", "split it into several files")
        names.setdefault(cidr, []).append(label)
    if not names:
        raise InputError(f"{title} holds no blocks", f"is it what --from {form} reads?")
    entries = tuple(_entry(document, cidr, labels, server or SERVERS[form], title) for cidr, labels in names.items())
    if family := whole_family(entries):
        raise InputError(f"{title}: its blocks together hold every {family} address", _FORCED)
    return entries


def _entry(document: str, cidr: str, labels: list[str], server: str, title: str) -> KnownServer:
    try:
        entry = known_server(document, cidr, _joined(labels), server)
    except InputError as error:
        raise InputError(f"{title}: {cidr}: {error.message}", error.hint) from error
    if holds_every_address(entry):
        raise InputError(f"{title}: {cidr} holds every address", _FORCED)
    return entry


# Of services in one region each is named once, with the region behind all of them.
def _joined(labels: list[str]) -> str:
    found = list(dict.fromkeys(filter(None, labels)))
    special = [label for label in found if not label.startswith(("AMAZON", "AzureCloud"))] or found
    shown = sorted(special)[:_MOST_LABELS]
    more = len(special) - len(shown)
    text = ", ".join(shown) + (f" and {more} more" if more else "")
    return text if len(text) <= TEXT_LIMIT else f"{text[: TEXT_LIMIT - 3]}..."


def _text(content: bytes, title: str) -> str:
    try:
        return content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise InputError(f"{title} is not UTF-8 text") from error


def _json(text: str, title: str, form: str) -> dict[str, Any]:
    try:
        value = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise InputError(f"{title} is no JSON", f"is it what --from {form} reads?") from error
    if not isinstance(value, dict):
        raise _unlike(title, form, "it is no object")
    return value


def _unlike(title: str, form: str, why: str) -> InputError:
    hint = f"is it what --from {form} reads? See: kubectl netpol known-servers import --help"
    return InputError(f"{title}: {why}", hint)


def _list(value: dict[str, Any], field: str, title: str, form: str) -> list[Any]:
    found = value.get(field)
    if not isinstance(found, list):
        raise _unlike(title, form, f"{field} is no list")
    return found


def _words(value: Any, field: str, title: str, form: str) -> str:
    found = value.get(field, "") if isinstance(value, dict) else None
    if not isinstance(found, str):
        raise _unlike(title, form, f"{field} is no text")
    return found


def _aws(text: str, title: str) -> Iterator[_Pair]:
    value = _json(text, title, "aws")
    for field, key in (("prefixes", "ip_prefix"), ("ipv6_prefixes", "ipv6_prefix")):
        for one in _list(value, field, title, "aws"):
            service, region = (_words(one, name, title, "aws") for name in ("service", "region"))
            yield _words(one, key, title, "aws"), f"{service} {region}".strip()


def _gcp(text: str, title: str) -> Iterator[_Pair]:
    for one in _list(_json(text, title, "gcp"), "prefixes", title, "gcp"):
        block = _words(one, "ipv4Prefix", title, "gcp") or _words(one, "ipv6Prefix", title, "gcp")
        service, scope = (_words(one, name, title, "gcp") for name in ("service", "scope"))
        yield block, f"{service or 'Google'} {scope}".strip()


# A tag of a region is part of its service's tag: Storage.WestEurope of Storage.
def _azure(text: str, title: str) -> Iterator[_Pair]:
    tags: dict[str, set[str]] = {}
    for one in _list(_json(text, title, "azure"), "values", title, "azure"):
        name = _words(one, "name", title, "azure")
        properties = one.get("properties")
        if not isinstance(properties, dict):
            raise _unlike(title, "azure", "properties is no object")
        for block in _list(properties, "addressPrefixes", title, "azure"):
            if not isinstance(block, str):
                raise _unlike(title, "azure", "addressPrefixes holds something that is no text")
            tags.setdefault(block, set()).add(name)
    for block, names in tags.items():
        regional = {name.partition(".")[0] for name in names if "." in name}
        for name in sorted(names - regional):
            yield block, name


def _github(text: str, title: str) -> Iterator[_Pair]:
    value = _json(text, title, "github")
    if "hooks" not in value and "web" not in value:
        raise _unlike(title, "github", "it has neither hooks nor web")
    for field in sorted(value.keys() - _NO_BLOCKS):
        if isinstance(value[field], list):
            for block in value[field]:
                if not isinstance(block, str):
                    raise _unlike(title, "github", f"{field} holds something that is no text")
                yield block, field


def _cloudflare(text: str, title: str) -> Iterator[_Pair]:
    if not text.lstrip().startswith("{"):
        yield from ((block, label or "cloudflare") for block, label in _lines(text, title))
        return
    result = _json(text, title, "cloudflare").get("result")
    if not isinstance(result, dict):
        raise _unlike(title, "cloudflare", "result is no object")
    for field in ("ipv4_cidrs", "ipv6_cidrs"):
        for block in _list(result, field, title, "cloudflare"):
            if not isinstance(block, str):
                raise _unlike(title, "cloudflare", f"{field} holds something that is no text")
            yield block, "cloudflare"


# One block a line; what follows a # is a comment, and behind a block its label.
def _lines(text: str, title: str) -> Iterator[_Pair]:
    for number, line in enumerate(text.splitlines(), 1):
        block, _, comment = line.partition("#")
        if not block.strip():
            continue
        try:
            canonical_cidr(block.strip())
        except InputError as error:
            # Not the line itself: whoever names a file that is no such list may have named one with secrets.
            hint = "write one block on each line, and comments behind #"
            raise InputError(f"{title}: line {number} is no IP block", hint) from error
        yield block.strip(), comment.strip()


_READERS: dict[str, Callable[[str, str], Iterator[_Pair]]] = {
    "aws": _aws,
    "gcp": _gcp,
    "azure": _azure,
    "github": _github,
    "cloudflare": _cloudflare,
    "text": _lines,
}
