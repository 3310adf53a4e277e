from __future__ import annotations

import math

import pytest

from litellm_tiering.core.classification import Classification, Opinion
from litellm_tiering.core.value import LEAST, NEUTRAL, PINNED, Standing, Upgrade, gains, likely, wanted


def said(score=None, by="heuristic", rank=2, **more):
    return Classification(rank=rank, by=by, score=score, **more)


def test_a_higher_score_gains_more_and_stays_between_the_bounds():
    found = [gains(said(s), 2, (2, 0))[0] for s in (-3.0, 0.0, 0.3, 0.6, 1.0, 7.0)]
    assert found == sorted(found)
    assert (found[0], found[-1]) == (pytest.approx(LEAST), 1.0)


def test_a_guess_that_is_not_sure_is_nearer_to_knowing_nothing():
    sure, unsure = (
        gains(said(0.9, opinions=(Opinion("heuristic", score=0.9, confidence=c),)), 2, (2, 1, 0))[0]
        for c in (1.0, 0.5)
    )
    assert NEUTRAL < unsure < sure


@pytest.mark.parametrize(
    "unknown", [Classification(), said(by="callback"), said(math.nan), said(math.inf), said(-math.inf)]
)
def test_what_is_not_known_is_neutral(unknown):
    assert gains(unknown, 2, (2, 0)) == (NEUTRAL,)


def test_what_a_rule_pins_or_floors_is_worth_more_than_a_guess():
    assert gains(said(by="rules"), 2, (2, 1)) == (PINNED,)
    floored = gains(said(0.1, floor=(1, "code")), 2, (2, 1, 0))
    assert floored[0] < PINNED <= floored[1]


def test_each_step_below_what_was_asked_for_halves_the_doubt():
    first, second, third = gains(said(0.4, rank=3), 3, (3, 2, 1, 0))
    assert 1 - second == pytest.approx((1 - first) / 2)
    assert 1 - third == pytest.approx((1 - first) / 4)


def test_an_upgrade_buys_its_gain_for_what_it_costs_more():
    found = wanted((0.5, 0.8), (1_000, 100, 10))
    assert found.base == 10
    assert found.upgrades == (Upgrade(0.5 / 900, 900), Upgrade(0.8 / 90, 90))


def test_steps_that_buy_more_the_higher_they_go_are_one_step():
    top, low = wanted((0.9, 0.1), (200, 100, 0)).upgrades
    assert top.density == low.density == 1.0 / 200
    assert (top.cost, low.cost) == (100, 100)


def test_what_costs_nothing_more_buys_without_end():
    assert wanted((0.1,), (10, 10)).upgrades == (Upgrade(math.inf, 0),)
    assert wanted((0.1,), (10, 50)).upgrades == (Upgrade(math.inf, 0),), "dearer tiers may be cheaper"


def test_a_typical_answer_is_shorter_than_the_longest():
    assert likely(100, 500) == 200
    assert likely(100, 50) == 100


def test_a_standing_of_which_only_the_places_are_known_frees_no_money_and_costs_none():
    known = Standing((0.2, 0.8))
    assert (known.kept, known.base) == (0.0, 0.0)
