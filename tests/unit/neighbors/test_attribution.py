"""What an address on the wire becomes: peers and ports that a NetworkPolicy can speak of."""

from __future__ import annotations

import pytest

from kubectl_netpol.model import Direction, Peer, PeerKind, Port, Protocol, Selector
from kubectl_netpol.neighbors.attribution import NAMESPACE_NAME, Encounter, attribute
from kubectl_netpol.neighbors.inventory import Inventory

from .cluster import T0, Object, controller, endpoint, endpoint_slice, node, owner, pod, service

WEB = pod("web", "10.0.0.1", "2001:db8::1", node="n1", host_ip="192.168.0.1")
API = pod("api", "10.0.0.2", "2001:db8::2", ports=[{"name": "http", "containerPort": 8080}])
DB = pod("db", "10.0.0.3", namespace="data")
NODES = (
    node("n1", "192.168.0.1", ranges=["10.0.0.0/24"]),
    node(
        "n2", "192.168.0.2", ranges=["10.0.1.0/24"], annotations={"projectcalico.org/IPv4IPIPTunnelAddr": "10.0.1.77"}
    ),
)
API_SELECTOR = Selector((("app", "api"),))
API_PEER = Peer(PeerKind.WORKLOAD, "shop/pod/api", API_SELECTOR)


def tcp(number: int) -> Port:
    return Port(Protocol.TCP, number)


def meet(
    objects: list[Object],
    address: str,
    port: int | Port = 80,
    direction: Direction = Direction.EGRESS,
    at: int = T0 + 1,
) -> list[tuple[Peer, Port]]:
    inventory = Inventory()
    inventory.observe([WEB, *objects], T0)
    local = inventory.pod("uid-web")
    assert local is not None
    where = port if isinstance(port, Port) else tcp(port)
    return list(attribute(inventory, Encounter(local, direction, address, where, at)).neighbors)


def incoming(objects: list[Object], address: str) -> list[tuple[Peer, Port]]:
    return meet(objects, address, 8080, Direction.INGRESS)


def test_a_pod_is_named_by_its_workload_within_the_namespace() -> None:
    assert meet([API], "10.0.0.2", 8080) == [(API_PEER, tcp(8080))]
    assert incoming([API], "10.0.0.2") == [(API_PEER, tcp(8080))]


def test_a_pod_of_another_namespace_is_named_with_it() -> None:
    ((peer, _),) = meet([DB], "10.0.0.3", 5432)
    assert peer.namespace_selector == Selector(((NAMESPACE_NAME, "data"),))
    assert peer.name == "data/pod/db"


@pytest.mark.parametrize("address", ["127.0.0.1", "::1", "10.0.0.1", "2001:db8::1", "0.0.0.0"])
def test_loopback_and_own_addresses_are_no_neighbors(address: str) -> None:
    assert meet([], address) == []
    assert incoming([], address) == []


def test_a_pod_without_labels_is_a_peer_that_selects_everything() -> None:
    ((peer, _),) = meet([pod("bare", "10.0.0.9", labels={})], "10.0.0.9")
    assert (peer.kind, peer.pod_selector) == (PeerKind.WORKLOAD, Selector())


SLICE = endpoint_slice("api-1", "api", endpoint("10.0.0.2", "api"))
SERVICE = service("api", "10.1.0.1", selector={"app": "api"})


@pytest.mark.parametrize(
    "objects",
    [
        [API, SERVICE, SLICE],
        [API, SERVICE],
        [API, service("api", "10.1.0.1", selector={"app": "api"}, ports=[{"port": 80, "targetPort": "http"}])],
    ],
    ids=["slices", "selector", "named port"],
)
def test_a_service_becomes_its_workload_with_the_target_port_as_the_backend_itself(objects: list[Object]) -> None:
    assert meet(objects, "10.1.0.1") == meet(objects, "10.0.0.2", 8080) == [(API_PEER, tcp(8080))]


def test_named_ports_that_differ_between_pods_give_each() -> None:
    other = pod("api2", "10.0.0.4", labels={"app": "api"}, ports=[{"name": "http", "containerPort": 9090}])
    one = service("api", "10.1.0.1", selector={"app": "api"}, ports=[{"port": 80, "targetPort": "http"}])
    found = meet([API, other, one], "10.1.0.1")
    assert {port.port for _, port in found} == {8080, 9090}
    slices = [
        endpoint_slice("s1", "api", endpoint("10.0.0.2", "api")),
        endpoint_slice("s2", "api", endpoint("10.0.0.4", "api2"), ports=[{"name": "", "port": 9090}]),
    ]
    assert {port.port for _, port in meet([API, other, one, *slices], "10.1.0.1")} == {8080, 9090}


def test_each_port_of_a_service_has_its_own_target() -> None:
    ports = [{"name": "a", "port": 80, "targetPort": 8080}, {"name": "b", "port": 81, "targetPort": 9090}]
    slice_ports = [{"name": "a", "port": 8080}, {"name": "b", "port": 9090}]
    objects = [
        API,
        service("api", "10.1.0.1", selector={"app": "api"}, ports=ports),
        endpoint_slice("s", "api", endpoint("10.0.0.2", "api"), ports=slice_ports),
    ]
    assert [port.port for _, port in meet(objects, "10.1.0.1", 80)] == [8080]
    assert [port.port for _, port in meet(objects, "10.1.0.1", 81)] == [9090]


def test_the_same_port_of_another_protocol_is_another() -> None:
    ports = [{"name": "t", "port": 53}, {"name": "u", "port": 53, "protocol": "UDP", "targetPort": 5353}]
    objects = [API, service("dns", "10.1.0.9", selector={"app": "api"}, ports=ports)]
    assert [port for _, port in meet(objects, "10.1.0.9", Port(Protocol.UDP, 53))] == [Port(Protocol.UDP, 5353)]
    assert [port for _, port in meet(objects, "10.1.0.9", 53)] == [tcp(53)]


def test_a_service_over_two_workloads_becomes_both() -> None:
    blue, green = pod("blue", "10.0.0.5", labels={"app": "x", "c": "b"}), pod("green", "10.0.0.6", labels={"app": "x"})
    found = meet([blue, green, service("x", "10.1.0.2", selector={"app": "x"})], "10.1.0.2")
    assert {peer.name for peer, _ in found} == {"shop/pod/blue", "shop/pod/green"}


def test_a_service_without_endpoints_is_named_by_its_own_selector() -> None:
    one = service("gone", "10.1.0.3", selector={"app": "gone"})
    peer = Peer(PeerKind.SERVICE, "shop/service/gone", Selector((("app", "gone"),)))
    assert meet([one], "10.1.0.3") == [(peer, tcp(8080))]
    assert meet([one, endpoint_slice("s", "gone")], "10.1.0.3") == [(peer, tcp(8080))]


def test_a_named_port_of_a_service_scaled_to_zero_is_told_by_the_template() -> None:
    deployment = controller("Deployment", "gone", selector={"app": "gone"})
    ports = [{"name": "http", "containerPort": 3000}]
    deployment["spec"]["template"]["spec"] = {"containers": [{"name": "c", "ports": ports}]}
    one = service("gone", "10.1.0.3", selector={"app": "gone"}, ports=[{"port": 80, "targetPort": "http"}])
    assert [port.port for _, port in meet([one, deployment], "10.1.0.3")] == [3000]


def test_a_service_without_a_selector_becomes_its_addresses() -> None:
    one = service("legacy", "10.1.0.4")
    where = endpoint_slice("l", "legacy", endpoint("203.0.113.9"), ports=[{"name": "", "port": 3306}])
    assert meet([one, where], "10.1.0.4") == [(Peer(PeerKind.EXTERNAL, address="203.0.113.9"), tcp(3306))]
    assert [peer.kind for peer, _ in meet([one], "10.1.0.4")] == [PeerKind.UNKNOWN]


def test_headless_and_external_name_services_change_nothing() -> None:
    headless = service("db", selector={"app": "api"}, ports=[{"port": 5432}])
    alias = service("alias", "10.1.0.5", type="ExternalName")
    assert meet([API, headless, alias], "10.0.0.2", 5432) == [(API_PEER, tcp(5432))]
    assert [peer.kind for peer, _ in meet([alias], "10.1.0.5")] == [PeerKind.EXTERNAL]


@pytest.mark.parametrize("address", ["203.0.113.1", "203.0.113.2"])
def test_a_service_reached_by_its_outer_address_becomes_its_workload(address: str) -> None:
    one = service("api", "10.1.0.1", selector={"app": "api"}, lb=["203.0.113.1"], external=["203.0.113.2"])
    assert meet([API, one], address) == [(API_PEER, tcp(8080))]
    assert [peer.kind for peer, _ in meet([API, one], address, 443)] == [PeerKind.EXTERNAL]


def test_a_node_port_becomes_the_workload_on_the_pods_own_node_and_an_address_on_another() -> None:
    ports = [{"port": 80, "targetPort": 8080, "nodePort": 30080}]
    one = service("api", "10.1.0.1", selector={"app": "api"}, type="NodePort", ports=ports)
    assert meet([API, one, *NODES], "192.168.0.1", 30080) == [(API_PEER, tcp(8080))]
    other = Peer(PeerKind.NODE, "node/n2", address="192.168.0.2")
    assert meet([API, one, *NODES], "192.168.0.2", 30080) == [(other, tcp(30080))]
    assert [peer.kind for peer, _ in meet([API, one, *NODES], "192.168.0.2", 30081)] == [PeerKind.NODE]


def test_a_cluster_address_with_a_port_that_it_does_not_serve_is_unknown() -> None:
    assert [peer.kind for peer, _ in meet([API, SERVICE], "10.1.0.1", 81)] == [PeerKind.UNKNOWN]


def test_both_families_of_a_service_give_the_same_neighbors() -> None:
    one = service("api", "10.1.0.1", "fd00::1", selector={"app": "api"})
    assert meet([API, one], "fd00::1") == meet([API, one], "10.1.0.1") == meet([API, one], "2001:db8::2", 8080)


KUBERNETES = service("kubernetes", "10.1.0.1", namespace="default", ports=[{"name": "https", "port": 443}])
API_ENDPOINTS = endpoint_slice(
    "kubernetes",
    "kubernetes",
    endpoint("192.168.0.8"),
    endpoint("192.168.0.9"),
    namespace="default",
    ports=[{"name": "https", "port": 6443}],
)


def test_the_api_server_is_its_endpoints_and_its_cluster_address() -> None:
    objects = [KUBERNETES, API_ENDPOINTS, node("cp", "192.168.0.8")]
    found = meet(objects, "10.1.0.1", 443)
    assert found == meet(objects, "192.168.0.8", 6443)
    assert {(peer.kind, peer.address, port.port) for peer, port in found} == {
        (PeerKind.API_SERVER, "10.1.0.1", 443),
        (PeerKind.API_SERVER, "192.168.0.8", 6443),
        (PeerKind.API_SERVER, "192.168.0.9", 6443),
    }
    assert [peer.kind for peer, _ in meet(objects, "192.168.0.8", 22)] == [PeerKind.NODE]
    assert [peer.kind for peer, _ in incoming(objects, "192.168.0.8")] == [PeerKind.API_SERVER]


@pytest.mark.parametrize("address", ["192.168.0.2", "10.0.1.77", "10.0.1.1", "10.0.1.0"])
def test_another_nodes_addresses_are_the_node(address: str) -> None:
    assert meet(list(NODES), address) == [(Peer(PeerKind.NODE, "node/n2", address=address), tcp(80))]
    assert [peer.kind for peer, _ in incoming(list(NODES), address)] == [PeerKind.NODE]


@pytest.mark.parametrize("address", ["192.168.0.1", "10.0.0.0"])
def test_the_own_node_is_a_neighbor_only_when_it_is_called(address: str) -> None:
    assert [peer.kind for peer, _ in meet(list(NODES), address)] == [PeerKind.NODE]
    assert [peer.kind for peer, _ in incoming(list(NODES), address)] == [PeerKind.OWN_NODE]


def test_a_host_network_pod_is_its_node() -> None:
    proxy = pod("proxy", "192.168.0.7", host=True, node="n7", host_ip="192.168.0.7")
    assert meet([proxy], "192.168.0.7") == [(Peer(PeerKind.NODE, "node/n7", address="192.168.0.7"), tcp(80))]
    behind = service("proxy", "10.1.0.7", selector={"app": "proxy"})
    assert [(peer.kind, port.port) for peer, port in meet([proxy, behind], "10.1.0.7")] == [(PeerKind.NODE, 8080)]


def test_link_local_is_the_nodes_own_service() -> None:
    assert [peer.kind for peer, _ in meet([], "169.254.20.10", Port(Protocol.UDP, 53))] == [PeerKind.NODE_LOCAL]


def test_an_address_inside_the_cluster_without_an_owner_is_unknown() -> None:
    assert [peer.kind for peer, _ in meet(list(NODES), "10.0.1.200")] == [PeerKind.UNKNOWN]
    assert [peer.kind for peer, _ in meet([SERVICE], "10.1.0.200")] == [PeerKind.UNKNOWN]


def test_all_else_is_external() -> None:
    assert meet([*NODES, SERVICE], "142.250.1.104", 443) == [
        (Peer(PeerKind.EXTERNAL, address="142.250.1.104"), tcp(443))
    ]


def test_icmp_to_a_service_reaches_its_workload_without_a_port() -> None:
    icmp = Port(Protocol.ICMP, 0)
    assert meet([API, SERVICE], "10.1.0.1", icmp) == [(API_PEER, icmp)]


def test_a_peer_of_a_deployment_is_named_by_its_selector() -> None:
    labels = {"app": "api", "tier": "back", "pod-template-hash": "1"}
    objects = [
        controller("Deployment", "api", selector={"app": "api"}),
        controller(
            "ReplicaSet", "api-1", selector={"app": "api", "pod-template-hash": "1"}, owner=owner("Deployment", "api")
        ),
        pod("api-1-x", "10.0.0.2", labels=labels, owner=owner("ReplicaSet", "api-1")),
    ]
    assert meet(objects, "10.0.0.2") == [(Peer(PeerKind.WORKLOAD, "shop/deployment/api", API_SELECTOR), tcp(80))]


def test_a_service_is_what_it_was_at_that_time() -> None:
    inventory = Inventory()
    blue, green = pod("blue", "10.0.0.5"), pod("green", "10.0.0.6")
    inventory.observe([WEB, blue, green, service("x", "10.1.0.2", selector={"app": "blue"})], T0)
    inventory.upsert(service("x", "10.1.0.2", selector={"app": "green"}), T0 + 1000)
    local = inventory.pod("uid-web")
    assert local is not None

    def reached(at: int) -> list[str]:
        found = attribute(inventory, Encounter(local, Direction.EGRESS, "10.1.0.2", tcp(80), at))
        return [peer.name for peer, _ in found.neighbors]

    assert reached(T0 + 999) == ["shop/pod/blue"]
    assert reached(T0 + 1000) == ["shop/pod/green"]
