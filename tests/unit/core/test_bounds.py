from __future__ import annotations

from bisect import bisect_right
from dataclasses import replace

import pytest

from litellm_tiering.core.bounds import NO_PRESSURE, Pressure, bounds, final_bounds, thresholds
from litellm_tiering.core.budget import NO_BOUND, Balance, Budget, Downgrade, Pacing
from litellm_tiering.core.value import Standing
from litellm_tiering.units import NanoUSD

ALL = frozenset({0, 1, 2})
STEPS = (2, 1, 0)
BUDGET = Budget(limit=NanoUSD(1_000), downgrade=(Downgrade(0.8, steps=1), Downgrade(0.95, to_rank=0)))
PACED = replace(BUDGET, pacing=Pacing.LINEAR)
VALUE = replace(BUDGET, by_value=True)


def test_what_is_in_flight_is_used_as_well_as_what_is_spent():
    assert (Balance(40, 2).used, Balance(40).used, Balance().used) == (42, 40, 0)


@pytest.mark.parametrize(("rank", "steps", "target"), [(4, 1, 3), (4, 3, 1), (3, 0, 3), (2, 2, 0), (1, 5, 0)])
def test_a_downgrade_by_steps_ends_at_the_cheapest_tier(rank, steps, target):
    assert Downgrade(0.8, steps=steps).target(rank) == target


def test_without_pacing_and_value_the_thresholds_are_all_there_is():
    assert bounds(BUDGET, 2, STEPS, ALL) == thresholds(BUDGET, 2, STEPS, ALL) == (800, 950, NO_BOUND)
    assert bounds(BUDGET, 2, STEPS, ALL, Pressure(allowed=0.1)) == (800, 950, NO_BOUND)


def test_pacing_lowers_each_bound_to_its_share_of_the_limit():
    assert bounds(PACED, 2, STEPS, ALL, Pressure(0.5)) == (500, 540, NO_BOUND)
    assert bounds(PACED, 1, (1, 0), ALL, Pressure(0.5)) == (500, NO_BOUND)
    assert bounds(PACED, 2, STEPS, ALL, Pressure(1.0)) == (800, 950, NO_BOUND), "thresholds still hold"


def test_a_step_that_was_taken_is_kept_until_the_forecast_has_fallen():
    assert bounds(PACED, 2, STEPS, ALL, Pressure(0.5, held=1)) == (470, 540, NO_BOUND)
    assert bounds(PACED, 2, STEPS, ALL, Pressure(0.5, held=2)) == (470, 510, NO_BOUND)
    assert bounds(PACED, 2, STEPS, ALL, Pressure(0.5, held=1, firm=True)) == (0, 540, NO_BOUND)


def test_pacing_goes_no_further_down_than_the_thresholds():
    gentle = replace(PACED, downgrade=(Downgrade(0.9, steps=1),))
    assert bounds(gentle, 2, STEPS, ALL, Pressure(0.1)) == (100, NO_BOUND, NO_BOUND)
    assert bounds(replace(PACED, downgrade=()), 2, STEPS, ALL, Pressure(0.1)) == (NO_BOUND,) * 3


def test_pacing_counts_steps_on_the_ladder_and_not_on_what_is_left_of_it():
    assert bounds(PACED, 2, (2, 0), frozenset({0, 2}), Pressure(0.5)) == (540, NO_BOUND)


def test_a_budget_without_a_limit_bounds_nothing():
    counting = Budget(pacing=Pacing.LEARNED, by_value=True)
    assert bounds(counting, 2, STEPS, ALL, Pressure(0.1, standing=Standing((0.1, 0.2)))) == (NO_BOUND,) * 3
    assert thresholds(counting, 2, STEPS, ALL) == final_bounds(counting, STEPS) == (NO_BOUND,) * 3


def valued(*places, kept=0.0, base=0.1, allowed=0.0, budget=VALUE):
    return bounds(budget, 2, STEPS, ALL, Pressure(allowed, standing=Standing(places, kept, base)))


def test_the_worst_buying_upgrades_go_first_and_the_last_at_the_last_threshold():
    found = [valued(p, 1.0, kept=0.1)[0] for p in (0.0, 0.3, 0.6, 0.89, 0.95, 1.0)]
    assert found == sorted(found)
    assert found[0] == 480
    assert found[-2:] == [950, 950]
    assert valued(0.2, 0.4)[2] == NO_BOUND


def test_nothing_goes_early_while_less_is_used_than_an_even_course_would_have():
    assert valued(0.0, 0.5, allowed=0.9)[0] == pytest.approx(720, abs=1)
    assert valued(0.0, 0.5, allowed=1.0) == pytest.approx((800, 800, NO_BOUND), abs=60)


def test_what_is_spent_past_the_threshold_was_saved_before_it():
    """Spending that turns as value does is nowhere ahead of spending that turns at the threshold."""
    for base, kept in ((0.01, 0.0), (0.1, 0.0), (0.5, 0.0), (0.1, 0.3), (0.02, 0.1)):
        fine = replace(VALUE, limit=NanoUSD(10**9))
        places = [(p + 0.5) / 500 for p in range(500)]
        turns = [valued(p, kept=kept, base=base, budget=fine)[0] / 10**9 for p in places]
        plain, value = 0.4, 0.4
        ahead = []
        for _ in range(60_000):
            plain += 1e-4 * (base + (1.0 if plain < 0.8 else kept if plain < 0.95 else 0.0)) / (1 + base)
            gone = bisect_right(turns, value) / len(turns)
            value += 1e-4 * (base + 1.0 - gone) / (1 + base)
            ahead.append(value - plain)
            if min(plain, value) > 1.0:
                break
        assert max(ahead) < 0.004, (base, kept)


def test_with_pacing_an_upgrade_is_paid_for_until_the_forecast_reaches_its_place():
    paced = replace(VALUE, pacing=Pacing.LINEAR)
    assert valued(0.0, 0.5, 1.0, allowed=0.5, budget=paced) == (450, 495, 540, NO_BOUND)


def test_pressure_says_nothing_by_itself():
    assert bounds(VALUE, 2, STEPS, ALL, NO_PRESSURE) == (800, 950, NO_BOUND)


def test_where_everybody_keeps_all_there_is_nothing_to_turn():
    # All the money for upgrades stays when everybody goes one step down: the thresholds cost nothing to meet.
    standing = Standing(places=(0.0, 0.5), kept=1.0, base=0.2)
    found = bounds(VALUE, 2, STEPS, ALL, Pressure(standing=standing))
    assert found == final_bounds(VALUE, STEPS)
