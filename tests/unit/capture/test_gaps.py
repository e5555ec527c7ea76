"""When a node was not heard, and whose recordings that leaves with a hole."""

import pytest

from kubectl_netpol.capture.gaps import Patience, holes, unheard
from kubectl_netpol.capture.scope import everything
from kubectl_netpol.neighbors.inventory import Inventory
from kubectl_netpol.neighbors.windows import NOT_HEARD

PATIENCE = Patience(first=10, last=5)


@pytest.mark.parametrize(
    ("heard", "found"),
    [
        ([], [(0, 100)]),
        ([(0, 100)], []),
        ([(10, 95)], []),
        ([(11, 94)], [(0, 11), (94, 100)]),
        ([(0, 40), (40, 100)], []),
        ([(41, 100), (0, 40)], [(40, 41)]),
        ([(50, 60), (0, 55)], [(60, 100)]),
        ([(0, 80), (20, 40), (60, 100)], []),
        ([(200, 300)], [(0, 100)]),
        ([(0, 150)], []),
    ],
)
def test_silences_that_are_longer_than_there_is_patience_are_holes(heard, found):
    assert holes(heard, (0, 100), PATIENCE) == found


def test_a_node_that_was_never_heard_in_a_short_recording_is_a_hole():
    assert holes([], (0, 6), PATIENCE) == [(0, 6)]


def pod(name, node="n1", **spec):
    return {
        "kind": "Pod",
        "apiVersion": "v1",
        "metadata": {
            "name": name,
            "namespace": "shop",
            "uid": name,
            "labels": {"app": name, "pod-template-hash": "1"},
            "creationTimestamp": "1970-01-01T00:00:01Z",
        },
        "spec": {"nodeName": node, **spec},
        "status": {"phase": "Running"},
    }


def test_a_hole_is_the_loss_of_the_workloads_that_the_node_hosts():
    inventory = Inventory()
    inventory.observe([pod("web"), pod("db", "n2"), pod("exporter", hostNetwork=True)], 5000)
    (one,) = unheard(inventory, "n1", [(0, 4000), (6000, 7000)], "k7m2px", everything)
    assert one.workload.name == "web"
    assert one.labels == (("app", "web"),)
    assert not one.flows
    assert sorted((window.first, window.last, dict(window.losses)) for window in one.windows.values()) == [
        (1000, 4000, {NOT_HEARD: 3000}),
        (6000, 7000, {NOT_HEARD: 1000}),
    ]


def test_what_is_not_in_scope_gets_no_hole():
    inventory = Inventory()
    inventory.observe([pod("web")], 5000)
    assert list(unheard(inventory, "n1", [(0, 4000)], "k7m2px", lambda *_: False)) == []
