from __future__ import annotations

import datetime as dt
from dataclasses import replace

import pytest
from cascade_kit import FACTS, Clock, depart, engine_on

from litellm_tiering.core.budget import AtCeiling, Budget
from litellm_tiering.core.decision import Decision, Reason, Refusal, Stage, Step
from litellm_tiering.core.features import Caller, PromptText, RequestFeatures
from litellm_tiering.core.policy import Route
from litellm_tiering.plan import Inquiry, Unplanned
from litellm_tiering.tallies import Days, reason_of
from litellm_tiering.units import NanoUSD

BLUE = Caller(team="blue")
ROUTE = Route("auto", ("auto",))


def asking(caller):
    return Inquiry(RequestFeatures(max_tokens=10), PromptText("q"), caller, ROUTE, 2, FACTS)


DAY = dt.datetime(2026, 11, 21, 14, 30, tzinfo=dt.timezone.utc).timestamp()


async def rows(engine, *days):
    """The totals, as ``(route, tier, model, team, reason)`` and what was counted of them."""
    await engine.books.payments.tell_now()
    found = await engine.ledger.totals(days or ("2026-11-21",))
    return {
        (t.route, t.tier, t.model, t.team, t.reason): {
            name: value
            for name in ("requests", "refused", "attempts", "cost", "baseline", "waste")
            if (value := getattr(t, name))
        }
        for t in found
    }


async def test_a_request_is_counted_with_what_it_cost_and_would_have_cost():
    engine = engine_on(clock=Clock(DAY))
    journey = await depart(engine, caller=BLUE)
    await engine.books.settle(journey.flights[0], 7, baseline=900)
    assert await rows(engine) == {
        ("auto", "simple", "small", "blue", "heuristic"): {
            "requests": 1,
            "attempts": 1,
            "cost": 7,
            "baseline": 900,
        }
    }
    hours = (await engine.ledger.hours(("2026-11-21",)))["2026-11-21"]
    assert hours["*"][14] == hours["blue"][14] == 900


@pytest.mark.parametrize("served_first", [True, False])
async def test_an_answer_that_was_rejected_is_waste_and_saves_nothing(served_first):
    engine = engine_on(clock=Clock(DAY))
    journey = await depart(engine, caller=BLUE)
    first = journey.flights[0]
    await engine.books.settle(first, 7, baseline=900)
    second = await engine.escalate(journey, 1)
    if served_first:
        engine.books.serve(second, journey.record.decision)
    await engine.books.settle(second, 80, baseline=950)
    if not served_first:
        engine.books.serve(second, journey.record.decision)
    assert await rows(engine) == {
        ("auto", "simple", "small", "blue", "heuristic"): {
            "requests": 1,
            "attempts": 1,
            "cost": 7,
            "waste": 7,
        },
        ("auto", "moderate", "medium", "blue", "heuristic"): {"attempts": 1, "cost": 80, "baseline": 950},
    }


async def test_an_escalation_whose_answer_nobody_got_is_the_waste():
    engine = engine_on(clock=Clock(DAY))
    journey = await depart(engine)
    second = await engine.escalate(journey, 1)
    await engine.books.settle(second, 80, baseline=950)
    await engine.books.settle(journey.flights[0], 7, baseline=900)
    engine.books.serve(journey.flights[0], journey.record.decision)
    found = await rows(engine)
    assert found["auto", "moderate", "medium", "", "heuristic"] == {
        "requests": 1,
        "attempts": 1,
        "cost": 80,
        "waste": 80,
    }
    assert found["auto", "simple", "small", "", "heuristic"] == {"attempts": 1, "cost": 7, "baseline": 900}


async def test_a_further_bill_of_an_attempt_counts_where_the_attempt_does():
    clock = Clock(DAY)
    engine = engine_on(Budget(limit=NanoUSD(10**9)), clock=clock)
    journey = await depart(engine)
    flight = journey.flights[0]
    await engine.books.settle(flight, 7, baseline=900, bill="one")
    clock.time += 86_400
    await engine.books.more(flight, "two", 30)
    key = flight.reservation.keys[0]
    (balance,) = await engine.ledger.balances([key], clock.now())
    assert "2026-11-21" in key
    assert balance.spent == 37
    found = await rows(engine)
    assert found["auto", "simple", "small", "", "heuristic"]["cost"] == 37
    assert await rows(engine, "2026-11-22") == {}


async def test_calls_that_were_not_planned_count_once_and_on_the_day_they_were_made():
    clock = Clock(DAY + 86_400)
    engine = engine_on(clock=clock)
    call = Unplanned("call-1", BLUE, frozenset(), "gpt", 70, DAY)
    await engine.charge(call)
    await engine.charge(call)
    await engine.charge(replace(call, id="call-2", cost=0))
    assert await rows(engine) == {
        ("", "", "gpt", "blue", "unplanned"): {"requests": 1, "attempts": 1, "cost": 70, "baseline": 70}
    }


async def test_a_refusal_is_counted():
    budget = Budget(limit=NanoUSD(5), at_ceiling=AtCeiling.BLOCK)
    engine = engine_on(budget, clock=Clock(DAY))
    for _ in range(3):
        assert (await engine.plan(asking(BLUE))).flight is None
    assert await rows(engine) == {("auto", "simple", "small", "blue", "refused:ceiling"): {"refused": 3}}


def test_the_day_and_the_hour_are_the_owners_and_the_day_is_kept_for_as_long_as_said():
    berlin = Days("Europe/Berlin", retention_s=1_000)
    at_s = dt.datetime(2026, 11, 21, 23, 30, tzinfo=dt.timezone.utc).timestamp()
    tally = berlin.of_call(at_s, "gpt", "")
    end = dt.datetime(2026, 11, 22, 23, 0, tzinfo=dt.timezone.utc).timestamp()
    assert (tally.day, tally.hour, tally.expires_s) == ("2026-11-22", 0, int(end) + 1_000)


def test_the_reason_of_a_row_is_the_last_step_that_took_effect_and_no_client_writes_it():
    start = Decision((Step(Stage.CLASSIFY, Reason.RULE, None, 2, detail="faq"),))
    assert reason_of(start) == "rule:faq"
    moved = start.moved(1, stage=Stage.BUDGET, because=Reason.BUDGET, detail="end_user:x,y:0.83")
    assert reason_of(moved) == "budget"
    asked = moved.moved(0, stage=Stage.CLIENT, because=Reason.CLIENT, detail="lower", enforced=False)
    assert reason_of(asked) == "budget"
    assert reason_of(moved.refused(Refusal(Reason.CEILING, "no", 429))) == "refused:ceiling"
    assert reason_of(moved.shadowed(2)) == "shadow"
