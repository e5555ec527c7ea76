"""NetworkPolicies among other documents: read, or told that they are none. Pure; fed by ``cli``."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from ..errors import InputError
from ..neighbors.document import API_VERSION as REFERENCE
from .evaluation.reading import API_VERSION, KIND, loose_blocks, read_policy
from .evaluation.values import NetworkPolicy
from .generated import KIND as GENERATED

_HINT = "leave one of them out"
_LOOSE = "API servers from 1.36 on refuse that, earlier ones leave these bits out"
_ALIKE = ("cilium.io/", "crd.projectcalico.org/", "projectcalico.org/", "policy.networking.k8s.io/", "crd.antrea.io/")


@dataclass(slots=True)
class Found:
    """``policies`` in their order; ``others`` is a sentence for each document that is no NetworkPolicy.

    ``loose`` is a sentence for each policy with blocks that API servers of today refuse, and earlier ones took;
    ``assumed`` are the policies that name no namespace.
    """

    policies: list[NetworkPolicy] = field(default_factory=list)
    others: list[str] = field(default_factory=list)
    loose: list[str] = field(default_factory=list)
    assumed: list[NetworkPolicy] = field(default_factory=list)


def read_policies(documents: Iterable[tuple[str, Any]], namespace: str, *, is_new: bool = False) -> Found:
    """The policies in these documents and in the Lists among them; each comes with its place.

    ``namespace`` is that of documents that name none. GeneratedNetworkPolicies are read as what they hold. ``is_new``:
    they are in no cluster yet. Raises InputError for a NetworkPolicy that is not valid, and for two of the same name.
    """
    found = Found()
    places: dict[tuple[str, str], str] = {}
    for place, item in _each(documents):
        if not isinstance(item, dict):
            raise InputError(f"{place} is no Kubernetes object", "name files that hold NetworkPolicies")
        policy = _unwrapped(item)
        if policy is None:
            found.others.append(_told(place, item))
            continue
        one = _read(policy, place, namespace, is_new)
        name = (one.namespace, one.name)
        if name in places:
            raise InputError(f"{place} {one.path} stands in {places[name]} already", _HINT)
        places[name] = place.removesuffix(":")
        found.policies.append(one)
        if not policy["metadata"].get("namespace"):
            found.assumed.append(one)
        if blocks := tuple(loose_blocks(policy)) if is_new else ():
            found.loose.append(
                f"{place} {one.path} has {', '.join(blocks)} with bits beyond the prefix's length: {_LOOSE}"
            )
    return found


def _each(documents: Iterable[tuple[str, Any]]) -> Iterator[tuple[str, Any]]:
    for place, value in documents:
        items = value.get("items") if isinstance(value, dict) else None
        kind = str(value.get("kind", "")) if isinstance(value, dict) else ""
        if not isinstance(items, list) or not kind.endswith("List"):
            yield place, value
            continue
        told = {"apiVersion": value.get("apiVersion"), "kind": kind.removesuffix("List")} if kind != "List" else {}
        for number, item in enumerate(items, 1):
            yield f"{place.removesuffix(':')}, item {number}:", told | item if isinstance(item, dict) else item


def _unwrapped(item: Mapping[str, Any]) -> Any:
    told = (item.get("apiVersion"), item.get("kind"))
    if told == (REFERENCE, GENERATED):
        return item.get("spec")
    return item if told == (API_VERSION, KIND) else None


def _read(policy: Any, place: str, namespace: str, is_new: bool) -> NetworkPolicy:
    try:
        return read_policy(policy, f"{place} ", namespace, is_new=is_new)
    except InputError as error:
        if error.message.startswith(place):
            raise
        raise InputError(f"{place} {error.message}", error.hint) from error


def _told(place: str, item: Mapping[str, Any]) -> str:
    kind, version = (str(item.get(name) or "")[:80] for name in ("kind", "apiVersion"))
    metadata = item.get("metadata")
    name = str(metadata.get("name") or "")[:80] if isinstance(metadata, dict) else ""
    what = " ".join(filter(None, (kind or "something without a kind", name)))
    if version.startswith(_ALIKE) or (kind.endswith("NetworkPolicy") and version != API_VERSION):
        return f"{place} {what} ({version}) is not looked at: it may deny or admit more than NetworkPolicies do"
    return f"{place} {what} is left out: it is no {KIND} of {API_VERSION}"
