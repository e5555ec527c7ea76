"""What --since leaves of an account: what was seen since, and for how long it was listened since."""

from __future__ import annotations

from kubectl_netpol.model import (
    Counts,
    Direction,
    Neighbor,
    NeighborKey,
    NetworkNeighbors,
    Peer,
    PeerKind,
    PodLife,
    Port,
    Protocol,
    Selector,
    Window,
    Workload,
)
from kubectl_netpol.neighbors.completeness import completeness
from kubectl_netpol.neighbors.recent import recent
from kubectl_netpol.neighbors.windows import NOT_HEARD


def neighbor(port: int, first: int, last: int) -> Neighbor:
    key = NeighborKey(Direction.EGRESS, Peer(PeerKind.EXTERNAL, address="192.0.2.1"), Port(Protocol.TCP, port))
    return Neighbor(key, Counts(1, 1, 0, first, last))


OLD, NEW, UNTIMED = neighbor(80, 100, 200), neighbor(81, 100, 900), neighbor(82, 0, 0)
WHOLE = NetworkNeighbors(
    Workload("shop", "Deployment", "web", "apps/v1"),
    Selector((("app", "web"),)),
    (OLD, NEW, UNTIMED),
    (
        Window("e0", 0, 400, "n1"),
        Window("e1", 100, 1000, "n1"),
        Window("hole", 450, 600, "n1", ((NOT_HEARD, 150),)),
        Window("other's", 0, 0, "", (("status=partial", 1),)),
    ),
    pods=(PodLife("a", "n1", 400, 400), PodLife("b", "n1", 1000, 400), PodLife("c", "n1", 1000, 1000)),
    accounted=(0, 1000),
)


def test_only_what_was_seen_since_stays_and_what_bears_no_time() -> None:
    assert recent(WHOLE, 500).neighbors == (NEW, UNTIMED)


def test_it_was_heard_no_longer_than_since_then() -> None:
    one = recent(WHOLE, 500)
    assert [(window.epoch, window.first) for window in one.windows] == [("e1", 500), ("hole", 500), ("other's", 0)]
    found = completeness(one, one.neighbors)
    assert (found.heard, found.not_heard, found.quiet) == (400, 100, 400)


def test_pods_that_lived_since_were_heard_if_they_were_since() -> None:
    assert recent(WHOLE, 500).pods == (PodLife("b", "n1", 1000, 0), PodLife("c", "n1", 1000, 1000))


def test_what_comes_new_is_not_estimated_from_a_part_of_the_neighbors() -> None:
    assert completeness(WHOLE, WHOLE.neighbors).egress.connections == 2
    found = completeness(recent(WHOLE, 500), (NEW,))
    assert (found.is_sample, found.egress.connections) == (False, 0)
