"""Kubernetes objects as plain dicts, short to write, for the tests of this room."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

Object = dict[str, Any]

T0 = 1_700_000_000_000
"""When everything in these worlds was created, ms."""


def moment(at: int) -> str:
    return datetime.fromtimestamp(at / 1000, UTC).isoformat()


def owner(kind: str, name: str) -> Object:
    return {"apiVersion": "apps/v1", "kind": kind, "name": name, "uid": f"{kind}-{name}", "controller": True}


def pod(name: str, *addresses: str, namespace: str = "shop", **more: Any) -> Object:
    """``more``: labels, owner, node, host (hostNetwork), ports, begin, phase, finished, host_ip, uid."""
    begin = more.get("begin", T0)
    terminated = {"state": {"terminated": {"finishedAt": moment(more["finished"])}}} if "finished" in more else {}
    return {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": {
            "namespace": namespace,
            "name": name,
            "uid": more.get("uid", f"uid-{name}"),
            "labels": more.get("labels", {"app": name}),
            "creationTimestamp": moment(begin),
            "ownerReferences": [more["owner"]] if "owner" in more else [],
        },
        "spec": {
            "nodeName": more.get("node", "n1"),
            "hostNetwork": more.get("host", False),
            "containers": [{"name": "main", "ports": more.get("ports", [])}],
        },
        "status": {
            "phase": more.get("phase", "Running"),
            "podIPs": [{"ip": address} for address in addresses],
            "hostIP": more.get("host_ip"),
            "containerStatuses": [terminated] if terminated else [],
        },
    }


def controller(kind: str, name: str, namespace: str = "shop", **more: Any) -> Object:
    """``more``: selector (matchLabels), template (labels), owner."""
    template = {"metadata": {"labels": more.get("template", more.get("selector", {}))}}
    spec: Object = {"template": template}
    if "selector" in more:
        spec["selector"] = {"matchLabels": more["selector"]}
    if kind == "CronJob":
        spec = {"jobTemplate": {"spec": spec}}
    return {
        "apiVersion": "batch/v1" if "Job" in kind else "apps/v1",
        "kind": kind,
        "metadata": {
            "namespace": namespace,
            "name": name,
            "ownerReferences": [more["owner"]] if "owner" in more else [],
        },
        "spec": spec,
    }


def service(name: str, *cluster: str, namespace: str = "shop", **more: Any) -> Object:
    """``more``: selector, ports, lb (ingress IPs), external, type."""
    return {
        "apiVersion": "v1",
        "kind": "Service",
        "metadata": {"namespace": namespace, "name": name},
        "spec": {
            "type": more.get("type", "ClusterIP"),
            "clusterIP": cluster[0] if cluster else "None",
            "clusterIPs": list(cluster) or ["None"],
            "selector": more.get("selector"),
            "ports": more.get("ports", [{"port": 80, "targetPort": 8080}]),
            "externalIPs": more.get("external", []),
        },
        "status": {"loadBalancer": {"ingress": [{"ip": one} for one in more.get("lb", ())]}},
    }


def endpoint_slice(name: str, of: str, *endpoints: Object, namespace: str = "shop", **more: Any) -> Object:
    """``more``: ports."""
    return {
        "apiVersion": "discovery.k8s.io/v1",
        "kind": "EndpointSlice",
        "addressType": "IPv4",
        "metadata": {"namespace": namespace, "name": name, "labels": {"kubernetes.io/service-name": of}},
        "endpoints": list(endpoints),
        "ports": more.get("ports", [{"name": "", "port": 8080, "protocol": "TCP"}]),
    }


def endpoint(address: str, pod_name: str = "", **conditions: bool) -> Object:
    found: Object = {"addresses": [address], "conditions": conditions}
    if pod_name:
        found["targetRef"] = {"kind": "Pod", "name": pod_name, "namespace": "shop"}
    return found


def node(name: str, *addresses: str, **more: Any) -> Object:
    """``more``: ranges (podCIDRs), annotations."""
    return {
        "apiVersion": "v1",
        "kind": "Node",
        "metadata": {"name": name, "annotations": more.get("annotations", {})},
        "spec": {"podCIDRs": more.get("ranges", [])},
        "status": {"addresses": [{"type": "InternalIP", "address": one} for one in addresses]},
    }
