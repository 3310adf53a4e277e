from __future__ import annotations

import asyncio
import datetime as dt
import logging
from dataclasses import replace
from zoneinfo import ZoneInfo

import pytest

from litellm_tiering.accounts import counter_key
from litellm_tiering.books import ENDED_FOR_S
from litellm_tiering.core.budget import AtCeiling, Budget, Critical, Downgrade, Scope
from litellm_tiering.core.catalog import Price, TierFacts
from litellm_tiering.core.classification import Classification
from litellm_tiering.core.features import Caller, PromptText, RequestFeatures
from litellm_tiering.core.ladder import Ladder, Tier
from litellm_tiering.core.policy import Policy, Route
from litellm_tiering.engine import Engine
from litellm_tiering.errors import StoreUnavailable
from litellm_tiering.ledger.memory import MemoryLedger
from litellm_tiering.plan import Inquiry, Terms, Unplanned
from litellm_tiering.status import live_budgets
from litellm_tiering.units import NanoUSD, WindowKind, window_at

LADDER = Ladder([Tier("simple", "small"), Tier("moderate", "medium"), Tier("complex", "large")])
FACTS = tuple(TierFacts(Price(prompt=0.0, completion=float(p))) for p in (1, 10, 100))
BERLIN = ZoneInfo("Europe/Berlin")
NOBODY = Caller()


class Clock:
    def __init__(self, now=1_795_000_000.0):
        self.time = now

    def now(self):
        return self.time


class Says:
    def __init__(self, rank=2):
        self.rank = rank

    def classify(self, subject):
        if isinstance(self.rank, Exception):
            raise self.rank
        return Classification(rank=self.rank, by="heuristic")


class Away(MemoryLedger):
    """The memory ledger behind a cable that can be pulled, or a line that hangs."""

    def __init__(self):
        super().__init__()
        self.down, self.hang = False, False

    async def _line(self):
        if self.hang:
            await asyncio.Event().wait()
        if self.down:
            raise StoreUnavailable("the cable is out")

    async def reserve(self, hold):
        await self._line()
        return await super().reserve(hold)

    async def settle(self, reservation, cost, now_s, tally=None):
        await self._line()
        return await super().settle(reservation, cost, now_s, tally)

    async def hello(self, now_s):
        await self._line()
        return await super().hello(now_s)

    async def balances(self, keys, now_s):
        await self._line()
        return await super().balances(keys, now_s)


def engine(*budgets, ledger=None, clock=None, says=None, **terms):
    budgets = budgets or (Budget(),)
    made = Terms(Policy(LADDER), tuple(budgets), says or Says(), **terms)
    return Engine(made, ledger or MemoryLedger(), clock or Clock())


def asking(rank_route=None, *, max_tokens=10, caller=NOBODY, facts=FACTS, **more):
    route = rank_route or Route("auto", ("auto",), default_rank=1)
    features = RequestFeatures(max_tokens=max_tokens)
    return Inquiry(features, PromptText("q"), caller, route, 2, facts, **more)


async def spent(e, budget):
    window = window_at(budget.window, budget.timezone, e.clock.now())
    (found,) = await e.ledger.balances([counter_key(budget, "*", window.label)], e.clock.now())
    return found


LIMITED = Budget(limit=NanoUSD(10_000), downgrade=(Downgrade(0.8, steps=1), Downgrade(0.95, to_rank=0)))


async def test_a_plan_holds_what_its_tier_costs_and_settling_counts_the_real_cost():
    e = engine(LIMITED)
    plan = await e.plan(asking())
    assert (plan.record.tier, plan.record.model) == ("complex", "large")
    assert (await spent(e, LIMITED)).reserved == 1000
    assert await e.books.settle(plan.flight, 700, baseline=900)
    found = await spent(e, LIMITED)
    assert (found.spent, found.reserved) == (700, 0)
    record = e.books.record(plan.record.id)
    assert (record.cost, record.baseline, record.attempts[0].verdict) == (700, 900, "ok")


async def test_an_attempt_is_settled_once_whatever_events_come():
    e = engine(LIMITED)
    flight = (await e.plan(asking())).flight
    assert await e.books.settle(flight, 700, baseline=0)
    assert not await e.books.settle(flight, 700, baseline=0)
    assert not await e.books.release(flight)
    assert (await spent(e, LIMITED)).spent == 700


async def test_a_failed_request_costs_nothing_and_holds_nothing():
    e = engine(LIMITED)
    flight = (await e.plan(asking())).flight
    assert await e.books.release(flight)
    found = await spent(e, LIMITED)
    assert (found.spent, found.reserved) == (0, 0)
    assert e.books.record(flight.journey.record.id).attempts[0].verdict == "failed"


async def test_a_day_of_requests_goes_down_the_ladder_and_ends_at_the_cheapest():
    e = engine(LIMITED)
    tiers = []
    for _ in range(30):
        plan = await e.plan(asking())
        tiers.append(plan.record.tier)
        await e.books.settle(plan.flight, plan.flight.hold, baseline=0)
    assert tiers == ["complex"] * 8 + ["moderate"] * 15 + ["simple"] * 7
    assert (await spent(e, LIMITED)).spent == 8 * 1000 + 15 * 100 + 7 * 10


async def test_a_blocking_ceiling_is_never_passed_even_in_flight():
    e = engine(replace(LIMITED, at_ceiling=AtCeiling.BLOCK, downgrade=()))
    plans = await asyncio.gather(*(e.plan(asking()) for _ in range(200)))
    assert sum(p.flight is not None for p in plans) == 10
    refused = next(p for p in plans if p.flight is None)
    assert refused.decision.refusal.status == 429


async def test_the_next_day_starts_anew_across_a_change_of_clocks():
    start = dt.datetime(2026, 10, 25, 1, 0, tzinfo=BERLIN).timestamp()
    clock = Clock(start)
    budget = replace(LIMITED, timezone="Europe/Berlin", at_ceiling=AtCeiling.BLOCK, downgrade=())
    e = engine(budget, clock=clock)
    for _ in range(10):
        await e.books.settle((await e.plan(asking())).flight, 1000, baseline=0)
    refusal = (await e.plan(asking())).decision.refusal
    assert refusal.retry_after_s == 24 * 3600 + 1  # 23 hours by the dial, 24 by the sun
    clock.time = start + refusal.retry_after_s - 2
    assert (await e.plan(asking())).decision.refusal
    clock.time = start + refusal.retry_after_s
    assert (await e.plan(asking())).decision.refusal is None


async def test_a_cost_counts_in_the_window_of_its_admission():
    clock = Clock(dt.datetime(2026, 11, 21, 23, 59, tzinfo=dt.timezone.utc).timestamp())
    e = engine(LIMITED, clock=clock)
    flight = (await e.plan(asking())).flight
    clock.time += 120
    await e.books.settle(flight, 500, baseline=0)
    assert (await spent(e, LIMITED)).spent == 0
    clock.time -= 120
    assert (await spent(e, LIMITED)).spent == 500


async def test_critical_teams_are_counted_and_never_moved():
    budget = replace(LIMITED, critical=Critical(teams=("ops",)))
    e = engine(budget)
    for _ in range(12):
        plan = await e.plan(asking(caller=Caller(team="ops")))
        assert plan.record.tier == "complex"
        await e.books.settle(plan.flight, 1000, baseline=0)
    assert (await spent(e, budget)).spent == 12_000
    assert (await e.plan(asking())).record.tier == "simple"


async def test_of_two_budgets_for_one_team_the_first_wins_and_counts_once():
    blue = Budget(Scope.TEAM, "blue", NanoUSD(5000), at_ceiling=AtCeiling.BLOCK)
    rest = Budget(Scope.TEAM, "*", NanoUSD(500), at_ceiling=AtCeiling.BLOCK)
    e = engine(Budget(), blue, rest)
    plan = await e.plan(asking(caller=Caller(team="blue")))
    assert plan.flight
    await e.books.settle(plan.flight, 1000, baseline=0)
    live = await e.ledger.active(e.clock.now())
    teams = [b for b in live_budgets(e.terms.budgets, live, e.clock.now()) if b.budget.scope is Scope.TEAM]
    assert [(b.id, b.budget.limit, b.balance.spent) for b in teams] == [("blue", 5000, 1000)]
    assert (await e.plan(asking(caller=Caller(team="red")))).decision.refusal


@pytest.mark.parametrize(
    ("on_error", "tier", "status"),
    [("open", "complex", None), ("cheap", "simple", None), ("closed", "", 503)],
)
@pytest.mark.parametrize("how", ["down", "hang"])
async def test_with_the_store_away_requests_go_on_as_the_owner_says(on_error, tier, status, how, caplog):
    ledger = Away()
    setattr(ledger, how, True)
    e = engine(LIMITED, ledger=ledger, on_error=on_error)
    with caplog.at_level(logging.ERROR):
        plans = [await e.plan(asking()) for _ in range(3)]
    assert len([r for r in caplog.records if "store away" in r.message]) == 1
    for plan in plans:
        if status:
            assert plan.decision.refusal.status == status
        else:
            assert plan.record.tier == tier
            assert plan.decision.reasons[-1] == f"store:{on_error}"


async def test_what_was_spent_while_the_store_was_away_is_counted_once_when_it_is_back():
    ledger = Away()
    e = engine(LIMITED, ledger=ledger)
    held = (await e.plan(asking())).flight
    ledger.down = True
    unheld = (await e.plan(asking())).flight
    await e.books.settle(held, 300, baseline=0)
    await e.books.settle(unheld, 400, baseline=0)
    assert e.books.owed == 2
    ledger.down = False
    later = (await e.plan(asking())).flight
    await e.books.settle(later, 5, baseline=0)
    found = await spent(e, LIMITED)
    assert (e.books.owed, found.spent, found.reserved) == (0, 705, 0)


async def test_a_classifiers_fault_costs_its_opinion_not_the_request(caplog):
    e = engine(LIMITED, says=Says(RuntimeError("the prompt was: secret")))
    plan = await e.plan(asking())
    assert (plan.record.tier, plan.decision.reasons) == ("moderate", ("fault:RuntimeError",))
    assert "secret" not in caplog.text
    assert e.faults == {"classifier:RuntimeError": 1}


async def test_shadow_decides_and_counts_and_moves_nothing():
    e = engine(replace(LIMITED, at_ceiling=AtCeiling.BLOCK), says=Says(0), enforce=False)
    for _ in range(12):
        plan = await e.plan(asking())
        assert (plan.record.tier, plan.decision.refusal) == ("complex", None)
        assert plan.decision.reasons[0] == "shadow:heuristic"
        await e.books.settle(plan.flight, 1000, baseline=0)
    assert (await spent(e, LIMITED)).spent == 12_000
    by_name = await e.plan(asking(Route("x", ("x",), classify=False)))
    assert (by_name.record.tier, by_name.flight.hold) == ("complex", 1000)
    strict = engine(replace(LIMITED, at_ceiling=AtCeiling.BLOCK), ledger=e.ledger, clock=e.clock)
    assert (await strict.explain(asking())).decision.refusal.status == 429


async def test_explaining_holds_and_counts_nothing():
    e = engine(LIMITED)
    plan = await e.explain(asking())
    assert (plan.record.tier, plan.flight) == ("complex", None)
    assert await spent(e, LIMITED) == (await engine(LIMITED).ledger.balances(["x"], 0))[0]


async def test_explaining_sees_the_budget_as_it_stands_and_a_missing_store():
    ledger = Away()
    e = engine(LIMITED, ledger=ledger)
    await e.books.settle((await e.plan(asking())).flight, 9000, baseline=0)
    assert (await e.explain(asking())).decision.reasons == ("heuristic", "budget:global:0.90")
    ledger.down = True
    assert (await e.explain(asking())).decision.reasons == ("heuristic",)


async def test_a_request_no_tier_can_serve_touches_no_money():
    blind = tuple(replace(f, capability=replace(f.capability, vision=False)) for f in FACTS)
    inquiry = asking(facts=blind)
    inquiry = replace(inquiry, features=replace(inquiry.features, images=1))
    e = engine(LIMITED)
    plan = await e.plan(inquiry)
    assert (plan.decision.refusal.status, plan.flight) == (400, None)
    assert (await e.ledger.active(e.clock.now())) == {}


async def test_a_group_that_is_gone_is_not_sent_to():
    facts = (replace(FACTS[0], exists=False), *FACTS[1:])
    plan = await engine(says=Says(0)).plan(asking(facts=facts))
    assert (plan.record.tier, plan.decision.reasons[-1]) == ("moderate", "permission:gone")


async def test_costs_that_were_never_planned_are_counted_where_they_belong():
    team = Budget(Scope.TEAM, "*", NanoUSD(10), window=WindowKind.HOUR)
    e = engine(Budget(), team)
    await e.charge(Unplanned("call-1", Caller(team="blue"), frozenset(), "other", 70, e.clock.now()))
    await e.charge(Unplanned("call-1", Caller(team="blue"), frozenset(), "other", 70, e.clock.now()))
    await e.charge(Unplanned("call-2", Caller(), frozenset(), "other", 0, e.clock.now()))
    live = live_budgets(e.terms.budgets, await e.ledger.active(e.clock.now()), e.clock.now())
    assert [(b.budget.scope.value, b.id, b.balance.spent) for b in live] == [
        ("global", "*", 70),
        ("team", "blue", 70),
    ]
    shown = live[1].as_json(2)
    assert (shown["ratio"], shown["limit_usd"], shown["steps_down"]) == (7.0, 1e-08, 0)


async def test_status_says_how_many_steps_down_requests_are_moved():
    e = engine(LIMITED)
    await e.charge(Unplanned("x", Caller(), frozenset(), "other", 8500, e.clock.now()))
    (one,) = live_budgets(e.terms.budgets, await e.ledger.active(e.clock.now()), e.clock.now())
    assert one.as_json(2)["steps_down"] == 1


def test_nobody_gets_at_anothers_counter_by_writing_its_hash():
    budget = Budget(scope=Scope.END_USER)
    long = counter_key(budget, "x" * 100, "w")
    written = counter_key(budget, long.split("|")[1], "w")
    assert long.startswith("end_user|#")
    assert written != long


def test_odd_ids_are_hashed_in_keys():
    for id_ in ("x" * 65, "a|b", "a\nb", "\ud800"):
        key = counter_key(Budget(Scope.END_USER), id_, "w")
        assert key.startswith("end_user|#")
        assert len(key) < 60
        assert id_ not in key


async def test_a_contained_fault_is_traced_once_in_the_log_and_always_in_the_count(caplog):
    e = engine()

    async def work():
        raise KeyError("prompt text")

    assert [await e.contained("admit", work, "otherwise") for _ in range(2)] == ["otherwise"] * 2
    assert e.faults == {"admit:KeyError": 2}
    assert caplog.text.count("fault in admit") == 1
    assert "prompt text" not in caplog.text


async def test_what_ended_a_while_ago_is_forgotten_and_what_is_under_way_is_not():
    clock = Clock()
    e = engine(clock=clock)
    ended, released, open_ = [(await e.plan(asking())).flight for _ in range(3)]
    await e.books.settle(ended, 5, baseline=10)
    await e.books.release(released)
    clock.time += ENDED_FOR_S
    late = (await e.plan(asking())).flight
    # It ends only now, long after it began: bills of it may still come.
    await e.books.settle(open_, 5, baseline=10)
    for _ in range(3):
        await e.plan(asking())
    assert [e.books.flight(f.attempt) for f in (ended, released, open_, late)] == [None, None, open_, late]
    await e.books.settle(late, 5, baseline=10)
    clock.time += ENDED_FOR_S
    for _ in range(8):
        await e.plan(asking())
    assert [e.books.flight(f.attempt) for f in (open_, late)] == [None, None]


async def test_a_steady_stream_of_requests_leaves_no_more_flights_than_ten_minutes_worth():
    clock = Clock()
    e = engine(clock=clock)
    for _ in range(300):
        clock.time += ENDED_FOR_S / 50
        await e.books.settle((await e.plan(asking())).flight, 5, baseline=10)
    assert len(e.books._flights) <= 52


async def test_flights_and_records_are_bounded(monkeypatch):
    monkeypatch.setattr("litellm_tiering.books.MAX_FLIGHTS", 3)
    monkeypatch.setattr("litellm_tiering.books.MAX_RECORDS", 2)
    e = engine()
    flights = [(await e.plan(asking())).flight for _ in range(5)]
    assert e.books.flight(flights[0].attempt) is None
    assert e.books.flight(flights[4].attempt) is flights[4]
    assert [r.id for r in e.books.records()] == [flights[4].journey.record.id, flights[3].journey.record.id]
