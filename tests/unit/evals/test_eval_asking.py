from __future__ import annotations

import asyncio
from collections import Counter

import pytest
from eval_kit import FACTS, START_S, run, settings_with, trace_of

from litellm_tiering.classifiers.heuristic import default_thresholds
from litellm_tiering.core.features import Surface
from litellm_tiering.evals.asking import DIFFICULTY, Asking
from litellm_tiering.evals.questions import question_in
from litellm_tiering.evals.replay import replay
from litellm_tiering.evals.trace import Arrival
from litellm_tiering.intake import read_request

EASY = "hi"
HARD = "Prove that the algorithm terminates, and refactor the distributed scheduler so that it cannot. " * 8


def outcome(prompt, weak, strong):
    return {"id": 1, "prompt": prompt, "responses": {"w": weak, "s": strong}}


def question(prompt, weak=0.0, strong=1.0):
    return question_in(outcome(prompt, {"score": weak}, {"score": strong}), "w", "s", "auto")


def requests(trace, questions=(), seed=0, **more):
    return list(Asking(settings_with(), FACTS, questions, seed).requests(trace, **more))


@pytest.mark.parametrize("tier", ["simple", "moderate", "complex"])
def test_a_tier_that_the_trace_names_is_what_is_classified(tier):
    found = run(trace_of(*((i * 10.0, tier) for i in range(100))))
    assert dict(found.hours[0].tiers)[tier] == 100


def test_without_one_every_tier_is_as_likely():
    found = run(trace_of(*((i * 1.0, "") for i in range(600))))
    tiers = Counter()
    for hour in found.hours:
        tiers.update(hour.tiers)
    assert all(150 < count < 250 for count in tiers.values())
    assert len(tiers) == 3


def test_the_difficulties_of_a_tier_are_spread_over_all_that_stands_for_it():
    low, high = default_thresholds(3)
    asks = requests(trace_of(*((i * 1.0, "") for i in range(600))))
    scores = [a.inquiry.features.signals[DIFFICULTY] for a in asks]
    for begin, end in ((0.0, low), (low, high), (high, 1.0)):
        within = sorted((s - begin) / (end - begin) for s in scores if begin <= s < end)
        assert within[0] < 0.1
        assert within[-1] > 0.9


def test_difficulties_are_the_same_every_time_and_others_by_seed_and_day():
    trace = trace_of(*((i * 1.0, "") for i in range(20)))

    def scores(**more):
        return [dict(a.inquiry.features.signals) for a in requests(trace, **more)]

    assert scores() == scores()
    assert scores() != scores(seed=1)
    assert scores() != scores(salt="another day")


def test_callers_are_those_of_the_trace():
    trace = trace_of(Arrival(0, 1, 1, "", "red", "k", "u", "e"), Arrival(1, 1, 1, "", "red", "k", "u", "e"))
    first, second = requests(trace)
    caller = first.inquiry.caller
    assert (caller.team, caller.key, caller.key_alias, caller.user, caller.end_user) == (
        "red",
        "k",
        "k",
        "u",
        "e",
    )
    assert second.inquiry.caller is caller


def test_with_outcomes_the_classifiers_read_the_prompt_and_the_trace_says_what_it_costs():
    trace = trace_of(*(Arrival(i * 1.0, 700 + i, 30, "simple", max_tokens=50) for i in range(20)))
    found = requests(trace, (question(EASY), question(HARD)))
    read = {
        p: read_request({"messages": [{"role": "user", "content": p}]}, Surface.CHAT)[0] for p in (EASY, HARD)
    }
    words = {read[p].question_words for p in (EASY, HARD)}
    assert {a.inquiry.features.question_words for a in found} == words
    assert [a.inquiry.features.prompt_tokens for a in found] == [700 + i for i in range(20)]
    assert {a.inquiry.features.max_tokens for a in found} == {50}
    done = run(trace, questions=(question(EASY), question(HARD)))
    hard = sum(a.inquiry.features.question_words == read[HARD].question_words for a in found)
    assert dict(done.hours[0].tiers) == {"simple": 20 - hard, "moderate": 0, "complex": hard}
    assert 0 < hard < 20


def test_quality_is_that_of_the_tier_a_request_ends_on():
    # Two dear requests fill it; then one step down, then the cheapest tier.
    trace = trace_of(*((i * 60.0, "") for i in range(4)))
    budget = {
        "scope": "global",
        "limit_usd": 0.22,
        "downgrade": [{"at": 0.9, "steps": 1}, {"at": 0.99, "to": "simple"}],
    }
    found = run(trace, budget, questions=(question(HARD, 0.2, 0.8),))
    assert dict(found.hours[0].tiers) == {"simple": 1, "moderate": 1, "complex": 2}
    assert found.quality == pytest.approx((0.8 + 0.8 + 0.5 + 0.2) / 4)
    assert (found.quality_wanted, found.measured) == (pytest.approx(0.8), True)


def test_a_refused_request_is_worth_nothing():
    budget = {"scope": "global", "limit_usd": 0.1, "downgrade": [], "at_ceiling": "block"}
    found = run(trace_of((0, ""), (60, "")), budget, questions=(question(HARD, 0.2, 0.8),))
    assert found.quality == pytest.approx(0.4)


@pytest.mark.parametrize(
    "line",
    [
        {},
        {"prompt": "x", "responses": []},
        {"prompt": "x", "responses": {"w": {"score": 1}}},
        {"prompt": "x", "responses": {"w": {"score": 1}, "s": {"text": "no score"}}},
        {"prompt": "x", "responses": {"w": {"score": float("nan")}, "s": {"score": 1}}},
        {"prompt": "x", "responses": {"w": {"score": "1"}, "s": {"score": 1}}},
        {"prompt": "x", "responses": {"w": 1, "s": {"score": 1}}},
        {"prompt": 5, "responses": {"w": {"score": 1}, "s": {"score": 1}}},
        {"messages": [], "responses": {"w": {"score": 1}, "s": {"score": 1}}},
    ],
)
def test_a_line_that_is_no_outcome_of_both_is_none(line):
    assert question_in(line, "w", "s", "auto") is None


def test_an_outcome_may_be_correct_or_not_or_scored_and_asked_in_messages():
    found = question_in(outcome(EASY, {"correct": False}, {"correct": True}), "w", "s", "auto")
    assert (found.weak, found.strong) == (0.0, 1.0)
    line = {**outcome(EASY, {"correct": True, "score": 7}, {"score": 9}), "prompt": None}
    found = question_in({**line, "messages": [{"role": "user", "content": HARD}]}, "w", "s", "auto")
    assert (found.weak, found.strong, found.quality(1, 2)) == (7.0, 9.0, 8.0)
    assert found.features.question_words > 50


def test_no_prompt_shows_in_what_is_replayed():
    ask = requests(trace_of((0, "")), (question("zebra crossing"),))[0]
    assert "zebra" not in repr(ask)


def test_a_replay_without_a_route_for_the_virtual_name_takes_the_first():
    settings = settings_with(
        routes=[{"name": "only", "models": ["zz-*"], "classify": False, "tier": "simple"}]
    )
    found = asyncio.run(replay(trace_of((0, "complex")), Asking(settings, FACTS), START_S))
    assert dict(found.hours[0].tiers)["complex"] == 1
