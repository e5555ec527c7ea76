"""Joining accounts of one workload: a semilattice, so that collecting again or in another order changes nothing."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kubectl_netpol.model import (
    Counts,
    Direction,
    Mark,
    NeighborKey,
    Peer,
    PeerKind,
    PodLife,
    Port,
    Protocol,
    Selector,
    Window,
    Workload,
)
from kubectl_netpol.neighbors.recording import (
    Recording,
    add_counts,
    join,
    join_counts,
    judge,
    settle,
    summarise,
)
from kubectl_netpol.neighbors.windows import NOT_HEARD, SETTLED

WEB = Workload("shop", "Deployment", "web", "apps/v1")
SELECTOR = Selector((("app", "web"),))

small = st.integers(0, 5)
counts = st.builds(
    Counts,
    small,
    small,
    small,
    small,
    small,
    st.frozensets(st.sampled_from(list(Mark))),
    st.sets(st.sampled_from(["a.", "b.", "c."])).map(lambda names: tuple(sorted(names))),
)
keys = st.builds(
    lambda port: NeighborKey(Direction.EGRESS, Peer(PeerKind.EXTERNAL, address="192.0.2.1"), Port(Protocol.UDP, port)),
    st.integers(1, 3),
)
epochs = st.sampled_from(["e1", "e2", "e3"])
losses = st.dictionaries(st.sampled_from(["dns_lost", "flows_overflow"]), small).map(lambda d: tuple(sorted(d.items())))


def windows_of(draw_from: st.SearchStrategy[str]) -> st.SearchStrategy[dict[str, Window]]:
    values = st.tuples(small, small, st.sampled_from(["", "n1"]), losses)
    return st.dictionaries(draw_from, values).map(
        lambda table: {epoch: Window(epoch, *value) for epoch, value in table.items()}
    )


recordings = st.builds(
    Recording,
    st.just(WEB),
    st.sampled_from([SELECTOR, Selector((("app", "other"),))]),
    st.sampled_from([(), (("app", "web"),), (("app", "web"), ("role", "a")), (("app", "web"), ("role", "b"))]),
    st.booleans(),
    windows_of(epochs),
    st.dictionaries(keys, st.dictionaries(epochs, counts, min_size=1)),
    differing=st.frozensets(st.sampled_from(["role", "tier"])),
    accounted=st.tuples(small, small),
    pods=st.dictionaries(
        st.sampled_from(["web-0", "web-1"]), st.tuples(st.sampled_from(["n1", "n2"]), small, small)
    ).map(lambda table: {name: PodLife(name, *value) for name, value in table.items()}),
)


def key(port: int = 80, address: str = "192.0.2.1", direction: Direction = Direction.EGRESS) -> NeighborKey:
    return NeighborKey(direction, Peer(PeerKind.EXTERNAL, address=address), Port(Protocol.TCP, port))


def recording(flows: dict[NeighborKey, dict[str, Counts]], *epochs: str) -> Recording:
    windows = {epoch: Window(epoch, 1, 10 + index) for index, epoch in enumerate(epochs)}
    return Recording(WEB, SELECTOR, (), False, windows, flows)


@given(counts, counts, counts)
def test_joining_counts_is_a_semilattice(a: Counts, b: Counts, c: Counts) -> None:
    assert join_counts(a, a) == a
    assert join_counts(a, b) == join_counts(b, a)
    assert join_counts(join_counts(a, b), c) == join_counts(a, join_counts(b, c))


@given(recordings, recordings, recordings)
def test_joining_recordings_is_a_semilattice(a: Recording, b: Recording, c: Recording) -> None:
    assert join(a, a) == a
    assert join(a, b) == join(b, a)
    assert join(join(a, b), c) == join(a, join(b, c))


@given(counts, counts)
def test_adding_counts_does_not_depend_on_the_order(a: Counts, b: Counts) -> None:
    assert add_counts(a, b) == add_counts(b, a)


@given(recordings, st.integers(0, 3))
def test_a_settled_recording_says_the_same_as_before(whole: Recording, keep: int) -> None:
    known = {epoch for by_epoch in whole.flows.values() for epoch in by_epoch}
    if not known <= set(whole.windows):
        return
    before, after = summarise(whole), summarise(settle(whole, keep))
    assert [n.key for n in before.neighbors] == [n.key for n in after.neighbors]
    for old, new in zip(before.neighbors, after.neighbors, strict=True):
        assert (old.counts.attempts, old.counts.answered, old.counts.refused) == (
            new.counts.attempts,
            new.counts.answered,
            new.counts.refused,
        )


@given(recordings, st.integers(0, 3))
def test_collecting_a_settled_epoch_again_changes_nothing(whole: Recording, keep: int) -> None:
    known = {epoch for by_epoch in whole.flows.values() for epoch in by_epoch}
    if not known <= set(whole.windows):
        return
    settled = settle(whole, keep)
    assert join(settled, whole) == settled
    assert join(whole, settled) == settled


def test_summed_up_only_what_is_of_that_time_is_told() -> None:
    lives = {"web-0": PodLife("web-0", "n1", 5, 5), "web-1": PodLife("web-1", "n1", 9, 0)}
    whole = replace(recording({}, "e1"), pods=lives)
    assert summarise(whole).pods == (lives["web-0"], lives["web-1"])
    assert summarise(whole, 6).pods == (lives["web-1"],)


def test_one_old_epoch_alone_is_settled_too() -> None:
    whole = settle(recording({key(): {"e1": Counts(2, 2, 0, 5, 6), "e2": Counts(1, 1, 0, 7, 8)}}, "e1", "e2"), 1)
    assert whole.windows == {SETTLED: Window(SETTLED, 1, 10), "e2": Window("e2", 1, 11)}


def test_holes_that_are_summed_up_are_not_heard() -> None:
    hole = Window("hole", 100, 200, "n1", ((NOT_HEARD, 100),))
    heard = Window("e1", 20, 50, "n1")
    alone = settle(Recording(WEB, SELECTOR, (), False, {"hole": hole}, {}), 0)
    assert alone.windows == {SETTLED: Window(SETTLED, 0, 0, "n1", ((NOT_HEARD, 100),))}
    both = settle(Recording(WEB, SELECTOR, (), False, {"hole": hole, "e1": heard}, {}), 0)
    assert both.windows == {SETTLED: Window(SETTLED, 20, 50, "n1", ((NOT_HEARD, 100),))}


def test_separately_settled_epochs_are_added() -> None:
    a = settle(recording({key(): {"e1": Counts(2, 2, 0, 5, 6)}}, "e1"), 0)
    b = settle(recording({key(): {"e2": Counts(3, 1, 0, 7, 9)}}, "e2"), 0)
    both = join(a, b)
    assert both.flows == {key(): {SETTLED: Counts(5, 3, 0, 5, 9)}}
    assert both.settled == {"e1", "e2"}
    assert join(both, a) == both


def test_overlapping_settled_sums_are_not_doubled() -> None:
    first, second, third = Counts(2, 2, 0, 5, 6), Counts(3, 1, 0, 7, 9), Counts(4, 4, 0, 8, 9)
    a = settle(recording({key(): {"e1": first, "e2": second}}, "e1", "e2"), 0)
    b = settle(recording({key(): {"e2": second, "e3": third}}, "e2", "e3"), 0)
    assert join(a, b).flows[key()][SETTLED].attempts == 7
    assert join(a, b) == join(b, a)


def test_one_epoch_counts_once_and_two_epochs_add_up() -> None:
    a = recording({key(): {"e1": Counts(2, 2, 0, 5, 6)}}, "e1")
    b = recording({key(): {"e1": Counts(4, 3, 0, 5, 8), "e2": Counts(1, 1, 0, 20, 20)}}, "e1", "e2")
    (neighbor,) = summarise(join(a, b)).neighbors
    assert neighbor.counts == Counts(5, 4, 0, 5, 20)


def test_labels_in_which_two_accounts_differ_are_known_as_such() -> None:
    old = replace(recording({}, "e1"), labels=(("app", "web"), ("role", "a")))
    new = replace(recording({}, "e1", "e2"), labels=(("app", "web"), ("tier", "x")))
    both = join(old, new)
    assert (both.labels, both.differing) == (new.labels, {"role", "tier"})
    assert summarise(both).differing == {"role", "tier"}
    assert join(replace(old, differing=frozenset({"zone"})), old).differing == {"zone"}


def test_two_workloads_are_not_joined() -> None:
    other = Recording(Workload("shop", "Deployment", "api"), SELECTOR, (), False, {}, {})
    with pytest.raises(ValueError, match="different workloads"):
        join(recording({}), other)


def test_since_leaves_out_what_was_last_seen_before() -> None:
    whole = recording({key(1): {"e1": Counts(1, 1, 0, 5, 99)}, key(2): {"e1": Counts(1, 1, 0, 5, 100)}}, "e1")
    assert [n.key.port.port for n in summarise(whole, since=100).neighbors] == [2]


def test_neighbors_come_in_canonical_order() -> None:
    rows = [
        key(80, "192.0.2.10"),
        key(80, "192.0.2.9"),
        key(443, "192.0.2.9"),
        key(80, "2001:db8::1"),
        key(80, direction=Direction.INGRESS),
    ]
    flows = {row: {"e1": Counts(1, 1, 0, 1, 1)} for row in rows}
    found = [
        (n.key.direction.value, n.key.peer.address, n.key.port.port) for n in summarise(recording(flows)).neighbors
    ]
    assert found == [
        ("egress", "192.0.2.9", 80),
        ("egress", "192.0.2.9", 443),
        ("egress", "192.0.2.10", 80),
        ("egress", "2001:db8::1", 80),
        ("ingress", "192.0.2.1", 80),
    ]


def test_one_way_is_taken_as_answered_until_its_receiver_is_known_not_to_have_heard_it() -> None:
    assumed = Counts(5, 0, 0, 1, 9, frozenset({Mark.ONE_WAY}))
    unheard = Counts(5, 0, 0, 1, 9, frozenset({Mark.ONE_WAY, Mark.UNHEARD}))
    heard = Counts(6, 6, 0, 1, 9, frozenset({Mark.ONE_WAY}))
    assert judge(assumed).answered == 5
    assert judge(join_counts(assumed, unheard)).answered == 0
    assert judge(join_counts(join_counts(heard, assumed), unheard)).answered == 6


def test_one_way_refused_in_part_is_answered_for_the_rest() -> None:
    assert judge(Counts(5, 0, 2, 1, 9, frozenset({Mark.ONE_WAY}))).answered == 3


def test_a_reply_seen_later_ends_one_way() -> None:
    assumed = Counts(5, 0, 0, 1, 9, frozenset({Mark.ONE_WAY}))
    replied = Counts(5, 2, 0, 1, 9)
    assert join_counts(assumed, replied) == replied
