"""Services and their EndpointSlices as values."""

from __future__ import annotations

from dataclasses import dataclass

from ..model import Protocol, Selector
from .labels import Labels
from .pods import read_protocol
from .reading import Fields, Metadata, canonical_address, canonical_addresses

SERVICE_NAME = "kubernetes.io/service-name"
"""The label by which an EndpointSlice names its Service."""


@dataclass(frozen=True, slots=True)
class ServicePort:
    """``target`` is a number, a container port's name, or 0 for the same as ``port``."""

    name: str
    protocol: Protocol
    port: int
    target: int | str
    node_port: int


@dataclass(frozen=True, slots=True)
class Service:
    """Headless and ExternalName Services have no cluster addresses."""

    namespace: str
    name: str
    selector: Labels
    cluster_addresses: tuple[str, ...]
    outer_addresses: tuple[str, ...]  # of its load balancer, and externalIPs
    ports: tuple[ServicePort, ...]

    @property
    def pod_selector(self) -> Selector:
        return Selector(self.selector)


@dataclass(frozen=True, slots=True)
class Endpoint:
    """``pod`` is the name of the pod behind it, in the slice's namespace, or empty."""

    addresses: tuple[str, ...]
    pod: str
    pod_uid: str
    ready: bool


@dataclass(frozen=True, slots=True)
class EndpointSlice:
    """``ports``: name, protocol and number; number 0 stands for all ports."""

    namespace: str
    name: str
    service: str
    ports: tuple[tuple[str, Protocol, int], ...]
    endpoints: tuple[Endpoint, ...]


def read_service(metadata: Metadata, whole: Fields) -> Service:
    """Raises InputError for a wrong shape."""
    spec = whole.fields("spec")
    external = spec.text("type") == "ExternalName"
    cluster = () if external else spec.texts("clusterIPs") or (spec.text("clusterIP"),)
    ingress = whole.fields("status").fields("loadBalancer").each("ingress")
    outer = [*(one.text("ip") for one in ingress), *spec.texts("externalIPs"), spec.text("loadBalancerIP")]
    return Service(
        metadata.namespace,
        metadata.name,
        () if external else spec.table("selector"),
        canonical_addresses(cluster),
        canonical_addresses(outer),
        tuple(filter(None, map(_port, spec.each("ports")))),
    )


def read_slice(metadata: Metadata, whole: Fields) -> EndpointSlice:
    """Raises InputError for a wrong shape. An address of type FQDN is none."""
    ports = ((one.text("name"), read_protocol(one), one.number("port")) for one in whole.each("ports"))
    return EndpointSlice(
        metadata.namespace,
        metadata.name,
        dict(metadata.labels).get(SERVICE_NAME, ""),
        tuple((name, protocol, number) for name, protocol, number in ports if protocol),
        tuple(sorted(map(_endpoint, whole.each("endpoints")), key=lambda one: (one.addresses, one.pod))),
    )


def _port(fields: Fields) -> ServicePort | None:
    protocol = read_protocol(fields)
    if protocol is None:
        return None
    target = fields.port_or_name("targetPort")
    return ServicePort(fields.text("name"), protocol, fields.number("port"), target, fields.number("nodePort"))


# "A nil [condition] should be interpreted as true"; a terminating endpoint may still be serving.
def _endpoint(fields: Fields) -> Endpoint:
    conditions = fields.fields("conditions").value
    target = fields.fields("targetRef")
    is_pod = target.text("kind") == "Pod"
    addresses = sorted(filter(None, map(canonical_address, fields.texts("addresses"))))
    ready = conditions.get("ready") is not False or conditions.get("serving") is True
    return Endpoint(
        tuple(addresses), target.text("name") if is_pod else "", target.text("uid") if is_pod else "", ready
    )
