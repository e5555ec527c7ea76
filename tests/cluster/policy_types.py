"""The custom resource definitions of the other kinds of policies, as their projects' Go modules hold them."""

from __future__ import annotations

from .cilium import Cilium
from .cluster import Cluster

_CILIUM = "github.com/cilium/cilium"
_POLICIES = "sigs.k8s.io/network-policy-api"
_DEFINITIONS = (
    (_CILIUM, "pkg/k8s/apis/cilium.io/client/crds/v2/ciliumnetworkpolicies.yaml"),
    (_POLICIES, "config/crd/standard/policy.networking.k8s.io_clusternetworkpolicies.yaml"),
)
"""Both are pinned in go/cilium: Cilium needs the other's module as well."""


def install(cluster: Cluster) -> None:
    """Makes them known to the API server; one that is known already stays. ClusterError when that fails."""
    for module, name in _DEFINITIONS:
        path = Cilium().module.source(module) / name
        cluster.kubectl("apply", "--server-side", "--force-conflicts", "-f", str(path))
    names = ("crd/ciliumnetworkpolicies.cilium.io", "crd/clusternetworkpolicies.policy.networking.k8s.io")
    cluster.kubectl("wait", "--for=condition=Established", "--timeout=30s", *names)
