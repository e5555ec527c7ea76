"""Whether a cluster has policies of other kinds, which may deny or admit what NetworkPolicies do not."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from .api import Api
from .resources import Resource
from .trouble import RefusedError

_CALICO, _CALICO_OWN = "crd.projectcalico.org", "projectcalico.org"
_PLURALS = {
    "cilium.io": ("ciliumnetworkpolicies", "ciliumclusterwidenetworkpolicies"),
    "policy.networking.k8s.io": ("adminnetworkpolicies", "baselineadminnetworkpolicies", "clusternetworkpolicies"),
    _CALICO: ("networkpolicies", "globalnetworkpolicies"),
    _CALICO_OWN: ("networkpolicies", "globalnetworkpolicies"),
    "crd.antrea.io": ("networkpolicies", "clusternetworkpolicies"),
}


@dataclass(frozen=True, slots=True, order=True)
class OtherPolicies:
    """A kind of policy as kubectl names it (``ciliumnetworkpolicies.cilium.io``) of which the cluster has objects.

    With ``is_hidden`` it may have some: they may not be listed.
    """

    name: str
    is_hidden: bool = False


def other_policies(api: Api) -> list[OtherPolicies]:
    """The other kinds that are known, served and not empty, or not to be listed; sorted. Takes no right of its own.

    Raises ClusterError where the cluster does not tell what it serves.
    """
    groups = {str(one.get("name")): one for one in _tables(api.get("/apis"), "groups")}
    if _CALICO in groups:  # the other one tells the same, and NetworkPolicies among them
        groups.pop(_CALICO_OWN, None)
    found = {one for name in _PLURALS.keys() & groups.keys() for one in _of_group(api, name, groups[name])}
    return sorted(found)


# A kind that is refused is not known to be served, so what is served is asked before.
def _of_group(api: Api, group: str, told: dict[str, Any]) -> Iterator[OtherPolicies]:
    left = set(_PLURALS[group])
    for version in (str(one.get("version")) for one in _tables(told, "versions")):
        served = {str(one.get("name")) for one in _tables(api.get(f"/apis/{group}/{version}"), "resources")}
        for plural in left & served:
            is_held = _has_objects(api, Resource("", plural, group, version))
            if is_held is not False:
                yield OtherPolicies(f"{plural}.{group}", is_hidden=is_held is None)
        left -= served


def _has_objects(api: Api, resource: Resource) -> bool | None:
    try:
        return bool(api.get(resource.path(), {"limit": 1}).get("items"))
    except RefusedError:
        return None


def _tables(whole: dict[str, Any], name: str) -> list[dict[str, Any]]:
    found = whole.get(name)
    return [one for one in found if isinstance(one, dict)] if isinstance(found, list) else []
