from __future__ import annotations

import asyncio
import datetime as dt
from dataclasses import replace

import pytest
from cascade_kit import Clock

from litellm_tiering.accounts import counter_key
from litellm_tiering.core.budget import Budget, Downgrade, Pacing, Scope
from litellm_tiering.core.pacing import DWELL_HOUR_S, DWELL_S, allowed
from litellm_tiering.errors import StoreUnavailable
from litellm_tiering.pacer import DAYS, MAX_HELD, REFRESH_S, RETRY_S, Pacer
from litellm_tiering.units import NanoUSD, WindowKind, window_at

MIDNIGHT = dt.datetime(2026, 11, 21, tzinfo=dt.timezone.utc).timestamp()
NOON = MIDNIGHT + 43_200
STEPS = (Downgrade(0.8, steps=1), Downgrade(0.95, to_rank=0))
LINEAR = Budget(limit=NanoUSD(1_000), downgrade=STEPS, pacing=Pacing.LINEAR)
LEARNED = replace(LINEAR, pacing=Pacing.LEARNED)
TEAM = replace(LEARNED, scope=Scope.TEAM)
MORNING = tuple(100 if h < 6 else 1 for h in range(24))
EVENING = tuple(reversed(MORNING))


class Hours:
    """A ledger that knows nothing but the hours of days."""

    def __init__(self, **by_team):
        self.by_team = by_team
        self.asked = []
        self.fault = None

    async def hours(self, days):
        self.asked.append(days)
        if self.fault is not None:
            raise self.fault
        return dict.fromkeys(days, self.by_team)


class Books:
    async def ask(self, call, op):
        try:
            return await call
        except StoreUnavailable:
            return None


def pacer(*budgets, clock=None, ledger=None, on_fault=None):
    return Pacer(budgets, "UTC", 2, clock or Clock(NOON), ledger, Books() if ledger else None, on_fault)


def state(made, budget, key="k", now_s=NOON, id_="*"):
    return made.state(budget, id_, key, window_at(budget.window, budget.timezone, now_s), now_s)


def test_what_may_be_used_goes_with_the_time():
    made = pacer(LINEAR)
    assert state(made, LINEAR) == (allowed(0.5), 0, False)
    assert state(made, LINEAR, now_s=MIDNIGHT) == (allowed(0.0), 0, False)


def test_a_step_is_taken_at_once_and_kept_for_a_while():
    made = pacer(LINEAR)
    made.seen("k", LINEAR, 1.05, NOON)
    assert state(made, LINEAR)[1:] == (1, True)
    made.seen("k", LINEAR, 0.2, NOON + DWELL_S - 1)
    assert state(made, LINEAR, now_s=NOON + DWELL_S - 1)[1:] == (1, True)
    assert state(made, LINEAR, now_s=NOON + DWELL_S)[1:] == (1, False), "not before it is seen again"
    made.seen("k", LINEAR, 0.95, NOON + DWELL_S)
    assert state(made, LINEAR, now_s=NOON + DWELL_S)[1:] == (1, False)
    made.seen("k", LINEAR, 0.9, NOON + DWELL_S)
    assert state(made, LINEAR, now_s=NOON + DWELL_S)[1:] == (0, False)


def test_an_hour_has_no_time_to_keep_a_step_for_long():
    hourly = replace(LINEAR, window=WindowKind.HOUR)
    made = pacer(hourly)
    made.seen("k", hourly, 2.0, NOON)
    assert state(made, hourly, now_s=NOON + DWELL_HOUR_S)[1:] == (2, False)


def test_a_clock_that_was_set_back_holds_nothing():
    made = pacer(LINEAR)
    made.seen("k", LINEAR, 2.0, NOON)
    assert state(made, LINEAR, now_s=NOON - 3_600)[1:] == (2, False)


def test_each_counter_has_its_own_steps_and_they_are_bounded():
    made = pacer(LINEAR)
    for i in range(MAX_HELD + 5):
        made.seen(f"k{i}", LINEAR, 2.0, NOON)
    assert len(made._held) == MAX_HELD
    assert state(made, LINEAR, key="k0")[1] == 0
    assert state(made, LINEAR, key=f"k{MAX_HELD}")[1] == 2


def test_a_forecast_follows_the_course_and_needs_a_limit():
    made = pacer(LINEAR)
    assert made.forecast(Budget(), "*", 10, NOON) is None
    found = made.forecast(LINEAR, "*", 900, NOON)
    assert NOON < found.lasts_until < NOON + 43_200


def test_steps_down_are_those_of_now_and_nothing_where_nothing_is_paced():
    made = pacer(LINEAR)
    assert made.steps_down(LINEAR, "*", "k", int(1_000 * allowed(0.5)) + 1, NOON) == 1
    assert made.steps_down(replace(LINEAR, pacing=Pacing.OFF), "*", "k", 999, NOON) == 0
    made.seen("k", LINEAR, 2.0, NOON)
    assert made.steps_down(LINEAR, "*", "k", 0, NOON) == 2


async def test_it_learns_from_the_last_whole_days_everybodys_and_each_teams():
    ledger = Hours(**{"*": MORNING, "late": EVENING})
    made = pacer(LEARNED, TEAM, ledger=ledger)
    await made.refresh()
    (days,) = ledger.asked
    assert (days[0], days[-1], len(days)) == ("2026-11-20", "2026-11-07", DAYS)
    window = window_at(WindowKind.DAY, "UTC", NOON)
    assert made.curve(LEARNED, "*", window).share(NOON) > 0.85
    assert made.curve(TEAM, "late", window).share(NOON) < 0.2
    assert made.curve(TEAM, "new", window) == made.curve(LEARNED, "*", window)
    assert made.curve(LINEAR, "*", window).share(NOON) == 0.5
    named = replace(TEAM, scope=Scope.KEY)
    assert made.curve(named, "late", window) == made.curve(LEARNED, "*", window), "no team's name is a key's"


async def test_what_was_learned_takes_the_place_of_what_was_thought():
    ledger = Hours(**{"*": MORNING})
    made = pacer(LEARNED, ledger=ledger)
    before = state(made, LEARNED)[0]
    await made.refresh()
    assert state(made, LEARNED)[0] > before


async def test_a_request_never_waits_for_what_is_learned():
    ledger, clock = Hours(**{"*": MORNING}), Clock(NOON)
    made = pacer(LEARNED, clock=clock, ledger=ledger)
    made.seen("k", LEARNED, 0.1, NOON)
    assert ledger.asked == [], "it is for the background"
    await asyncio.sleep(0)
    assert len(ledger.asked) == 1
    await made._task
    made.seen("k", LEARNED, 0.1, NOON + REFRESH_S - 1)
    assert made._task.done()
    clock.time = NOON + REFRESH_S
    made.seen("k", LEARNED, 0.1, clock.time)
    await made._task
    assert len(ledger.asked) == 2


async def test_a_store_that_is_away_is_asked_again_soon():
    ledger = Hours(**{"*": MORNING})
    ledger.fault = StoreUnavailable("away")
    clock = Clock(NOON)
    made = pacer(LEARNED, clock=clock, ledger=ledger)
    await made.refresh_when_due()
    await made.refresh_when_due()
    assert len(ledger.asked) == 1
    clock.time += RETRY_S
    ledger.fault = None
    await made.refresh_when_due()
    assert len(ledger.asked) == 2
    assert state(made, LEARNED)[0] > allowed(0.6)


async def test_a_fault_in_the_background_is_told_and_harms_nobody():
    ledger, told = Hours(), []
    ledger.fault = ValueError("nonsense")
    made = pacer(LEARNED, ledger=ledger, on_fault=lambda where, error: told.append((where, error)))
    made.seen("k", LEARNED, 0.1, NOON)
    await made._task
    assert told == [("pacing", ledger.fault)]


async def test_nothing_is_asked_where_nothing_is_learned():
    ledger = Hours(**{"*": MORNING})
    made = pacer(LINEAR, replace(LEARNED, limit=None), ledger=ledger)
    await made.refresh()
    made.seen("k", LINEAR, 0.1, NOON)
    assert (ledger.asked, made._task) == ([], None)
    await made.close()


async def test_closing_ends_the_background():
    made = pacer(LEARNED, ledger=Hours(**{"*": MORNING}))
    made.seen("k", LEARNED, 0.1, NOON)
    await made.close()
    assert made._task.done()


@pytest.mark.parametrize("window", [WindowKind.DAY, WindowKind.WEEK, WindowKind.MONTH])
def test_counters_of_another_window_begin_without_steps(window):
    budget = replace(LINEAR, window=window)
    made = pacer(budget)
    now = window_at(window, "UTC", NOON)
    made.seen(counter_key(budget, "*", now.label), budget, 2.0, NOON)
    later = window_at(window, "UTC", now.end_s)
    assert made.state(budget, "*", counter_key(budget, "*", later.label), later, now.end_s)[1:] == (0, False)
