"""What routing recorded calls would save: sums, ladders, intervals and the verdict."""

from __future__ import annotations

import random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from litellm_tiering.core.catalog import Capability, TierFacts
from litellm_tiering.core.features import RequestFeatures
from litellm_tiering.core.price import Price
from litellm_tiering.evals import analyze
from litellm_tiering.evals.analyze import OTHERS, Analysis, Judged, Market
from litellm_tiering.evals.analyze_calls import Call
from litellm_tiering.evals.analyze_report import report
from litellm_tiering.evals.analyze_verdict import Word, verdict

NAMES, MODELS = ("simple", "moderate", "complex"), ("small", "medium", "large")
RATES = (100, 1_000, 10_000)
"""Nano-dollars per token, of prompt and of answer alike."""


def market(rates=RATES, **more):
    facts = tuple(TierFacts(Price(r, r, cache_read=r / 10)) for r in rates)
    return Market(NAMES[: len(rates)], MODELS[: len(rates)], facts, **more)


def call(model="large", prompt=600, completion=400, **more):
    return Call(model=model, prompt_tokens=prompt, completion_tokens=completion, **more)


def judged(rank, **features):
    return Judged(rank, RequestFeatures(**features), 0.5)


def told(pairs, on=None):
    """The report on calls and what was made of each."""
    found = Analysis(on or market())
    for one, of_it in pairs:
        found.add(one, of_it)
    return found, report(found, "UTC")


def test_a_call_that_moves_costs_what_its_new_tier_does_and_one_that_stays_what_it_cost():
    _, found = told(
        [
            (call("large", usd=0.012), judged(0)),  # to 0.0001
            (call("large", usd=0.012), judged(2)),  # stays: what was logged, not what the price makes of it
            (call("small", usd=0.0001), judged(1)),  # to 0.001
        ]
    )
    saved = found["savings"]
    assert saved["paid_usd"] == pytest.approx(0.0241)
    assert saved["routed_usd"] == pytest.approx(0.0001 + 0.012 + 0.001)
    assert (saved["moved_down"], saved["moved_up"]) == (1, 1)
    assert saved["moved_down_saves_usd"] == pytest.approx(0.0119)
    assert saved["moved_up_costs_usd"] == pytest.approx(0.0009)
    assert saved["saved_usd"] == pytest.approx(0.0119 - 0.0009)


def test_what_was_not_logged_is_told_by_the_price():
    _, found = told([(call("large"), None), (call("other", usd=0.5), None)])
    assert found["bounds"]["paid_usd"] == pytest.approx(0.01 + 0.5)
    _, found = told([(call("other"), None)], market(price=lambda m: Price(7, 7) if m == "other" else None))
    assert found["bounds"]["paid_usd"] == pytest.approx(7e-6)
    _, found = told([(call("large", cached_tokens=500), None)])
    assert found["bounds"]["paid_usd"] == pytest.approx((500 * 10_000 + 500 * 1_000) / 1e9)


def test_a_call_without_cost_or_tokens_counts_as_a_call_and_not_as_money():
    _, found = told(
        [
            (call("other"), judged(0)),
            (call("other", usd=0.0), judged(0)),
            (Call("large", prompt_tokens=3), judged(0)),
            (call("large"), judged(0)),
        ]
    )
    assert (found["calls"]["routable"], found["calls"]["unpriced"]) == (4, 3)
    assert found["savings"]["paid_usd"] == pytest.approx(0.01)
    assert [c["calls"] for c in found["classes"]] == [4, 0, 0]


def test_calls_that_cannot_be_routed_are_counted_apart():
    _, found = told(
        [
            (call(failed=True), None),
            (call(cached=True), None),
            (call(surface=None), None),
            (call(), None),
        ]
    )
    counted = found["calls"]
    assert (counted["all"], counted["routable"]) == (4, 1)
    assert (counted["failed"], counted["from_cache"], counted["other"]) == (1, 1, 1)


def test_without_text_there_are_bounds_only():
    _, found = told([(call("large"), None)] * 5)
    assert found["savings"] is None
    assert found["bounds"]["at_most_share"] == pytest.approx(0.99)
    assert found["verdict"] == "unknown"
    assert "at most 99 %" in found["reasons"][0]
    assert all(o["saved_share"] is None for o in found["ladders"])


def test_the_upper_bound_keeps_a_prompt_off_a_tier_that_cannot_hold_it():
    facts = (
        TierFacts(Price(1, 1), Capability(max_input_tokens=500)),
        TierFacts(Price(10, 10)),
    )
    _, found = told([(call("b"), None)], Market(("x", "y"), ("a", "b"), facts))
    assert found["bounds"]["at_most_share"] == 0
    _, found = told([(call("b", prompt=400), None)], Market(("x", "y"), ("a", "b"), facts))
    assert found["bounds"]["at_most_share"] == pytest.approx(0.9)


def test_what_provider_caches_gave_is_lost_by_a_call_that_moves():
    _, found = told([(call("large", prompt=1_000, completion=0, cached_tokens=1_000), judged(1))])
    assert found["router_tax"]["lost_provider_cache_usd"] == pytest.approx(1_000 * (1_000 - 100) / 1e9)
    _, found = told([(call("large", prompt=1_000, completion=0, cached_tokens=1_000), judged(2))])
    assert found["router_tax"]["lost_provider_cache_usd"] == 0


def test_logged_costs_that_are_not_those_of_the_prices_are_told_of():
    _, found = told([(call("large", usd=0.004), judged(2)), (call("small", usd=0.0001), judged(0))])
    assert found["logged_to_list_price"] == {"large": pytest.approx(0.4)}


def test_time_is_told_in_percentiles_to_one_part_in_twenty():
    found = Analysis(market())
    for ms in range(1, 101):
        found.add(call(), Judged(0, RequestFeatures(), float(ms)))
    assert found.percentile_ms(0.5) == pytest.approx(50, rel=0.06)
    assert found.percentile_ms(0.95) == pytest.approx(95, rel=0.06)
    assert Analysis(market()).percentile_ms(0.5) is None


def test_names_without_end_are_counted_together(monkeypatch):
    monkeypatch.setattr(analyze, "MOST_NAMES", 3)
    found, told_ = told([(call(f"m{i}", team=f"t{i}"), None) for i in range(10)])
    assert len(found.models) == 4
    assert found.models[OTHERS].calls == 7
    assert sum(row["calls"] for row in told_["teams"]) == 10


def test_hours_are_those_of_the_zone():
    found = Analysis(market())
    found.add(call(at_s=1_795_161_630.0), None)  # 08:00 UTC
    hours = report(found, "Asia/Tokyo")["hours"]
    assert [h["hour"] for h in hours if h["calls"]] == [17]


def test_the_interval_covers_the_truth_nineteen_times_in_twenty():
    """Hours of traffic of their own kind: an interval over calls alone would be far too narrow."""
    hits = 0
    for seed in range(20):
        draw = random.Random(seed)
        found = Analysis(market())
        for hour in range(30):
            share = draw.betavariate(2, 2)
            for _ in range(10):
                found.add(call(at_s=1.7e9 + 3600 * hour), judged(0 if draw.random() < share else 2))
        low, high = found.saved_interval()
        hits += low <= 0.99 * 0.5 <= high
    assert hits >= 18


def test_a_sample_stands_for_all_calls_in_figures_by_the_month():
    pairs = [(call(at_s=1.7e9 + 3600 * i), judged(0)) for i in range(49)]
    sample = [(call(at_s=c.at_s, stands_for=20.0), j) for c, j in pairs]
    (_, whole), (_, part) = told(pairs), told(sample)
    assert part["savings"]["monthly_usd"] == pytest.approx(20 * whole["savings"]["monthly_usd"])
    assert part["savings"]["saved_usd"] == whole["savings"]["saved_usd"]
    assert part["calls"]["stands_for"] == 980


def test_no_interval_of_a_few_hours():
    found, _ = told([(call(at_s=1.7e9 + i), judged(0)) for i in range(100)])
    assert found.saved_interval() is None


# ---------------------------------------------------------------------- ladders


def test_every_part_of_the_ladder_and_every_other_cheap_model_is_compared():
    rivals = {
        "tiny": TierFacts(Price(10, 10)),
        "dear": TierFacts(Price(50_000, 50_000)),
        "odd": TierFacts(Price(known=False)),
    }
    calls = [(call("large"), judged(0)), (call("large"), judged(1)), (call("large"), judged(2))]
    _, found = told(calls, market(rivals=rivals))
    by_models = {tuple(o["models"]): o for o in found["ladders"]}
    assert next(iter(by_models)) == MODELS
    assert found["ladders"][0]["current"]
    assert set(by_models) == {MODELS, ("small", "large"), ("medium", "large"), ("tiny", "large")}
    saved = {m: o["saved_share"] for m, o in by_models.items()}
    assert saved[MODELS] == pytest.approx((0.99 + 0.9) / 3)
    assert saved["small", "large"] == pytest.approx(0.99 / 3)
    assert saved["medium", "large"] == pytest.approx((0.9 + 0.9) / 3)
    assert saved["tiny", "large"] == pytest.approx(0.999 / 3)
    assert found["savings"]["saved_share"] == pytest.approx(saved[MODELS])


def test_the_break_even_is_what_may_be_asked_for_again():
    _, found = told([(call("medium"), judged(0))] * 10, market((100, 10_000)))
    # Each saves 99 units; each one that is asked for again costs another 100.
    assert found["savings"]["break_even_rejections"] == pytest.approx(0.99)


def test_a_cheap_model_that_cannot_serve_a_request_does_not_get_it():
    rivals = {"blind": TierFacts(Price(10, 10), Capability(vision=False))}
    _, found = told([(call("large"), judged(0, images=1))], market(rivals=rivals))
    blind = next(o for o in found["ladders"] if o["models"][0] == "blind")
    assert (blind["saved_share"], blind["at_most_share"]) == (0, 0)


# ---------------------------------------------------------------------- the verdict


def said(pairs, on=None):
    return verdict(told(pairs, on)[0])


def month(i):
    return {"at_s": 1.7e9 + i * 3_600}


def test_worth_it_where_much_is_saved_for_sure():
    found = said(
        [(call("large", **month(i)), judged(0 if i % 2 else 2)) for i in range(800)],
        market((10**5, 10**6, 10**7)),
    )
    assert found.word is Word.WORTH_IT
    assert "about 50 %" in found.reasons[0] or "about 49 %" in found.reasons[0]


def test_dont_bother_where_most_is_complex():
    found = said([(call("large"), judged(2 if i % 50 else 0)) for i in range(400)])
    assert found.word is Word.DONT_BOTHER
    assert "98 % of the calls need the dearest tier" in found.reasons[0]


def test_dont_bother_where_prices_are_close():
    found = said([(call("large"), None)] * 50, market((950, 980, 1_000)))
    assert found.word is Word.DONT_BOTHER
    assert "prices are close" in found.reasons[0]


def test_dont_bother_where_the_traffic_is_on_cheap_models_already():
    found = said([(call("small"), None)] * 50)
    assert found.word is Word.DONT_BOTHER
    assert "on cheap models already" in found.reasons[0]
    found = said([(call("medium"), judged(2))] * 50)
    assert found.word is Word.DONT_BOTHER
    assert "would cost" in found.reasons[-1]
    found = said([(call("medium"), judged(1))] * 50)
    assert "saves nothing" in found.reasons[-1]


def test_dont_bother_for_a_few_dollars_a_month():
    calls = [(call("large", prompt=5, completion=5, **month(i)), judged(0)) for i in range(720)]
    found = said(calls)
    assert found.word is Word.DONT_BOTHER
    assert "a month to be saved" in found.reasons[0]
    calls = [
        (call("large", prompt=600, completion=4, **month(i)), judged(0 if i % 2 else 2)) for i in range(60)
    ]
    found = said(calls, market((1_000_000, 2_000_000, 4_000_000)))
    assert "a month" not in found.reasons[0]


def test_perhaps_where_all_hangs_on_the_cheap_model_or_on_little_text():
    found = said(
        [(call("medium"), judged(1))] * 30 + [(call("large"), judged(1))] * 5, market((100, 9_000, 10_000))
    )
    assert found.word is not Word.WORTH_IT
    found = said([(call("large"), judged(0))] * 40 + [(call("large"), None)] * 60)
    assert found.word is Word.MAYBE
    assert any("of the spend has text" in r for r in found.reasons)
    found = said([(call("large"), judged(1))] * 40, market((100, 8_800, 10_000)))
    assert found.word is Word.MAYBE
    assert any("asked for again" in r for r in found.reasons)


def test_unknown_where_there_is_nothing_to_go_by():
    assert said([]).word is Word.UNKNOWN
    assert said([(call("other"), None)]).word is Word.UNKNOWN
    unpriced = Market(NAMES, MODELS, (TierFacts(Price(known=False)),) * 3)
    assert said([(call(), judged(0))] * 40, unpriced).word is Word.UNKNOWN
    found = said([(call(), judged(2))] * 40, unpriced)
    assert found.word is Word.DONT_BOTHER
    assert "no prices" in found.reasons[-1]


CALLS = st.builds(
    Call,
    model=st.sampled_from(["small", "medium", "large", "other", ""]),
    team=st.sampled_from(["a", ""]),
    at_s=st.none() | st.floats(1.7e9, 1.71e9),
    prompt_tokens=st.none() | st.integers(0, 10**6),
    completion_tokens=st.none() | st.integers(0, 10**6),
    cached_tokens=st.integers(0, 10**6),
    usd=st.none() | st.floats(0, 100),
)


@given(st.lists(st.tuples(CALLS, st.none() | st.integers(0, 2).map(judged)), max_size=20))
def test_whatever_the_calls_the_sums_agree(pairs):
    found, told_ = told(pairs)
    t = found.totals
    assert t.least <= t.paid
    assert t.text_paid - t.routed == t.saved_down - t.added_up
    assert sum(s.routed for s in found.classes) == t.routed
    assert (
        sum(s.calls for s in found.models.values())
        == t.routable
        == sum(s.calls for s in found.teams.values())
    )
    if found.ladders is not None and t.text_paid:
        first = found.ladders.options()[0]
        assert (first.paid, first.routed) == (t.text_paid, t.routed)
    bounds = told_["bounds"]
    assert bounds is None or 0 <= bounds["at_most_share"] <= 1
