"""Names in a sentence."""

import pytest

from kubectl_netpol.policy.listing import some_of


@pytest.mark.parametrize(
    ("names", "told"),
    [((), ""), (("a",), "a"), (("a", "b"), "a, b"), (["a", "b", "c"], "a, b and 1 more"), ("abcde", "a, b and 3 more")],
)
def test_of_many_names_the_first_are_told_and_how_many_more_there_are(names, told):
    assert some_of(list(names), 2) == told
