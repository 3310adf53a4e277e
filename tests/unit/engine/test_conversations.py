"""Conversations through the engine: kept up, within the budget and the key, for whoever they belong to."""

from __future__ import annotations

import asyncio
from dataclasses import replace

import pytest
from cascade_kit import FACTS, NOBODY, Clock, Says, depart, engine_on

from litellm_tiering import conversations
from litellm_tiering.core.budget import AtCeiling, Budget, Downgrade
from litellm_tiering.core.classification import Classification
from litellm_tiering.core.decision import Reason, Stage
from litellm_tiering.core.features import Caller, PromptText, RequestFeatures
from litellm_tiering.core.policy import Route
from litellm_tiering.errors import StoreUnavailable
from litellm_tiering.ledger.memory import MemoryLedger
from litellm_tiering.plan import Inquiry, Unplanned
from litellm_tiering.units import NanoUSD, WindowKind, window_at

ROUTE = Route("auto", ("auto",), default_rank=1, keep_s=3600)


class Store(MemoryLedger):
    """The memory ledger; it counts what is asked of it, and can go away."""

    def __init__(self):
        super().__init__()
        self.asked = []
        self.down = False

    async def reserve(self, hold):
        self.asked.append(hold)
        if self.down:
            raise StoreUnavailable("the cable is out")
        return await super().reserve(hold)


class Turns:
    """One conversation, asked turn by turn of any of several workers on one store."""

    def __init__(self, *workers, name="t", caller=NOBODY, route=ROUTE):
        self.workers, self.name, self.caller, self.route = workers, name, caller, route
        self.count = 0

    def inquiry(self, **more):
        follows = f"{self.name}{self.count}" if self.count else ""
        self.count += 1
        features = RequestFeatures(max_tokens=10, conversation=f"{self.name}{self.count}", follows=follows)
        return Inquiry(features, PromptText("q"), self.caller, self.route, 2, FACTS, **more)

    async def ask(self, rank, worker=0, **more):
        engine = self.workers[worker]
        engine.terms.classifiers.said = rank if isinstance(rank, Classification) else Says(rank).said
        return await engine.plan(self.inquiry(**more))

    async def tiers(self, *ranks, worker=0):
        return [(await self.ask(rank, worker)).record.tier for rank in ranks]


def workers(count=2, *budgets, **terms):
    ledger, clock = Store(), Clock()
    return [engine_on(*budgets, ledger=ledger, clock=clock, says=Says(), **terms) for _ in range(count)]


async def test_a_conversation_goes_up_only():
    (engine,) = workers(1)
    assert await Turns(engine).tiers(0, 1, 0, 2, 0, 1) == [
        "simple",
        "moderate",
        "moderate",
        "complex",
        "complex",
        "complex",
    ]


async def test_the_step_says_that_the_conversation_is_why():
    (engine,) = workers(1)
    turns = Turns(engine)
    await turns.ask(2)
    plan = await turns.ask(0)
    step = plan.decision.steps[-1]
    assert (step.stage, step.reason) == (Stage.CONVERSATION, Reason.CONVERSATION)
    assert plan.decision.reasons == ("heuristic", "conversation")


async def test_a_conversation_goes_up_only_whichever_worker_is_asked():
    one, other = workers(2)
    turns = Turns(one, other)
    told = [(await turns.ask(rank, worker)).record.tier for rank, worker in [(0, 0), (0, 1), (2, 0), (0, 1)]]
    assert told == ["simple", "simple", "complex", "complex"]


async def test_a_worker_that_knows_a_lower_rank_still_hears_of_the_higher_one():
    one, other = workers(2)
    turns = Turns(one, other)
    turns_told = [await turns.ask(1, 0), await turns.ask(0, 1), await turns.ask(2, 0), await turns.ask(0, 1)]
    turns.count -= 1
    # The same turn again, at the worker that has heard of it only as a moderate one.
    turns_told.append(await turns.ask(0, 1))
    assert [p.record.tier for p in turns_told] == ["moderate", "moderate", "complex", "complex", "complex"]


async def test_it_is_one_question_to_the_store_whatever_is_known():
    one, other = workers(2)
    turns = Turns(one, other)
    for rank, worker in [(0, 0), (2, 0), (0, 1), (0, 1)]:
        before = len(one.ledger.asked)
        await turns.ask(rank, worker)
        assert len(one.ledger.asked) == before + 1


async def test_nothing_else_is_asked_where_nothing_higher_can_be_known():
    (engine,) = workers(1)
    turns = Turns(engine)
    for rank, alternatives in [(2, 0), (0, 0), (0, 0)]:
        await turns.ask(rank)
        assert len(engine.ledger.asked[-1].higher) == alternatives
    turns = Turns(engine, name="u")
    for rank, alternatives in [(0, 0), (0, 2), (1, 1)]:
        await turns.ask(rank)
        assert len(engine.ledger.asked[-1].higher) == alternatives


async def test_a_first_turn_at_the_cheapest_tier_costs_the_store_nothing():
    (engine,) = workers(1)
    await Turns(engine).ask(0)
    assert engine.ledger.asked[-1].thread is None


@pytest.mark.parametrize("route", [replace(ROUTE, keep_s=None), replace(ROUTE, classify=False, rank=0)])
async def test_a_route_may_do_without(route):
    (engine,) = workers(1)
    assert await Turns(engine, route=route).tiers(2, 0) == [
        "complex" if route.classify else "simple",
        "simple",
    ]
    assert all(hold.thread is None for hold in engine.ledger.asked)


async def test_a_conversation_is_forgotten_an_hour_after_its_last_turn():
    one, other = workers(2)
    turns = Turns(one, other)
    await turns.ask(2)
    for worker in (0, 1, 0):
        one.clock.time += 3500
        assert (await turns.ask(0, worker)).record.tier == "complex"
    one.clock.time += 3600
    assert (await turns.ask(0, 1)).record.tier == "simple"
    assert (await turns.ask(0, 0)).record.tier == "simple"


async def test_nobody_reaches_anothers_conversation():
    (engine,) = workers(1)
    await Turns(engine, caller=Caller(key="k", team="t")).ask(2)
    for caller in (
        Caller(key="l", team="t"),
        Caller(key="k", team="u"),
        Caller(key="k", team="t", user="x"),
        Caller(key="k", team="t", end_user="x"),
    ):
        turns = Turns(engine, caller=caller)
        turns.count = 1
        assert (await turns.ask(0)).record.tier == "simple"
    turns = Turns(engine, caller=Caller(key="k", team="t"), route=replace(ROUTE, name="other"))
    turns.count = 1
    assert (await turns.ask(0)).record.tier == "simple"


def test_no_two_scopes_are_written_alike():
    (engine,) = workers(1)
    features = RequestFeatures(conversation="c")
    found = [
        engine.conversations.thread(features, caller, ROUTE, 0.0)[0].writes
        for caller in (
            Caller(key="a", team="b"),
            Caller(key="a', 'b"),
            Caller(key="", team="ab"),
            Caller("\ud800"),
        )
    ]
    assert len(set(found)) == 4


async def test_the_clients_wish_still_lowers_a_turn_and_the_conversation_stays_up():
    (engine,) = workers(1)
    turns = Turns(engine)
    await turns.ask(2)
    assert (await turns.ask(0, wish=0)).record.tier == "simple"
    assert (await turns.ask(0)).record.tier == "complex"


async def test_a_conversation_that_began_with_a_wish_is_as_hard_as_its_question():
    (engine,) = workers(1)
    turns = Turns(engine)
    assert (await turns.ask(2, wish=0)).record.tier == "simple"
    assert (await turns.ask(0)).record.tier == "complex"


async def test_a_rules_cap_still_holds_and_its_floor_is_remembered():
    (engine,) = workers(1)
    turns = Turns(engine)
    await turns.ask(2)
    capped = Classification(rank=0, by="heuristic", cap=(1, "capped"))
    assert (await turns.ask(capped)).record.tier == "moderate"
    assert (await turns.ask(0)).record.tier == "complex"
    turns = Turns(engine, name="u")
    floored = Classification(rank=0, by="heuristic", floor=(1, "floored"))
    assert (await turns.ask(floored)).record.tier == "moderate"
    assert (await turns.ask(0)).record.tier == "moderate"


async def test_what_the_key_may_not_use_it_may_not_use_by_a_conversation():
    (engine,) = workers(1)
    turns = Turns(engine)
    await turns.ask(2)
    found = await turns.ask(0, forbidden={2: "key", 1: "key"})
    assert found.record.tier == "simple"


LIMITED = Budget(
    limit=NanoUSD(10_000),
    window=WindowKind.HOUR,
    downgrade=(Downgrade(0.5, steps=1), Downgrade(0.8, to_rank=0)),
)


async def spend(engine, amount):
    await engine.charge(Unplanned(f"x{amount}", NOBODY, frozenset(), "other", amount, engine.clock.now()))


async def test_the_budget_lowers_a_turn_and_what_it_lowered_is_not_remembered():
    one, other = workers(2, LIMITED)
    turns = Turns(one, other)
    assert (await turns.ask(2)).record.tier == "complex"
    await spend(one, 5_000)
    for worker in (0, 1):
        assert (await turns.ask(0, worker)).record.tier == "moderate"
    await spend(one, 3_500)
    assert (await turns.ask(0, 1)).record.tier == "simple"
    one.clock.time = window_at(LIMITED.window, "UTC", one.clock.time).end_s + 1
    assert [(await turns.ask(0, worker)).record.tier for worker in (0, 1)] == ["complex"] * 2


async def test_a_refused_turn_leaves_nothing():
    blocking = Budget(limit=NanoUSD(500), at_ceiling=AtCeiling.BLOCK)
    (engine,) = workers(1, blocking)
    turns = Turns(engine)
    assert (await turns.ask(2)).decision.refusal is not None
    assert (await turns.ask(0)).record.tier == "simple"


async def test_with_the_store_away_what_this_worker_knows_stands():
    one, other = workers(2)
    turns = Turns(one, other)
    await turns.ask(2)
    one.ledger.down = True
    assert (await turns.ask(0, 0)).record.tier == "complex"
    turns.count = 1
    assert (await turns.ask(0, 1)).record.tier == "simple"
    one.ledger.down = False
    await one.close()
    await other.close()


async def test_in_shadow_the_conversation_is_on_record_and_changes_nothing():
    one, other = workers(2, enforce=False)
    turns = Turns(one, other)
    await turns.ask(1)
    found = await turns.ask(0, 1)
    assert (found.record.tier, found.decision.reasons) == (
        "complex",
        ("shadow:heuristic", "shadow:conversation"),
    )
    assert found.decision.steps[-1].to_rank == 1
    # It is held for what it costs where it goes, whatever the conversation has reached.
    assert found.flight.reservation.amount == 1000


async def test_explaining_keeps_nothing():
    (engine,) = workers(1)
    turns = Turns(engine)
    engine.terms.classifiers.said = Says(2).said
    assert (await engine.explain(turns.inquiry())).record.tier == "complex"
    assert (await turns.ask(0)).record.tier == "simple"
    await turns.ask(2)
    engine.terms.classifiers.said = Says(0).said
    assert (await engine.explain(turns.inquiry())).decision.reasons == ("heuristic", "conversation")


async def settled(engine):
    await asyncio.gather(*engine.conversations._tasks)


async def test_an_escalation_that_was_served_raises_the_conversation():
    one, other = workers(2)
    turns = Turns(one, other)
    journey = (await turns.ask(0)).flight.journey
    flight = await one.escalate(journey, 1)
    one.served(journey, journey.flights[0])
    await settled(one)
    assert (await turns.ask(0, 1)).record.tier == "simple"
    turns.count = 1
    one.served(journey, flight)
    assert (await turns.ask(0, 0)).record.tier == "moderate"
    await settled(one)
    turns.count = 1
    assert (await turns.ask(0, 1)).record.tier == "moderate"


async def test_a_request_outside_of_conversations_may_be_escalated():
    (engine,) = workers(1)
    journey = await depart(engine)
    engine.served(journey, await engine.escalate(journey, 2))
    assert not engine.conversations._tasks


async def test_what_is_known_is_bounded(monkeypatch):
    monkeypatch.setattr(conversations, "KNOWN_MAX", 3)
    monkeypatch.setattr(conversations, "UNDER_WAY_MAX", 2)
    (engine,) = workers(1)
    journeys = [(await Turns(engine, name=f"n{i}").ask(1)).flight.journey for i in range(5)]
    assert len(engine.conversations._known) == 3
    for journey in journeys:
        engine.served(journey, await engine.escalate(journey, 2))
    assert len(engine.conversations._tasks) == 2
    await engine.close()
    assert not engine.conversations._tasks


async def test_one_with_tools_and_one_without_are_two():
    (engine,) = workers(1)
    plain = RequestFeatures(conversation="c", follows="c")
    tooled = replace(plain, tools=3)
    one, other = (engine.conversations.thread(f, NOBODY, ROUTE, 0.0)[0] for f in (plain, tooled))
    assert one.writes != other.writes
