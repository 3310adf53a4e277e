from __future__ import annotations

from dataclasses import replace

import pytest

from litellm_tiering.evals.simweek import World, always_dearest, caller_of, draw, week

SMALL = World(callers=50, sessions=2.0, holdout=0.4)
PLAIN = replace(SMALL, lengths=(1.0, 1.0, 1.0), again=(0.0, 0.0, 0.0), cached=0.0)


async def test_the_stated_saving_of_a_week_lies_within_its_interval_of_the_truth():
    weeks = [await week(seed, SMALL) for seed in range(6)]
    # 95 % each: two misses in six come once in thirty, and the seeds are fixed.
    assert sum(w.holds for w in weeks) >= 5
    for w in weeks:
        assert w.measured.low < w.measured.share < w.measured.high
        # Neither so wide that it could not miss.
        assert w.measured.high - w.measured.low < 1.0


async def test_without_length_retries_and_cache_the_naive_figure_is_the_truth():
    found = await week(1, replace(PLAIN, asks_model=0.0, rejected=(0.0, 0.0, 0.0)))
    # Answers of equal length on average only.
    assert found.naive_share == pytest.approx(found.truth_share, abs=0.01)
    assert found.booked.share == pytest.approx(found.naive_share)
    assert found.booked.held_baseline == found.booked.held_cost


@pytest.mark.parametrize(
    ("changed", "sign"),
    [
        ({"lengths": (0.6, 0.8, 1.0)}, -1),
        ({"lengths": (1.5, 1.2, 1.0)}, 1),
        ({"again": (0.3, 0.2, 0.0)}, 1),
        ({"cached": 0.9}, 1),
    ],
    ids=["shorter", "longer", "retries", "cache"],
)
async def test_what_the_naive_figure_leaves_out_makes_it_wrong_each_in_its_way(changed, sign):
    found = await week(1, replace(PLAIN, **changed))
    assert sign * (found.naive_share - found.truth_share) > 0.01


async def test_classifiers_and_rejected_answers_are_a_cost_and_no_saving():
    found = await week(2, SMALL)
    assert found.booked.classifier > 0
    assert found.booked.waste > 0
    assert found.booked.saved == found.booked.baseline - found.booked.cost
    cheaper = await week(2, replace(SMALL, asks_model=0.0))
    assert cheaper.booked.cost == found.booked.cost - found.booked.classifier


def test_a_week_is_drawn_alike_each_time_and_differently_by_its_seed():
    assert draw(SMALL, 3) == draw(SMALL, 3) != draw(SMALL, 4)
    truth = always_dearest(draw(SMALL, 3), SMALL)
    assert set(truth) == set(range(SMALL.callers))
    assert caller_of(3).key == "key-00003"
