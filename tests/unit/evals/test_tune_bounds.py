from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from litellm_tiering.evals.bounds import evidence, needed, rows_needed, stakes

LEAST = -0.95


def test_a_true_null_is_rejected_no_more_often_than_promised():
    """Sharp nulls: means of exactly zero, skewed either way, and of values in between."""
    draw = np.random.default_rng(1)
    shapes = {
        "rare loss": ([LEAST, 0.05], [0.05, 0.95]),
        "rare gain": ([0.95, -0.05], [0.05, 0.95]),
        "three": ([-0.95, 0.0, 0.95], [0.1, 0.8, 0.1]),
        "narrow": ([-0.02, 0.02], [0.5, 0.5]),
    }
    for name, (values, chances) in shapes.items():
        samples = draw.choice(values, p=np.array(chances) / sum(chances), size=(2000, 300))
        assert abs(float(np.dot(values, chances))) < 1e-9, name
        wrong = np.mean([evidence(s, LEAST) >= needed(0.95) for s in samples])
        assert wrong <= 0.05, name


def test_a_mean_well_above_zero_is_seen():
    draw = np.random.default_rng(2)
    samples = draw.choice([LEAST, 0.05, 1.0], p=[0.03, 0.92, 0.05], size=(200, 500))
    assert np.mean([evidence(s, LEAST) >= needed(0.95) for s in samples]) > 0.9


@given(st.lists(st.floats(LEAST, 1.0), min_size=1, max_size=60), st.randoms())
def test_the_order_of_the_sample_does_not_matter(values, order):
    shuffled = list(values)
    order.shuffle(shuffled)
    assert evidence(values, LEAST) == pytest.approx(evidence(shuffled, LEAST), abs=1e-9)


@given(st.lists(st.floats(LEAST, 1.0), min_size=1, max_size=60), st.floats(0.0, 0.5))
def test_better_values_are_never_less_evidence(values, more):
    assert evidence([min(1.0, v + more) for v in values], LEAST) >= evidence(values, LEAST) - 1e-12


@given(st.integers(1, 10**7), st.floats(-10.0, -1e-3))
def test_no_stake_can_lose_everything(n, least):
    bets = stakes(n, least)
    assert (bets > 0).all()
    assert (1 + bets * least >= 0.2 - 1e-12).all()


def test_more_tests_need_more():
    assert needed(0.95) == pytest.approx(math.log(20))
    assert needed(0.95, 5) == pytest.approx(math.log(100))
    assert needed(0.99) > needed(0.95)


def test_so_many_rows_do_as_are_said_to_be_needed():
    sample = np.array([LEAST] * 3 + [0.05] * 90 + [1.0] * 4)
    found = rows_needed(sample, LEAST, 0.95)
    assert 97 < found < math.inf
    times = math.ceil(found / len(sample))
    assert evidence(np.tile(sample, times), LEAST) >= needed(0.95)
    assert evidence(np.tile(sample, max(1, times // 2)), LEAST) < needed(0.95)
    assert rows_needed([-0.1, 0.05], LEAST, 0.95) == math.inf
    assert rows_needed([], LEAST, 0.95) == math.inf
    assert rows_needed(np.full(10, 1e-12), LEAST, 0.95) == math.inf


@pytest.mark.parametrize("values", [[math.nan], [math.inf], [-2.0], []])
def test_a_sample_that_is_none_is_refused(values):
    with pytest.raises(ValueError, match=r"sample|value"):
        evidence(values, LEAST)


@pytest.mark.parametrize(
    ("confidence", "tests"), [(0.0, 1), (1.0, 1), (math.nan, 1), (0.9, 0), (0.9, math.nan)]
)
def test_a_confidence_that_is_none_is_refused(confidence, tests):
    with pytest.raises(ValueError, match="confidence"):
        needed(confidence, tests)


def test_a_least_value_of_zero_is_refused():
    with pytest.raises(ValueError, match="below zero"):
        stakes(10, 0.0)
