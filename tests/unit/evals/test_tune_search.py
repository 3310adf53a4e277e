from __future__ import annotations

import math
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from litellm_tiering.evals.policy_sim import GateWord, Recorded
from litellm_tiering.evals.tune import Goal, always, highest, rows_needed, search
from litellm_tiering.evals.tune_paths import Field, Path, Questions, paths


def world(seed, n, *, noise=0.3, gates=False, tiers=2):
    """Questions whose difficulty the score tells with some noise; dearer tiers can do harder ones."""
    draw = np.random.default_rng(seed)
    hard = draw.random(n)
    able = np.linspace(0.55, 0.95, tiers)
    quality = np.stack([(hard + draw.normal(0, 0.05, n) < a).astype(float) for a in able])
    cost = np.stack([np.full(n, 10.0**r) for r in range(tiers)])
    words = []
    if gates:
        p_bad = np.clip(0.5 - 0.25 * (2 * quality - 1) + draw.normal(0, 0.15, quality.shape), 0, 1)
        words = [GateWord("acceptable", p_bad > 0.5, p_bad, 1 - p_bad, 0.5)]
    recorded = Recorded(quality, cost, words, np.full(n, tiers - 1), 1)
    nothing = np.zeros(n, np.int64)
    return Questions(hard + draw.normal(0, noise, n), nothing, nothing, np.full(n, tiers - 1), recorded)


def by_hand(field, path, at):
    """A policy's quality and cost, one question after the other."""
    run, starts = field.run(int(path.levels[at])), field.starts(path.cuts[at])
    rows = range(len(starts))
    return np.mean([run.quality[starts[i], i] for i in rows]), np.mean([run.cost[starts[i], i] for i in rows])


LADDERS = [(2, False), (2, True), (3, False), (3, True), (4, True), (5, False)]


@pytest.mark.parametrize(("tiers", "gates"), LADDERS)
def test_what_is_summed_along_a_path_is_what_each_policy_does(tiers, gates):
    field = Field(world(1, 60, tiers=tiers, gates=gates))
    for path in paths(field):
        weighed = field.weigh(path, 0.9)
        for at in range(0, len(path), 7):
            assert (weighed.quality[at], weighed.cost[at]) == pytest.approx(by_hand(field, path, at))
            margins = field.margins(path.only(at), 0.9)
            assert margins.mean() == pytest.approx(
                weighed.quality[at] - 0.9 * field.questions.recorded.quality[-1].mean()
            )


@pytest.mark.parametrize("tiers", [2, 3, 4])
def test_paths_lead_from_the_dearest_to_the_cheapest_and_never_back(tiers):
    field = Field(world(2, 50, tiers=tiers))
    for path in paths(field):
        assert path.cuts[0].tolist() == [0] * (tiers - 1)
        assert path.cuts[-1].tolist() == [50] * (tiers - 1)
        assert (np.diff(path.cuts, axis=0) >= 0).all()
        assert (np.diff(path.cuts, axis=1) >= 0).all()


def test_equal_scores_are_never_parted():
    questions = world(3, 80)
    field = Field(replace(questions, score=np.round(questions.score, 1)))
    inside = set(range(81)) - set(field.ends.tolist())
    assert inside
    for path in paths(field):
        assert not inside & set(path.cuts.ravel().tolist())


@given(st.integers(0, 10**6), st.integers(2, 4))
def test_bounds_and_fixed_questions_are_kept_whatever_is_cut(seed, tiers):
    draw = np.random.default_rng(seed)
    questions = world(seed, 30, tiers=tiers)
    fixed = draw.random(30) < 0.3
    low, high = (draw.integers(0, tiers, 30) for _ in range(2))
    questions = replace(
        questions, score=np.where(fixed, np.nan, questions.score), chosen=low, floor=low, ceiling=high
    )
    field = Field(questions)
    for path in paths(field):
        for at in range(0, len(path), 5):
            run = field.run(int(path.levels[at]))
            served = np.take_along_axis(run.served, field.starts(path.cuts[at])[None, :], axis=0)[0]
            assert (served >= low).all()
            assert (served <= np.maximum(low, high)).all()


def test_the_promise_is_broken_no_more_often_than_promised():
    """The truth is known here: a world of 40,000 questions, of which 400 are tuned on."""
    everything = world(4, 40_000)
    truth = Field(everything)
    goal, broken, found = Goal(0.95, 0.9), 0, 0
    for seed in range(150):
        rows = np.random.default_rng(seed).choice(40_000, 400, replace=False)
        field = Field(everything.part(rows))
        choice = search(field, goal).choice
        if choice is None:
            continue
        found += 1
        cut = int(choice.path.cuts[0, 0])
        edges = np.r_[-math.inf, (field.score[:-1] + field.score[1:]) / 2, math.inf]
        path = Path("", np.array([[np.searchsorted(truth.score, edges[cut])]]), np.array([0]))
        enough = goal.target * everything.recorded.quality[-1].mean()
        broken += truth.weigh(path, 0.95).quality[0] < enough
    assert found > 140
    assert broken <= 15


def test_what_is_chosen_saves_and_costs_more_than_the_plain_mean():
    field = Field(world(5, 1500, noise=0.1))
    found = search(field, Goal(0.95))
    assert found.choice.cost < always(field)
    assert found.point.cost <= found.choice.cost
    enough = 0.95 * field.questions.recorded.quality[-1].mean()
    assert found.choice.quality > enough
    assert found.point.quality >= enough - 1e-9
    surer = search(field, Goal(0.95, 0.999)).choice
    assert surer.cost >= found.choice.cost
    lower = search(field, Goal(0.85)).choice
    assert lower.cost <= found.choice.cost


def test_gates_that_know_make_the_promise_cheaper():
    plain = search(Field(world(6, 1500)), Goal(0.95)).choice
    gated = search(Field(world(6, 1500, gates=True)), Goal(0.95)).choice
    assert gated.cost < plain.cost


def test_a_middle_tier_is_used_where_it_pays():
    field = Field(world(7, 2000, noise=0.1, tiers=3))
    assert len(np.unique(search(field, Goal(0.95)).choice.path.cuts)) > 1


def test_what_cannot_be_shown_is_not_chosen_and_what_would_be_is_told():
    field = Field(world(8, 60))
    goal = Goal(0.99)
    assert search(field, goal).choice is None
    at = highest(field, goal)
    assert 0 < at < 0.99
    assert search(field, replace(goal, target=at)).choice is not None
    rows = rows_needed(field, goal)
    assert rows > 60
    tight = Field(world(8, math.ceil(4 * rows)))
    assert search(tight, goal).choice is not None


def test_nothing_is_saved_where_the_cheap_tier_costs_as_much():
    questions = world(9, 500)
    recorded = replace(questions.recorded, cost=np.ones((2, 500)))
    assert search(Field(replace(questions, recorded=recorded)), Goal(0.5)).choice is None


def test_always_the_dearest_is_not_taken_for_granted_where_rules_keep_questions_down():
    """A rule sends every third question to a tier that can do none of them: nothing keeps the promise."""
    questions = world(10, 600)
    fixed = np.arange(600) % 3 == 0
    quality = questions.recorded.quality.copy()
    quality[0, fixed] = 0.0
    questions = replace(
        questions,
        score=np.where(fixed, np.nan, questions.score),
        recorded=replace(questions.recorded, quality=quality),
    )
    found = search(Field(questions), Goal(0.95))
    assert (found.choice, found.passed) == (None, 0)


def test_searches_share_out_the_chance_of_error():
    field = Field(world(11, 400))
    assert search(field, Goal(0.95, 0.95, 20)).choice.cost >= search(field, Goal(0.95, 0.95)).choice.cost
