from __future__ import annotations

import math
import random
from statistics import NormalDist

import pytest
from hypothesis import given
from hypothesis import strategies as st

from litellm_tiering.core.savings import ENOUGH_CALLERS, Use, measured, otherwise, student


def uses(costs, active=10):
    return [Use(cost, active, active) for cost in costs]


ROUTED, HELD = uses([400, 500, 600, 450, 550]), uses([900, 1100, 1000, 950, 1050])


def test_the_saving_is_what_the_others_would_have_cost_at_the_rate_of_the_held_out():
    found = measured(ROUTED, HELD)
    assert found.share == pytest.approx(0.5)
    assert (found.cost, found.saved) == (2500, 2500)
    assert found.low < 0.5 < found.high
    assert found.saved_low < 2500 < found.saved_high
    assert (found.callers, found.routed, found.requests, found.note) == (5, 5, 50, "")


def test_whoever_asks_again_at_once_is_no_saving():
    # Twice the requests in the same quarters of an hour, at half the price each: nothing is saved.
    again = [Use(u.cost, u.active, 2 * u.requests) for u in HELD]
    assert measured(again, HELD).share == 0.0


def test_callers_without_any_activity_and_sides_without_cost_say_nothing():
    assert measured(ROUTED, []) is None
    assert measured([], HELD) is None
    assert measured(ROUTED, uses([0, 0])) is None
    assert measured(ROUTED, [Use(0, 0, 0)]) is None
    assert measured([*ROUTED, Use(0, 0, 0)], HELD) == measured(ROUTED, HELD)


@pytest.mark.parametrize(
    ("routed", "held", "why"),
    [
        (ROUTED, HELD[: ENOUGH_CALLERS - 1], "held out"),
        (ROUTED[: ENOUGH_CALLERS - 1], HELD, "routed"),
        (ROUTED, uses([1000, 0, 0, 0, 0]), "one caller is all the cost of those held out"),
        (uses([1000, 0, 0, 0, 0]), HELD, "one caller is all the cost of those routed"),
        (ROUTED, uses([1, 1, 1, 1, 10**9]), "differ too much"),
    ],
)
def test_where_too_little_is_known_there_is_a_figure_without_an_interval_and_why(routed, held, why):
    found = measured(routed, held)
    assert (found.low, found.high, found.saved_low, found.saved_high) == (None,) * 4
    assert why in found.note


def test_an_interval_of_up_to_twentyfold_either_way_is_given():
    found = measured(ROUTED, uses([1000, 1000, 1000, 1000, 8000]))
    assert 10 < (1 - found.low) / (1 - found.share) < 20
    assert found.note == ""


def test_callers_that_are_all_alike_leave_no_doubt():
    found = measured(uses([500] * 5), uses([1000] * 5))
    assert [found.low, found.share, found.high] == pytest.approx([0.5] * 3)


def test_routing_that_costs_more_saves_less_than_nothing():
    found = measured(HELD, ROUTED)
    assert found.share == pytest.approx(-1.0)
    assert found.saved == -2500


@given(
    st.lists(st.integers(1, 10**12), min_size=5, max_size=30),
    st.lists(st.integers(1, 10**12), min_size=5, max_size=30),
)
def test_an_estimate_lies_within_its_interval_and_units_do_not_matter(routed, held):
    found = measured(uses(routed), uses(held))
    assert found.share <= 1
    scaled = measured(uses([10 * c for c in routed]), uses([10 * c for c in held]))
    assert scaled.share == pytest.approx(found.share, rel=1e-6, abs=1e-6)
    if found.low is None:
        assert "differ too much" in found.note
    else:
        assert found.low <= found.share <= found.high <= 1
        assert found.saved_low <= found.saved <= found.saved_high


@pytest.mark.parametrize(
    ("freedom", "quantile"), [(3, 3.1824), (5, 2.5706), (10, 2.2281), (30, 2.0423), (1e9, 1.95996)]
)
def test_students_quantiles_are_those_of_the_tables(freedom, quantile):
    assert student(0.95, freedom) == pytest.approx(quantile, rel=0.005)
    assert student(0.90, 1e12) == pytest.approx(NormalDist().inv_cdf(0.95))


def drawn(seed):
    """Callers that differ a hundredfold; each is held out or not, and its cost on the other side is known."""
    chance = random.Random(seed)
    routed, held, otherwise = [], [], 0
    for _ in range(160):
        active = 1 + int(40 * math.exp(chance.gauss(0, 0.8)))
        dear = active * math.exp(chance.gauss(14, 0.5))
        if chance.random() < 0.2:
            held.append(Use(round(dear), active, active))
        else:
            otherwise += round(dear)
            routed.append(Use(round(dear * chance.uniform(0.2, 0.6)), active, active))
    return routed, held, otherwise


def test_the_interval_holds_the_truth_as_often_as_it_says():
    hits = 0
    for seed in range(400):
        routed, held, otherwise = drawn(seed)
        found = measured(routed, held)
        truth = 1 - sum(u.cost for u in routed) / otherwise
        hits += found.low <= truth <= found.high
    # 95 %, less three standard errors of 400 draws; seeds are fixed.
    assert hits >= 400 * (0.95 - 3 * math.sqrt(0.95 * 0.05 / 400))
    # And no interval that is too wide to be wrong.
    assert hits <= 398


def test_without_routing_a_client_gets_what_it_asks_for_or_what_can_serve_it():
    assert otherwise(2, 3, {}) == 2
    assert otherwise(2, 3, {2: "vision"}) == 1
    assert otherwise(0, 3, {0: "tools", 1: "tools"}) == 2
    # Refused anyhow: nothing can serve it.
    assert otherwise(1, 3, dict.fromkeys(range(3), "audio")) == 1
