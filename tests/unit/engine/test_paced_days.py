"""Simulated days through the engine: what pacing and value come to."""

from __future__ import annotations

import asyncio
import datetime as dt
import random
from dataclasses import replace
from itertools import pairwise

import pytest
from cascade_kit import FACTS, LADDER, NOBODY, Clock, depart, engine_on

from litellm_tiering.core.budget import AtCeiling, Budget, Downgrade, Pacing, Scope
from litellm_tiering.core.classification import Classification
from litellm_tiering.core.decision import Reason
from litellm_tiering.core.features import Caller, PromptText, RequestFeatures
from litellm_tiering.core.policy import Route
from litellm_tiering.market import ENOUGH
from litellm_tiering.plan import Inquiry, Stopped
from litellm_tiering.status import live_budgets
from litellm_tiering.units import NanoUSD, window_at

MIDNIGHT = dt.datetime(2026, 11, 21, tzinfo=dt.timezone.utc).timestamp()
DAY = 86_400
STEPS = (Downgrade(0.8, steps=1), Downgrade(0.95, to_rank=0))
# A request of the dearest tier costs 1,000: two thousand of them come a day, and half of that is allowed.
PLAIN = Budget(limit=NanoUSD(1_000_000), downgrade=STEPS)
PACED = replace(PLAIN, pacing=Pacing.LINEAR)
VALUE = replace(PLAIN, by_value=True)


class Scores:
    """Everything is for the dearest tier; how surely is drawn."""

    def __init__(self, seed=1):
        self.draw = random.Random(seed)

    def classify(self, subject):
        return Classification(rank=2, by="heuristic", score=self.draw.random())


class Day:
    """A day of like requests: what was decided of each, and what was spent when."""

    def __init__(self, budget, *, requests=2_000, seed=1, arrivals=None, sizes=(10,)):
        self.clock = Clock(MIDNIGHT)
        self.engine = engine_on(budget, clock=self.clock, says=Scores(seed))
        self.budget = budget
        draw = random.Random(seed)
        self.at = arrivals or sorted(draw.random() * DAY for _ in range(requests))
        self.sizes = [draw.choice(sizes) for _ in self.at]
        self.plans, self.spent = [], 0

    async def run(self):
        for at, size in zip(self.at, self.sizes, strict=True):
            self.clock.time = MIDNIGHT + at
            plan = await self.ask(size)
            self.plans.append(plan)
            if plan.flight is not None:
                cost = plan.flight.hold
                self.spent += cost
                await self.engine.books.settle(plan.flight, cost, baseline=0)
        return self

    async def ask(self, size=10):
        features = RequestFeatures(max_tokens=size)
        route = Route("auto", ("auto",))
        return await self.engine.plan(Inquiry(features, PromptText("q"), NOBODY, route, 2, FACTS))

    def down(self, since=0.0):
        """The share of the requests from a share of the day on that were moved down."""
        found = [p.decision.rank < 2 for p, at in zip(self.plans, self.at, strict=True) if at >= since * DAY]
        return sum(found) / len(found)

    def changes(self):
        ranks = [p.decision.rank for p in self.plans]
        return sum(a != b for a, b in pairwise(ranks))

    def reasons(self):
        return {s.reason for p in self.plans for s in p.decision.steps} - {Reason.HEURISTIC}


async def test_a_paced_day_keeps_money_for_its_end():
    plain, paced = await Day(PLAIN).run(), await Day(PACED).run()
    assert paced.spent <= plain.spent <= 1_000_000
    assert paced.spent > 0.8 * 1_000_000, "and does not keep it for good"
    assert plain.down(0.75) == 1.0
    assert paced.down(0.55) < plain.down(0.55)
    assert Reason.PACE in paced.reasons()
    assert Reason.PACE not in plain.reasons()


async def test_the_tiers_of_a_paced_day_do_not_flap():
    day = await Day(PACED, requests=5_000).run()
    assert 2 <= day.changes() <= 60


async def test_without_hysteresis_they_would(monkeypatch):
    monkeypatch.setattr("litellm_tiering.core.bounds.LET_GO", 0.0)
    monkeypatch.setattr("litellm_tiering.core.pacing.LET_GO", 0.0)
    monkeypatch.setattr("litellm_tiering.pacer.DWELL_S", 0.0)
    day = await Day(PACED, requests=5_000).run()
    assert day.changes() > 120


async def test_a_day_within_its_means_is_left_alone():
    for budget in (PACED, replace(VALUE, limit=NanoUSD(3_000_000)), replace(PACED, by_value=True)):
        day = await Day(replace(budget, limit=NanoUSD(3_000_000)), requests=1_500, sizes=(5, 10, 20)).run()
        assert day.down() == 0.0


async def test_a_burst_at_midnight_is_slowed_at_once():
    day = await Day(PACED, arrivals=[float(i) for i in range(1_000)]).run()
    assert day.spent < 0.3 * 1_000_000
    assert day.plans[0].record.tier == "complex"
    assert day.plans[-1].record.tier == "simple"


async def test_a_paced_budget_that_blocks_never_passes_its_limit():
    budget = replace(PACED, at_ceiling=AtCeiling.BLOCK, limit=NanoUSD(30_000))
    day = Day(budget)
    plans = await asyncio.gather(*(day.ask() for _ in range(400)))
    held = sum(p.flight.hold for p in plans if p.flight is not None)
    assert 0 < held <= 30_000


async def test_value_spends_no_more_and_keeps_what_buys_most():
    plain = await Day(PLAIN, sizes=(2, 5, 10, 30)).run()
    value = await Day(VALUE, sizes=(2, 5, 10, 30)).run()
    assert value.spent <= plain.spent
    assert value.down() < plain.down()
    small, large = (
        [p.decision.rank for p, size in zip(value.plans, value.sizes, strict=True) if size == n]
        for n in (2, 30)
    )
    assert sum(small) / len(small) > 1.5 > sum(large) / len(large)
    assert Reason.VALUE in value.reasons()


async def test_until_a_price_is_known_value_means_the_thresholds():
    day = await Day(VALUE, requests=ENOUGH).run()
    await day.engine.books.settle((await day.ask()).flight, 850_000, baseline=0)
    fresh = engine_on(VALUE, clock=day.clock, ledger=day.engine.ledger, says=Scores())
    day.engine = fresh
    plan = await day.ask()
    assert (plan.record.tier, plan.decision.steps[-1].reason) == ("moderate", Reason.BUDGET)


async def test_an_escalation_of_a_rejected_answer_may_climb_where_value_would_not_let_it_start():
    day = await Day(VALUE, arrivals=[150.0 * i for i in range(300)]).run()
    plan = await day.ask()
    await day.engine.books.settle(plan.flight, 680_000 - day.spent, baseline=0)
    lowered = next(p for p in [await day.ask() for _ in range(40)] if p.decision.rank < 2)
    assert lowered.decision.steps[-1].reason is Reason.VALUE
    policy = day.engine.terms.policy
    assert policy.climbs_to(lowered.case, lowered.decision) == 2
    flight = await day.engine.escalate(lowered.flight.journey, lowered.decision.rank + 1)
    assert not isinstance(flight, Stopped)


async def test_an_escalation_waits_for_the_pace():
    engine = engine_on(PACED, clock=Clock(MIDNIGHT + DAY / 2))
    journey = await depart(engine)
    await engine.books.settle(journey.flights[0], 600_000, baseline=0)
    assert isinstance(await engine.escalate(journey, 2), Stopped)


async def test_explaining_shows_the_pace_and_leaves_no_trace():
    day = Day(PACED, arrivals=[0.0])
    await day.engine.books.settle((await day.ask()).flight, 590_000, baseline=0)
    day.clock.time = MIDNIGHT + DAY / 2
    inquiry = Inquiry(
        RequestFeatures(max_tokens=10), PromptText("q"), NOBODY, Route("auto", ("auto",)), 2, FACTS
    )
    plan = await day.engine.explain(inquiry)
    assert plan.decision.reasons[-1] == "pace:global:1.05"
    assert plan.record.tier == "moderate"
    assert day.engine.pacer._held == {}


async def test_a_critical_caller_is_neither_paced_nor_priced():
    budget = replace(PACED, by_value=True, limit=NanoUSD(1), critical=replace(PACED.critical, teams=("ops",)))
    engine = engine_on(budget, clock=Clock(MIDNIGHT), says=Scores())
    for _ in range(2 * ENOUGH):
        journey = await depart(engine, caller=Caller(team="ops"))
        assert journey.record.tier == "complex"
    assert (engine.market._books, engine.pacer._held) == ({}, {})


@pytest.mark.parametrize("scope", [Scope.GLOBAL, Scope.TEAM])
async def test_status_tells_how_the_window_will_end(scope):
    budget = replace(PACED, scope=scope)
    engine = engine_on(Budget(), budget, clock=Clock(MIDNIGHT + DAY / 2))
    journey = await depart(engine, caller=Caller(team="blue"))
    await engine.books.settle(journey.flights[0], 600_000, baseline=0)
    now = engine.clock.now()
    live = await engine.ledger.active(now)
    found = [b for b in live_budgets((budget,), live, now, engine.pacer) if b.balance.spent]
    (one,) = (b.as_json(LADDER.top) for b in found)
    assert one["forecast"].keys() == {"end_usd", "ratio", "lasts_until", "steps_down", "pacing"}
    assert (one["forecast"]["pacing"], one["forecast"]["steps_down"], one["steps_down"]) == ("linear", 1, 1)
    assert one["forecast"]["ratio"] == pytest.approx(0.6 / (0.5 + 0.04 * 0.5**4), abs=1e-5)
    assert now < one["forecast"]["lasts_until"] < window_at(budget.window, "UTC", now).end_s


async def test_status_of_a_count_has_no_forecast():
    engine = engine_on(Budget())
    await depart(engine)
    now = engine.clock.now()
    (one,) = live_budgets((Budget(),), await engine.ledger.active(now), now, engine.pacer)
    assert one.as_json(2)["forecast"] is None
