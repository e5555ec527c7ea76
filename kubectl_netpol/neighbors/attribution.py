"""What an address on the wire is to a workload: the peers and ports that a NetworkPolicy has to speak of.

Asked by ``fold`` for every distinct flow; answers from an ``Inventory``. A Service stands for the workloads behind
it with their target ports, so that a ClusterIP and the backend behind it give the same neighbors.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from ..model import Direction, Peer, PeerKind, Port, Protocol, Selector
from .backends import Backend, backends
from .inventory import Inventory
from .pods import Pod
from .ranges import is_link_local, is_loopback
from .services import Service, ServicePort

NAMESPACE_NAME = "kubernetes.io/metadata.name"
"""The label that every namespace has, with its name."""

_API_SERVER = ("default", "kubernetes")


@dataclass(frozen=True, slots=True)
class Attribution:
    """``neighbors`` of one flow; ``receivers`` are the addresses and ports at which an outgoing one arrives.

    ``inferred``: the peer was nobody's at that moment, and only one pod nearly had it, or a peer's pod was inferred.
    """

    neighbors: tuple[tuple[Peer, Port], ...] = ()
    receivers: tuple[tuple[str, int], ...] = ()
    inferred: bool = False


NONE = Attribution()


@dataclass(frozen=True, slots=True)
class Encounter:
    """A pod met an address: ``port`` is the server's, as seen at the pod's interface; ``at`` in ms."""

    local: Pod
    direction: Direction
    address: str
    port: Port
    at: int


def attribute(inventory: Inventory, encounter: Encounter) -> Attribution:
    """What an encounter is to the pod's workload.

    Loopback and the pod's own addresses give nothing. An address that is inside the cluster and nobody's gives
    an UNKNOWN peer, the pod's own node an OWN_NODE peer for what comes in.
    """
    if is_loopback(encounter.address) or encounter.address in encounter.local.addresses:
        return NONE
    question = _Question(inventory, encounter.local, encounter.port, encounter.at)
    if encounter.direction is Direction.INGRESS:
        return question.incoming(encounter.address)
    return question.outgoing(encounter.address)


@dataclass(frozen=True, slots=True)
class _Question:
    inventory: Inventory
    local: Pod
    port: Port
    at: int

    def incoming(self, address: str) -> Attribution:
        node = self.inventory.node_at(address)
        if node and node == self.local.node:
            return self._one(Peer(PeerKind.OWN_NODE, f"node/{node}", address=address))
        if address in self._api_server_addresses():
            return self._one(Peer(PeerKind.API_SERVER, "default/kubernetes", address=address))
        return self._direct(address, own_node=PeerKind.OWN_NODE)

    def outgoing(self, address: str) -> Attribution:
        service = self.inventory.service(*_API_SERVER, self.at)
        if service and self._is_api_server(service, address):
            return self._api_server(service, address)
        found = [
            self._behind(one, port, address)
            for one in self.inventory.services_at(address, self.at)
            for port in one.ports
            if self.port.protocol is Protocol.ICMP or (port.protocol, port.port) == (self.port.protocol, self.port.port)
        ]
        return _merged(found) if found else self._by_node_port(address) or self._direct(address)

    # On the pod's own node the address is translated before a policy sees the packet; on another node it is not,
    # so that there the node's address and port are what a policy has to name.
    def _by_node_port(self, address: str) -> Attribution | None:
        node = self.inventory.node_at(address)
        found = [
            self._behind(one, port, address)
            for one in (self.inventory.services_by_node_port(self.port.port, self.at) if node else ())
            for port in one.ports
            if (port.protocol, port.node_port) == (self.port.protocol, self.port.port)
        ]
        if not found or node == self.local.node:
            return _merged(found) if found else None
        peer = Peer(PeerKind.NODE, f"node/{node}", address=address)
        return Attribution(((peer, self.port),), _merged(found).receivers)

    # An address that is not translated on its way.
    def _direct(self, address: str, own_node: PeerKind = PeerKind.NODE) -> Attribution:
        if is_link_local(address):
            return self._one(Peer(PeerKind.NODE_LOCAL, "node-local", address=address))
        tenant = self.inventory.tenant(address, self.at)
        pod = self.inventory.pod(tenant.uid) if tenant else None
        if tenant and pod and not tenant.inferred:
            return self._one(self._pod_peer(pod, address), address, pod.inferred)
        node = self.inventory.node_at(address) or self.inventory.bridge_at(address)
        if node:
            kind = own_node if node == self.local.node else PeerKind.NODE
            return self._one(Peer(kind, f"node/{node}", address=address), address)
        if pod:
            return self._one(self._pod_peer(pod, address), address, inferred=True)
        kind = PeerKind.UNKNOWN if self.inventory.is_inside(address) else PeerKind.EXTERNAL
        return self._one(Peer(kind, address=address), address)

    def _behind(self, service: Service, port: ServicePort, address: str) -> Attribution:
        found = backends(self.inventory, service, port, address, self.at)
        parts = [self._backend(one) for one in found]
        if parts:
            return _merged(parts)
        if not service.selector:
            return self._one(Peer(PeerKind.UNKNOWN, f"{service.namespace}/service/{service.name}", address=address))
        peer = Peer(
            PeerKind.SERVICE,
            f"{service.namespace}/service/{service.name}",
            service.pod_selector,
            self._namespace_selector(service.namespace),
        )
        return self._neighbor(peer, _likely_target(self.inventory, service, port))

    def _backend(self, backend: Backend) -> Attribution:
        number = 0 if self.port.protocol is Protocol.ICMP else backend.port
        port = Port(self.port.protocol, number)
        if backend.pod is not None and not backend.pod.host_network:
            peer = self._pod_peer(backend.pod, backend.addresses[0])
            receivers = tuple((one, number) for one in backend.addresses)
            return Attribution(((peer, port),), receivers, backend.pod.inferred)
        inner = _Question(self.inventory, self.local, port, self.at)
        return _merged([inner._direct(one) for one in backend.addresses])

    # Of an inferred pod that fits no controller nobody knows the labels: no selector may stand for it.
    def _pod_peer(self, pod: Pod, address: str) -> Peer:
        owned = self.inventory.owned(pod)
        name = f"{pod.namespace}/{owned.workload.path}"
        if pod.inferred and owned.selector.is_empty:
            return Peer(PeerKind.UNKNOWN, name, address=address)
        return Peer(PeerKind.WORKLOAD, name, owned.selector, self._namespace_selector(pod.namespace))

    def _namespace_selector(self, namespace: str) -> Selector | None:
        return None if namespace == self.local.namespace else Selector(((NAMESPACE_NAME, namespace),))

    def _api_server_addresses(self) -> set[str]:
        service = self.inventory.service(*_API_SERVER, self.at)
        slices = self.inventory.slices_of(service, self.at) if service else ()
        return {address for one in slices for endpoint in one.endpoints for address in endpoint.addresses}

    def _is_api_server(self, service: Service, address: str) -> bool:
        wanted = (self.port.protocol, self.port.port)
        if address in service.cluster_addresses:
            return wanted in {(port.protocol, port.port) for port in service.ports}
        return any(
            address in one.addresses and wanted == (port.protocol, one.port)
            for port in service.ports
            for one in backends(self.inventory, service, port, address, self.at)
        )

    # CNIs differ on whether a policy sees the ClusterIP or what it is translated to, so both are needed.
    def _api_server(self, service: Service, address: str) -> Attribution:
        found: dict[tuple[Peer, Port], None] = {}
        for port in service.ports:
            ends = backends(self.inventory, service, port, address, self.at)
            pairs = [(one, port.port) for one in service.cluster_addresses]
            pairs += [(one, end.port) for end in ends for one in end.addresses]
            for one, number in pairs:
                if _family(one) == _family(address):
                    peer = Peer(PeerKind.API_SERVER, "default/kubernetes", address=one)
                    found[(peer, Port(port.protocol, number))] = None
        return Attribution(tuple(found))

    def _one(self, peer: Peer, receiver: str = "", inferred: bool = False) -> Attribution:
        return Attribution(((peer, self.port),), ((receiver, self.port.port),) if receiver else (), inferred)

    def _neighbor(self, peer: Peer, number: int) -> Attribution:
        return Attribution(((peer, Port(self.port.protocol, number)),))


def _merged(parts: Iterable[Attribution]) -> Attribution:
    parts = list(parts)
    neighbors = dict.fromkeys(one for part in parts for one in part.neighbors)
    receivers = dict.fromkeys(one for part in parts for one in part.receivers)
    return Attribution(tuple(neighbors), tuple(receivers), any(part.inferred for part in parts))


def _likely_target(inventory: Inventory, service: Service, port: ServicePort) -> int:
    if isinstance(port.target, int):
        return port.target or port.port
    for ports in inventory.template_ports(service):
        for name, protocol, number in ports:
            if name == port.target and protocol is port.protocol:
                return number
    return port.port


def _family(address: str) -> bool:
    return ":" in address
