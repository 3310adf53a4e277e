from __future__ import annotations

import itertools
import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from litellm_tiering.evals import compare_policies
from litellm_tiering.evals.compare_policies import (
    FOLDS,
    Cascades,
    Ladders,
    Traded,
    crossfit,
    folds_of,
    oracle,
    steps_of,
)
from litellm_tiering.evals.metrics import Pair, Ranking, router_metrics


def models(n, seed=0, right=(0.5, 0.8)):
    """Answers that are right so often, and what they cost: little and much."""
    rng = np.random.default_rng(seed)
    quality = [(rng.random(n) < share).astype(float) for share in right]
    cost = [rng.uniform(0.5, 1.5, n) * 10.0**i for i in range(len(right))]
    return quality, cost


def test_parts_are_of_about_one_size_and_stay_the_same():
    found = folds_of(103, seed=4)
    assert sorted(np.bincount(found)) == [20, 20, 21, 21, 21]
    assert (found == folds_of(103, seed=4)).all()
    assert (found != folds_of(103, seed=5)).any()


@given(st.lists(st.integers(-3, 3), min_size=1, max_size=60), st.integers(2, 12))
def test_steps_keep_the_order_and_equal_scores_together(scores, bins):
    found = steps_of(np.array(scores, float), bins)
    assert found.min() >= 0
    assert found.max() < bins
    for (a, i), (b, j) in itertools.product(zip(scores, found, strict=True), repeat=2):
        assert (a < b) <= (i <= j)
        assert (a == b) <= (i == j)


@pytest.mark.parametrize("odd", [1.0, -1.0])
def test_a_rare_score_has_a_step_of_its_own(odd):
    scores = np.array([0.0] * 999 + [odd])
    assert len(set(steps_of(scores))) == 2


@pytest.mark.parametrize("tiers", [2, 3, 4])
def test_a_family_of_ladders_is_every_choice_of_thresholds(tiers, monkeypatch):
    monkeypatch.setattr(compare_policies, "_BINS_OF", {tiers: 4})
    n = 40
    quality, cost = models(n, right=(0.3, 0.5, 0.7, 0.9)[:tiers])
    score = np.random.default_rng(5).integers(0, 4, n).astype(float)
    fold, weights = folds_of(n), np.random.default_rng(6).integers(0, 3, n).astype(float)
    for weighed in (None, weights):
        family = Ladders(score, quality, cost, fold).family(weighed)
        times = np.ones(n) if weighed is None else weighed
        assert family.n.tolist() == [times[fold == f].sum() for f in range(FOLDS)]
        expected = set()
        step = steps_of(score, 4)
        for cuts in itertools.combinations_with_replacement(range(5), tiers - 1):
            rank = np.array([sum(s >= c for c in cuts) for s in step])
            served = np.array(quality)[rank, np.arange(n)] * times
            expected.add(tuple(round(served[fold == f].sum(), 6) for f in range(FOLDS)))
        assert {tuple(np.round(column, 6)) for column in family.quality.T} == expected


def test_a_family_of_cascades_is_every_pair_of_thresholds():
    n = 60
    (qw, qs), (cw, cs) = models(n)
    rng = np.random.default_rng(1)
    score, p_bad = (rng.integers(0, 4, n).astype(float) for _ in range(2))
    fold = np.zeros(n, int)
    family = Cascades(score, p_bad, (qw, qs), (cw, cs), fold).family()
    expected = set()
    for up, again in itertools.product(range(5), repeat=2):
        direct = score >= up
        strong = direct | (p_bad >= again)
        spend = np.where(direct, 0.0, cw) + np.where(strong, cs, 0.0)
        expected.add((round(np.where(strong, qs, qw).sum(), 6), round(spend.sum(), 6)))
    found = zip(np.round(family.quality[0], 6), np.round(family.spend[0], 6), strict=True)
    assert set(found) == expected


def test_a_score_that_tells_nothing_costs_what_chance_costs():
    (qw, qs), (cw, cs) = models(400)
    level = np.zeros(400)
    traded = crossfit(Ladders(level, [qw, qs], [cw, cs], folds_of(400)).family())
    chance = router_metrics(level, qw, qs, cw, cs)["cost95"]
    assert 100 * traded.cost_at(0.95 * qs.mean()) / cs.mean() == pytest.approx(chance, abs=0.5)


def test_thresholds_chosen_elsewhere_do_not_flatter_noise():
    flattered, fair, chance = [], [], []
    for seed in range(40):
        (qw, qs), (cw, cs) = models(150, seed, right=(0.75, 0.8))
        noise = np.random.default_rng(seed + 1000).random(150)
        target, dear = 0.95 * qs.mean(), cs.mean()
        traded = crossfit(Ladders(noise, [qw, qs], [cw, cs], folds_of(150, seed)).family())
        fair.append(traded.cost_at(target) / dear)
        flattered.append(Ranking(noise).figures(Pair(qw, qs, cw, cs))["cost95"] / 100)
        chance.append(router_metrics(np.zeros(150), qw, qs, cw, cs)["cost95"] / 100)
    # Read off the questions themselves, noise seems to save; counted elsewhere it does far less.
    assert np.mean(flattered) < np.mean(chance) - 0.04
    assert np.nanmean(fair) > np.mean(chance) - 0.02


def test_a_telling_score_costs_what_its_curve_says():
    (qw, qs), (cw, cs) = models(1000)
    gain = qs - qw
    traded = crossfit(Ladders(gain, [qw, qs], [cw, cs], folds_of(1000)).family())
    expected = router_metrics(gain, qw, qs, cw, cs)["cost95"]
    assert 100 * traded.cost_at(0.95 * qs.mean()) / cs.mean() == pytest.approx(expected, abs=0.5)


def test_nobody_does_better_than_the_oracle():
    quality, cost = models(300, right=(0.4, 0.6, 0.8))
    best = oracle(quality, cost)
    fold = folds_of(300)
    for score in (quality[2] - quality[0], np.random.default_rng(0).random(300)):
        traded = crossfit(Ladders(score, quality, cost, fold).family())
        for target in (0.5, 0.7, 0.8):
            assert best.cost_at(target) <= traded.cost_at(target) * (1 + 1e-9)


def test_a_quality_that_is_never_reached_has_no_cost():
    assert math.isnan(Traded(np.array([0.1, 0.5]), np.array([1.0, 2.0])).cost_at(0.9))
