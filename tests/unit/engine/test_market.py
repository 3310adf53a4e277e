from __future__ import annotations

import math

import pytest

from litellm_tiering.core.value import Upgrade, Wanted
from litellm_tiering.market import ENOUGH, HALF_LIFE_S, MAX_BOOKS, Market

CHEAP, DEAR = Upgrade(1e-3, 100), Upgrade(1e-6, 300)


def market(*asked, times=ENOUGH, now_s=0.0):
    made = Market()
    for _ in range(times):
        for one in asked:
            made.saw("b", Wanted((one,), 10), now_s)
    return made


def place(made, density):
    return made.standing("b", Wanted((Upgrade(density, 1),), 0)).places[0]


def test_until_enough_is_known_there_is_no_price():
    asked = Wanted((CHEAP,), 10)
    made = Market()
    for _ in range(ENOUGH):
        assert made.standing("b", asked) is None
        made.saw("b", asked, 0.0)
    assert made.standing("b", asked) is not None
    assert made.standing("another", asked) is None


def test_a_place_is_the_share_of_money_that_buys_less():
    made = market(CHEAP, DEAR)
    assert [place(made, d) for d in (1e-9, 1e-5, 1.0)] == [0.0, 0.75, 1.0]
    assert 0.0 < place(made, 1e-6) < 0.75 < place(made, 1e-3) < 1.0
    assert place(made, math.inf) == 1.0


def test_odd_densities_have_a_place_too():
    made = market(CHEAP, Upgrade(0.0, 50), Upgrade(1e-300, 50), Upgrade(1e300, 50))
    found = [place(made, d) for d in (0.0, 1e-300, 1e-3, 1e300)]
    assert found == sorted(found)
    assert all(0.0 <= p <= 1.0 for p in found)


def test_what_costs_nothing_wants_no_money():
    asked = Wanted((Upgrade(math.inf, 0),), 10)
    made = market(Upgrade(math.inf, 0))
    assert made.standing("b", asked) is None
    made.saw("b", Wanted((CHEAP,), 10), 0.0)
    assert made.standing("b", asked).places == (1.0,)


def test_it_knows_what_one_step_down_leaves_and_what_comes_without_upgrades():
    made = Market()
    for _ in range(ENOUGH):
        made.saw("b", Wanted((Upgrade(1e-6, 900), Upgrade(1e-3, 100)), 50), 0.0)
    found = made.standing("b", Wanted((CHEAP,), 0))
    assert (found.kept, found.base) == (pytest.approx(0.1), pytest.approx(0.05))


def test_what_was_asked_for_long_ago_counts_less():
    made = market(DEAR)
    for _ in range(3 * ENOUGH):
        made.saw("b", Wanted((CHEAP,), 10), HALF_LIFE_S)
    # 30 x 300, faded to half, and 90 x 100.
    assert place(made, 1e-5) == pytest.approx(4_500 / 13_500)


@pytest.mark.parametrize("later_s", [1e6, 1e9, -1e9])
def test_a_clock_that_jumps_leaves_a_price(later_s):
    made = market(DEAR)
    for _ in range(ENOUGH):
        made.saw("b", Wanted((CHEAP,), 10), later_s)
    assert 0.0 <= place(made, 1e-5) <= 1.0
    assert place(made, 1.0) == pytest.approx(1.0)


def test_books_are_bounded_and_the_busiest_stay():
    made = Market()
    asked = Wanted((CHEAP,), 10)
    for i in range(ENOUGH * MAX_BOOKS):
        made.saw("busy", asked, 0.0)
        made.saw(f"id{i}", asked, 0.0)
        if i > MAX_BOOKS + ENOUGH:
            break
    assert len(made._books) == MAX_BOOKS
    assert made.standing("busy", asked) is not None
