from __future__ import annotations

import asyncio
from types import SimpleNamespace

import pytest
from cascade_kit import LADDER, depart, engine_on

from litellm_tiering import debt as debt_module
from litellm_tiering.accounts import counter_key
from litellm_tiering.core.budget import Budget, Scope
from litellm_tiering.core.debt import PROBE, Debt
from litellm_tiering.core.features import Caller
from litellm_tiering.debt import ESTIMATED, DebtSettings, Probe, Probes, debt_status
from litellm_tiering.errors import StoreUnavailable
from litellm_tiering.telemetry.meter import Figures
from litellm_tiering.units import NanoUSD, WindowKind, window_at

BLUE = Caller(team="blue")
BUDGETS = (
    Budget(limit=NanoUSD(10_000)),
    Budget(limit=NanoUSD(7), shadow=True, window=WindowKind.MONTH),
    Budget(limit=NanoUSD(1), window=WindowKind.MONTH),
    Budget(Scope.TEAM, "*", NanoUSD(10_000)),
)
SETTINGS = DebtSettings(0.5, 1_000)
RETENTION_S = 86_400
LARGE = LADDER[2]


@pytest.fixture
def engine():
    return engine_on(*BUDGETS)


@pytest.fixture
def probes(engine):
    return Probes(engine.books)


async def a_journey(engine):
    return await depart(engine, caller=BLUE)


async def held(probes, journey, amount=400, settings=SETTINGS, budgets=BUDGETS):
    return await probes.hold(settings, journey, LARGE, amount, budgets, RETENTION_S)


async def balances(engine):
    now = engine.clock.now()
    month = window_at(WindowKind.MONTH, "UTC", now).label
    day = window_at(WindowKind.DAY, "UTC", now).label
    keys = [f"debt|*|{day}", counter_key(Budget(), "*", day), counter_key(Budget(), "*", month)]
    keys.append(counter_key(Budget(Scope.TEAM), "blue", day))
    return [(b.spent, b.reserved) for b in await engine.ledger.balances(keys, now)]


async def test_money_is_held_in_the_owners_own_budget_and_the_global_ones_alone(engine, probes):
    journey = await a_journey(engine)
    before = await balances(engine)
    probe = await held(probes, journey)
    assert isinstance(probe, Probe)
    assert probes.knows(probe.id)
    assert probes.unpaid == 1
    assert {key.partition("|")[0] for key in probe.reservation.keys} == {"debt", "global"}
    after = await balances(engine)
    assert [b[1] - a[1] for a, b in zip(before, after, strict=True)] == [400, 400, 400, 0]
    await probes.settle(probe.id, "bill", 250)
    spent = await balances(engine)
    assert [b[0] - a[0] for a, b in zip(before, spent, strict=True)] == [250, 250, 250, 0]
    assert [b[1] for b in spent] == [a[1] for a in before]
    assert probes.unpaid == 0


async def test_past_the_limit_and_past_a_global_ceiling_nothing_is_held(engine, probes):
    journey = await a_journey(engine)
    assert isinstance(await held(probes, journey, 600), Probe)
    before = await balances(engine)
    assert await held(probes, journey, 600) == "limit"
    rich = DebtSettings(0.5, 1_000_000)
    assert await held(probes, journey, 20_000, rich) == "budget"
    # In shadow mode a budget stops nothing; of two for one window the first counts.
    assert isinstance(await held(probes, journey, 400, rich), Probe)
    assert (await balances(engine))[0][1] - before[0][1] == 400


async def test_many_at_once_on_several_workers_never_pass_the_limit(engine):
    journey = await a_journey(engine)
    workers = [Probes(engine.books) for _ in range(4)]
    found = await asyncio.gather(*(held(workers[i % 4], journey, 90) for i in range(40)))
    assert sum(isinstance(f, Probe) for f in found) == 1_000 // 90
    assert (await balances(engine))[0] == (0, 990)


async def test_a_new_window_begins_anew(engine, probes):
    journey = await a_journey(engine)
    assert isinstance(await held(probes, journey, 1_000), Probe)
    assert await held(probes, journey, 1) == "limit"
    engine.clock.time += 86_400
    assert isinstance(await held(probes, journey, 1_000), Probe)


async def test_the_status_says_how_much_of_the_limit_is_used(engine, probes):
    now = engine.clock.now()
    assert debt_status(None, {}, now) is None
    assert debt_status(SETTINGS, {}, now)["spent_usd"] == 0
    journey = await a_journey(engine)
    await held(probes, journey, 300)
    paid = await held(probes, journey, 200)
    await probes.settle(paid.id, "bill", 150)
    told = debt_status(SETTINGS, await engine.ledger.active(now), now)
    figures = {"limit_usd": 1e-6, "spent_usd": 1.5e-7, "reserved_usd": 3e-7}
    assert {name: told[name] for name in figures} == pytest.approx(figures)
    assert (told["window"], told["window_end"]) == ("day", window_at(WindowKind.DAY, "UTC", now).end_s)


async def test_without_the_store_nothing_is_asked(engine, probes, monkeypatch):
    async def away(hold):
        raise StoreUnavailable("gone")

    journey = await a_journey(engine)
    monkeypatch.setattr(engine.ledger, "reserve", away)
    assert await held(probes, journey) == "store"


async def test_each_bill_counts_once_a_second_one_beside_it(engine, probes):
    journey = await a_journey(engine)
    probe = await held(probes, journey)
    for bill, cost in (("one", 100), ("one", 100), ("two", 30)):
        await probes.settle(probe.id, bill, cost)
    assert probe.cost == 130
    assert (await balances(engine))[0] == (130, 0)
    await engine.books.payments.tell_now()
    (row,) = await engine.ledger.totals([engine.books.days.day(engine.clock.now())])
    assert (row.reason, row.tier, row.model, row.team) == (PROBE, "complex", "large", "")
    assert (row.attempts, row.cost, row.waste, row.baseline, row.requests) == (1, 130, 130, 0, 0)


async def test_where_no_bill_comes_what_was_said_of_the_answer_counts(engine, probes, monkeypatch):
    monkeypatch.setattr(debt_module, "BILL_WITHIN_S", 0)
    probe = await held(probes, await a_journey(engine))
    await probes.billed(probe, 70)
    assert (probe.bill, probe.cost) == (ESTIMATED, 70)
    await probes.settle(probe.id, ESTIMATED, 70)
    assert probe.cost == 70
    # The bill itself, late: what it comes to beyond that.
    await probes.settle(probe.id, "bill", 90)
    assert probe.cost == 90
    assert (await balances(engine))[0] == (90, 0)


async def test_a_bill_that_has_come_is_not_estimated(engine, probes, monkeypatch):
    probe = await held(probes, await a_journey(engine))
    await probes.settle(probe.id, "bill", 90)
    await probes.billed(probe, 70)
    await probes.settle(probe.id, ESTIMATED, 70)
    assert probe.cost == 90
    monkeypatch.setattr(debt_module, "BILL_WITHIN_S", 0)
    monkeypatch.setattr(debt_module, "MAX_OPEN", 0)
    forgotten = await held(probes, await a_journey(engine))
    assert not probes.knows(forgotten.id)
    await probes.billed(forgotten, 70)
    assert forgotten.cost == 0


async def test_a_call_that_failed_holds_nothing_and_its_bill_counts_all_the_same(engine, probes):
    probe = await held(probes, await a_journey(engine))
    probes.found(probe, Debt("complex", "large", skipped="failed"))
    await probes.release(probe)
    await probes.release(probe)
    assert (await balances(engine))[0] == (0, 0)
    await probes.settle(probe.id, "withheld", 40)
    assert (await balances(engine))[0] == (40, 0)
    record = engine.books.record(probe.journey.record.id)
    assert (record.debt.skipped, record.debt.cost) == ("failed", 40)
    paid = await held(probes, await a_journey(engine))
    await probes.settle(paid.id, "bill", 40)
    await probes.release(paid)
    assert (await balances(engine))[0] == (80, 0)


async def test_a_record_says_what_came_of_it_whichever_comes_first_bill_or_answer(engine, probes):
    debt = Debt("complex", "large", agreed=True)
    for bill_first in (True, False):
        journey = await a_journey(engine)
        probe = await held(probes, journey, 100)
        if bill_first:
            await probes.settle(probe.id, "bill", 50)
            assert journey.record.debt is None
        probes.found(probe, debt)
        if not bill_first:
            assert engine.books.record(journey.record.id).debt.cost == 0
            await probes.settle(probe.id, "bill", 50)
        told = engine.books.record(journey.record.id)
        assert (told.debt.agreed, told.debt.cost) == (True, 50)
        # It is the owner's doing, and none of the request's cost.
        assert told.cost == 0
    assert probes.skipped == {}


async def test_why_nothing_was_asked_is_counted_and_on_record(engine, probes):
    journey = await a_journey(engine)
    probes.skip(journey, LARGE, "busy")
    assert probes.skipped == {"busy": 1}
    assert engine.books.record(journey.record.id).explained(LADDER)["debt"]["skipped"] == "busy"


async def test_figures_tell_of_such_calls_as_probes(engine, probes):
    told = []
    metrics = SimpleNamespace(
        probes=lambda *args: told.append(args), spend=lambda *args: told.append(args), baseline=None
    )
    journey = await a_journey(engine)
    engine.books.meter = Figures(metrics)
    probe = await held(probes, journey)
    await probes.settle(probe.id, "bill", 50)
    assert told == [("complex", "large", 1), ("complex", "large", 50)]
