"""Which flows an apply has blocked: told from attempts and answers before and after it."""

import pytest

from kubectl_netpol.apply.watch import FEW_MILLISECONDS, MANY_MILLISECONDS, UNEXPLAINED_MILLISECONDS, Watch
from kubectl_netpol.model import (
    Counts,
    Direction,
    Neighbor,
    NeighborKey,
    NetworkNeighbors,
    Peer,
    PeerKind,
    Port,
    Protocol,
    Selector,
    Workload,
)

WEB, API = Workload("shop", "Deployment", "web", "apps/v1"), Workload("shop", "Deployment", "api", "apps/v1")
SELECTED = Selector((("app", "api"),))
TO_API = NeighborKey(Direction.EGRESS, Peer(PeerKind.WORKLOAD, "shop/deployment/api", SELECTED), Port(Protocol.TCP, 80))
TO_WORLD = NeighborKey(Direction.EGRESS, Peer(PeerKind.EXTERNAL, address="192.0.2.1"), Port(Protocol.TCP, 443))


def account(workload, key, attempts, answered, refused=0):
    return NetworkNeighbors(workload, Selector(), (Neighbor(key, Counts(attempts, answered, refused)),))


def watch(known=(), is_denied=True, subjects=("shop/deployment/web",), was_denied=False):
    return Watch(subjects, known, lambda *_: is_denied, lambda *_: was_denied)


def begin(one, heard, earlier=None):
    """What it leaves out; by default all was heard some seconds before."""
    return one.begin(heard, heard if earlier is None else earlier)


def blocked(one, *looks):
    """What each look finds: how many, at a time in ms."""
    return [len(one.look([account], at)) for account, at in looks]


def test_attempts_without_an_answer_are_enough_after_a_few_seconds():
    one = watch()
    begin(one, [account(WEB, TO_API, 5, 5)])
    first, later = account(WEB, TO_API, 6, 5), account(WEB, TO_API, 8, 5)
    assert blocked(one, (first, 1000), (later, 3000), (later, 1000 + MANY_MILLISECONDS)) == [0, 0, 1]


def test_a_single_attempt_is_enough_after_longer():
    one = watch()
    begin(one, [account(WEB, TO_API, 5, 5)])
    single = account(WEB, TO_API, 6, 5)
    late = 1000 + FEW_MILLISECONDS
    assert blocked(one, (single, 1000), (single, late - 1), (single, late)) == [0, 0, 1]


def test_an_answer_begins_everything_anew():
    one = watch()
    begin(one, [account(WEB, TO_API, 5, 5)])
    looks = [
        (account(WEB, TO_API, 9, 5), 1000),
        (account(WEB, TO_API, 9, 6), 2000),
        (account(WEB, TO_API, 9, 6), 90000),
    ]
    assert blocked(one, *looks) == [0, 0, 0]


def test_what_was_never_answered_is_no_loss_but_a_candidate():
    one = watch()
    begin(one, [account(WEB, TO_API, 5, 0)])
    assert blocked(one, (account(WEB, TO_API, 9, 0), 1000), (account(WEB, TO_API, 99, 0), 90000)) == [0, 0]
    assert [(found.key, found.is_denied) for found in one.denied] == [(TO_API, True)]


def test_what_the_cache_knows_to_be_answered_need_not_be_heard_before_the_apply():
    one = watch(known=[account(WEB, TO_API, 3, 3)])
    begin(one, [])
    assert blocked(one, (account(WEB, TO_API, 3, 0), 1000), (account(WEB, TO_API, 4, 0), 6000)) == [0, 1]


def test_a_refusal_came_through():
    one = watch()
    begin(one, [account(WEB, TO_API, 5, 5)])
    assert blocked(one, (account(WEB, TO_API, 9, 5, 4), 1000), (account(WEB, TO_API, 9, 5, 4), 90000)) == [0, 0]


def test_a_peer_that_is_down_is_waited_for_longer_where_the_policies_admit_it():
    one = watch(is_denied=False)
    begin(one, [account(WEB, TO_API, 5, 5)])
    gone, late = account(WEB, TO_API, 50, 5), 1000 + UNEXPLAINED_MILLISECONDS
    assert blocked(one, (gone, 1000), (gone, late - 1), (gone, late)) == [0, 0, 1]
    assert one.denied == []


def test_of_a_caller_only_what_leads_to_a_subject_counts():
    one = watch(subjects=("shop/deployment/api",))
    begin(one, [account(WEB, TO_API, 5, 5), account(WEB, TO_WORLD, 5, 5)])
    assert blocked(one, (account(WEB, TO_WORLD, 9, 5), 1000), (account(WEB, TO_WORLD, 9, 5), 90000)) == [0, 0]
    assert blocked(one, (account(WEB, TO_API, 9, 5), 1000), (account(WEB, TO_API, 9, 5), 90000)) == [0, 1]


def test_a_document_that_does_not_name_its_peers_is_known_all_the_same():
    unnamed = NeighborKey(Direction.EGRESS, Peer(PeerKind.WORKLOAD, "", SELECTED), Port(Protocol.TCP, 80))
    one = watch(known=[account(WEB, unnamed, 1, 1)])
    begin(one, [])
    assert blocked(one, (account(WEB, TO_API, 5, 0), 1000), (account(WEB, TO_API, 5, 0), 90000)) == [0, 1]


def unanswered_twice(is_denied=True, **more):
    """A watch that knows a flow as answered, and two looks at it that would be enough."""
    looks = (account(WEB, TO_API, 9, 0), 1000), (account(WEB, TO_API, 99, 0), 90000)
    return watch(known=[account(WEB, TO_API, 3, 3)], is_denied=is_denied, **more), looks


@pytest.mark.parametrize("is_denied", [True, False])
def test_what_went_unanswered_before_the_apply_already_is_no_loss_and_is_told(is_denied):
    one, looks = unanswered_twice(is_denied)
    assert begin(one, [account(WEB, TO_API, 6, 0)]) == [(WEB, TO_API)]
    assert blocked(one, *looks) == [0, 0]


@pytest.mark.parametrize("heard", [account(WEB, TO_API, 6, 1), account(WEB, TO_API, 6, 0, refused=1)])
def test_what_was_answered_or_refused_at_times_before_the_apply_is_watched(heard):
    one, _ = unanswered_twice()
    assert begin(one, [heard]) == []
    assert blocked(one, *((replace_counts(heard, 9), 1000), (replace_counts(heard, 99), 90000))) == [0, 1]


def replace_counts(heard, attempts):
    (one,) = heard.neighbors
    return account(WEB, TO_API, attempts, one.counts.answered, one.counts.refused)


def test_an_attempt_right_before_the_apply_may_have_its_answer_on_the_way():
    one, looks = unanswered_twice()
    assert begin(one, [account(WEB, TO_API, 1, 0)], earlier=[]) == []
    assert blocked(one, *looks) == [0, 1]


def test_what_the_earlier_policies_denied_already_is_no_loss():
    one, looks = unanswered_twice(was_denied=True)
    begin(one, [])
    assert blocked(one, *looks) == [0, 0]


def test_what_was_answered_right_before_the_apply_is_watched_whatever_the_earlier_policies_say():
    one = watch(was_denied=True)
    begin(one, [account(WEB, TO_API, 5, 5)])
    assert blocked(one, (account(WEB, TO_API, 9, 5), 1000), (account(WEB, TO_API, 99, 5), 90000)) == [0, 1]
