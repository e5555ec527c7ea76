"""What --since leaves of an account: what was seen since, and for how long it was listened since."""

from __future__ import annotations

from dataclasses import replace

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
from kubectl_netpol.neighbors.completeness import completeness, is_never_heard
from kubectl_netpol.neighbors.recent import recent
from kubectl_netpol.neighbors.windows import NOT_HEARD, SETTLED


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


def test_an_account_of_all_pods_from_before_says_nothing_of_since_then() -> None:
    assert recent(WHOLE, 500).accounted == (500, 1000)
    gone = recent(WHOLE, 1001)
    assert (gone.accounted, gone.pods, is_never_heard(replace(gone, neighbors=()))) == ((0, 0), (), False)


def test_of_a_sum_that_is_cut_no_time_is_said_not_to_be_heard() -> None:
    whole = Window(SETTLED, 100, 900, "n1", (("dns_lost", 1), (NOT_HEARD, 700)))
    cut = recent(replace(WHOLE, windows=(whole,)), 500)
    assert cut.windows == (Window(SETTLED, 500, 900, "n1", (("dns_lost", 1),)),)
    assert (completeness(cut, ()).heard, completeness(cut, ()).not_heard) == (400, 0)
    assert recent(replace(WHOLE, windows=(whole,)), 100).windows == (whole,)


def test_what_comes_new_is_not_estimated_from_a_part_of_the_neighbors() -> None:
    assert completeness(WHOLE, WHOLE.neighbors).egress.connections == 2
    found = completeness(recent(WHOLE, 500), (NEW,))
    assert (found.is_sample, found.egress.connections) == (False, 0)
