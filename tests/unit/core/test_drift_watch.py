from __future__ import annotations

import math
import os
import random

import pytest

from litellm_tiering.core.drift import (
    BLOCK,
    BLOCKS,
    IN_A_ROW,
    LEAST,
    Rate,
    Scores,
    Watched,
    chi_squared,
    stability,
)

DAY = 10_000
"""What a busy route's day comes to, in requests."""

STREAMS = 100 if os.environ.get("TIERING_DEEP") else 25
SOON = LEAST + BLOCK * (IN_A_ROW - 1)
"""When an alarm can come at the earliest."""


def quantiles_of(values):
    ranked = sorted(values)
    return [ranked[round(i * (len(ranked) - 1) / 100)] for i in range(101)]


def trained(seed, rows=500):
    drawn = random.Random(seed)
    return Scores.of(quantiles_of(drawn.gauss(0, 1) for _ in range(rows)), rows)


def first_alarm(watched, bins):
    return next((i + 1 for i, b in enumerate(bins) if watched.add(b, float(i))), None)


def scores(seed, shifted=0.0, n=DAY):
    """A stream of scores, of which a share comes from other questions."""
    drawn = random.Random(1_000 + seed)
    return [drawn.gauss(1.2 if drawn.random() < shifted else 0.0, 1.0) for _ in range(n)]


def hits(seed, rate, n=DAY):
    drawn = random.Random(2_000 + seed)
    return [int(drawn.random() < rate) for _ in range(n)]


def test_the_same_traffic_raises_hardly_ever_an_alarm_in_a_days_worth():
    false = 0
    for seed in range(STREAMS):
        expected = trained(seed)
        false += first_alarm(Watched(expected), map(expected.bin_of, scores(seed))) is not None
    assert false <= 0.01 * STREAMS


@pytest.mark.parametrize(("shifted", "within"), [(0.4, 4_000), (0.5, 1_200), (1.0, SOON)])
def test_a_shifted_mix_is_noticed_within_so_many_requests(shifted, within):
    for seed in range(20):
        expected = trained(seed)
        found = first_alarm(Watched(expected), map(expected.bin_of, scores(seed, shifted)))
        assert found is not None
        assert SOON <= found <= within


@pytest.mark.parametrize("rate", [0.01, 0.05, 0.2, 0.5])
def test_the_same_rate_raises_hardly_ever_an_alarm_in_a_days_worth(rate):
    false = 0
    for seed in range(STREAMS):
        known = sum(hits(seed + 7_000, rate, 1_000)) / 1_000
        false += first_alarm(Watched(Rate(known, 1_000)), hits(seed, rate)) is not None
    assert false <= 0.01 * STREAMS


@pytest.mark.parametrize(("before", "now"), [(0.05, 0.2), (0.2, 0.4), (0.4, 0.15), (0.2, 0.02)])
def test_another_rate_is_noticed_upwards_and_downwards(before, now):
    found = [first_alarm(Watched(Rate(before, 1_000)), hits(seed, now, 2_000)) for seed in range(20)]
    assert all(f is not None and f <= 1_000 for f in found)


def test_a_rate_that_is_watched_upwards_only_may_fall():
    assert first_alarm(Watched(Rate(0.4, 1_000, only_above=True)), [0] * DAY) is None


def test_an_alarm_goes_only_when_the_difference_has_halved_for_a_while():
    watched = Watched(Rate(0.2, 1_000))
    assert first_alarm(watched, [1] * DAY) == SOON
    assert watched.since_s == SOON - 1
    back = [i for i in range(3 * BLOCK * BLOCKS) if watched.add(int(i % 5 == 0), float(i))]
    assert watched.since_s is None
    assert len(back) == 1
    # Of a window all but a few blocks must be as they were before.
    assert back[0] >= BLOCK * (BLOCKS - 2)


def test_one_odd_block_is_no_alarm():
    watched = Watched(Rate(0.2, 1_000))
    usual = [int(i % 5 == 0) for i in range(LEAST)]
    stream = [*usual, *[1] * BLOCK, *[int(i % 5 == 0) for i in range(DAY)]]
    assert first_alarm(watched, stream) is None
    assert first_alarm(Watched(Rate(0.2, 1_000)), stream[LEAST:]) is None


def test_nothing_is_said_of_a_few_requests():
    watched = Watched(Rate(0.0, 1_000))
    assert first_alarm(watched, [1] * (LEAST - 1)) is None
    assert watched.latest is None
    assert watched.seen == LEAST - BLOCK


def test_a_window_forgets():
    watched = Watched(Rate(0.5, 1_000))
    for _ in range(5 * BLOCK * BLOCKS):
        watched.add(1, 0.0)
    assert watched.seen == BLOCK * BLOCKS


def test_bins_hold_about_as_much_of_the_training_each():
    expected = trained(1, 3_000)
    assert expected.bins == 10
    assert sum(expected.shares) == pytest.approx(1)
    assert all(0.08 < share < 0.12 for share in expected.shares)
    assert [expected.bin_of(s) for s in (-99.0, expected.edges[0], 99.0)] == [0, 0, 9]


def test_scores_that_are_mostly_the_same_have_fewer_bins():
    expected = Scores.of([0.0] * 60 + [1.0] * 41, 100)
    assert (expected.edges, expected.bins) == ((0.0,), 2)
    assert expected.shares == pytest.approx((60 / 101, 41 / 101))
    assert Scores.of([0.5] * 101, 100) is None
    assert Scores.of([], 100) is None
    assert Scores.of([0.0, 1.0], 0) is None


def test_the_index_is_nothing_for_the_same_and_finite_for_the_opposite():
    assert stability([50, 50], (0.5, 0.5), 100) == pytest.approx(0)
    assert math.isfinite(stability([1_000, 0], (0.0, 1.0), 100))
    assert stability([90, 10], (0.5, 0.5), 10**9) == pytest.approx(0.4 * math.log(9), rel=0.05)


@pytest.mark.parametrize(("freedom", "exact"), [(2, 18.42), (9, 33.72), (30, 67.63)])
def test_chi_squared_is_near_the_tables(freedom, exact):
    assert chi_squared(freedom) == pytest.approx(exact, rel=0.05)


def test_a_training_of_few_rows_takes_a_larger_difference():
    few, many = trained(3, 40), trained(3, 4_000)
    counts = [30] * 10
    assert few.judge(counts).limit > many.judge(counts).limit
