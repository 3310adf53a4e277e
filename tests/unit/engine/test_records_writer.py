"""What brings decisions to the store, and what is told of them: never on a request's path."""

from __future__ import annotations

import asyncio
from dataclasses import replace

import pytest
from cascade_kit import LADDER, Clock, depart, engine_on

from litellm_tiering import recorder
from litellm_tiering.core.budget import Budget, Downgrade, Scope
from litellm_tiering.core.decision import Decision, Reason, Stage, Step
from litellm_tiering.core.features import Caller
from litellm_tiering.core.price import Usage
from litellm_tiering.core.record import Attempt, Record
from litellm_tiering.decisions import HIDDEN, Decisions, cursor_of, is_id, place_of, shown
from litellm_tiering.errors import StoreUnavailable
from litellm_tiering.guard import FAILURES, Guard
from litellm_tiering.ledger import records_memory
from litellm_tiering.ledger.memory import MemoryLedger
from litellm_tiering.ledger.records_memory import MemoryRecords
from litellm_tiering.recorder import AT_ONCE, EVERY_S, UNDER_WAY_S, WAITING_MAX, Writer
from litellm_tiering.records import Asked, Row
from litellm_tiering.units import nano_usd

BLUE = Caller(team="blue", key="k1")


def record(number, verdict="ok", clock=None, **more):
    step = Step(Stage.CLASSIFY, Reason.LEARNED, None, 0)
    at = Clock().time if clock is None else clock.time
    attempts = (Attempt("simple", "small", verdict),)
    return Record(
        f"{number:016x}", at, "auto", "", "", Decision((step,)), "simple", "small", attempts, **more
    )


class Store(MemoryRecords):
    """Rows in memory, away when told to, and how it was asked."""

    def __init__(self):
        super().__init__(10_000, 86_400)
        self.away = False
        self.batches = []
        self.breaks = False

    async def append(self, rows):
        self._answer()
        self.batches.append([int(r.id, 16) for r in rows])
        if self.breaks:
            raise ValueError("no store takes this")
        await super().append(rows)

    async def look(self, asked):
        self._answer()
        return await super().look(asked)

    async def get(self, id_):
        self._answer()
        return await super().get(id_)

    def _answer(self):
        if self.away:
            raise StoreUnavailable("away")


@pytest.fixture
def clock():
    return Clock()


@pytest.fixture
def guard(clock):
    return Guard(MemoryLedger(), clock)


@pytest.fixture
async def writer(guard):
    made = Writer(Store(), LADDER, guard, on_fault=lambda where, error: faults.append((where, error)))
    faults = made.told = []
    yield made
    made.store.away = made.store.breaks = False
    await made.close()


# --- writing -----------------------------------------------------------------------------------------------


async def test_what_is_noted_is_written_once_in_its_latest_state(writer):
    writer.note(record(1, "pending"))
    writer.note(record(1, "refusal"))
    writer.note(record(2))
    assert writer.store.batches == []
    assert await writer.flush()
    assert (writer.store.batches, writer.waiting) == ([[1, 2]], 0)
    assert (await writer.store.get(f"{1:016x}")).verdicts == ("refusal",)
    assert await writer.flush()
    assert len(writer.store.batches) == 1


async def test_a_batch_is_one_round_trip(writer):
    for i in range(AT_ONCE + 1):
        writer.note(record(i))
    await writer.flush()
    assert [len(b) for b in writer.store.batches] == [AT_ONCE, 1]


async def test_a_request_under_way_is_written_when_it_takes_long_and_at_its_end(writer, clock):
    writer.note(record(1, "pending", clock))
    await writer.flush()
    assert writer.store.batches == []
    clock.time += UNDER_WAY_S
    await writer.flush()
    assert (writer.store.batches, writer.waiting) == ([[1]], 0)
    writer.note(record(1, "ok"))
    await writer.flush()
    assert writer.store.batches == [[1], [1]]


async def test_what_changes_while_it_is_written_is_written_again(writer):
    class Slow(Store):
        async def append(self, rows):
            await super().append(rows)
            if len(self.batches) == 1:
                writer.note(record(1, "refusal"))

    writer.store = Slow()
    writer.note(record(1))
    assert await writer.flush()
    assert writer.waiting == 1
    assert await writer.flush()
    assert (await writer.store.get(f"{1:016x}")).verdicts == ("refusal",)


async def test_it_is_written_in_the_background_a_moment_later(writer, monkeypatch):
    monkeypatch.setattr(recorder, "EVERY_S", 0.001)
    written = asyncio.Event()
    append = writer.store.append

    async def told(rows):
        await append(rows)
        written.set()

    writer.store.append = told
    writer.note(record(1))
    await asyncio.wait_for(written.wait(), 10)
    written.clear()
    writer.note(record(2))
    await asyncio.wait_for(written.wait(), 10)
    assert writer.store.batches == [[1], [2]]


async def test_one_timer_serves_many_notes(writer):
    writer.note(record(1))
    timer = writer._timer
    writer.note(record(2))
    assert writer._timer is timer
    assert timer.when() <= asyncio.get_running_loop().time() + EVERY_S


def test_without_a_loop_it_waits_for_one(guard):
    made = Writer(Store(), LADDER, guard)
    made.note(record(1))
    assert (made.waiting, made._timer) == (1, None)
    asyncio.run(made.flush())
    assert made.store.batches == [[1]]


def test_a_timer_of_a_closed_loop_does_not_hold_it_up(guard, monkeypatch):
    made = Writer(Store(), LADDER, guard)

    async def note(number):
        made.note(record(number))
        return made._timer

    first = asyncio.run(note(1))
    monkeypatch.setattr(recorder, "EVERY_S", -1.0)
    assert asyncio.run(note(2)) is not first


async def test_with_the_store_away_rows_wait_and_nothing_of_the_money_is_touched(writer, guard):
    writer.store.away = True
    for i in range(AT_ONCE + 1):
        writer.note(record(i))
    assert not await writer.flush()
    assert writer.waiting == AT_ONCE + 1
    assert (guard.ok, guard.open, guard.errors) == (True, False, {"records": 1})
    writer.store.away = False
    assert await writer.flush()
    assert (writer.waiting, writer.dropped, writer.alarms()) == (0, 0, [])


async def test_while_the_breaker_is_open_nobody_asks(writer, guard):
    guard._failures = FAILURES
    writer.note(record(1))
    assert not await writer.flush()
    assert (guard.errors, writer.store.batches) == ({}, [])
    guard._failures = 0


async def test_of_too_many_that_wait_the_oldest_is_dropped_and_told_of_for_an_hour(writer, clock):
    for i in range(WAITING_MAX + 3):
        writer.note(record(i))
    assert (writer.waiting, writer.dropped) == (WAITING_MAX, 3)
    assert writer.alarms() == ["records: 3 decisions were not recorded: the store did not take them in time"]
    clock.time += recorder.ALARM_S + 1
    assert writer.alarms() == []
    await writer.flush()
    assert writer.store.batches[0][0] == 3


async def test_a_row_that_no_store_takes_does_not_stop_those_after_it(writer):
    writer.store.breaks = True
    writer.note(record(1))
    assert await writer.flush()
    writer.store.breaks = False
    writer.note(record(2))
    assert await writer.flush()
    assert (writer.store.batches, writer.dropped, writer.waiting) == ([[1], [2]], 1, 0)
    assert [(where, type(error)) for where, error in writer.told] == [("records", ValueError)]


async def test_a_fault_in_the_background_is_told(writer, monkeypatch):
    monkeypatch.setattr(recorder, "EVERY_S", 0.001)
    told = asyncio.Event()
    writer._on_fault = lambda where, error: (writer.told.append(where), told.set())
    writer.flush = None
    writer.note(record(1))
    await asyncio.wait_for(told.wait(), 10)
    assert writer.told[0] == "records"
    del writer.flush


async def test_closing_writes_what_waits(guard):
    made = Writer(Store(), LADDER, guard)
    made.note(record(1, "pending"))
    made._start()
    await made.close()
    assert made.store.batches == [[1]]
    made.note(record(2))
    assert made._timer is None


# --- the engine's --------------------------------------------------------------------------------------


async def recording(*budgets, **terms):
    engine = engine_on(*budgets, **terms)
    engine.books.writer = Writer(Store(), LADDER, engine.books.guard)
    return engine


async def test_a_late_bill_brings_the_row_up_to_date():
    engine = await recording()
    journey = await depart(engine, caller=BLUE)
    id_ = journey.record.id
    await engine.books.settle(journey.flights[0], 1_000, baseline=5_000, bill="one")
    await engine.books.writer.flush()
    assert (await engine.books.writer.store.get(id_)).record["cost_usd"] == 1e-6
    await engine.books.more(journey.flights[0], "two", 2_000)
    await engine.books.writer.flush()
    found = await engine.books.writer.store.get(id_)
    assert (found.record["cost_usd"], found.team, found.key) == (3e-6, "blue", "k1")
    await engine.close()


async def test_the_budgets_are_those_of_that_moment():
    limit = Budget(limit=nano_usd(1.0), downgrade=(Downgrade(0.5, steps=1),))
    team = Budget(scope=Scope.TEAM, match="*", limit=None)
    engine = await recording(limit, team)
    journey = await depart(engine, caller=BLUE)
    await engine.books.settle(journey.flights[0], int(nano_usd(0.6)), baseline=0)
    second = await depart(engine, caller=BLUE)
    first, then = journey.record.explained(LADDER), second.record.explained(LADDER)
    assert [b["used_usd"] for b in first["budgets"]] == [0.0]
    (told,) = then["budgets"]
    assert (told["scope"], told["id"], told["limit_usd"], told["used_usd"]) == ("global", "*", 1.0, 0.6)
    assert (told["ratio"], told["window"], told["spared"]) == (0.6, "day", False)
    assert told["window_end"] > engine.clock.now()
    await engine.close()


async def test_an_attempt_tells_the_tokens_that_it_was_billed_for():
    engine = engine_on()
    first, cached = await depart(engine), await depart(engine)
    used = Usage(90, 10, cached=80)
    await engine.books.settle(first.flights[0], 5, baseline=9, usage=used)
    await engine.books.settle(cached.flights[0], 0, baseline=0)
    (told,), (free,) = (j.record.explained(LADDER)["attempts"] for j in (first, cached))
    assert Usage.told(told) == used
    assert told["cached_tokens"] == 80
    assert Usage.told(free) is None
    await engine.close()


async def test_without_the_store_no_budgets_are_known():
    engine = await recording(Budget(limit=nano_usd(1.0)))
    await engine.ledger.close()
    journey = await depart(engine)
    assert journey.record.explained(LADDER)["budgets"] == []
    await engine.books.close()


# --- what a worker can tell --------------------------------------------------------------------------------


@pytest.fixture
async def told():
    engine = await recording()
    yield engine, Decisions(engine.books, LADDER)
    engine.books.writer.store.away = False
    await engine.close()


async def test_its_own_are_told_before_they_are_written(told):
    engine, decisions = told
    journey = await depart(engine, caller=BLUE)
    id_ = journey.record.id
    found = await decisions.recent(Asked())
    assert ([r.id for r in found.rows], found.complete, found.reached) == ([id_], True, None)
    assert (await decisions.get(id_)).verdicts == ("pending",)
    assert (await decisions.recent(Asked(team="red"))).rows == ()


async def test_its_own_newer_state_counts_and_callers_words_stay(told):
    engine, decisions = told
    journey = await depart(engine)
    id_ = journey.record.id
    engine.books.judged(journey.flights[0], "ok")
    assert await decisions.rate(id_, "aa", 0.5) == 0.5
    engine.books.judged(journey.flights[0], "refusal")
    assert [r.feedback for r in (await decisions.recent(Asked())).rows] == [0.5]
    # What the store still has does not come back under a question that it no longer answers.
    assert (await decisions.recent(Asked(verdict="ok"))).rows == ()
    found = await decisions.get(id_)
    assert (found.feedback, found.verdicts) == (0.5, ("refusal",))


async def test_others_decisions_are_the_stores(told):
    engine, decisions = told
    other = Row.of(record(7), LADDER)
    await engine.books.writer.store.append([other])
    assert await decisions.get(other.id) == other
    assert (await decisions.recent(Asked())).rows == (other,)
    assert await decisions.rate(other.id, "aa", 1) == 1


async def test_with_the_store_away_it_tells_of_its_own(told):
    engine, decisions = told
    journey = await depart(engine)
    await engine.books.writer.flush(everything=True)
    await engine.books.writer.store.append([Row.of(record(7), LADDER)])
    engine.books.writer.store.away = True
    found = await decisions.recent(Asked(1))
    assert ([r.id for r in found.rows], found.complete) == ([journey.record.id], False)
    assert (await decisions.get(journey.record.id)).id == journey.record.id
    assert await decisions.get(f"{7:016x}") is None
    engine.books.judged(journey.flights[0], "ok")
    assert await decisions.rate(journey.record.id, "aa", 1) is None
    assert engine.books.guard.ok


async def test_there_is_more_when_a_page_is_full(told):
    engine, decisions = told
    await engine.books.writer.store.append([Row.of(record(i), LADDER) for i in range(3)])
    assert (await decisions.recent(Asked(3))).reached == Row.of(record(0), LADDER).place
    assert (await decisions.recent(Asked(4))).reached is None
    await depart(engine)
    await depart(engine)
    cut = await decisions.recent(Asked(4))
    assert cut.reached == cut.rows[-1].place
    assert (await decisions.recent(Asked(5))).reached is None


async def test_ones_own_that_are_older_than_a_look_reached_come_with_a_later_one(told, monkeypatch, clock):
    engine, decisions = told
    monkeypatch.setattr(records_memory, "LOOK", 2)
    monkeypatch.setattr(records_memory, "PAGE", 2)
    early = replace(record(9), at_s=clock.time - 60)
    engine.books.writer.note(early)
    stored = [Row.of(replace(record(i), at_s=clock.time + i), LADDER) for i in range(4)]
    await engine.books.writer.store.append(stored)
    first = await decisions.recent(Asked(4, verdict="ok"))
    assert ([r.id for r in first.rows], first.reached) == ([stored[3].id, stored[2].id], stored[2].place)
    second = await decisions.recent(Asked(4, first.reached, verdict="ok"))
    assert ([r.id for r in second.rows], second.reached) == ([stored[1].id, stored[0].id, early.id], None)


async def test_without_a_store_of_decisions_it_tells_of_its_own():
    engine = engine_on()
    journey = await depart(engine)
    await depart(engine)
    decisions = Decisions(engine.books, LADDER)
    found = await decisions.recent(Asked(1))
    assert (len(found.rows), found.complete, found.reached) == (1, True, found.rows[-1].place)
    assert (await decisions.get(journey.record.id)).id == journey.record.id
    assert await decisions.get("0" * 16) is None
    assert await decisions.rate(journey.record.id, "aa", 1) is None
    await engine.close()


@pytest.mark.parametrize("odd", ["", "x" * 16, "A" * 16, "0" * 17, "\ud800", "0123456789abcdef\n"])
async def test_what_is_no_id_is_not_asked_for(told, odd):
    _, decisions = told
    assert not is_id(odd)
    assert await decisions.get(odd) is None


def test_a_cursor_names_a_place():
    place = (1_800_000_000_123_456, "00ff")
    assert place_of(cursor_of(place)) == place
    for odd in ("", "-", "1-", "-1-ff", "1-fg", "9" * 17 + "-f", "1-ff\n", "٣-ff"):
        assert place_of(odd) is None


# --- what a viewer sees ------------------------------------------------------------------------------------

LABELS = {
    "budget:user:ann:0.83": f"budget:user:{HIDDEN}:0.83",
    "budget:end_user:a:b:0.83": f"budget:end_user:{HIDDEN}:0.83",
    "budget:global:0.83": "budget:global:0.83",
    "budget:team:blue:0.83": "budget:team:blue:0.83",
    "critical:key:88dc": f"critical:key:{HIDDEN}",
    "exempt:tag:x": f"exempt:tag:{HIDDEN}",
    "kept:budget:user:ann": f"kept:budget:user:{HIDDEN}",
    "shadow:pace:key:8:1.20": f"shadow:pace:key:{HIDDEN}:1.20",
    "refused:ceiling:user:ann": f"refused:ceiling:user:{HIDDEN}",
    "rule:monkey": "rule:monkey",
    "heuristic": "heuristic",
}


def moved_by(label):
    step = {"stage": "budget", "detail": label.partition(":")[2]}
    budgets = [{"scope": scope, "id": "ann"} for scope in ("global", "team", "user", "key")]
    refused = "The day budget of user:ann is used up. It starts anew in 5 s."
    return Row(
        "1" * 16,
        1.0,
        "blue",
        "k1",
        {"reasons": [label], "steps": [step], "budgets": budgets, "refused": refused},
    )


@pytest.mark.parametrize(("label", "expected"), LABELS.items())
def test_a_colleagues_personal_budgets_are_not_named(label, expected):
    found = shown(moved_by(label), all_of_it=False, own=False)
    assert found["reasons"] == [expected]
    assert found["steps"][0]["detail"] == expected.partition(":")[2]
    assert [b["id"] for b in found["budgets"]] == ["ann", "ann", HIDDEN, HIDDEN]
    assert found["refused"] == f"The day budget of user:{HIDDEN} is used up. It starts anew in 5 s."
    assert "key" not in found


def test_ones_own_decisions_are_shown_whole_and_an_administrator_sees_whose_they_are():
    row = moved_by("budget:user:ann:0.83")
    assert shown(row, all_of_it=False, own=True) == row.as_json()
    assert shown(row, all_of_it=True, own=False) == {**row.as_json(), "key": "k1"}


def test_what_is_missing_is_not_missed():
    assert shown(Row("1" * 16, 1.0, "", "", {}), all_of_it=False, own=False)["refused"] is None
