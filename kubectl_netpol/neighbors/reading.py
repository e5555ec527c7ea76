"""Reads Kubernetes objects, given as plain dicts by a file or the API server, without trusting their shape.

An absent or null field reads as empty. A field of the wrong type raises InputError naming the object and the
field. Every value of this room (pods, services, nodes ...) is made through here.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import lru_cache
from ipaddress import IPv6Address
from typing import Any, NamedTuple

from ..errors import InputError

_BYTE = "(25[0-5]|2[0-4][0-9]|1[0-9][0-9]|[1-9]?[0-9])"
_IPV4 = re.compile(rf"{_BYTE}(\.{_BYTE}){{3}}")
"""Which has one spelling only: a leading zero is refused, since some read it as octal."""

LONGEST_NAME = 253
"""In characters, of an object's name (Kubernetes' "DNS subdomain name"; other names are no longer)."""

_HINT = "mend that field; a text that YAML takes for a number, or for yes or no, needs quotes"


class Fields(NamedTuple):
    """One mapping inside an object, and the way to it for messages: its name in the one ``above``, ``item`` in a list.

    The way is put together only when a message needs it: a cluster has a million of these, and they are all right.
    """

    value: Mapping[str, Any]
    name: str
    above: Fields | None = None
    item: int = -1

    @property
    def place(self) -> str:
        """Such as ``pod shop/web-1: spec``."""
        way = self.above.path(self.name) if self.above else self.name
        return f"{way}[{self.item}]" if self.item >= 0 else way

    def text(self, name: str) -> str:
        found = self.value.get(name)
        if found is None:
            return ""
        return found if isinstance(found, str) else self._refuse(name, "text")

    def identifier(self, name: str) -> str:
        """An object's name or kind: 1 to 253 characters. Raises InputError for an absent or empty one, too."""
        found = self.text(name) or str(self._refuse(name, "set"))
        if len(found) > LONGEST_NAME:
            self._refuse(name, f"a name of at most {LONGEST_NAME} characters")
        return found

    def flag(self, name: str) -> bool:
        found = self.value.get(name)
        if found is None:
            return False
        return found if isinstance(found, bool) else self._refuse(name, "true or false")

    def number(self, name: str) -> int:
        """A port or 0 when it is absent."""
        found = self.value.get(name)
        if found is None:
            return 0
        if isinstance(found, int) and not isinstance(found, bool) and 0 <= found <= 65535:
            return found
        return int(self._refuse(name, "a port from 0 to 65535"))

    def port_or_name(self, name: str) -> int | str:
        """An IntOrString as targetPort is one; 0 when it is absent."""
        found = self.value.get(name)
        return found if isinstance(found, str) else self.number(name)

    def fields(self, name: str) -> Fields:
        found = self.value.get(name)
        if found is None:
            found = {}
        return Fields(found, name, self) if isinstance(found, dict) else self._refuse(name, "a mapping")

    def each(self, name: str) -> list[Fields]:
        """The mappings of a list."""
        items = self.value.get(name)
        if items is None:
            return []
        if not isinstance(items, list):
            self._refuse(name, "a list")
        found = []
        for index, item in enumerate(items):
            if not isinstance(item, dict):
                self._refuse(name, "a list of mappings")
            found.append(Fields(item, name, self, index))
        return found

    def texts(self, name: str) -> tuple[str, ...]:
        items = self._list(name)
        for item in items:
            if not isinstance(item, str):
                self._refuse(name, "a list of texts")
        return tuple(items)

    def table(self, name: str) -> tuple[tuple[str, str], ...]:
        """Labels or annotations, sorted."""
        inner = self.fields(name)
        for key, value in inner.value.items():
            if not isinstance(key, str) or not isinstance(value, str):
                self._refuse(name, "a mapping of text to text")
        return tuple(sorted(inner.value.items()))

    def time(self, name: str) -> int:
        """An RFC 3339 time in ms since the Unix epoch; 0 when it is absent."""
        found = self.value.get(name)
        if found is None:
            return 0
        try:  # YAML reads an unquoted time as a datetime
            return _milliseconds(found if isinstance(found, datetime) else datetime.fromisoformat(found))
        except (TypeError, ValueError, OverflowError):
            return int(self._refuse(name, "a time such as 2024-01-31T12:00:00Z"))

    def _list(self, name: str) -> list[Any]:
        found = self.value.get(name)
        if found is None:
            return []
        return found if isinstance(found, list) else self._refuse(name, "a list")

    def path(self, name: str) -> str:
        """The way to a field of this mapping, for messages."""
        return f"{self.place} {name}" if self.place.endswith(":") else f"{self.place}.{name}"

    def _refuse(self, name: str, wanted: str) -> Any:
        raise InputError(f"{self.path(name)} is not {wanted}", _HINT)


@dataclass(frozen=True, slots=True)
class Metadata:
    """What every object bears."""

    kind: str
    api_version: str
    namespace: str
    name: str
    uid: str
    created: int
    deleted: int
    labels: tuple[tuple[str, str], ...]


def read_object(value: object) -> tuple[Metadata, Fields]:
    """An object's metadata and the whole of it. Raises InputError when it is no object or has no kind or name."""
    if not isinstance(value, dict):
        raise InputError("the inventory holds something that is no Kubernetes object", _HINT)
    outer = Fields(value, "an object")
    kind = outer.identifier("kind")
    outer = Fields(value, f"a {kind}"[:80])
    inner = outer.fields("metadata")
    name = inner.identifier("name")
    namespace = inner.text("namespace")
    place = f"{kind} {namespace}/{name}" if namespace else f"{kind} {name}"
    inner = Fields(inner.value, f"{place}: metadata")
    found = Metadata(
        kind,
        outer.text("apiVersion"),
        namespace,
        name,
        inner.text("uid"),
        inner.time("creationTimestamp"),
        inner.time("deletionTimestamp"),
        inner.table("labels"),
    )
    return found, Fields(value, f"{place}:")


def each_object(objects: Iterable[Mapping[str, Any]]) -> Iterable[Mapping[str, Any]]:
    """The objects with Lists taken apart. Raises InputError for a List whose items are none."""
    for one in objects:
        items = one.get("items") if isinstance(one, dict) else None
        if items is None or not str(one.get("kind", "")).endswith("List"):
            yield one
        elif isinstance(items, list):
            yield from each_object(_with_kind(items, one))
        else:
            raise InputError("a List's items are no list", "list the objects again with: kubectl get ... -o yaml")


# The API server leaves kind and apiVersion out of a typed list's items.
def _with_kind(items: list[Any], whole: Mapping[str, Any]) -> Iterable[Any]:
    kind = str(whole["kind"]).removesuffix("List")
    told = {"apiVersion": whole.get("apiVersion"), "kind": kind} if kind else {}
    return (told | one if isinstance(one, dict) else one for one in items)


@lru_cache(maxsize=1 << 18)
def canonical_address(text: str) -> str:
    """An address in its canonical form, IPv4-mapped IPv6 as IPv4; empty when it is none or has a zone."""
    if _IPV4.fullmatch(text):
        return text
    try:
        address = IPv6Address(text)
    except ValueError:
        return ""
    return "" if address.scope_id else str(address.ipv4_mapped or address)


def canonical_addresses(texts: tuple[str, ...] | list[str]) -> tuple[str, ...]:
    """Those that are addresses, canonical, each once, in their order."""
    return tuple(dict.fromkeys(filter(None, map(canonical_address, texts))))


def _milliseconds(moment: datetime) -> int:
    if moment.tzinfo is None:
        moment = moment.replace(tzinfo=UTC)
    return max(0, int(moment.timestamp() * 1000))
