from __future__ import annotations

import asyncio

import pytest

from litellm_tiering import asides as asides_module
from litellm_tiering.accounts import counter_key
from litellm_tiering.asides import BARRED_S, CLASSIFIER
from litellm_tiering.books import ENDED_FOR_S
from litellm_tiering.core.budget import AtCeiling, Budget, Scope
from litellm_tiering.core.catalog import Price, TierFacts
from litellm_tiering.core.classification import Classification
from litellm_tiering.core.features import Caller, PromptText, RequestFeatures
from litellm_tiering.core.ladder import Ladder, Tier
from litellm_tiering.core.policy import Policy, Route
from litellm_tiering.engine import Engine
from litellm_tiering.ledger.memory import MemoryLedger
from litellm_tiering.plan import Inquiry, Terms
from litellm_tiering.status import classifier_status
from litellm_tiering.units import NanoUSD, window_at

LADDER = Ladder([Tier("simple", "small"), Tier("complex", "large")])
FACTS = tuple(TierFacts(Price(prompt=0.0, completion=float(p))) for p in (1, 100))
BLUE = Caller(team="blue")
ROUTE = Route("auto", ("auto",))
BUDGETS = (
    Budget(),
    Budget(Scope.TEAM, "blue", NanoUSD(1000), at_ceiling=AtCeiling.BLOCK),
    Budget(Scope.ROUTE, "auto"),
)


class Clock:
    def __init__(self):
        self.time = 1_795_000_000.0

    def now(self):
        return self.time


class Asks:
    """A chain whose one classifier asks a model of the side, if it may."""

    asks = True

    def classify(self, subject):
        return self._classify(subject.side)

    async def _classify(self, side):
        if side is not None:
            side.ask()
        await asyncio.sleep(0)
        return Classification(rank=1, by="llm")


class Side:
    def __init__(self, engine, caller=BLUE):
        self.engine, self.caller, self.asides = engine, caller, []

    def ask(self):
        aside = self.engine.asides.open("llm", "small", self.caller, "auto", frozenset())
        if aside is not None:
            self.asides.append(aside)


@pytest.fixture
def engine():
    return Engine(Terms(Policy(LADDER), BUDGETS, Asks()), MemoryLedger(), Clock())


def inquiry(engine, max_tokens=1):
    features = RequestFeatures(max_tokens=max_tokens)
    return Inquiry(features, PromptText("q"), BLUE, ROUTE, 1, FACTS, side=Side(engine))


async def spent(engine):
    now = engine.clock.now()
    ids = ("*", "blue", "auto")
    keys = [
        counter_key(b, i, window_at(b.window, b.timezone, now).label)
        for b, i in zip(BUDGETS, ids, strict=True)
    ]
    return [b.spent for b in await engine.ledger.balances(keys, now)]


async def test_a_call_is_counted_once_in_every_budget_of_its_caller_and_in_the_record(engine):
    plan = await engine.plan(inquiry(engine))
    (aside,) = plan.flight.journey.flights and engine.asides._open.values()
    id_ = aside.aside.id
    assert plan.record.consulted[0].verdict == "late"
    engine.asides.ended(aside.aside, "ok", 40)
    assert engine.books.record(plan.record.id).tax == 40
    await engine.asides.settle(id_, "call-1", 42)
    await engine.asides.settle(id_, "call-1", 42)
    assert await spent(engine) == [42, 42, 42]
    assert await engine.books.settle(plan.flight, 100, baseline=100)
    record = engine.books.record(plan.record.id)
    assert (record.tax, record.cost) == (42, 142)
    assert (engine.asides.calls, engine.asides.spent) == (1, 42)


async def test_a_second_bill_under_one_id_is_counted_as_well(engine):
    aside = engine.asides.open("llm", "small", BLUE, "auto", frozenset())
    await engine.asides.settle(aside.id, "outer", 10)
    await engine.asides.settle(aside.id, "inner", 5)
    assert aside.cost == 15
    assert await spent(engine) == [15, 15, 15]


async def test_a_quote_that_comes_after_the_bill_changes_nothing(engine):
    aside = engine.asides.open("llm", "small", BLUE, "auto", frozenset())
    await engine.asides.settle(aside.id, "b", 10)
    engine.asides.ended(aside, "ok", 99)
    assert (aside.cost, aside.verdict) == (10, "ok")


async def test_the_days_totals_tell_classifiers_apart_and_they_save_nothing(engine):
    aside = engine.asides.open("llm", "small", BLUE, "auto", frozenset())
    await engine.asides.settle(aside.id, "b", 10)
    day = engine.books.days.day(engine.clock.now())
    (row,) = await engine.ledger.totals([day])
    assert (row.reason, row.route, row.tier, row.model, row.team) == (CLASSIFIER, "auto", "", "small", "blue")
    assert (row.requests, row.attempts, row.cost, row.baseline) == (0, 1, 10, 0)
    assert await classifier_status(engine) == {"day": day, "calls": 1, "spent_usd": 1e-8}


async def test_a_late_call_changes_the_record_when_its_bill_comes(engine):
    plan = await engine.plan(inquiry(engine))
    (held,) = engine.asides._open.values()
    await engine.asides.settle(held.aside.id, "b", 7)
    engine.asides.ended(held.aside, "ok", 7)
    shown = engine.books.record(plan.record.id).explained(LADDER)
    assert shown["classifiers"][0]["verdict"] == "late"
    assert shown["classifiers"][0]["cost_usd"] == 7e-9
    assert plan.flight.journey.record.tax == 7


async def test_a_refused_request_has_its_classifiers_cost_on_record_and_bars_the_next(engine):
    refused = await engine.plan(inquiry(engine, max_tokens=1_000))
    assert refused.decision.refusal.status == 429
    (held,) = engine.asides._open.values()
    await engine.asides.settle(held.aside.id, "b", 7)
    assert engine.books.record(refused.record.id).cost == 7
    assert engine.asides.open("llm", "small", BLUE, "auto", frozenset()) is None
    assert engine.asides.open("llm", "small", Caller(team="red"), "auto", frozenset()) is not None
    engine.clock.time += BARRED_S
    assert engine.asides.open("llm", "small", BLUE, "auto", frozenset()) is not None


async def test_explaining_asks_nobody(engine):
    plan = await engine.explain(inquiry(engine))
    assert plan.record.consulted == ()
    assert engine.asides.calls == 0


async def test_what_is_unpaid_is_known_and_a_failure_owes_nothing(engine):
    first, second = (engine.asides.open("llm", "small", BLUE, "auto", frozenset()) for _ in range(2))
    assert engine.asides.unpaid == 2
    engine.asides.ended(first, "failed")
    assert (engine.asides.unpaid, first.verdict) == (1, "failed")
    await engine.asides.settle(second.id, "b", 0)
    assert engine.asides.unpaid == 0


async def test_memory_is_bounded_and_what_falls_out_is_not_known(engine, monkeypatch):
    monkeypatch.setattr(asides_module, "MAX_ASIDES", 3)
    monkeypatch.setattr(asides_module, "MAX_BARRED", 2)
    made = [engine.asides.open("llm", "small", BLUE, "auto", frozenset()) for _ in range(4)]
    assert [engine.asides.knows(a.id) for a in made] == [False, True, True, True]
    engine.asides.ended(made[0], "failed")
    for key in "abc":
        engine.asides.bar(key)
    assert len(engine.asides._barred) == 2


async def test_what_was_paid_or_failed_a_while_ago_is_forgotten_and_what_is_owed_is_not(engine):
    asides = engine.asides
    paid, failed, owed = (asides.open("llm", "small", Caller(), "auto", frozenset()) for _ in range(3))
    await asides.settle(paid.id, "bill", 5)
    asides.ended(failed, "failed")
    engine.clock.time += ENDED_FOR_S
    late = asides.open("llm", "small", Caller(), "auto", frozenset())
    for _ in range(4):
        asides.open("llm", "small", Caller(), "auto", frozenset())
    assert [asides.knows(one.id) for one in (paid, failed, owed, late)] == [False, False, True, True]


async def test_a_classifier_that_is_cancelled_ends_the_plan(engine):
    waiting = asyncio.ensure_future(engine.plan(inquiry(engine)))
    await asyncio.sleep(0)
    waiting.cancel()
    with pytest.raises(asyncio.CancelledError):
        await waiting


async def test_a_chain_that_fails_while_it_is_awaited_leaves_the_default(engine):
    class Fails(Asks):
        async def _classify(self, side):
            raise ZeroDivisionError

    engine._adopt(Terms(Policy(LADDER), BUDGETS, Fails()))
    plan = await engine.plan(inquiry(engine))
    assert plan.classification.fault == "ZeroDivisionError"
    assert engine.faults == {"classifier:ZeroDivisionError": 1}
