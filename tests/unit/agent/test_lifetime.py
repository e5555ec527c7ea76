"""When an agent ends by itself, whatever its node's clock says."""

import pytest

from kubectl_netpol.agent.lifetime import WRONG_CLOCK, seconds_left

NOW = 1_700_000_000.0
NEVER = float("inf")
QUARTER, DAY = 900, 86_400


@pytest.mark.parametrize(
    ("duration", "until", "left"),
    [
        (0, None, NEVER),
        (60, None, 60),
        (60, 66, 60),
        (60, 20, 20),
        (0, 20, 20),
        (60, 0, 0),
        (60, -QUARTER, 0),
        (DAY, 10 * DAY, DAY),
    ],
    ids=["never", "local", "first", "again", "no duration", "over", "over long since", "clock behind"],
)
def test_an_agent_ends_at_the_first_of_its_ends(duration, until, left):
    moment = 0 if until is None else int((NOW + until) * 1000)
    assert seconds_left(duration, moment, NOW) == (left, "")


@pytest.mark.parametrize("ahead", [2 * 3600, 400 * DAY])
def test_a_clock_by_which_no_job_could_be_left_is_not_asked_and_told(ahead):
    assert seconds_left(60, int((NOW - ahead) * 1000), NOW) == (60, WRONG_CLOCK)
