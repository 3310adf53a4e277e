from __future__ import annotations

import math
from itertools import pairwise

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from litellm_tiering.classifiers.chain import check_thresholds
from litellm_tiering.core.ladder import Ladder, Tier
from litellm_tiering.evals.policy_sim import GateWord, Recorded, judged
from litellm_tiering.evals.tune_values import minima, short, thresholds

NUMBERS = st.floats(-1e6, 1e6, allow_nan=False).map(lambda x: round(x, 9))


@given(NUMBERS, NUMBERS)
def test_a_short_number_lies_between(a, b):
    if a == b:
        return
    low, high = sorted((a, b))
    assert low < short(low, high) <= high


def test_a_short_number_is_short():
    assert short(0.31, 0.3456789) == 0.33
    assert short(0.1234567, 0.1234569) == 0.1234568
    assert short(1.0, math.nextafter(1.0, 2.0)) == math.nextafter(1.0, 2.0)


@st.composite
def cut_scores(draw):
    score = np.sort(np.array(draw(st.lists(NUMBERS, min_size=1, max_size=20))))
    ends = [0, *(i for i in range(1, len(score)) if score[i - 1] < score[i]), len(score)]
    top = draw(st.integers(1, 4))
    used = sorted({*draw(st.sets(st.integers(0, top - 1), min_size=1)), top})
    cuts = sorted(draw(st.lists(st.sampled_from(ends), min_size=len(used) - 1, max_size=len(used) - 1)))
    return score, cuts, used, top


@given(cut_scores())
def test_thresholds_rise_and_send_each_score_where_it_was_cut(case):
    score, cuts, used, top = case
    found = thresholds(score, cuts, used, top)
    check_thresholds(found, Ladder(Tier(str(i), str(i)) for i in range(top + 1)))
    assert all(low < high for low, high in pairwise(found))
    ranks = np.searchsorted(np.array(found), score, side="right")
    wanted = [used[sum(c <= i for c in cuts)] for i in range(len(score))]
    assert ranks.tolist() == wanted


def test_news_go_up():
    """Scores beyond those that were seen are sent to the dearer tier."""
    assert thresholds(np.array([0.2, 0.8]), [0], [0, 1], 1)[0] < 0.0
    assert 0.8 < thresholds(np.array([0.2, 0.8]), [2], [0, 1], 1)[0] < 0.85


def test_without_scores_there_are_thresholds_all_the_same():
    assert thresholds(np.array([]), [0, 0], [0, 1, 2], 2) == (0.0, 1.0)


@given(st.lists(st.floats(0, 1), min_size=2, max_size=20), st.floats(0, 1))
def test_the_gates_threshold_rejects_what_its_level_does(values, least):
    worth = np.array([values])
    word = GateWord("g", np.zeros_like(worth, bool), 1 - worth, worth, 2.0)
    recorded = Recorded(worth, worth, (word,), np.ones(len(values), np.int64))
    found = minima(recorded, {"g": least})
    assert 0.0 - 2e-3 <= found["g"] <= 1.0
    assert (judged([word], found)[0] == judged([word], {"g": least})[0]).all()


def test_a_gate_as_configured_stays_so():
    worth = np.array([[0.25, 0.5]])
    word = GateWord("g", worth < 0.3, 1 - worth, worth, 0.3)
    assert minima(Recorded(worth, worth, (word,), np.ones(2, np.int64)), {"g": 0.3}) == {"g": 0.3}
