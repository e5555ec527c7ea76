"""The API's resources that this program reads or writes, and the paths that lead to them."""

from __future__ import annotations

from dataclasses import dataclass
from urllib.parse import quote


@dataclass(frozen=True, slots=True)
class Resource:
    """A kind of object, as the API names it. ``group`` is empty for the core group."""

    kind: str
    plural: str
    group: str = ""
    version: str = "v1"

    @property
    def api_version(self) -> str:
        return f"{self.group}/{self.version}" if self.group else self.version

    def path(self, namespace: str = "", name: str | None = None, subresource: str = "") -> str:
        """Where its objects are: all of them, those of a namespace, or one.

        Raises ValueError for one without a name: that path would be the one of them all.
        """
        if name == "":
            raise ValueError(f"a {self.kind} without a name has no path")
        parts = [f"/apis/{self.group}/{self.version}" if self.group else f"/api/{self.version}"]
        parts += [f"namespaces/{quote(namespace, safe='')}"] if namespace else []
        parts += [quote(part, safe="") for part in (self.plural, name, subresource) if part]
        return "/".join(parts)


POD = Resource("Pod", "pods")
SERVICE = Resource("Service", "services")
NODE = Resource("Node", "nodes")
NAMESPACE = Resource("Namespace", "namespaces")
EVENT = Resource("Event", "events")
ENDPOINT_SLICE = Resource("EndpointSlice", "endpointslices", "discovery.k8s.io")
DEPLOYMENT = Resource("Deployment", "deployments", "apps")
STATEFUL_SET = Resource("StatefulSet", "statefulsets", "apps")
DAEMON_SET = Resource("DaemonSet", "daemonsets", "apps")
REPLICA_SET = Resource("ReplicaSet", "replicasets", "apps")
JOB = Resource("Job", "jobs", "batch")
CRON_JOB = Resource("CronJob", "cronjobs", "batch")
SERVICE_CIDR = Resource("ServiceCIDR", "servicecidrs", "networking.k8s.io")
NETWORK_POLICY = Resource("NetworkPolicy", "networkpolicies", "networking.k8s.io")
CILIUM_NODE = Resource("CiliumNode", "ciliumnodes", "cilium.io", "v2")
SERVICE_ACCOUNT = Resource("ServiceAccount", "serviceaccounts")
ROLE = Resource("Role", "roles", "rbac.authorization.k8s.io")
ROLE_BINDING = Resource("RoleBinding", "rolebindings", "rbac.authorization.k8s.io")
ACCESS_REVIEW = Resource("SelfSubjectAccessReview", "selfsubjectaccessreviews", "authorization.k8s.io")

WATCHED = (POD, SERVICE, ENDPOINT_SLICE, NODE)
"""What can change whose an address is."""

HELPFUL = (SERVICE_CIDR, CILIUM_NODE)
"""What tells more of the cluster's own addresses, where it is there and may be listed."""

CONTROLLERS = (DEPLOYMENT, REPLICA_SET, STATEFUL_SET, DAEMON_SET, JOB, CRON_JOB)
"""What owns pods: looked at again only when a pod names an owner that is not known."""
