"""The gateway asks for what is missing, and never for more than its limits."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from entryway.tunnel.backoff import FIRST_SECONDS, LONGEST_SECONDS, delay
from entryway.tunnel.demand import DemandLimits, Supply, wanted

LIMITS = DemandLimits(spare=4, maximum=100, at_once=16)
counts = st.integers(min_value=0, max_value=200)
supplies = st.builds(Supply, idle=counts, busy=counts, asked=counts, waiting=counts)


@pytest.mark.parametrize(
    ("supply", "count"),
    [
        (Supply(idle=0, busy=0, asked=0, waiting=0), 4),
        (Supply(idle=4, busy=50, asked=0, waiting=0), 0),
        (Supply(idle=3, busy=1, asked=0, waiting=0), 1),
        (Supply(idle=0, busy=0, asked=4, waiting=0), 0),
        (Supply(idle=0, busy=0, asked=4, waiting=3), 3),
        (Supply(idle=0, busy=0, asked=0, waiting=50), 16),
        (Supply(idle=0, busy=98, asked=0, waiting=50), 2),
    ],
)
def test_what_is_asked_for(supply: Supply, count: int) -> None:
    assert wanted(supply, LIMITS) == count


@given(supplies)
def test_limits_hold(supply: Supply) -> None:
    count = wanted(supply, LIMITS)
    assert count >= 0
    if count:
        assert supply.idle + supply.busy + supply.asked + count <= LIMITS.maximum
        assert supply.asked + count <= LIMITS.at_once


@given(supplies)
def test_whoever_waits_is_asked_for_unless_a_limit_is_reached(supply: Supply) -> None:
    short = supply.waiting > supply.idle + supply.asked
    full = supply.idle + supply.busy + supply.asked >= LIMITS.maximum or supply.asked >= LIMITS.at_once
    if short and not full:
        assert wanted(supply, LIMITS) > 0


@given(st.integers(min_value=1, max_value=10_000), st.floats(min_value=0, max_value=1, exclude_max=True))
def test_a_connector_waits_longer_each_time_and_not_for_ever(attempt: int, chance: float) -> None:
    seconds = delay(attempt, chance)
    assert FIRST_SECONDS / 2 <= seconds <= LONGEST_SECONDS
    assert delay(attempt, 0.0) <= delay(attempt + 1, 0.0)


def test_chance_spreads_connectors_that_lost_a_gateway_together() -> None:
    assert delay(3, 0.0) == 1.0
    assert delay(3, 0.5) == 1.5
