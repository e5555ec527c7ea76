"""Who had an address when. Addresses are used again, so each has tenants one after another."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import NamedTuple

from .pods import Pod

EARLY = 60_000
"""How long (ms) before its recorded beginning a pod may have been heard: clocks of nodes and API server differ."""

LATE = 5_000
"""How long (ms) after its recorded end."""


class Tenancy(NamedTuple):
    """One pod's time with an address in ms; ``end`` 0 while it lasts."""

    begin: int
    end: int
    uid: str


class Tenant(NamedTuple):
    """``inferred``: nobody had the address at that moment, and only this pod nearly did."""

    uid: str
    inferred: bool


@dataclass(slots=True)
class Tenancies:
    """All tenancies by address and pod; ``bare``: when a pod was first seen that had no address then (ms), by UID."""

    by_address: dict[str, dict[str, Tenancy]] = field(default_factory=dict)
    bare: dict[str, int] = field(default_factory=dict)

    def put(self, pod: Pod, before: Pod | None, at: int) -> None:
        """Takes over the pod's addresses; ``before`` is the same pod as it was known until ``at`` (ms)."""
        if before is None and not pod.addresses:
            self.bare[pod.uid] = at
        for address in pod.addresses:
            tenants = self.by_address.setdefault(address, {})
            known = tenants.get(pod.uid)
            moved = before is not None and before.addresses and address not in before.addresses
            begin = known.begin if known else at if moved else self._begin(pod)
            tenants[pod.uid] = Tenancy(begin, pod.end, pod.uid)
        for address in set(before.addresses if before else ()) - set(pod.addresses):
            known = self.by_address[address][pod.uid]
            self.by_address[address][pod.uid] = known._replace(end=known.end or pod.end or at)

    def _begin(self, pod: Pod) -> int:
        """When the pod got its first address, as far as that can be told (ms).

        ``Pod.begin`` is cut off to a second, while an end that was watched is exact: an address that is handed over
        within one second would be the newcomer's before its earlier owner was gone. A pod that was seen without an
        address had none until then, so it begins there. That moment may be late, as watches are, and the pod may have
        spoken by then; so it counts only within the second that was cut off. What a pod says in the part that this
        takes from it is still its own where nobody had the address before: ``tenant`` finds it by ``EARLY``.
        """
        return max(pod.begin, min(self.bare.get(pod.uid, 0), pod.begin + 999))

    def drop(self, pod: Pod) -> None:
        """Forgets that the pod ever had its addresses."""
        for address in pod.addresses:
            self.by_address.get(address, {}).pop(pod.uid, None)

    def tenant(self, address: str, at: int) -> Tenant | None:
        """Who had the address at ``at`` (ms): of several the one that came last; else the only one near that time."""
        tenants = self.by_address.get(address)
        if not tenants:
            return None
        present = [one for one in tenants.values() if one.begin <= at and (not one.end or at < one.end)]
        if present:
            return Tenant(max(present).uid, False)
        near = [one for one in tenants.values() if one.begin - EARLY <= at and (not one.end or at < one.end + LATE)]
        return Tenant(near[0].uid, True) if len(near) == 1 else None

    def changes(self, address: str) -> list[int]:
        """The times (ms) at which ``tenant`` may answer otherwise for this address."""
        tenants = self.by_address.get(address, {}).values()
        begins = {moment for one in tenants if one.begin for moment in (one.begin - EARLY, one.begin)}
        ends = {moment for one in tenants if one.end for moment in (one.end, one.end + LATE)}
        return sorted(begins | ends)
