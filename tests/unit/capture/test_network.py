"""Whether a cluster runs Cilium is told by what its agents make, and by its API where that may not be looked at."""

import pytest

from kubectl_netpol.cache.clusters import network_of as kept_network
from kubectl_netpol.cache.clusters import note_network
from kubectl_netpol.capture.network import network_of
from kubectl_netpol.neighbors.inventory import Inventory
from kubectl_netpol.policy.kinds import CILIUM
from tests.unit.cluster.server import played, said

GROUP, NODES = "/apis/cilium.io/v2", "/apis/cilium.io/v2/ciliumnodes"


def inventory(*cilium_nodes):
    found = Inventory()
    nodes = [{"apiVersion": "v1", "kind": "Node", "metadata": {"name": "n1", "uid": "1"}, "status": {}}]
    nodes += [{"apiVersion": "cilium.io/v2", "kind": "CiliumNode", "metadata": {"name": name}} for name in cilium_nodes]
    found.observe(nodes, 1)
    return found


def test_a_node_with_a_cilium_node_needs_no_question(tmp_path):
    with played(lambda *_: said({}, 500), tmp_path) as (api, headers):
        assert network_of(api, inventory("n1")) == CILIUM
        assert headers == []


@pytest.mark.parametrize(
    ("group", "nodes", "found"),
    [
        (404, 404, ""),  # never there
        (403, 403, ""),  # nobody says whether it is there
        (200, 200, ""),  # a remainder: its agents made nothing for these nodes
        (200, 403, CILIUM),  # it is there, and more may not be asked
        (500, 500, ""),
    ],
)
def test_without_one_the_api_is_asked(tmp_path, group, nodes, found):
    def play(path, _):
        return said({"kind": "Status", "message": "x"}, {GROUP: group, NODES: nodes}[path])

    with played(play, tmp_path) as (api, _):
        assert network_of(api, inventory("gone")) == found


def test_what_a_cluster_runs_is_kept_by_its_identity_and_corrected_by_the_next_recording(tmp_path):
    assert kept_network(tmp_path, "a") == ""
    note_network(tmp_path, "a", "")
    assert list(tmp_path.iterdir()) == []
    note_network(tmp_path, "a", CILIUM)
    note_network(tmp_path, "b", CILIUM)
    assert (kept_network(tmp_path, "a"), kept_network(tmp_path, "c")) == (CILIUM, "")
    note_network(tmp_path, "a", "")
    assert (kept_network(tmp_path, "a"), kept_network(tmp_path, "b")) == ("", CILIUM)


@pytest.mark.parametrize("content", [b"", b"[]", b"{", b'{"a": 7}', b"\xff"])
def test_a_file_that_holds_something_else_tells_nothing(tmp_path, content):
    (tmp_path / "networks.json").write_bytes(content)
    assert kept_network(tmp_path, "a") == ""
