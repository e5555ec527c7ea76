"""Kubernetes objects for workloads that live in a private machine, as ``kubectl get ... -o yaml`` prints them.

Pure: dicts out of names, labels and addresses. UIDs and hashed names follow from the names, so that the same world
gives the same objects. ``world`` and the kernel tests write them as the inventory of a recording.
"""

from __future__ import annotations

import hashlib
import uuid
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

Object = dict[str, Any]
_KIND_NAMESPACE = uuid.UUID("6d4fcd4e-6f33-4c0e-8d2b-0d6f0a7c5b11")
_ALPHABET = "bcdfghjklmnpqrstvwxz2456789"  # Kubernetes' own for generated names


@dataclass(frozen=True, slots=True)
class NamedPort:
    """A container's port."""

    name: str
    port: int
    protocol: str = "TCP"


@dataclass(frozen=True, slots=True)
class Application:
    """A Deployment or StatefulSet; ``pods`` holds the addresses of each pod."""

    namespace: str
    name: str
    pods: tuple[tuple[str, ...], ...]
    ports: tuple[NamedPort, ...] = ()
    kind: str = "Deployment"
    labels: tuple[tuple[str, str], ...] = ()

    @property
    def selector(self) -> dict[str, str]:
        return dict(self.labels) or {"app": self.name}

    @property
    def pod_names(self) -> tuple[str, ...]:
        numbers = range(len(self.pods))
        if self.kind == "StatefulSet":
            return tuple(f"{self.name}-{number}" for number in numbers)
        owner = self.replica_set
        return tuple(f"{owner}-{generated(f'{owner}/{number}', 5)}" for number in numbers)

    @property
    def replica_set(self) -> str:
        return f"{self.name}-{generated(self.namespace + '/' + self.name, 10)}"


@dataclass(frozen=True, slots=True)
class ServicePort:
    name: str
    port: int
    target: str | int
    protocol: str = "TCP"


@dataclass(frozen=True, slots=True)
class ClusterService:
    """A Service in front of an application; cluster_ip ``None`` (the text) makes it headless."""

    application: Application
    cluster_ip: str
    ports: tuple[ServicePort, ...]


@dataclass(frozen=True, slots=True)
class Node:
    name: str
    addresses: tuple[str, ...]
    pod_blocks: tuple[str, ...] = field(default=())


def generated(seed: str, length: int) -> str:
    """A stable stand-in for the random part of a generated name."""
    digest = hashlib.sha256(seed.encode()).digest()
    return "".join(_ALPHABET[byte % len(_ALPHABET)] for byte in digest[:length])


def inventory(
    node: Node, applications: Sequence[Application], services: Sequence[ClusterService], started: datetime
) -> Object:
    """A List of everything: namespaces, the node, workloads with their owners, services with their endpoints."""
    items = [_node(node), *(_namespace(name) for name in sorted({one.namespace for one in applications}))]
    for application in applications:
        items += _application(application, node, started)
    for service in services:
        items += [_service(service), *_endpoint_slices(service, node)]
    return {"apiVersion": "v1", "kind": "List", "items": items}


def _object(api_version: str, kind: str, namespace: str, name: str, labels: Mapping[str, str] | None = None) -> Object:
    metadata: Object = {"name": name, "uid": str(uuid.uuid5(_KIND_NAMESPACE, f"{kind}/{namespace}/{name}"))}
    if namespace:
        metadata["namespace"] = namespace
    if labels:
        metadata["labels"] = dict(labels)
    return {"apiVersion": api_version, "kind": kind, "metadata": metadata}


def _owned(item: Object, owner: Object) -> Object:
    reference = {"apiVersion": owner["apiVersion"], "kind": owner["kind"], "controller": True}
    reference |= {"name": owner["metadata"]["name"], "uid": owner["metadata"]["uid"]}
    item["metadata"]["ownerReferences"] = [reference | {"blockOwnerDeletion": True}]
    return item


def _node(node: Node) -> Object:
    item = _object("v1", "Node", "", node.name, {"kubernetes.io/hostname": node.name, "kubernetes.io/os": "linux"})
    addresses = [{"type": "InternalIP", "address": address} for address in node.addresses]
    if node.pod_blocks:
        item["spec"] = {"podCIDR": node.pod_blocks[0], "podCIDRs": list(node.pod_blocks)}
    item["status"] = {"addresses": [*addresses, {"type": "Hostname", "address": node.name}]}
    return item


def _namespace(name: str) -> Object:
    return _object("v1", "Namespace", "", name, {"kubernetes.io/metadata.name": name})


def _application(application: Application, node: Node, started: datetime) -> list[Object]:
    namespace, labels = application.namespace, application.selector
    top = _object("apps/v1", application.kind, namespace, application.name, labels)
    top["spec"] = {"replicas": len(application.pods), "selector": {"matchLabels": labels}}
    top["spec"]["template"] = {"metadata": {"labels": labels}, "spec": _pod_spec(application, "")}
    if application.kind == "StatefulSet":
        top["spec"]["serviceName"] = application.name
        extra = [{"statefulset.kubernetes.io/pod-name": name} for name in application.pod_names]
        return [top, *_pods(application, node, started, top, extra)]
    hashed = {"pod-template-hash": application.replica_set.rsplit("-", 1)[1]}
    middle = _owned(_object("apps/v1", "ReplicaSet", namespace, application.replica_set, labels | hashed), top)
    middle["spec"] = {"replicas": len(application.pods), "selector": {"matchLabels": labels | hashed}}
    return [top, middle, *_pods(application, node, started, middle, [hashed] * len(application.pods))]


def _pods(
    application: Application, node: Node, started: datetime, owner: Object, extra: Sequence[Mapping[str, str]]
) -> list[Object]:
    made = []
    for name, addresses, more in zip(application.pod_names, application.pods, extra, strict=True):
        pod = _owned(_object("v1", "Pod", application.namespace, name, application.selector | dict(more)), owner)
        pod["metadata"]["creationTimestamp"] = _timestamp(started)
        pod["spec"] = _pod_spec(application, node.name)
        pod["status"] = _pod_status(addresses, node, started)
        made.append(pod)
    return made


def _pod_spec(application: Application, node_name: str) -> Object:
    ports = [{"name": p.name, "containerPort": p.port, "protocol": p.protocol} for p in application.ports]
    container = {"name": application.name, "image": f"example.com/{application.name}:1.0"}
    spec: Object = {"containers": [container | ({"ports": ports} if ports else {})]}
    return spec | ({"nodeName": node_name} if node_name else {})


def _pod_status(addresses: Sequence[str], node: Node, started: datetime) -> Object:
    status: Object = {"phase": "Running", "startTime": _timestamp(started), "hostIP": node.addresses[0]}
    ready = {"type": "Ready", "status": "True"}
    return status | {
        "podIP": addresses[0],
        "podIPs": [{"ip": address} for address in addresses],
        "conditions": [ready],
    }


def _timestamp(moment: datetime) -> str:
    return moment.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def _service(service: ClusterService) -> Object:
    application = service.application
    item = _object("v1", "Service", application.namespace, application.name)
    ports = [{"name": p.name, "port": p.port, "targetPort": p.target, "protocol": p.protocol} for p in service.ports]
    item["spec"] = {"type": "ClusterIP", "selector": application.selector, "ports": ports}
    item["spec"] |= {"clusterIP": service.cluster_ip, "clusterIPs": [service.cluster_ip]}
    return item


def _endpoint_slices(service: ClusterService, node: Node) -> list[Object]:
    # One slice for each address family, as the endpoint slice controller makes them.
    application, made = service.application, []
    for family in ("IPv4", "IPv6"):
        endpoints = [
            _endpoint(application, name, address, node)
            for name, addresses in zip(application.pod_names, application.pods, strict=True)
            for address in addresses
            if (":" in address) == (family == "IPv6")
        ]
        if endpoints and _serves(service, family):
            name = f"{application.name}-{generated(application.name + family, 5)}"
            labels = {"kubernetes.io/service-name": application.name}
            item = _object("discovery.k8s.io/v1", "EndpointSlice", application.namespace, name, labels)
            ports = [_resolved(application, port) for port in service.ports]
            made.append(item | {"addressType": family, "endpoints": endpoints, "ports": ports})
    return made


def _serves(service: ClusterService, family: str) -> bool:
    return service.cluster_ip == "None" or (":" in service.cluster_ip) == (family == "IPv6")


def _endpoint(application: Application, name: str, address: str, node: Node) -> Object:
    target = {"kind": "Pod", "name": name, "namespace": application.namespace}
    conditions = {"ready": True, "serving": True, "terminating": False}
    return {"addresses": [address], "conditions": conditions, "nodeName": node.name, "targetRef": target}


def _resolved(application: Application, port: ServicePort) -> Object:
    return {"name": port.name, "port": target_port(application, port), "protocol": port.protocol}


def target_port(application: Application, port: ServicePort) -> int:
    """The number behind a Service port's target, which may be the name of a container's port."""
    named = {one.name: one.port for one in application.ports}
    return named[port.target] if isinstance(port.target, str) else port.target
