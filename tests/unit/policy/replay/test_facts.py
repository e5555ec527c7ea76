"""What a selector makes of labels of which not all are known: yes, no, or that it cannot be told."""

import pytest

from kubectl_netpol.model import Requirement, Selector
from kubectl_netpol.policy.replay.facts import Extent, Facts, anything, everything, namespace_facts, opposite, selects
from kubectl_netpol.policy.replay.index import SelectorIndex

IN_X = Requirement("app", "In", ("x",))
IN_XY = Requirement("app", "In", ("x", "y"))
NOT_X = Requirement("app", "NotIn", ("x",))
EXISTS = Requirement("app", "Exists")
ABSENT = Requirement("app", "DoesNotExist")
ODD = Requirement("app", "Gt", ("1",))


@pytest.mark.parametrize(
    ("facts", "answers"),
    [  # of IN_X, IN_XY, NOT_X, EXISTS, ABSENT
        (Facts({"app": "x"}), (True, True, False, True, False)),
        (Facts({"app": "z"}), (False, False, True, True, False)),
        (Facts({}), (None, None, None, None, None)),
        (Facts({}, Extent.STABLE), (False, False, True, False, True)),
        (Facts({}, Extent.WHOLE), (False, False, True, False, True)),
        (Facts({}, Extent.STABLE, differing=frozenset({"app"})), (None, None, None, None, None)),
        (Facts({}, Extent.STABLE, (IN_XY,), frozenset({"app"})), (None, True, None, True, False)),
        (Facts({}, demands=(IN_X,)), (True, True, False, True, False)),
        (Facts({}, demands=(IN_XY,)), (None, True, None, True, False)),
        (Facts({}, demands=(NOT_X,)), (False, None, True, None, None)),
        (Facts({}, demands=(IN_XY, NOT_X)), (False, True, True, True, False)),
        (Facts({}, demands=(EXISTS,)), (None, None, None, True, False)),
        (Facts({}, demands=(ABSENT,)), (False, False, True, False, True)),
        (Facts({}, demands=(Requirement("other", "In", ("x",)),)), (None, None, None, None, None)),
    ],
)
def test_a_requirement_is_met_not_met_or_cannot_be_told(facts, answers):
    found = tuple(selects(Selector((), (one,)), facts) for one in (IN_X, IN_XY, NOT_X, EXISTS, ABSENT))
    assert found == answers
    assert selects(Selector((("app", "x"),)), facts) is answers[0]


def test_an_unknown_operator_selects_nothing():
    assert selects(Selector((), (ODD,)), Facts({"app": "2"})) is False
    assert selects(Selector((), (ODD,)), Facts()) is False


def test_one_requirement_that_is_not_met_is_enough_for_no():
    both = Selector((("app", "x"), ("tier", "y")))
    assert selects(both, Facts({"app": "x"})) is None
    assert selects(both, Facts({"tier": "z"})) is False
    assert selects(Selector(), Facts()) is True


@pytest.mark.parametrize("key", ["pod-template-hash", "app.kubernetes.io/version", "topology.kubernetes.io/zone"])
def test_labels_that_change_are_not_in_a_recording_and_not_absent_either(key):
    asked = Selector(((key, "1"),))
    assert selects(asked, Facts({"app": "x"}, Extent.STABLE)) is None
    assert selects(asked, Facts({"app": "x"}, Extent.WHOLE)) is False


def test_of_a_namespace_its_name_is_always_known():
    named = Selector((("kubernetes.io/metadata.name", "shop"),))
    team = Selector((("team", "red"),))
    assert selects(named, namespace_facts("shop", None)) is True
    assert selects(named, namespace_facts("edge", None)) is False
    assert selects(team, namespace_facts("shop", None)) is None
    assert selects(team, namespace_facts("shop", ())) is False


@pytest.mark.parametrize(
    ("answers", "all_of", "any_of"),
    [
        ((), True, False),
        ((True, None), None, True),
        ((False, None), False, None),
        ((True, True), True, True),
        ((None, None), None, None),
        ((True, False), False, True),
    ],
)
def test_answers_add_up_without_a_guess(answers, all_of, any_of):
    assert everything(answers) is all_of
    assert anything(answers) is any_of
    assert [opposite(one) for one in (True, False, None)] == [False, True, None]


def test_an_index_hands_out_all_that_may_select_and_leaves_out_the_others():
    texts = {"a": (("app", "a"), ("part", "p")), "b": (("app", "b"), ("part", "p")), "all": ()}
    index = SelectorIndex((Selector(labels), name) for name, labels in texts.items())
    assert set(index.candidates(Facts({"app": "a"}, Extent.WHOLE))) == {"a", "all"}
    assert set(index.candidates(Facts({}, Extent.WHOLE))) == {"all"}
    assert set(index.candidates(Facts({"part": "p"}))) == {"a", "b", "all"}
