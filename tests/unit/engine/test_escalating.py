from __future__ import annotations

import asyncio
from dataclasses import replace

import pytest
from cascade_kit import ANY, FACTS, NOBODY, Clock, Says, balance, depart, engine_on, verdicts

from litellm_tiering.core.budget import AtCeiling, Balance, Budget, Critical, Downgrade, Scope
from litellm_tiering.core.cascade import Because
from litellm_tiering.core.features import Caller
from litellm_tiering.errors import StoreUnavailable
from litellm_tiering.ledger.memory import MemoryLedger
from litellm_tiering.plan import Stopped, Unplanned
from litellm_tiering.units import NanoUSD

OPS = Caller(team="ops")
LIMITED = Budget(limit=NanoUSD(1_000), downgrade=(Downgrade(0.5, steps=1), Downgrade(0.8, to_rank=0)))


class Counting(MemoryLedger):
    """The memory ledger; it counts what is asked of it, and can go away."""

    def __init__(self):
        super().__init__()
        self.asked = []
        self.how = ""

    async def reserve(self, hold):
        self.asked.append(hold)
        if self.how == "hang":
            await asyncio.Event().wait()
        if self.how == "down":
            raise StoreUnavailable("the cable is out")
        return await super().reserve(hold)


async def spend(engine, amount, caller=NOBODY):
    await engine.charge(Unplanned(f"x{amount}", caller, frozenset(), "other", amount, engine.clock.now()))


async def test_an_escalation_holds_what_it_costs_at_most_beside_the_first_attempt():
    engine = engine_on(LIMITED)
    journey = await depart(engine)
    assert (await balance(engine, LIMITED)).reserved == 10
    flight = await engine.escalate(journey, 1)
    assert (flight.rank, flight.index, flight.hold) == (1, 1, 100)
    assert journey.flights[1] is flight
    assert engine.books.flight(flight.attempt) is flight
    assert flight.attempt != journey.flights[0].attempt
    assert (await balance(engine, LIMITED)).reserved == 110
    assert verdicts(journey) == "small:pending,medium:pending"
    assert engine.books.record(journey.record.id) is journey.record


async def test_an_escalation_is_one_question_to_the_store():
    ledger = Counting()
    engine = engine_on(LIMITED, ledger=ledger)
    journey = await depart(engine)
    await engine.escalate(journey, 2)
    assert len(ledger.asked) == 2
    assert ledger.asked[1].amounts == (1_000, 0)


@pytest.mark.parametrize(
    ("spent", "rank", "stopped"),
    [(480, 1, False), (495, 1, True), (480, 2, True), (0, 2, True), (850, 1, True), (5_000, 1, True)],
    ids=["below", "threshold", "hold past the ceiling", "hold is the ceiling", "lower still", "long past"],
)
async def test_a_budget_that_would_not_let_a_request_start_there_does_not_let_it_climb(spent, rank, stopped):
    engine = engine_on(LIMITED)
    await spend(engine, spent)
    journey = await depart(engine)
    before = await balance(engine, LIMITED)
    found = await engine.escalate(journey, rank)
    if stopped:
        assert found == Stopped(Because.BUDGET, "global")
        assert await balance(engine, LIMITED) == before
        assert (len(journey.flights), verdicts(journey)) == (1, "small:pending")
    else:
        assert found.rank == rank


@pytest.mark.parametrize("at_ceiling", AtCeiling)
async def test_a_ceiling_stops_a_climb_whether_it_blocks_or_not_and_nothing_stays_held(at_ceiling):
    budget = replace(LIMITED, downgrade=(), at_ceiling=at_ceiling)
    engine = engine_on(budget)
    await spend(engine, 905)
    journey = await depart(engine)
    assert await engine.escalate(journey, 1) == Stopped(Because.BUDGET, "global")
    assert (await balance(engine, budget)).reserved == 10


async def test_the_budget_that_stopped_a_climb_is_named():
    poor = Budget(Scope.TEAM, "poor", NanoUSD(50))
    engine = engine_on(Budget(), poor)
    journey = await depart(engine, caller=Caller(team="poor"))
    assert await engine.escalate(journey, 1) == Stopped(Because.BUDGET, "team:poor")
    assert (await balance(engine, ANY)).reserved == 10
    assert (await balance(engine, poor, "poor")).reserved == 10


async def test_critical_callers_climb_past_every_threshold_and_are_counted():
    budget = replace(LIMITED, at_ceiling=AtCeiling.BLOCK, critical=Critical(teams=("ops",)))
    engine = engine_on(budget)
    await spend(engine, 5_000)
    journey = await depart(engine, caller=OPS)
    flight = await engine.escalate(journey, 2)
    assert flight.rank == 2
    await engine.books.settle(flight, 700, baseline=0)
    assert (await balance(engine, budget)).spent == 5_700


@pytest.mark.parametrize("how", ["down", "hang"])
@pytest.mark.parametrize("on_error", ["open", "cheap", "closed"])
async def test_with_the_store_away_only_an_open_proxy_climbs(on_error, how):
    ledger = Counting()
    engine = engine_on(LIMITED, ledger=ledger, on_error=on_error)
    journey = await depart(engine)
    ledger.how = how
    found = await engine.escalate(journey, 1)
    assert engine.books.store_errors == {"reserve": 1}
    if on_error != "open":
        assert found == Stopped(Because.STORE, on_error)
        assert len(journey.flights) == 1
        return
    assert (found.rank, found.reservation.amount) == (1, 0)
    ledger.how = ""
    await engine.books.settle(found, 70, baseline=0)
    assert (await balance(engine, LIMITED)).spent == 70


async def test_a_refused_climb_costs_the_request_nothing_else():
    engine = engine_on(LIMITED)
    await spend(engine, 495)
    journey = await depart(engine)
    await engine.escalate(journey, 1)
    assert await engine.books.settle(journey.flights[0], 5, baseline=0)
    assert await balance(engine, LIMITED) == Balance(500, 0)


async def test_an_escalation_is_counted_in_the_window_in_which_it_was_made():
    clock = Clock(1_795_046_400.0 - 60)
    engine = engine_on(LIMITED, clock=clock)
    journey = await depart(engine)
    clock.time += 120
    flight = await engine.escalate(journey, 1)
    await engine.books.settle(flight, 70, baseline=0)
    assert (await balance(engine, LIMITED)).spent == 70
    await engine.books.settle(journey.flights[0], 5, baseline=0)
    assert (await balance(engine, LIMITED)).spent == 70
    clock.time -= 120
    assert (await balance(engine, LIMITED)).spent == 5


async def test_the_second_climb_falls_back_on_the_tier_of_the_first():
    engine = engine_on(Budget(limit=NanoUSD(5_000), downgrade=(Downgrade(0.9, steps=1),)), says=Says(0))
    journey = await depart(engine)
    assert (await engine.escalate(journey, 1)).rank == 1
    assert (await engine.escalate(journey, 2)).index == 2
    assert (await balance(engine)).reserved == 10 + 100 + 1_000
    assert verdicts(journey) == "small:pending,medium:pending,large:pending"


async def test_many_climb_at_once_and_the_ceiling_holds():
    budget = Budget(limit=NanoUSD(1_000), downgrade=(), at_ceiling=AtCeiling.BLOCK)
    engine = engine_on(budget)
    journeys = [await depart(engine) for _ in range(50)]
    found = await asyncio.gather(*(engine.escalate(j, 1) for j in journeys))
    climbed = [f for f in found if not isinstance(f, Stopped)]
    assert len(climbed) == 5
    assert (await balance(engine, budget)).reserved == 50 * 10 + 5 * 100


async def test_a_tier_whose_model_is_unpriced_is_held_at_nothing_and_still_recorded():
    free = (FACTS[0], replace(FACTS[1], price=replace(FACTS[1].price, completion=0.0)), FACTS[2])
    engine = engine_on(LIMITED)
    journey = await depart(engine, facts=free)
    flight = await engine.escalate(journey, 1)
    assert (flight.hold, verdicts(journey)) == (0, "small:pending,medium:pending")
