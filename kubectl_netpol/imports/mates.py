"""Pods of one workload are one neighbor, so one of them may stand for all: naming each would take longer than reading.

Only where that changes nothing: not for UDP, which is judged by whether its very receiver heard it, not for an address
that changed hands, and not among pods of one workload, whose own address is no neighbor.
"""

from __future__ import annotations

from ..model import Selector, Workload
from ..neighbors.inventory import Inventory
from .ends import End
from .traffic import Traffic

_Group = tuple[Workload, Selector, bool]
_ONE_TENANT = 2  # moments at which an address that one pod took and kept changes hands


class Mates:
    """``of`` says who stands for a peer: of its workload's pods the one that was seen first."""

    def __init__(self, inventory: Inventory, traffic: Traffic) -> None:
        self._inventory = inventory
        self._groups: dict[End, _Group] = {}
        self._first: dict[_Group, End] = {}
        for end in sorted(traffic.ends.by_key.values(), key=lambda one: (one.first, one.serial)):
            group = self._group(end) if end.pod is not None and end.first else None
            if group is not None:
                self._groups[end] = group
                self._first.setdefault(group, end)

    def of(self, local: End, peer: End, protocol: str) -> End | None:
        """None where the peer has to stand for itself."""
        group = self._groups.get(peer)
        if group is None or protocol == "udp" or self._groups.get(local) == group or local.pod is None:
            return None
        own = self._inventory.owner(local.address, local.first)
        if own is None or self._inventory.owned(own).workload == group[0]:
            return None
        return self._first[group]

    def _group(self, end: End) -> _Group | None:
        pod = self._inventory.owner(end.address, end.first)
        if pod is None or pod.host_network or pod.inferred or len(self._inventory.changes(end.address)) > _ONE_TENANT:
            return None
        if pod.end or pod.begin > end.first:
            return None
        owned = self._inventory.owned(pod)
        return owned.workload, owned.selector, ":" in end.address
