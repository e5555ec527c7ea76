"""A pod as the inventory keeps it: whose it is, what addresses it had, and from when to when."""

from __future__ import annotations

from dataclasses import dataclass

from ..model import Protocol
from .labels import Labels
from .reading import Fields, Metadata, canonical_addresses

NamedPorts = tuple[tuple[str, Protocol, int], ...]
_PROTOCOLS = {"TCP": Protocol.TCP, "UDP": Protocol.UDP, "SCTP": Protocol.SCTP}


@dataclass(frozen=True, slots=True)
class OwnerReference:
    """The controller of an object, in the object's own namespace."""

    kind: str
    api_version: str
    name: str
    uid: str


@dataclass(frozen=True, slots=True)
class Pod:
    """``begin`` and ``end`` in ms since the Unix epoch; ``end`` 0 while it lives. ``ports`` are its named ones.

    ``begin`` is when its node took it on, since it may have waited for a place for long; its creation where that is not
    told. It is cut off to a whole second.

    ``inferred``: nobody saw the object; the pod is what was captured of it, and what its name tells (``inference``).
    """

    uid: str
    namespace: str
    name: str
    labels: Labels
    owner: OwnerReference | None
    addresses: tuple[str, ...]
    host_addresses: tuple[str, ...]
    host_network: bool
    node: str
    ports: NamedPorts
    begin: int
    end: int
    inferred: bool = False


def read_pod(metadata: Metadata, whole: Fields, at: int) -> Pod:
    """The pod as it was seen at ``at`` (ms). Raises InputError for a wrong shape."""
    spec, status = whole.fields("spec"), whole.fields("status")
    addresses = [one.text("ip") for one in status.each("podIPs")] or [status.text("podIP")]
    hosts = [one.text("ip") for one in status.each("hostIPs")] or [status.text("hostIP")]
    return Pod(
        identity(metadata),
        metadata.namespace,
        metadata.name,
        metadata.labels,
        read_owner(whole),
        canonical_addresses(addresses),
        canonical_addresses(hosts),
        spec.flag("hostNetwork"),
        spec.text("nodeName"),
        read_named_ports(spec),
        status.time("startTime") or metadata.created,
        _end(metadata, status, at),
    )


def identity(metadata: Metadata) -> str:
    """The UID, or what tells an object without one from its successors."""
    return metadata.uid or f"{metadata.kind}/{metadata.namespace}/{metadata.name}/{metadata.created}"


def read_owner(whole: Fields) -> OwnerReference | None:
    """The controller among an object's ownerReferences. A mirror pod's Node is its place, not its owner."""
    references = whole.fields("metadata").each("ownerReferences")
    for one in references:
        if one.flag("controller") and one.text("kind") != "Node":
            return OwnerReference(
                one.identifier("kind"), one.text("apiVersion"), one.identifier("name"), one.text("uid")
            )
    return None


def read_named_ports(spec: Fields) -> NamedPorts:
    """Named container ports of a pod's spec, of sidecars (restartable init containers) too."""
    found = []
    for one in (*spec.each("containers"), *spec.each("initContainers")):
        for port in one.each("ports"):
            protocol = _PROTOCOLS.get(port.text("protocol") or "TCP")
            if port.text("name") and protocol:
                found.append((port.text("name"), protocol, port.number("containerPort")))
    return tuple(found)


def read_protocol(fields: Fields) -> Protocol | None:
    """The protocol of a port, TCP by default; None for one that no policy can name."""
    return _PROTOCOLS.get(fields.text("protocol") or "TCP")


def named_port(ports: NamedPorts, name: str, protocol: Protocol) -> int:
    """The number that a port's name has there; 0 when it has none."""
    for found, kind, number in ports:
        if found == name and kind is protocol:
            return number
    return 0


# "Succeeded/Failed: all containers in the pod have terminated": its address is free from then on. A
# deletionTimestamp is when the grace period runs out; until then the pod still has its address.
def _end(metadata: Metadata, status: Fields, at: int) -> int:
    if status.text("phase") not in ("Succeeded", "Failed"):
        return _whole_second(metadata.deleted)
    states = (one.fields("state").fields("terminated") for one in status.each("containerStatuses"))
    finished = max((state.time("finishedAt") for state in states), default=0)
    return _whole_second(finished or metadata.deleted or _unready(status)) or at


# Of a pod that its node lost, or that was evicted, no container says when it ended.
def _unready(status: Fields) -> int:
    ready = (one for one in status.each("conditions") if one.text("type") == "Ready")
    return max((one.time("lastTransitionTime") for one in ready if one.text("status") != "True"), default=0)


# The API's times are cut off to seconds, and much can be said within one.
def _whole_second(moment: int) -> int:
    return moment + 999 if moment else 0
