from __future__ import annotations

import asyncio
import dataclasses
import json
import logging

import pytest

from litellm_tiering import announcer as module
from litellm_tiering.announcer import Announcer
from litellm_tiering.core.budget import AtCeiling, Balance, Budget, Choice, Downgrade, Limit, Scope
from litellm_tiering.core.catalog import Price, TierFacts
from litellm_tiering.core.classification import Classification
from litellm_tiering.core.features import Caller, PromptText, RequestFeatures
from litellm_tiering.core.ladder import Ladder, Tier
from litellm_tiering.core.policy import Account, Policy, Route
from litellm_tiering.engine import Engine
from litellm_tiering.errors import StoreUnavailable
from litellm_tiering.events import Event, Kind, of_budget, tidy
from litellm_tiering.ledger.board_memory import MemoryBoard
from litellm_tiering.ledger.memory import MemoryLedger
from litellm_tiering.plan import Inquiry, Stopped, Terms
from litellm_tiering.ports import Answer
from litellm_tiering.units import NANO_PER_USD, NanoUSD

LADDER = Ladder([Tier("simple", "small"), Tier("moderate", "medium"), Tier("complex", "large")])
FACTS = tuple(TierFacts(Price(prompt=0.0, completion=float(p))) for p in (1, 10, 100))
STEPS = (Downgrade(0.8, steps=1), Downgrade(0.95, to_rank=0))
NOON = 1_795_000_000.0
ENDS = NOON + 3600


class Clock:
    def __init__(self, now=NOON):
        self.time = now

    def now(self):
        return self.time


class Kept:
    """A sink that keeps what it is told; it may fail or hang."""

    def __init__(self, name="kept"):
        self.name = name
        self.events = []
        self.error = None
        self.hangs = False
        self.begun = asyncio.Event()
        self.closed = False

    async def deliver(self, event):
        self.begun.set()
        if self.hangs:
            await asyncio.Event().wait()
        if self.error is not None:
            raise self.error
        self.events.append(event)

    async def close(self):
        self.closed = True

    @property
    def kinds(self):
        return [e.kind.value for e in self.events]


class Away(MemoryBoard):
    def __init__(self, *, hangs=False):
        super().__init__()
        self.hangs = hangs

    async def claim(self, key, ttl_s, now_s):
        if self.hangs:
            await asyncio.Event().wait()
        raise StoreUnavailable("redis://user:secret@host is away")


class Says:
    def classify(self, subject):
        return Classification(rank=2, by="heuristic")


async def quiet(announcer):
    """Wait until all that was announced has been told."""
    while announcer._telling is not None and not announcer._telling.done():
        await asyncio.wait({announcer._telling})


@pytest.fixture
def made():
    """Makes announcers, each with a sink that keeps what it is told."""
    running = []

    def make(board=None, clock=None, **more):
        kept = Kept()
        faults = []
        one = Announcer(
            MemoryBoard() if board is None else board,
            [kept],
            clock or Clock(),
            on_fault=lambda where, error: faults.append((where, type(error).__name__)),
            **more,
        )
        one.kept, one.faults = kept, faults
        running.append(one)
        return one

    yield make
    assert not [one for one in running if one._beating is not None and not one._beating.done()], "not closed"


def account(id_="blue", *, scope=Scope.TEAM, limit=10, steps=STEPS, window="day:2026-11-21@UTC", **more):
    budget = Budget(scope, limit=None if limit is None else NanoUSD(limit * NANO_PER_USD), downgrade=steps)
    counter = Limit(f"{scope.value}|{id_}|{window}", 0, ())
    return Account(budget, id_, counter, False, more.get("ends", ENDS))


def at(ratio, *, limit=10, reserved=0.0):
    return Balance(round((ratio - reserved) * limit * NANO_PER_USD), round(reserved * limit * NANO_PER_USD))


def answer(*balances, choice=None):
    return Answer(choice or Choice(0), balances, None)


# ---------------------------------------------------------------------- thresholds and ceilings


async def test_a_threshold_is_told_once_a_window_however_many_requests_see_it(made):
    one = made()
    for _ in range(50):
        one.reserved([account()], answer(at(0.81)))
    await quiet(one)
    (event,) = one.kept.events
    assert (event.kind, event.name, event.threshold) == (Kind.THRESHOLD, "team:blue", 0.8)
    assert (event.limit_usd, event.spent_usd, event.ratio) == (10.0, 8.1, 0.81)
    assert (event.window, event.window_end_s) == ("day:2026-11-21@UTC", ENDS)
    one.reserved([account(window="day:2026-11-22@UTC")], answer(at(0.81)))
    await quiet(one)
    assert one.kept.kinds == ["threshold", "threshold"]
    await one.close()


@pytest.mark.parametrize(
    ("ratio", "told"),
    [(0.79999, []), (0.8, [0.8]), (0.94999, [0.8]), (0.95, [0.8, 0.95]), (3.0, [0.8, 0.95])],
)
async def test_thresholds_are_told_from_where_they_move_requests(made, ratio, told):
    one = made()
    one.reserved([account()], answer(at(ratio)))
    await quiet(one)
    assert [e.threshold for e in one.kept.events] == told
    await one.close()


async def test_what_is_held_counts_as_it_does_for_requests(made):
    one = made()
    one.reserved([account()], answer(at(0.85, reserved=0.3)))
    await quiet(one)
    (event,) = one.kept.events
    assert (round(event.spent_usd, 6), round(event.reserved_usd, 6), event.ratio) == (5.5, 3.0, 0.85)
    await one.close()


async def test_a_budget_without_a_limit_or_thresholds_has_none_to_cross(made):
    one = made()
    one.reserved([account(limit=None), account("red", steps=())], answer(at(5.0), at(5.0)))
    await quiet(one)
    assert one.kept.events == []
    await one.close()


async def test_of_one_request_the_threshold_is_told_before_the_ceiling(made):
    one = made()
    one.reserved([account()], answer(at(1.0), choice=Choice(None, 0, at_ceiling=True)))
    await quiet(one)
    assert [(e.kind.value, e.threshold) for e in one.kept.events] == [
        ("threshold", 0.8),
        ("threshold", 0.95),
        ("ceiling", None),
    ]
    assert one.kept.events[-1].detail == "requests are stopped"
    await one.close()


async def test_a_ceiling_is_told_once_and_names_the_budget_that_decided(made):
    one = made()
    both = [account("*", scope=Scope.GLOBAL, steps=()), account(steps=())]
    for _ in range(5):
        one.reserved(both, answer(at(0.1), at(0.99), choice=Choice(1, 1, at_ceiling=True)))
    await quiet(one)
    (event,) = one.kept.events
    assert (event.kind, event.name, event.detail) == (
        Kind.CEILING,
        "team:blue",
        "requests go to the cheapest tier",
    )
    await one.close()


async def test_a_request_as_large_as_half_the_limit_does_not_use_up_the_event(made):
    one = made()
    refused = Choice(None, 0, at_ceiling=True)
    one.reserved([account(steps=())], answer(at(0.49), choice=refused))
    await quiet(one)
    assert one.kept.events == []
    one.reserved([account(steps=())], answer(at(0.98), choice=refused))
    await quiet(one)
    assert one.kept.kinds == ["ceiling"]
    await one.close()


async def test_an_escalation_that_does_not_fit_is_no_ceiling(made):
    one = made()
    refused = Choice(None, 0, at_ceiling=True)
    one.reserved([account()], answer(at(0.9), choice=refused), starting=False)
    await quiet(one)
    assert one.kept.kinds == ["threshold"]
    await one.close()


async def test_what_is_told_once_is_told_once_without_a_board_too():
    kept = Kept()
    one = Announcer(None, [kept], Clock())
    for _ in range(3):
        one.once(Event(Kind.RELOAD, NOON), ("reload", 7.0), ENDS)
    one.once(Event(Kind.RELOAD, NOON), ("reload", 8.0), ENDS)
    await quiet(one)
    assert kept.kinds == ["reload", "reload"]
    await one.close()


# ---------------------------------------------------------------------- several workers


async def test_two_workers_on_one_board_tell_once(made):
    board = MemoryBoard()
    one, two = made(board), made(board)
    for worker in (one, two):
        worker.reserved([account()], answer(at(0.96), choice=Choice(None, 0, at_ceiling=True)))
    await asyncio.gather(quiet(one), quiet(two))
    assert sorted(one.kept.kinds + two.kept.kinds) == ["ceiling", "threshold", "threshold"]
    await one.close()
    await two.close()


async def test_the_claim_holds_to_the_windows_end_and_a_little_longer(made):
    board, clock = MemoryBoard(), Clock()
    one = made(board, clock)
    one.reserved([account()], answer(at(0.8)))
    await quiet(one)
    clock.time = ENDS + 60
    late = made(board, clock)
    late.reserved([account()], answer(at(0.8)))
    await quiet(late)
    assert (len(one.kept.events), len(late.kept.events)) == (1, 0)
    await one.close()
    await late.close()


@pytest.mark.parametrize("hangs", [False, True])
async def test_with_the_board_away_every_worker_tells_under_one_reference(made, monkeypatch, hangs):
    monkeypatch.setattr(module, "CLAIM_WITHIN_S", 0.01)
    one, two = made(Away(hangs=hangs)), made(Away(hangs=hangs))
    for worker in (one, two):
        worker.reserved([account()], answer(at(0.8)))
    await asyncio.gather(quiet(one), quiet(two))
    (first,), (second,) = one.kept.events, two.kept.events
    assert first.reference == second.reference
    other = of_budget(Kind.THRESHOLD, account("red"), at(0.8), NOON, threshold=0.8)
    one.once(other, ("team|red", 0.8), ENDS)
    await quiet(one)
    assert one.kept.events[1].reference != first.reference
    assert one.faults == []
    await one.close()
    await two.close()


async def test_what_is_remembered_and_what_waits_is_bounded(made, monkeypatch):
    monkeypatch.setattr(module, "TOLD_MAX", 10)
    monkeypatch.setattr(module, "SEEN_MAX", 10)
    monkeypatch.setattr(module, "QUEUE_MAX", 10)
    one = made()
    for i in range(100):
        one.reserved([account(f"team-{i}", steps=STEPS[:1])], answer(at(0.9)))
    assert (len(one._told), len(one._seen), len(one._queue), one.dropped) == (10, 10, 10, 90)
    await quiet(one)
    # The newest are told; and of what is forgotten here the board still knows.
    assert [e.id for e in one.kept.events] == [f"team-{i}" for i in range(90, 100)]
    one._told.clear()
    one.reserved([account("team-99", steps=STEPS[:1])], answer(at(0.9)))
    await quiet(one)
    assert len(one.kept.events) == 10
    await one.close()


async def test_a_budget_that_was_changed_is_kept_an_eye_on_as_it_is_now(made):
    one = made()
    one.reserved([account(limit=10)], answer(at(0.1)))
    one.reserved([account(limit=20)], answer(at(0.1)))
    (seen,) = one.seen()
    assert seen.budget.limit == 20 * NANO_PER_USD
    await one.close()


async def test_budgets_whose_window_has_ended_are_not_kept_an_eye_on(made):
    clock = Clock()
    one = made(clock=clock)
    one.reserved([account(), account("later", ends=ENDS + 60)], answer(at(0.1), at(0.1)))
    clock.time = ENDS
    assert [a.id for a in one.seen()] == ["later"]
    await one.close()


# ---------------------------------------------------------------------- the store


async def test_while_the_store_is_known_to_be_away_nobody_is_asked(made):
    board = MemoryBoard()
    one, two = made(board), made(board)
    for worker in (one, two):
        worker.store(False, "gone")
        worker.reserved([account()], answer(at(0.8)))
    await asyncio.gather(quiet(one), quiet(two))
    assert one.kept.kinds == two.kept.kinds == ["store_down", "threshold"]
    await one.close()
    await two.close()


async def test_a_store_that_comes_and_goes_is_told_of_once_a_minute(made):
    clock = Clock()
    one = made(Away(), clock)
    for second in range(60):
        clock.time = NOON + second
        one.store(False, "reserve: StoreUnavailable redis://me:hunter2@redis:6379 away")
        one.store(True, "0.5")
    await quiet(one)
    assert one.kept.kinds == ["store_down", "store_up"]
    down, up = one.kept.events
    assert down.detail == "reserve: StoreUnavailable redis://***@redis:6379 away"
    assert up.detail == "away for 0.5 s"
    clock.time = NOON + 60
    one.store(False, "again")
    await quiet(one)
    assert one.kept.kinds == ["store_down", "store_up", "store_down"]
    await one.close()


async def test_an_outage_that_began_within_the_minute_is_told_of_when_it_is_over(made):
    clock = Clock()
    one = made(Away(), clock)
    one.store(False, "first")
    one.store(True, "1")
    clock.time += 10
    one.store(False, "second")
    await one.beat()
    await quiet(one)
    assert one.kept.kinds == ["store_down", "store_up"]
    clock.time += 50
    await one.beat()
    await one.beat()
    await quiet(one)
    assert [e.detail for e in one.kept.events] == ["first", "away for 1 s", "second"]
    await one.close()


async def test_only_one_worker_tells_that_the_store_is_back(made):
    board = MemoryBoard()
    one, two = made(board), made(board)
    for worker in (one, two):
        worker._board = Away()
        worker.store(False, "gone")
    await asyncio.gather(quiet(one), quiet(two))
    assert one.kept.kinds == two.kept.kinds == ["store_down"]
    for worker in (one, two):
        worker._board = board
        worker.store(True, "3")
    await asyncio.gather(quiet(one), quiet(two))
    assert sorted(one.kept.kinds + two.kept.kinds) == ["store_down", "store_down", "store_up"]
    await one.close()
    await two.close()


# ---------------------------------------------------------------------- faults


async def test_a_sink_that_fails_or_hangs_keeps_no_other_from_its_turn(made, monkeypatch):
    monkeypatch.setattr(module, "DELIVER_WITHIN_S", 0.01)
    one = made()
    bad, stuck = Kept("bad"), Kept("stuck")
    bad.error, stuck.hangs = ValueError("a prompt, perhaps"), True
    one.sinks = (bad, stuck, *one.sinks)
    one.announce(Event(Kind.RELOAD, NOON))
    one.announce(Event(Kind.SWITCH, NOON))
    await quiet(one)
    assert one.kept.kinds == ["reload", "switch"]
    assert [where for where, _ in one.faults] == ["events.bad", "events.stuck"] * 2
    assert one.faults[0][1] == "ValueError"
    await one.close()


async def test_a_fault_in_the_background_is_logged_by_its_kind_only(caplog):
    one = Announcer(None, [], Clock())

    async def fails():
        raise ValueError("tell me a secret")

    one.works.append(fails)
    with caplog.at_level(logging.ERROR, logger="litellm_tiering"):
        await one.beat()
    assert "events.beat: ValueError" in caplog.text
    assert "secret" not in caplog.text


async def test_a_fault_of_the_board_is_reported_and_the_rest_is_told(made):
    one = made()

    async def broken(key, ttl_s, now_s):
        raise RuntimeError("bug")

    one._board.claim = broken
    one.announce(Event(Kind.RELOAD, NOON), "event|reload", 60)
    await quiet(one)
    one.announce(Event(Kind.SWITCH, NOON))
    await quiet(one)
    assert one.faults == [("events", "RuntimeError")]
    assert one.kept.kinds == ["switch"]
    await one.close()


async def test_closing_ends_its_tasks_and_its_sinks(made):
    one = made()
    one.kept.hangs = True
    one.reserved([account()], answer(at(0.9)))
    await asyncio.sleep(0)
    await one.close()
    assert one._telling.done()
    assert one._beating.done()
    assert one.kept.closed
    one.announce(Event(Kind.RELOAD, NOON))
    one.reserved([account("late")], answer(at(0.9)))
    assert len(one._queue) == 0
    assert len(asyncio.all_tasks()) == 1


def test_without_a_loop_nothing_is_told_and_with_the_next_one_all_is():
    one, kept = Announcer(None, [], Clock()), Kept()
    one.sinks = (kept,)
    one.reserved([account()], answer(at(0.8)))
    assert kept.events == []

    async def later():
        one.announce(Event(Kind.RELOAD, NOON))
        await quiet(one)
        await one.close()

    asyncio.run(later())
    assert kept.kinds == ["threshold", "reload"]


def test_an_event_loop_that_was_closed_around_its_tasks_is_no_end():
    one, kept = Announcer(None, [], Clock()), Kept()
    one.sinks = (kept,)
    loop = asyncio.new_event_loop()

    async def begin():
        kept.hangs = True
        one.announce(Event(Kind.RELOAD, NOON))
        await kept.begun.wait()

    loop.run_until_complete(begin())
    for hanging in asyncio.all_tasks(loop):
        hanging._log_destroy_pending = False
    loop.close()

    async def later():
        kept.hangs = False
        one.announce(Event(Kind.SWITCH, NOON))
        await quiet(one)
        await one.close()

    asyncio.run(later())
    assert kept.kinds == ["switch"]


# ---------------------------------------------------------------------- what an event says


def test_ids_that_clients_choose_are_cleaned_and_cut():
    hostile = "x\n<!channel> " + "a" * 500
    event = of_budget(Kind.THRESHOLD, account(hostile, scope=Scope.END_USER), at(0.8), NOON)
    assert len(event.id) == 64
    assert event.id.startswith("x___channel__a")
    assert "\n" not in event.line()


def test_of_a_key_only_a_part_of_its_hash_is_told():
    hashed = "ab12" * 16
    event = of_budget(Kind.THRESHOLD, account(hashed, scope=Scope.KEY), at(0.8), NOON)
    assert event.id == hashed[:16]
    assert hashed not in json.dumps(event.as_json()) + event.line()


def test_an_event_has_room_for_everything_that_json_has():
    event = of_budget(
        Kind.CEILING, account("*", scope=Scope.GLOBAL), at(1.25), NOON, threshold=0.8, detail='a "b"\nc'
    )
    assert event.name == "global"
    assert set(event.as_json()) - {"event", "at", "window_end"} == {
        f.name for f in dataclasses.fields(event)
    } - {"kind", "at_s", "window_end_s"}
    assert event.line() == (
        "event=ceiling scope=global ratio=1.25 threshold=0.80 spent_usd=12.5 limit_usd=10 "
        r'window=day:2026-11-21@UTC detail="a \"b\" c"'
    )
    assert Event(Kind.STORE_DOWN, NOON).line() == "event=store_down"


@pytest.mark.parametrize("text", ["a\x00b\x1b[31m", "\u202eabc", "x" * 10_000, "\ud800"])
def test_details_are_printable_and_short(text):
    told = tidy(text)
    assert told.isprintable()
    assert len(told) <= 200
    json.dumps(told).encode()


# ---------------------------------------------------------------------- in the engine


def engine(*budgets, announcer, **terms):
    made = Engine(Terms(Policy(LADDER), tuple(budgets), Says(), **terms), MemoryLedger(), announcer.clock)
    made.events = announcer
    return made


def asking(*, max_tokens=10, team="blue"):
    route = Route("auto", ("auto",), default_rank=1)
    features = RequestFeatures(max_tokens=max_tokens)
    return Inquiry(features, PromptText("q"), Caller(team=team), route, 2, FACTS)


BLOCKING = Budget(limit=NanoUSD(10_000), downgrade=(Downgrade(0.8, steps=2),), at_ceiling=AtCeiling.BLOCK)


async def test_a_days_requests_tell_of_the_threshold_and_then_of_the_ceiling(made):
    one = made()
    e = engine(BLOCKING, announcer=one)
    refused = 0
    for _ in range(400):
        plan = await e.plan(asking())
        if plan.flight is None:
            refused += 1
        else:
            await e.books.settle(plan.flight, plan.flight.hold, baseline=0)
    await quiet(one)
    assert refused > 100
    assert one.kept.kinds == ["threshold", "ceiling"]
    assert one.kept.events[1].ratio > 0.99
    await e.close()
    assert one.kept.closed


async def test_in_shadow_thresholds_are_told_and_ceilings_are_not(made):
    one = made()
    e = engine(BLOCKING, announcer=one, enforce=False)
    for _ in range(30):
        plan = await e.plan(asking())
        await e.books.settle(plan.flight, plan.flight.hold, baseline=0)
    await quiet(one)
    assert one.kept.kinds == ["threshold"]
    await e.close()


async def test_an_escalation_too_finds_what_others_have_spent(made):
    one = made()
    budget = dataclasses.replace(BLOCKING, scope=Scope.TEAM)
    e = engine(budget, announcer=one)
    plan = await e.plan(asking(max_tokens=1))
    others = dataclasses.replace(plan.flight.reservation, attempt="other", amount=0)
    await e.ledger.settle(others, 9_950, NOON)
    stopped = await e.escalate(plan.flight.journey, 2)
    assert isinstance(stopped, Stopped)
    await quiet(one)
    assert one.kept.kinds == ["threshold"]
    await e.close()


async def test_a_request_is_planned_whatever_becomes_of_its_events(made):
    one = made(Away())
    one.kept.error = RuntimeError("no")
    e = engine(BLOCKING, announcer=one)
    for _ in range(9):
        plan = await e.plan(asking())
        await e.books.settle(plan.flight, plan.flight.hold, baseline=0)
    await quiet(one)
    assert [where for where, _ in one.faults] == ["events.kept"]
    await e.close()
