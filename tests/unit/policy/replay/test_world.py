"""A world from a cluster's objects."""

from kubectl_netpol.model import Protocol
from kubectl_netpol.policy.replay.world import world_of

NOW = 1_700_000_000_000


def pod(name, phase="Running", **spec):
    owner = {"kind": "ReplicaSet", "apiVersion": "apps/v1", "name": "web-5d", "uid": "r", "controller": True}
    labels = {"app": "web", "pod-template-hash": "5d"}
    metadata = {"name": name, "namespace": "shop", "uid": name, "labels": labels, "ownerReferences": [owner]}
    return {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": metadata,
        "spec": spec,
        "status": {"phase": phase, "podIPs": [{"ip": "10.0.0.1"}, {"ip": "fd00::1"}]},
    }


def test_living_pods_stand_under_their_workload_with_all_that_policies_ask_for():
    ports = [{"name": "http", "containerPort": 80}]
    namespace = {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": "shop", "labels": {"team": "a"}}}
    objects = [
        {"apiVersion": "v1", "kind": "PodList", "items": [pod("web-1", containers=[{"ports": ports}], nodeName="n1")]},
        pod("web-2", phase="Succeeded"),
        pod("web-3", hostNetwork=True),
        namespace,
    ]
    world = world_of(objects, NOW)
    assert world.is_live
    assert world.namespaces == {"shop": (("team", "a"),)}
    one, host = world.pods["shop/deployment/web"]
    assert (one.name, one.node, one.addresses) == ("web-1", "n1", ("10.0.0.1", "fd00::1"))
    assert one.ports == (("http", Protocol.TCP, 80),)
    assert ("pod-template-hash", "5d") in one.labels
    assert (host.name, host.host_network) == ("web-3", True)


def test_nodes_are_known_by_the_addresses_that_pods_and_nodes_tell():
    one = pod("web-1", nodeName="n1")
    one["status"]["hostIPs"] = [{"ip": "172.30.0.11"}, {"ip": "fd00:30::11"}]
    addresses = [{"type": "InternalIP", "address": "172.30.0.12"}]
    node = {"apiVersion": "v1", "kind": "Node", "metadata": {"name": "n2"}, "status": {"addresses": addresses}}
    found = world_of([one, node], NOW).nodes
    assert found == {"172.30.0.11": "n1", "fd00:30::11": "n1", "172.30.0.12": "n2"}
