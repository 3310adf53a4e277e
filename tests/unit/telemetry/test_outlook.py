from __future__ import annotations

import asyncio
import dataclasses
import math

import pytest

from litellm_tiering.accounts import counter_key
from litellm_tiering.announcer import Announcer
from litellm_tiering.core.budget import Balance, Budget, Choice, Downgrade, Limit, Scope
from litellm_tiering.core.pacing import forecast, linear
from litellm_tiering.core.policy import Account
from litellm_tiering.ledger.board_memory import MemoryBoard
from litellm_tiering.ledger.memory import MemoryLedger
from litellm_tiering.ports import Answer, Reservation
from litellm_tiering.telemetry.outlook import AT_ONCE, Outlook, label_of
from litellm_tiering.units import NANO_PER_USD, NanoUSD, WindowKind, window_at

MIDNIGHT = window_at(WindowKind.DAY, "UTC", 1_795_000_000.0).start_s
HOUR = 3600.0
LIMIT = 24 * NANO_PER_USD
DAILY = Budget(Scope.TEAM, limit=NanoUSD(LIMIT), downgrade=(Downgrade(0.8, steps=1),))


class Clock:
    def __init__(self, now):
        self.time = now

    def now(self):
        return self.time


class Kept:
    name = "kept"

    def __init__(self):
        self.events = []

    async def deliver(self, event):
        self.events.append(event)

    async def close(self):
        pass


class Asks:
    """The books' way of asking; the store can be away."""

    def __init__(self):
        self.away = False
        self.asked = 0

    async def ask(self, call, op):
        self.asked += 1
        found = await call
        return None if self.away else found


class Figures:
    def __init__(self):
        self.said = []

    def budgets(self, ratios, lasts):
        self.said.append((dict(ratios), dict(lasts)))


@dataclasses.dataclass
class Kit:
    clock: Clock
    ledger: MemoryLedger
    asks: Asks
    kept: Kept
    figures: Figures
    announcer: Announcer
    outlook: Outlook

    def account(self, budget=DAILY, id_="blue"):
        window = window_at(budget.window, budget.timezone, self.clock.now())
        limit = Limit(counter_key(budget, id_, window.label), int(window.end_s) + 86_400, ())
        return Account(budget, id_, limit, False, window.end_s)

    def see(self, *accounts):
        self.announcer.reserved(accounts, Answer(Choice(0), (Balance(),) * len(accounts), None))

    async def spend(self, account, usd):
        key, expires = account.limit.key, account.limit.expires_s
        attempt = f"{key}-{self.clock.now()}-{usd}"
        paid = Reservation(attempt, (key,), (expires,), 0, int(self.clock.now()))
        await self.ledger.settle(paid, round(usd * NANO_PER_USD), self.clock.now())

    async def look(self):
        await self.announcer.beat()
        if self.announcer._telling is not None:
            await asyncio.wait({self.announcer._telling})

    @property
    def kinds(self):
        return [e.kind.value for e in self.kept.events]


@pytest.fixture
async def kit():
    clock, ledger, asks, kept, figures = Clock(MIDNIGHT), MemoryLedger(), Asks(), Kept(), Figures()
    announcer = Announcer(MemoryBoard(), [kept], clock)

    def foresee(budget, id_, used, now_s):
        window = window_at(budget.window, budget.timezone, now_s)
        return None if budget.limit is None else forecast(budget.limit, used, linear(window), now_s)

    outlook = Outlook(announcer, ledger, asks, foresee, figures)
    announcer.works.append(outlook.look)
    yield Kit(clock, ledger, asks, kept, figures, announcer, outlook)
    await announcer.close()


async def minutes(kit, count):
    for _ in range(count):
        kit.clock.time += 60
        await kit.look()


async def test_a_forecast_is_told_once_it_has_said_so_for_ten_minutes_and_once_a_window(kit):
    account = kit.account()
    kit.clock.time += 6 * HOUR
    kit.see(account)
    await kit.spend(account, 12)
    await minutes(kit, 10)
    assert kit.kinds == []
    await minutes(kit, 1)
    (event,) = kit.kept.events
    assert (event.kind.value, event.name, event.ratio) == ("forecast", "team:blue", 0.5)
    assert event.detail.startswith("at this rate the money lasts ")
    await minutes(kit, 120)
    assert kit.kinds == ["forecast"]


async def test_what_it_says_is_when_the_money_ends_and_what_the_window_needs(kit):
    account = kit.account()
    kit.clock.time += 6 * HOUR
    kit.see(account)
    await kit.spend(account, 12)
    await minutes(kit, 11)
    now = kit.clock.time
    expected = forecast(LIMIT, LIMIT // 2, linear(window_at(WindowKind.DAY, "UTC", now)), now)
    left = round((expected.lasts_until - now) / 60)
    assert 300 < left < 480
    (event,) = kit.kept.events
    assert event.detail == (
        f"at this rate the money lasts {left} minutes; the window needs {expected.ratio:.2f} of the limit"
    )


async def test_a_forecast_that_comes_and_goes_is_not_told(kit):
    account = kit.account()
    kit.clock.time += 6 * HOUR
    kit.see(account)
    await kit.spend(account, 6.8)
    await minutes(kit, 9)
    assert kit.figures.said[-1][1]["team"] < math.inf
    # 40 minutes without a request: on course again.
    kit.clock.time += 40 * 60
    await minutes(kit, 1)
    assert kit.figures.said[-1][1]["team"] == math.inf
    await kit.spend(account, 0.5)
    await minutes(kit, 9)
    assert kit.figures.said[-1][1]["team"] < math.inf
    assert kit.kinds == []


async def test_the_first_tenth_of_a_window_forecasts_nothing(kit):
    account = kit.account()
    kit.clock.time += HOUR
    kit.see(account)
    await kit.spend(account, 12)
    await minutes(kit, 30)
    assert kit.kinds == []


async def test_money_that_is_gone_is_no_forecast(kit):
    account = kit.account(dataclasses.replace(DAILY, downgrade=()))
    kit.clock.time += 6 * HOUR
    kit.see(account)
    await kit.spend(account, 25)
    await minutes(kit, 30)
    assert kit.kinds == []
    assert kit.figures.said[-1] == ({"team": 25 / 24}, {"team": 0.0})


async def test_a_threshold_that_the_last_request_crossed_is_told_within_a_minute(kit):
    account = kit.account()
    kit.clock.time += 23 * HOUR
    kit.see(account)
    assert kit.kinds == []
    await kit.spend(account, 20)
    await minutes(kit, 2)
    assert kit.kinds == ["threshold"]


async def test_the_store_is_asked_once_a_minute_and_not_when_nothing_was_seen(kit):
    await minutes(kit, 3)
    assert kit.asks.asked == 0
    kit.see(kit.account())
    for _ in range(12):
        kit.clock.time += 15
        await kit.look()
    assert kit.asks.asked == 3
    # A clock that is set back does not stop it.
    kit.clock.time -= HOUR
    await kit.look()
    assert kit.asks.asked == 4


async def test_many_budgets_are_asked_in_bounded_questions(kit):
    kit.see(*(kit.account(id_=f"team-{i}") for i in range(AT_ONCE + 1)))
    await minutes(kit, 1)
    assert kit.asks.asked == 2


async def test_with_the_store_away_nothing_is_told_and_nothing_forgotten(kit):
    account = kit.account()
    kit.clock.time += 6 * HOUR
    kit.see(account)
    await kit.spend(account, 12)
    await minutes(kit, 8)
    kit.asks.away = True
    await minutes(kit, 1)
    assert len(kit.figures.said) == 8
    kit.asks.away = False
    await minutes(kit, 2)
    assert kit.kinds == ["forecast"]


async def test_figures_are_the_worst_of_each_scope_and_end_with_the_window(kit):
    everybody = kit.account(dataclasses.replace(DAILY, scope=Scope.GLOBAL), "*")
    route = kit.account(dataclasses.replace(DAILY, scope=Scope.ROUTE), "auto")
    blue, red = kit.account(), kit.account(id_="red")
    kit.clock.time += 12 * HOUR
    kit.see(everybody, route, blue, red)
    await kit.spend(blue, 6)
    await kit.spend(red, 18)
    await minutes(kit, 1)
    ratios, lasts = kit.figures.said[-1]
    assert ratios == {"global": 0.0, "route:auto": 0.0, "team": 0.75}
    assert lasts["global"] == lasts["route:auto"] == math.inf
    assert 3 * HOUR < lasts["team"] < 5 * HOUR
    kit.clock.time = blue.window_end_s
    await kit.look()
    assert kit.figures.said[-1] == ({}, {})
    assert kit.announcer.seen() == ()


@pytest.mark.parametrize("scope", [s for s in Scope if s not in {Scope.GLOBAL, Scope.ROUTE}])
def test_no_id_of_a_caller_becomes_a_label(scope):
    account = Account(Budget(scope), "someone", Limit("k", 0, ()), False, 0.0)
    assert label_of(account) == scope.value
