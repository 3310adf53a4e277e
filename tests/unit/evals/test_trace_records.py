"""A trace out of decisions that were made."""

from __future__ import annotations

import pytest

from litellm_tiering.core.catalog import Price, TierFacts
from litellm_tiering.core.ladder import Ladder, Tier
from litellm_tiering.evals import trace_records as module
from litellm_tiering.evals.trace import BadRow
from litellm_tiering.evals.trace_records import trace_of
from litellm_tiering.records import Row

LADDER = Ladder([Tier("simple", "small"), Tier("complex", "large")])
FACTS = (TierFacts(Price(prompt=1.0, completion=4.0)), TierFacts(Price(prompt=10.0, completion=40.0)))
MIDNIGHT = 1_795_000_000.0


def step(stage, to, *, enforced=True, reason="heuristic"):
    return {"stage": stage, "reason": reason, "from": None, "to": to, "enforced": enforced, "detail": ""}


def row(at=0.0, *, steps=(), attempts=(), team="blue"):
    record = {"steps": list(steps), "attempts": list(attempts)}
    return Row("0" * 16, MIDNIGHT + at, team, "hash", record)


def paid(tier, cost):
    return {"tier": tier, "model": "m", "verdict": "ok", "cost_usd": cost}


def test_a_decision_comes_again_as_it_was_classified_and_as_dear_as_it_was():
    steps = [step("classify", "complex"), step("budget", "simple", reason="budget")]
    trace = trace_of([row(60.0, steps=steps, attempts=[paid("simple", 1e-5)])], LADDER, FACTS, MIDNIGHT)
    (found,) = trace.arrivals
    assert (found.t_s, found.tier, found.team, found.key) == (60.0, "complex", "blue", "hash")
    cost = int(FACTS[0].price.cost(found.prompt_tokens, found.completion_tokens))
    assert cost == pytest.approx(10_000, rel=0.001)


def test_the_tokens_of_a_bill_are_taken_as_they_are():
    billed = {**paid("simple", 7.0), "prompt_tokens": 1_000, "completion_tokens": 20}
    (found,) = trace_of([row(attempts=[billed])], LADDER, FACTS, MIDNIGHT).arrivals
    assert (found.prompt_tokens, found.completion_tokens) == (1_000, 20)


@pytest.mark.parametrize(
    ("parts", "prompt"),
    [({"cached_tokens": 800}, 280), ({"cache_write_tokens": 400}, 1_100), ({"audio_tokens": 900}, 1_000)],
)
def test_what_came_from_the_providers_cache_counts_for_what_it_cost(parts, prompt):
    facts = TierFacts(Price(prompt=10.0, completion=40.0, cache_read=1.0, cache_write=12.5, audio=99.0))
    billed = {**paid("simple", 7.0), "prompt_tokens": 1_000, "completion_tokens": 20, **parts}
    (found,) = trace_of([row(attempts=[billed])], LADDER, (facts, FACTS[1]), MIDNIGHT).arrivals
    assert (found.prompt_tokens, found.completion_tokens) == (prompt, 20)


def test_at_a_tier_that_costs_nothing_tokens_are_tokens():
    billed = {**paid("simple", 0), "prompt_tokens": 100, "completion_tokens": 2, "cached_tokens": 50}
    (found,) = trace_of([row(attempts=[billed])], LADDER, (TierFacts(Price()), FACTS[1]), MIDNIGHT).arrivals
    assert found.prompt_tokens == 100


def test_in_shadow_the_steps_that_would_have_been_count():
    steps = [step("classify", "complex", reason="shadow"), step("classify", "simple", enforced=False)]
    (found,) = trace_of([row(steps=steps)], LADDER, FACTS, MIDNIGHT).arrivals
    assert found.tier == "simple"


def test_whose_cost_nobody_knows_is_as_long_as_the_others():
    rows = [row(attempts=[paid("simple", 1e-5)]), row(1.0), row(2.0, attempts=[paid("gone", 1.0)])]
    trace = trace_of(rows, LADDER, FACTS, MIDNIGHT)
    assert len({(a.prompt_tokens, a.completion_tokens) for a in trace.arrivals}) == 1
    assert trace.arrivals[0].prompt_tokens > 0


@pytest.mark.parametrize("odd", [None, 3, [1], [{"to": 7, "stage": "classify", "enforced": True}]])
def test_a_record_that_is_odd_is_a_request_all_the_same(odd):
    made = Row("0" * 16, MIDNIGHT, "", "", {"steps": odd, "attempts": odd})
    (found,) = trace_of([made], LADDER, FACTS, MIDNIGHT).arrivals
    assert (found.tier, found.prompt_tokens) == ("", 0)


def test_other_days_are_left_out_and_the_newest_comes_last():
    rows = [row(86_400.0), row(-1.0), row(50.0), row(10.0)]
    assert [a.t_s for a in trace_of(rows, LADDER, FACTS, MIDNIGHT).arrivals] == [10.0, 50.0]


def test_too_many_are_refused(monkeypatch):
    monkeypatch.setattr(module, "MAX_ROWS", 1)
    with pytest.raises(BadRow, match="more than 1 decisions"):
        trace_of([row(), row(1.0)], LADDER, FACTS, MIDNIGHT)
