"""What answers behind a Service's port: pods or addresses with their target ports.

From the Service's EndpointSlices; where there are none, from its selector over the pods.
"""

from __future__ import annotations

from dataclasses import dataclass

from .inventory import Inventory
from .pods import Pod, named_port
from .services import Endpoint, EndpointSlice, Service, ServicePort


@dataclass(frozen=True, slots=True)
class Backend:
    """One endpoint; ``pod`` is None where there is only an address."""

    addresses: tuple[str, ...]
    port: int
    pod: Pod | None


def backends(inventory: Inventory, service: Service, port: ServicePort, address: str, at: int) -> list[Backend]:
    """The backends of one of the Service's ports at ``at`` (ms), as reached by ``address``.

    Those of the address's family, if there are any.
    """
    slices = inventory.slices_of(service, at)
    found = _from_slices(inventory, slices, port, at) if slices else _from_pods(inventory, service, port, at)
    return [one for one in found if any((":" in end) == (":" in address) for end in one.addresses)] or found


# "The name of this port ... must match": a slice's port belongs to the Service's port of the same name.
def _from_slices(inventory: Inventory, slices: list[EndpointSlice], port: ServicePort, at: int) -> list[Backend]:
    found = []
    for one in slices:
        ready = [endpoint for endpoint in one.endpoints if endpoint.ready] or one.endpoints
        for name, protocol, number in one.ports:
            if name == port.name and protocol is port.protocol:
                found += [
                    Backend(endpoint.addresses, number or port.port, _pod(inventory, one, endpoint, at))
                    for endpoint in ready
                    if endpoint.addresses
                ]
    return found


def _pod(inventory: Inventory, one: EndpointSlice, endpoint: Endpoint, at: int) -> Pod | None:
    if endpoint.pod_uid and (pod := inventory.pod(endpoint.pod_uid)):
        return pod
    if endpoint.pod and (pod := inventory.pod_named(one.namespace, endpoint.pod, at)):
        return pod
    return inventory.owner(endpoint.addresses[0], at)


def _from_pods(inventory: Inventory, service: Service, port: ServicePort, at: int) -> list[Backend]:
    found = []
    for pod in inventory.pods_selected(service, at):
        number = _target(pod, port)
        if number and pod.addresses:
            found.append(Backend(pod.addresses, number, pod))
    return found


def _target(pod: Pod, port: ServicePort) -> int:
    if isinstance(port.target, int):
        return port.target or port.port
    return named_port(pod.ports, port.target, port.protocol)
