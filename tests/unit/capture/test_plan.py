"""Which nodes are captured for what was asked."""

from kubectl_netpol.capture.nodes import NodeFacts
from kubectl_netpol.capture.plan import hosts, nodes_for, obstacles
from kubectl_netpol.neighbors.inventory import Inventory

from .test_gaps import pod

FACTS = {name: NodeFacts(name, "linux", "amd64") for name in ("n1", "n2", "n3")}


def only(name):
    return lambda workload, _: workload.name == name


def test_only_the_nodes_that_host_what_was_asked_for():
    inventory = Inventory()
    inventory.observe([pod("web"), pod("db", "n2"), pod("exporter", "n3", hostNetwork=True), pod("waits", "")], 5000)
    assert nodes_for(inventory, lambda *_: True, FACTS, everywhere=False) == {"n1", "n2"}
    assert nodes_for(inventory, only("db"), FACTS, everywhere=False) == {"n2"}
    assert nodes_for(inventory, only("exporter"), FACTS, everywhere=False) == set()
    assert nodes_for(inventory, only("db"), FACTS, everywhere=True) == {"n1", "n2", "n3"}


def test_a_pod_that_is_gone_needs_no_node():
    inventory = Inventory()
    inventory.observe([pod("web")], 5000)
    inventory.observe([], 6000)
    assert nodes_for(inventory, lambda *_: True, FACTS, everywhere=False) == set()


def test_obstacles_are_told_by_node():
    facts = FACTS | {"w": NodeFacts("w", "windows", "amd64")}
    assert obstacles(["n1", "w", "unheard-of"], facts) == {"w": "it runs windows, and eBPF is Linux's"}


def test_hosts_are_where_pods_in_scope_are_or_were():
    inventory = Inventory()
    inventory.observe([pod("web"), pod("db", "n2"), pod("exporter", "n3", hostNetwork=True), pod("waits", "")], 5000)
    inventory.observe([pod("db", "n2")], 6000)
    assert hosts(inventory, lambda *_: True) == {"n1", "n2"}
    assert hosts(inventory, only("web")) == {"n1"}
