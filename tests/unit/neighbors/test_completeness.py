"""How long a workload was heard, how long nothing new came, and what counts for the estimate."""

from __future__ import annotations

from dataclasses import replace

import pytest

from kubectl_netpol.model import (
    Counts,
    Direction,
    Mark,
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
from kubectl_netpol.neighbors.completeness import completeness, deaf_pods, is_never_heard, is_unheard_cronjob
from kubectl_netpol.neighbors.document import covered, to_document
from kubectl_netpol.neighbors.document_input import from_document
from kubectl_netpol.neighbors.recording import Recording, join, summarise
from kubectl_netpol.neighbors.windows import NOT_HEARD, SETTLED

HOUR = 3_600_000
BEGIN = 1_700_000_000_000


def window(epoch, first, last, node="n1", hole=0):
    return Window(epoch, BEGIN + first, BEGIN + last, node, ((NOT_HEARD, hole),) if hole else ())


def neighbor(port, answered=5, first=10, last=HOUR, direction=Direction.EGRESS, kind=PeerKind.EXTERNAL, marks=()):
    key = NeighborKey(direction, Peer(kind, address="192.0.2.1"), Port(Protocol.TCP, port))
    return Neighbor(key, Counts(answered, answered, 0, BEGIN + first, BEGIN + last, frozenset(marks)))


WHOLE = (window("e", 0, HOUR),)


def account(*neighbors, windows=WHOLE):
    workload = Workload("shop", "Deployment", "web", "apps/v1")
    return NetworkNeighbors(workload, Selector((("app", "web"),)), neighbors, tuple(windows))


def of(one):
    return completeness(one, covered(one))


@pytest.mark.parametrize(
    ("windows", "heard", "not_heard"),
    [
        ([], 0, 0),
        ([window("a", 0, 100)], 100, 0),
        ([window("a", 0, 100), window("b", 50, 150)], 150, 0),
        ([window("a", 0, 100), window("b", 500, 600)], 200, 0),
        ([window("a", 0, 100), window("hole", 40, 60, hole=20)], 80, 20),
        ([window("a", 0, 100), window("hole", 0, 100, hole=100)], 0, 100),
        ([window("a", 0, 100), window("one", 10, 20, hole=10), window("two", 90, 120, hole=30)], 80, 40),
        ([window("a", 0, 100), window("hole", 40, 60, node="n2", hole=20)], 100, 20),
        ([window("a", 0, 100), window("b", 0, 100, node="n2"), window("hole", 40, 60, hole=20)], 100, 20),
        ([Window("shop/web", 0, 0, "", (("status=partial", 1),))], 0, 0),
    ],
)
def test_time_is_heard_once_and_a_hole_is_that_of_its_node(windows, heard, not_heard):
    found = of(account(windows=windows))
    assert (found.heard, found.not_heard) == (heard, not_heard)


def test_the_nodes_that_were_not_heard_all_the_time_are_named():
    found = of(account(windows=[window("a", 0, 100), window("hole", 0, 100, node="n2", hole=100)]))
    assert (found.nodes, found.deaf_nodes) == (("n1",), ("n2",))


def test_what_was_summed_up_is_heard_at_most_and_its_holes_are_taken_off():
    found = of(account(windows=[window(SETTLED, 0, 1000, hole=200), window("a", 2000, 2100)]))
    assert (found.heard, found.not_heard, found.is_at_most) == (900, 200, True)


HEARD, DEAF = PodLife("web-0", "n1", BEGIN + HOUR, BEGIN + HOUR), PodLife("web-1", "n2", BEGIN + HOUR)
SPAN = (BEGIN, BEGIN + HOUR)


def test_pods_that_lived_meanwhile_and_were_never_heard_are_told():
    one = replace(account(), pods=(HEARD, DEAF), accounted=SPAN)
    assert (of(one).pods, deaf_pods(one), of(one).are_all_pods) == ((HEARD, DEAF), (DEAF,), True)
    told = to_document(one)["status"]["completeness"]
    assert (told["pods"], told["podsNotHeard"], told["allPodsKnown"]) == (2, ["web-1"], True)


def test_pods_that_were_gone_before_the_newest_recording_are_missed_no_more():
    old = PodLife("web-old", "n2", BEGIN - 1)
    one = replace(account(), pods=(HEARD, old), accounted=SPAN)
    assert (of(one).pods, deaf_pods(one)) == ((HEARD,), ())


@pytest.mark.parametrize("accounted", [(0, 0), (BEGIN - HOUR, BEGIN + 1)])
def test_while_it_is_recorded_and_of_imports_it_is_not_known_which_other_pods_lived(accounted):
    assert not of(replace(account(), pods=(HEARD,), accounted=accounted)).are_all_pods


@pytest.mark.parametrize(
    ("windows", "pods", "found", "accounted", "is_unheard"),
    [
        ((), (), (), SPAN, True),
        ((), (), (), (0, 0), False),
        ((window("hole", 0, 100, hole=100),), (DEAF,), (), (0, 0), True),
        ((window(SETTLED, 0, 0, hole=100),), (DEAF,), (), SPAN, True),
        (WHOLE, (), (), SPAN, False),
        ((), (HEARD,), (), SPAN, False),
        ((), (), (neighbor(80, answered=0),), SPAN, False),
    ],
)
def test_a_workload_of_which_nothing_was_heard_is_told_from_others(windows, pods, found, accounted, is_unheard):
    one = replace(account(*found, windows=windows), pods=pods, accounted=accounted)
    assert is_never_heard(one) is is_unheard
    assert not is_unheard_cronjob(one)
    assert is_unheard_cronjob(replace(one, workload=Workload("shop", "CronJob", "run", "batch/v1"))) is is_unheard


class Node(str):
    """A name that counts how often it is compared."""

    compared = 0
    __hash__ = str.__hash__

    def __eq__(self, other):
        Node.compared += 1
        return str.__eq__(self, other)


def test_a_node_is_not_compared_with_all_the_others():
    heard = [window(f"e{number}", 0, 100, node=Node(f"n{number}")) for number in range(500)]
    assert len(of(account(windows=heard)).nodes) == 500
    assert Node.compared < 50 * 500


def test_quiet_is_the_time_heard_since_the_newest_neighbor():
    windows = [window("a", 0, 1000), window("b", 5000, 6000)]
    found = of(account(neighbor(80, first=10), neighbor(81, first=400), windows=windows))
    assert (found.newest, found.quiet) == (BEGIN + 400, 1600)


def test_without_times_neither_the_newest_nor_a_sample_is_known():
    untimed = Neighbor(neighbor(80).key, Counts(attempts=1, answered=1))
    found = of(account(untimed, windows=()))
    assert (found.newest, found.quiet, found.egress.connections) == (0, 0, 0)


def test_only_what_a_policy_would_admit_is_in_the_sample():
    found = of(
        account(
            neighbor(80, answered=7),
            neighbor(81, answered=0),
            neighbor(82, kind=PeerKind.UNKNOWN),
            neighbor(83, kind=PeerKind.OWN_NODE, direction=Direction.INGRESS, answered=900),
            neighbor(84, marks=[Mark.SECONDARY_INTERFACE]),
        )
    )
    assert (found.egress.connections, found.ingress.connections) == (7, 0)


def test_each_direction_has_a_sample_of_its_own():
    found = of(account(neighbor(80, answered=1), neighbor(81, answered=1000, direction=Direction.INGRESS)))
    assert (found.egress.chance, found.ingress.chance) == (1_000_000, 0)


def test_what_was_open_before_is_known_and_was_not_drawn():
    found = of(account(neighbor(80, answered=1, marks=[Mark.EXISTING]), neighbor(81, answered=50)))
    assert (found.egress.connections, found.egress.once) == (50, 0)
    alone = of(account(neighbor(80, answered=1, marks=[Mark.EXISTING])))
    assert alone.egress.connections == 0
    assert alone.newest


def test_what_was_met_once_and_found_open_later_was_met_once():
    """Thirty long connections are made while it is recorded, and stand open when it is recorded again."""
    flows = {neighbor(port).key: {"a": neighbor(port, 1, port, port).counts} for port in range(1, 31)}
    flows[neighbor(99).key] = {"a": neighbor(99, 1000).counts}
    alone = Recording(account().workload, Selector(), (), False, {"a": window("a", 0, HOUR)}, flows)
    again = {
        key: {"b": neighbor(key.port.port, 1, 2 * HOUR, 2 * HOUR, marks=[Mark.EXISTING]).counts}
        for key in flows
        if key.port.port != 99
    }
    both = join(alone, replace(alone, windows={"b": window("b", 2 * HOUR, 2 * HOUR + 600_000)}, flows=again))
    assert of(summarise(alone)).egress == of(summarise(both)).egress
    assert of(summarise(both)).egress.once == 30
    document = to_document(summarise(both))
    assert from_document(document) == summarise(both)


def test_what_fell_into_one_moment_was_met_once():
    found = of(account(neighbor(80, answered=20, first=0, last=HOUR // 60), neighbor(81, answered=20)))
    assert (found.egress.once, found.again, found.again_limit) == (1, 1, 5)


def test_nothing_met_once_means_fewer_than_three_new_neighbors_as_long_again():
    found = of(account(neighbor(80)))
    assert (found.again, found.again_limit) == (0, 3)


def test_the_status_tells_it_and_what_is_read_back_is_the_same_account():
    one = account(neighbor(80, answered=99), neighbor(81, answered=1, first=500, last=500))
    document = to_document(one)
    told = document["status"]["completeness"]
    assert (told["heard"], told["newIfAgain"], told["newIfAgainLimit"]) == (HOUR, 1, 5)
    assert told["egress"] == {
        "connections": 100,
        "metOnce": 1,
        "unseenPerMillion": 10_000,
        "unseenLimitPerMillion": of(one).egress.limit,
    }
    assert "unseenPerMillion" not in told["ingress"]
    assert from_document(document) == one


def test_a_status_that_claims_another_completeness_changes_nothing():
    document = to_document(account(neighbor(80)))
    document["status"]["completeness"] = {"heard": "for ever", "egress": None}
    assert to_document(from_document(document)) == to_document(account(neighbor(80)))


def test_a_document_without_windows_says_nothing_of_what_comes_as_long_again():
    assert "newIfAgain" not in to_document(account(neighbor(80), windows=()))["status"]["completeness"]
