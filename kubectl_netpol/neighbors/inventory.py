"""The cluster's objects over time: who had an address when, whose pod that was, which Services and nodes there are.

Fed with plain dicts, by a file or by lists and watches of the API server; asked by ``attribution`` and ``fold``.
Nothing is forgotten when it is deleted: what was recorded of it may come late.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import replace
from typing import Any

from ..errors import InputError
from ..model import Workload
from .derived import Derived, derive
from .inference import Unwatched, infer_pod
from .labels import matches
from .nodes import read_cilium_addresses, read_networks, read_node
from .owners import Controller, Controllers, Owned, read_controller
from .pods import NamedPorts, Pod, identity, read_pod
from .ranges import Ranges
from .reading import Fields, Metadata, each_object, read_object
from .services import EndpointSlice, Service, read_service, read_slice
from .serving import Name, Serving
from .tenancy import Tenancies, Tenant
from .topology import Topology

CONTROLLER_KINDS = frozenset(
    {"Deployment", "StatefulSet", "DaemonSet", "ReplicaSet", "ReplicationController", "Job", "CronJob"}
)


class Inventory:
    """All that is known of a cluster. Times are ms since the Unix epoch.

    ``revision`` rises whenever an answer may have changed, so that readers know when to ask again.
    """

    def __init__(self) -> None:
        self.revision = 0
        self._pods: dict[str, Pod] = {}
        self._named: dict[Name, list[str]] = {}
        self._tenancies = Tenancies()
        self._controllers = Controllers()
        self._serving = Serving()
        self._topology = Topology()
        self._present: dict[tuple[str, str, str], Metadata] = {}
        self._owned: dict[str, Owned] = {}
        self._derived = Derived(-1, {}, {}, Ranges(()), {})
        self._readers: Mapping[str, Callable[[Metadata, Fields, int], bool]] = {
            "Pod": self._put_pod,
            "Service": self._put_service,
            "EndpointSlice": self._put_slice,
            "Node": self._put_node,
            "ServiceCIDR": self._put_range,
            "CiliumNode": self._put_cilium_node,
            **dict.fromkeys(CONTROLLER_KINDS, self._put_controller),
        }

    @property
    def has_cilium_nodes(self) -> bool:
        """Whether a node that is there has a CiliumNode, as Cilium's agent makes one for its own."""
        return self._topology.has_routers

    def observe(self, objects: Iterable[Mapping[str, Any]], at: int, kinds: frozenset[str] = frozenset()) -> None:
        """A full snapshot taken at ``at``: what it lacks of the objects known before ended then.

        ``kinds``: it is one of these kinds only, and says nothing of others. Lists are taken apart. Raises
        InputError, naming the object, for one of a wrong shape; nothing is ended then.
        """
        seen = set()
        for one in each_object(objects):
            metadata, whole = read_object(one)
            self._put(metadata, whole, at)
            seen.add(_key(metadata))
        for key in [key for key in self._present if key not in seen and (not kinds or key[0] in kinds)]:
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

    def infer(self, unwatched: Iterable[Unwatched]) -> int:
        """Pods that were captured and never seen here, with owners told by their names; how many were news.

        Left out are those that are here after all: by their UID, or by name and address, since a static pod has another
        UID on its node. When the real object is seen later, it takes the inferred pod's place.
        """
        absent = [one for one in unwatched if not self._has(one)]
        pods = [infer_pod(self._with_cluster_addresses(one), self._controllers) for one in absent]
        news = [pod for pod in pods if pod != self._pods.get(pod.uid)]
        for pod in news:
            self._forget_inferred(pod.uid)
            self._keep_pod(pod, None, pod.begin)
        self.revision += bool(news)
        return len(news)

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

    def has_controller(self, kind: str, namespace: str, name: str) -> bool:
        """Whether the owner of that kind and name is known."""
        return self._controllers.has(kind, namespace, name)

    def controllers(self) -> Iterable[Controller]:
        """Every known owner of pods."""
        return self._controllers.by_name.values()

    def recall(self, controllers: Iterable[Controller]) -> int:
        """Owners that were there once, for those pods that are inferred; how many are there no more."""
        gone = [one for one in controllers if not self._controllers.has(*one.key)]
        changed = sum(self._controllers.put(one) for one in gone)
        self.revision += bool(changed)
        return changed

    def workloads(self) -> set[Workload]:
        """Whatever can be asked for by its name: the tops of all chains, and pods that nobody owns."""
        tops = {one.workload for one in self._controllers.by_name.values() if one.owner is None}
        return tops | {self.owned(pod).workload for pod in self._pods.values() if not pod.end}

    def owned(self, pod: Pod) -> Owned:
        """The pod's workload, and the selector that stands for it."""
        found = self._owned.get(pod.uid)
        if found is None:
            found = self._owned[pod.uid] = self._controllers.owned(pod)
        return found

    def services_at(self, address: str, at: int) -> list[Service]:
        """The Services that answered at this address (cluster, load balancer or external) at ``at``."""
        return self._serving.services_at(address, at)

    def services_by_node_port(self, node_port: int, at: int) -> list[Service]:
        """The Services with that node port at ``at``, of any protocol."""
        names = sorted(self._derive().node_ports.get(node_port, ()))
        found = (self._serving.service(name, at) for name in names)
        return [one for one in found if one and any(port.node_port == node_port for port in one.ports)]

    def service(self, namespace: str, name: str, at: int) -> Service | None:
        return self._serving.service((namespace, name), at)

    def slices_of(self, service: Service, at: int) -> list[EndpointSlice]:
        """The Service's EndpointSlices at ``at``."""
        return self._serving.slices_of(service, at)

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
        return self._topology.bridge_at(address)

    def node_addresses(self) -> Iterable[str]:
        """All addresses of nodes, their bridges too."""
        return {*self._derive().nodes_at, *self._topology.bridges()}

    def is_inside(self, address: str) -> bool:
        """Whether the address lies in the cluster's own ranges, of pods or of Services."""
        return address in self._derive().ranges

    def changes(self, address: str) -> list[int]:
        """The times at which the attribution of this address may change, sorted."""
        return sorted({*self._tenancies.changes(address), *self._serving.changes(address)})

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
        self._forget_inferred(pod.uid)
        before = self._pods.get(pod.uid)
        if before is not None and before.end and not metadata.deleted:
            pod = replace(pod, end=pod.end and min(pod.end, before.end))
        if pod == before:
            return False
        self._keep_pod(pod, before, at)
        return True

    def _keep_pod(self, pod: Pod, before: Pod | None, at: int) -> None:
        self._pods[pod.uid] = pod
        if before is None:
            self._named.setdefault((pod.namespace, pod.name), []).append(pod.uid)
        if not pod.host_network:
            self._tenancies.put(pod, before, at)
        self._owned.pop(pod.uid, None)

    def _forget_inferred(self, uid: str) -> None:
        pod = self._pods.get(uid)
        if pod is not None and pod.inferred:
            del self._pods[uid]
            self._named[(pod.namespace, pod.name)].remove(uid)
            self._tenancies.drop(pod)

    def _has(self, one: Unwatched) -> bool:
        known = self._pods.get(one.uid)
        if known is not None:
            return not known.inferred
        namesakes = (self._pods[uid] for uid in self._named.get((one.namespace, one.name), ()))
        return any(
            not pod.inferred and pod.begin <= one.end and not 0 < pod.end < one.begin
            for pod in namesakes
            if set(pod.addresses) & set(one.addresses)
        )

    # A pod's namespace may have addresses that are nobody's outside of it, such as those of bridges of its own.
    def _with_cluster_addresses(self, one: Unwatched) -> Unwatched:
        inside = tuple(address for address in one.addresses if self.is_inside(address))
        return replace(one, addresses=inside or one.addresses)

    def _put_controller(self, metadata: Metadata, whole: Fields, _at: int) -> bool:
        changed = self._controllers.put(read_controller(metadata, whole))
        if changed:
            self._owned.clear()
        return changed

    def _put_service(self, metadata: Metadata, whole: Fields, at: int) -> bool:
        service = read_service(metadata, whole)
        return self._serving.put((service.namespace, service.name), service, at)

    def _put_slice(self, metadata: Metadata, whole: Fields, at: int) -> bool:
        found = read_slice(metadata, whole)
        return self._serving.put_slice((found.namespace, found.name), found, at)

    def _put_node(self, metadata: Metadata, whole: Fields, _at: int) -> bool:
        return self._topology.put(read_node(metadata, whole))

    def _put_cilium_node(self, metadata: Metadata, whole: Fields, _at: int) -> bool:
        return self._topology.put_routers(metadata.name, read_cilium_addresses(whole))

    def _put_range(self, metadata: Metadata, whole: Fields, _at: int) -> bool:
        return self._topology.put_ranges(metadata.name, read_networks(whole.fields("spec").texts("cidrs")))

    def _end(self, metadata: Metadata, at: int) -> None:
        self._present.pop(_key(metadata), None)
        name = (metadata.namespace, metadata.name)
        if metadata.kind == "Pod":
            self._end_pod(self._pods[identity(metadata)], at)
        elif metadata.kind == "Service":
            self.revision += self._serving.put(name, None, at)
        elif metadata.kind == "EndpointSlice":
            self.revision += self._serving.put_slice(name, None, at)

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
            self._derived = derive(self.revision, self._pods.values(), self._serving, self._topology)
        return self._derived


def _key(metadata: Metadata) -> tuple[str, str, str]:
    return (metadata.kind, metadata.namespace, identity(metadata) if metadata.kind == "Pod" else metadata.name)
