"""The cluster's objects over time: who had an address when, whose pod that was, which Services and nodes there are.

Fed with plain dicts, by a file or by lists and watches of the API server; asked by ``attribution`` and ``fold``.
Nothing is forgotten when it is deleted: what was recorded of it may come late.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import replace
from typing import Any

from ..errors import InputError
from .derived import Derived
from .labels import matches
from .nodes import Network, Node, read_networks, read_node
from .owners import Controllers, Owned, read_controller
from .pods import NamedPorts, Pod, identity, read_pod
from .ranges import Ranges, surrounding
from .reading import Fields, Metadata, each_object, read_object
from .services import EndpointSlice, Service, read_service, read_slice
from .tenancy import Tenancies, Tenant
from .timeline import Timeline

CONTROLLER_KINDS = frozenset(
    {"Deployment", "StatefulSet", "DaemonSet", "ReplicaSet", "ReplicationController", "Job", "CronJob"}
)
_Name = tuple[str, str]


class Inventory:
    """All that is known of a cluster. Times are ms since the Unix epoch.

    ``revision`` rises whenever an answer may have changed, so that readers know when to ask again.
    """

    def __init__(self) -> None:
        self.revision = 0
        self._pods: dict[str, Pod] = {}
        self._named: dict[_Name, list[str]] = {}
        self._tenancies = Tenancies()
        self._controllers = Controllers()
        self._services: dict[_Name, Timeline[Service]] = {}
        self._slices: dict[_Name, Timeline[EndpointSlice]] = {}
        self._slices_of: dict[_Name, set[_Name]] = {}
        self._services_at: dict[str, set[_Name]] = {}
        self._nodes: dict[str, Node] = {}
        self._ranges: dict[str, tuple[Network, ...]] = {}
        self._present: dict[tuple[str, str, str], Metadata] = {}
        self._owned: dict[str, Owned] = {}
        self._derived = Derived(-1, {}, {}, Ranges(()), {})
        self._readers: Mapping[str, Callable[[Metadata, Fields, int], bool]] = {
            "Pod": self._put_pod,
            "Service": self._put_service,
            "EndpointSlice": self._put_slice,
            "Node": self._put_node,
            "ServiceCIDR": self._put_range,
            **dict.fromkeys(CONTROLLER_KINDS, self._put_controller),
        }

    def observe(self, objects: Iterable[Mapping[str, Any]], at: int) -> None:
        """A full snapshot taken at ``at``: what it lacks of the objects known before ended then.

        Lists are taken apart. Raises InputError, naming the object, for one of a wrong shape; nothing is
        ended then.
        """
        seen = set()
        for one in each_object(objects):
            metadata, whole = read_object(one)
            self._put(metadata, whole, at)
            seen.add(_key(metadata))
        for key in [key for key in self._present if key not in seen]:
            self._end(self._present[key], at)

    def upsert(self, obj: Mapping[str, Any], at: int) -> None:
        """One object as it was seen at ``at``. Raises InputError for a wrong shape."""
        metadata, whole = read_object(obj)
        self._put(metadata, whole, at)

    def remove(self, obj: Mapping[str, Any], at: int) -> None:
        """One object was seen to be gone at ``at``. Raises InputError for a wrong shape."""
        metadata, whole = read_object(obj)
        self._put(metadata, whole, at)
        self._end(metadata, at)

    def owner(self, address: str, at: int) -> Pod | None:
        """The pod that had the address at ``at``, or, if nobody had, the only one that nearly did."""
        tenant = self.tenant(address, at)
        return self._pods[tenant.uid] if tenant else None

    def tenant(self, address: str, at: int) -> Tenant | None:
        """As ``owner``, by UID, and whether that was inferred. hostNetwork pods own no address."""
        return self._tenancies.tenant(address, at)

    def pod(self, uid: str) -> Pod | None:
        return self._pods.get(uid)

    def pod_named(self, namespace: str, name: str, at: int) -> Pod | None:
        """The pod of that name at ``at``; the newest if none was alive then."""
        pods = [self._pods[uid] for uid in self._named.get((namespace, name), ())]
        alive = [pod for pod in pods if pod.begin <= at and (not pod.end or at < pod.end)]
        return max(alive or pods, key=lambda pod: (pod.begin, pod.uid), default=None)

    def pods(self) -> Iterable[Pod]:
        """All pods ever seen."""
        return self._pods.values()

    def owned(self, pod: Pod) -> Owned:
        """The pod's workload, and the selector that stands for it."""
        found = self._owned.get(pod.uid)
        if found is None:
            found = self._owned[pod.uid] = self._controllers.owned(pod)
        return found

    def services_at(self, address: str, at: int) -> list[Service]:
        """The Services that answered at this address (cluster, load balancer or external) at ``at``."""
        names = sorted(self._services_at.get(address, ()))
        found = [service for name in names if (service := self._services[name].at(at))]
        return [one for one in found if address in one.cluster_addresses or address in one.outer_addresses]

    def services_by_node_port(self, node_port: int, at: int) -> list[Service]:
        """The Services with that node port at ``at``, of any protocol."""
        names = sorted(self._derive().node_ports.get(node_port, ()))
        found = (self._services[name].at(at) for name in names)
        return [one for one in found if one and any(port.node_port == node_port for port in one.ports)]

    def service(self, namespace: str, name: str, at: int) -> Service | None:
        timeline = self._services.get((namespace, name))
        return timeline.at(at) if timeline else None

    def slices_of(self, service: Service, at: int) -> list[EndpointSlice]:
        """The Service's EndpointSlices at ``at``."""
        names = sorted(self._slices_of.get((service.namespace, service.name), ()))
        return [found for name in names if (found := self._slices[name].at(at))]

    def pods_selected(self, service: Service, at: int) -> list[Pod]:
        """The living pods that a Service's selector selects at ``at``, in order."""
        if not service.selector:
            return []
        selector = service.pod_selector
        found = [
            pod
            for pod in self._derive().by_namespace.get(service.namespace, ())
            if pod.begin <= at and (not pod.end or at < pod.end) and matches(selector, pod.labels)
        ]
        return sorted(found, key=lambda pod: (pod.name, pod.uid))

    def template_ports(self, service: Service) -> list[NamedPorts]:
        """The named ports of the pod templates that a Service's selector selects."""
        return self._controllers.named_port_of_templates(service.namespace, service.pod_selector)

    def node_at(self, address: str) -> str:
        """The name of the node that has the address, for itself, for its tunnel or for hostNetwork pods; or empty."""
        return self._derive().nodes_at.get(address, "")

    def bridge_at(self, address: str) -> str:
        """The name of the node whose bridge has the address, if no pod does; or empty."""
        return next((node.name for node in self._nodes.values() if address in node.bridges), "")

    def node_addresses(self) -> Iterable[str]:
        """All addresses of nodes, their bridges too."""
        bridges = (address for node in self._nodes.values() for address in node.bridges)
        return {*self._derive().nodes_at, *bridges}

    def is_inside(self, address: str) -> bool:
        """Whether the address lies in the cluster's own ranges, of pods or of Services."""
        return address in self._derive().ranges

    def changes(self, address: str) -> list[int]:
        """The times at which the attribution of this address may change, sorted."""
        moments = set(self._tenancies.changes(address))
        for name in self._services_at.get(address, ()):
            moments.update(self._services[name].changes)
            for one in self._slices_of.get(name, ()):
                moments.update(self._slices[one].changes)
        return sorted(moments)

    def _put(self, metadata: Metadata, whole: Fields, at: int) -> None:
        self._present[_key(metadata)] = metadata
        reader = self._readers.get(metadata.kind)
        if reader is not None:
            changed = reader(metadata, whole, at)
        else:
            try:  # an operator's own kind may stand at the top of a chain; what its fields mean is its own matter
                changed = self._put_controller(metadata, whole, at)
            except InputError:
                changed = False
        self.revision += changed

    def _put_pod(self, metadata: Metadata, whole: Fields, at: int) -> bool:
        pod = read_pod(metadata, whole, at)
        before = self._pods.get(pod.uid)
        if before is not None and before.end and not metadata.deleted:
            pod = replace(pod, end=pod.end and min(pod.end, before.end))
        if pod == before:
            return False
        self._pods[pod.uid] = pod
        if before is None:
            self._named.setdefault((pod.namespace, pod.name), []).append(pod.uid)
        if not pod.host_network:
            self._tenancies.put(pod, before, at)
        self._owned.pop(pod.uid, None)
        return True

    def _put_controller(self, metadata: Metadata, whole: Fields, _at: int) -> bool:
        changed = self._controllers.put(read_controller(metadata, whole))
        if changed:
            self._owned.clear()
        return changed

    def _put_service(self, metadata: Metadata, whole: Fields, at: int) -> bool:
        service = read_service(metadata, whole)
        name = (service.namespace, service.name)
        for address in service.cluster_addresses + service.outer_addresses:
            self._services_at.setdefault(address, set()).add(name)
        return self._services.setdefault(name, Timeline()).put(service, at)

    def _put_slice(self, metadata: Metadata, whole: Fields, at: int) -> bool:
        found = read_slice(metadata, whole)
        name = (found.namespace, found.name)
        self._slices_of.setdefault((found.namespace, found.service), set()).add(name)
        return self._slices.setdefault(name, Timeline()).put(found, at)

    def _put_node(self, metadata: Metadata, whole: Fields, _at: int) -> bool:
        node = read_node(metadata, whole)
        before = self._nodes.get(node.name)
        self._nodes[node.name] = node
        return node != before

    def _put_range(self, metadata: Metadata, whole: Fields, _at: int) -> bool:
        networks = read_networks(whole.fields("spec").texts("cidrs"))
        before = self._ranges.get(metadata.name)
        self._ranges[metadata.name] = networks
        return networks != before

    def _end(self, metadata: Metadata, at: int) -> None:
        self._present.pop(_key(metadata), None)
        name = (metadata.namespace, metadata.name)
        if metadata.kind == "Pod":
            self._end_pod(self._pods[identity(metadata)], at)
        elif metadata.kind == "Service":
            self.revision += self._services[name].put(None, at)
        elif metadata.kind == "EndpointSlice":
            self.revision += self._slices[name].put(None, at)

    # A deletionTimestamp is only when the grace period would run out; a pod that finished ended when it did.
    def _end_pod(self, pod: Pod, at: int) -> None:
        ended = replace(pod, end=min(pod.end, at) if pod.end else at)
        if ended == pod:
            return
        self._pods[pod.uid] = ended
        if not pod.host_network:
            self._tenancies.put(ended, pod, at)
        self.revision += 1

    def _derive(self) -> Derived:
        if self._derived.revision != self.revision:
            self._derived = self._derivation()
        return self._derived

    def _derivation(self) -> Derived:
        nodes_at = {
            address: pod.node
            for pod in self._pods.values()
            if pod.node
            for address in (pod.host_addresses + pod.addresses if pod.host_network else pod.host_addresses)
        }
        nodes_at |= {address: node.name for node in self._nodes.values() for address in node.addresses}
        node_ports: dict[int, set[_Name]] = {}
        for name, timeline in self._services.items():
            for service in filter(None, timeline.values):
                for port in service.ports:
                    if port.node_port:
                        node_ports.setdefault(port.node_port, set()).add(name)
        by_namespace: dict[str, list[Pod]] = {}
        for pod in self._pods.values():
            by_namespace.setdefault(pod.namespace, []).append(pod)
        return Derived(self.revision, nodes_at, node_ports, self._all_ranges(), by_namespace)

    def _all_ranges(self) -> Ranges:
        stated = [network for networks in self._ranges.values() for network in networks]
        stated += [network for node in self._nodes.values() for network in node.pod_ranges]
        services = (service for timeline in self._services.values() for service in filter(None, timeline.values))
        return Ranges(stated + surrounding({address for one in services for address in one.cluster_addresses}))


def _key(metadata: Metadata) -> tuple[str, str, str]:
    return (metadata.kind, metadata.namespace, identity(metadata) if metadata.kind == "Pod" else metadata.name)
