"""Services and their EndpointSlices over time; kept and asked by ``Inventory``."""

from __future__ import annotations

from collections.abc import Iterator

from .services import EndpointSlice, Service
from .timeline import Timeline

Name = tuple[str, str]
"""Namespace and name."""


class Serving:
    """What ``put`` and ``put_slice`` have said, as of any moment (ms). None stands for one that is gone."""

    def __init__(self) -> None:
        self._services: dict[Name, Timeline[Service]] = {}
        self._slices: dict[Name, Timeline[EndpointSlice]] = {}
        self._slices_of: dict[Name, set[Name]] = {}
        self._names_at: dict[str, set[Name]] = {}

    def put(self, name: Name, service: Service | None, at: int) -> bool:
        """Whether that changed anything."""
        if service:
            for address in service.cluster_addresses + service.outer_addresses:
                self._names_at.setdefault(address, set()).add(name)
        return self._services.setdefault(name, Timeline()).put(service, at)

    def put_slice(self, name: Name, one: EndpointSlice | None, at: int) -> bool:
        """Whether that changed anything."""
        if one:
            self._slices_of.setdefault((one.namespace, one.service), set()).add(name)
        return self._slices.setdefault(name, Timeline()).put(one, at)

    def service(self, name: Name, at: int) -> Service | None:
        timeline = self._services.get(name)
        return timeline.at(at) if timeline else None

    def ever(self) -> Iterator[tuple[Name, Service]]:
        """Each state of each Service that there has been."""
        return ((name, one) for name, timeline in self._services.items() for one in timeline.values if one)

    def services_at(self, address: str, at: int) -> list[Service]:
        """The Services that answered at this address (cluster, load balancer or external) at ``at``."""
        names = sorted(self._names_at.get(address, ()))
        found = [service for name in names if (service := self._services[name].at(at))]
        return [one for one in found if address in one.cluster_addresses or address in one.outer_addresses]

    def slices_of(self, service: Service, at: int) -> list[EndpointSlice]:
        """The Service's EndpointSlices at ``at``."""
        names = sorted(self._slices_of.get((service.namespace, service.name), ()))
        return [found for name in names if (found := self._slices[name].at(at))]

    def changes(self, address: str) -> set[int]:
        """The times at which the Services at this address, or what they lead to, changed."""
        moments: set[int] = set()
        for name in self._names_at.get(address, ()):
            moments.update(self._services[name].changes)
            for one in self._slices_of.get(name, ()):
                moments.update(self._slices[one].changes)
        return moments
