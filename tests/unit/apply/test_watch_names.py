"""A DNS name that leads to another address than before: whoever calls it has lost what used to be answered."""

from dataclasses import replace

import pytest

from kubectl_netpol.apply.watch import FEW_MILLISECONDS, Watch
from kubectl_netpol.cli.denied import blocked_words
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

WEB = Workload("shop", "Deployment", "web", "apps/v1")
NAME = "api.example.com."
HTTPS = Port(Protocol.TCP, 443)
OLD, NEW = "192.0.2.1", "192.0.2.2"


def account(address, counts, names=(NAME,), port=HTTPS, direction=Direction.EGRESS, workload=WEB):
    peer = Peer(PeerKind.EXTERNAL, address=address)
    neighbor = Neighbor(NeighborKey(direction, peer, port), replace(counts, names=names))
    return NetworkNeighbors(workload, Selector(), (neighbor,))


def answered(address=OLD, last=900, **more):
    return account(address, Counts(5, 5, 0, 100, last), **more)


def unanswered(address=NEW, first=1000, **more):
    return account(address, Counts(9, 0, 0, first, first), **more)


def watch(*known, was_denied=False):
    """The new policies deny all but the old address."""
    others = {one.workload.full_path for one in known}
    return Watch({WEB.full_path, *others}, known, lambda _, key: key.peer.address != OLD, lambda *_: was_denied)


def lost(one, *heard):
    """What is blocked after this was heard for long."""
    assert one.look(heard, 1000) == []
    return one.look(heard, 1000 + FEW_MILLISECONDS)


def test_a_name_that_moved_after_the_apply_is_a_loss_and_is_named():
    one = watch(answered())
    assert one.begin([], []) == []
    (found,) = lost(one, unanswered())
    assert (found.key.peer.address, found.name) == (NEW, "api.example.com")
    assert blocked_words(found).endswith(
        "egress to 192.0.2.2 at TCP 443, 9 attempts without an answer; the policies deny it; api.example.com, which "
        "used to be answered at another address, leads there now"
    )


def test_a_name_that_was_only_heard_before_the_apply_is_known_too():
    one = watch()
    one.begin([answered()], [answered()])
    assert len(lost(one, answered(), unanswered())) == 1


@pytest.mark.parametrize("names", [("API.example.com",), ("api.example.com",), ("a.", "api.example.com.", "z.")])
def test_one_of_its_names_is_enough_however_it_is_written(names):
    one = watch(answered())
    one.begin([], [])
    assert len(lost(one, unanswered(names=names))) == 1


@pytest.mark.parametrize(
    "other",
    [
        {"names": ("other.example.com.",)},
        {"names": ()},
        {"port": Port(Protocol.TCP, 80)},
        {"port": Port(Protocol.UDP, 443)},
        {"address": "2001:db8::1"},
        {"direction": Direction.INGRESS},
        {"workload": replace(WEB, name="other")},
    ],
)
def test_another_name_port_family_direction_or_workload_is_none(other):
    one = watch(answered(), answered(address=OLD, names=(), workload=replace(WEB, name="other")))
    one.begin([], [])
    assert lost(one, unanswered(**other)) == []
    assert len(one.denied) == 1


@pytest.mark.parametrize("names", [("",), (".",), ("...",)])
def test_an_empty_name_joins_nothing(names):
    one = watch(answered(names=names))
    one.begin([], [])
    assert lost(one, unanswered(names=names)) == []


def test_an_address_that_the_policies_admit_is_its_peers_affair():
    one = Watch({WEB.full_path}, [answered()], lambda *_: False)
    one.begin([], [])
    assert lost(one, unanswered()) == []
    assert one.look([unanswered()], 1_000_000) == []


def test_a_name_that_nobody_answered_before_the_apply_already_is_no_loss_and_is_told():
    one = watch(answered())
    (told,) = one.begin([unanswered(address="192.0.2.9")], [unanswered(address="192.0.2.9")])
    assert told[1].peer.address == "192.0.2.9"
    assert lost(one, unanswered()) == []


@pytest.mark.parametrize(("address", "losses"), [(NEW, 0), ("192.0.2.3", 1)])
def test_an_address_that_was_dead_before_the_apply_is_no_loss_but_a_third_one_of_its_name_is(address, losses):
    one, before = watch(), [answered(), unanswered()]
    assert one.begin(before, before) == []
    assert len(lost(one, account(address, Counts(99, 0, 0, 1000, 9000)))) == losses


def test_an_attempt_right_before_the_apply_may_have_its_answer_on_the_way():
    one = watch(answered())
    assert one.begin([account(NEW, Counts(1, 0))], []) == []
    assert len(lost(one, unanswered())) == 1


def test_what_the_earlier_policies_would_deny_too_is_no_loss():
    one = watch(answered(), was_denied=True)
    one.begin([], [])
    assert lost(one, unanswered()) == []
    assert one.look([unanswered()], 1_000_000) == []


@pytest.mark.parametrize(("first", "losses"), [(500, 0), (901, 1)])
def test_an_address_was_broken_before_if_it_was_recorded_in_vain_while_the_name_was_answered(first, losses):
    one = watch(answered(last=900), unanswered(first=first))  # after it: of an apply that was rolled back, perhaps
    one.begin([], [])
    assert len(lost(one, unanswered())) == losses
