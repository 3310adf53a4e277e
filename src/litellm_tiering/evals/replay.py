"""A trace under one policy: through the engine that the proxy runs, on a clock that follows the trace.

Nothing sleeps: between two arrivals the clock is set to each answer that ends there, and the answer is paid
for. Answers come from no model, so there is nothing for gates to judge, and no cascade.
"""

from __future__ import annotations

import asyncio
import datetime as dt
import heapq
from dataclasses import replace
from typing import TYPE_CHECKING
from zoneinfo import ZoneInfo

from litellm_tiering.accounts import counter_key
from litellm_tiering.config.assemble import engine_of
from litellm_tiering.core.price import Usage
from litellm_tiering.errors import TieringError
from litellm_tiering.evals.count import HOUR_S, Count
from litellm_tiering.evals.trace import DAY_S
from litellm_tiering.ledger.memory import MemoryLedger
from litellm_tiering.units import window_at

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from litellm_tiering.core.decision import Decision
    from litellm_tiering.evals.asking import Ask, Asking
    from litellm_tiering.evals.result import Result
    from litellm_tiering.evals.trace import Trace
    from litellm_tiering.journeys import Flight

A_WEDNESDAY = dt.date(2025, 1, 15)
"""The day that is replayed where nobody names another: no clock changes anywhere near it."""

FIRST_TOKEN_S = 0.5
"""How long an answer takes to begin, in seconds."""

TOKENS_PER_S = 60.0
"""How quickly it then goes on."""

REFRESH_S = 900.0
"""How often what the proxy reads in the background is read, in seconds."""

PROGRESS_EVERY = 1000


class ReplayFailed(TieringError):
    """The engine did not do what it does in a proxy, so the figures would mean nothing."""


class TraceClock:
    """A clock that stands where it is put; in seconds since the epoch."""

    def __init__(self, now_s: float) -> None:
        self.now_s = now_s

    def now(self) -> float:
        """Where it was put."""
        return self.now_s


def midnight(day: dt.date, timezone: str) -> float:
    """When ``day`` begins in ``timezone``, in seconds since the epoch."""
    return dt.datetime(day.year, day.month, day.day, tzinfo=ZoneInfo(timezone)).timestamp()


def service_s(ask: Ask) -> float:
    """How long an answer takes until it is paid for, in seconds: a plain model of a plain provider."""
    return FIRST_TOKEN_S + ask.completion_tokens / TOKENS_PER_S


class Replay:
    """One policy, one engine, one ledger, and the days that pass over them.

    Args:
        asking: The requests, and the configuration they are asked under.
        start_s: The trace's first midnight, in seconds since the epoch.
        progress: Told now and then how many requests have been replayed.
    """

    def __init__(self, asking: Asking, start_s: float, progress: Callable[[int], None] | None = None) -> None:
        self._asking = asking
        self._progress = progress
        self.told: Callable[[Ask, Decision], None] | None = None
        """Told of every request with what was decided on it."""
        self._seen = 0
        # What a policy would do does not depend on whether a proxy acts on it, nor on answers there are not.
        self._settings = replace(asking.settings, mode="enforce", cascade=None)
        self._clock = TraceClock(start_s)
        self._engine = engine_of(self._settings, MemoryLedger(), clock=self._clock)
        self._due: list[tuple[float, int, Flight, Ask]] = []
        self._paid: dict[str, tuple[int, int]] = {}

    async def day(self, trace: Trace, start_s: float, salt: str = "") -> Count:
        """Replay a trace whose first midnight is ``start_s``, once what came before is settled.

        Raises:
            ReplayFailed: the engine left a request or a cost out.
        """
        count = Count(self._settings, start_s)
        mark = start_s
        for ask in self._asking.requests(trace, salt):
            at_s = start_s + ask.t_s
            while mark <= at_s:
                await self._pass(mark, count)
                await self._mark(mark, count, start_s)
                mark += REFRESH_S
            await self._pass(at_s, count)
            await self._arrive(ask, at_s, count)
        end_s = start_s + DAY_S * trace.days
        while mark <= end_s:
            await self._pass(mark, count)
            await self._mark(mark, count, start_s)
            mark += REFRESH_S
        # Answers that are still being written are paid for after midnight, as part of this day.
        await self._pass(float("inf"), count)
        await self._check()
        return count

    async def close(self) -> None:
        """Let go of the engine and its ledger."""
        await self._engine.close()

    async def _arrive(self, ask: Ask, at_s: float, count: Count) -> None:
        self._clock.now_s = at_s
        plan = await self._engine.plan(ask.inquiry)
        count.decided(ask, plan.decision)
        if self.told is not None:
            self.told(ask, plan.decision)
        self._seen += 1
        if plan.flight is not None:
            heapq.heappush(self._due, (at_s + service_s(ask), self._seen, plan.flight, ask))
        if self._progress is not None and self._seen % PROGRESS_EVERY == 0:
            self._progress(self._seen)

    async def _pass(self, until_s: float, count: Count) -> None:
        """Let time pass up to ``until_s``: answers that end by then are paid for."""
        while self._due and self._due[0][0] <= until_s:
            ended_s, _, flight, ask = heapq.heappop(self._due)
            self._clock.now_s = max(self._clock.now_s, ended_s)
            cost = count.cost(ask, flight.rank)
            baseline = flight.journey.otherwise(Usage(ask.prompt_tokens, ask.completion_tokens))
            await self._engine.books.settle(flight, cost, baseline=baseline)
            count.settled(ask.t_s, cost)
            self._note(flight, cost)
        if until_s != float("inf"):
            self._clock.now_s = max(self._clock.now_s, until_s)

    async def _mark(self, at_s: float, count: Count, start_s: float) -> None:
        """What happens in the background, by the clock: profiles are read, and hours end."""
        past_s = at_s - start_s
        if past_s > 0 and past_s % HOUR_S == 0:
            await self._foretell(at_s - 1.0, count, past_s - 1.0)
        await self._engine.pacer.refresh()
        await asyncio.sleep(0)  # whatever else the engine left to the background gets its turn

    async def _foretell(self, now_s: float, count: Count, past_s: float) -> None:
        """Note how the budget stood at an hour's end, and what the engine then foretold."""
        budget = count.budget
        if budget is None:
            return
        key = counter_key(budget, "*", window_at(budget.window, budget.timezone, now_s).label)
        used = (await self._engine.ledger.balances([key], now_s))[0].used
        forecast = self._engine.pacer.forecast(budget, "*", used, now_s)
        count.foretold(past_s, used, None if forecast is None else int(forecast.end))

    def _note(self, flight: Flight, cost: int) -> None:
        for key, expires_s in zip(flight.reservation.keys, flight.reservation.expires_s, strict=True):
            paid = self._paid.get(key)
            self._paid[key] = (cost + (0 if paid is None else paid[0]), expires_s)

    async def _check(self) -> None:
        engine = self._engine
        if engine.faults or engine.books.store_errors or not engine.books.store_ok:
            what = ", ".join([*engine.faults, *engine.books.store_errors])
            raise ReplayFailed(f"the engine failed while replaying ({what})")
        now_s = self._clock.now_s
        self._paid = {key: paid for key, paid in self._paid.items() if paid[1] > now_s + 1}
        balances = await engine.ledger.balances(list(self._paid), now_s)
        if [b.spent for b in balances] != [cost for cost, _ in self._paid.values()]:
            raise ReplayFailed("the ledger does not hold what was paid")


async def replay(  # noqa: PLR0913 - the pieces of one replay
    trace: Trace,
    asking: Asking,
    start_s: float,
    *,
    before: Sequence[Trace] = (),
    label: str = "",
    progress: Callable[[int], None] | None = None,
    told: Callable[[Ask, Decision], None] | None = None,
) -> Result:
    """What a trace comes to under one policy.

    Args:
        trace: The arrivals.
        asking: The requests, and the configuration they are asked under.
        start_s: The trace's first midnight, in seconds since the epoch.
        before: The days before it, oldest first: they pass through the same engine and are not reported.
        label: The policy, as people call it.
        progress: Told now and then how many requests have been replayed.
        told: Told of every request of the trace, with what was decided on it.

    Raises:
        ReplayFailed: the engine left a request or a cost out.
    """
    # A trace of several days is preceded by as many each time.
    span_s = DAY_S * trace.days
    house = Replay(asking, start_s - len(before) * span_s, progress)
    try:
        for left, earlier in zip(range(len(before), 0, -1), before, strict=True):
            await house.day(earlier, start_s - left * span_s, salt=f"before-{left}")
        house.told = told
        return (await house.day(trace, start_s)).result(label)
    finally:
        await house.close()


def days_before(trace: Trace, count: int, seed: int) -> tuple[Trace, ...]:
    """As many days like the one of ``trace``, each drawn anew from it."""
    return tuple(trace.noisy(seed * 1000 + i) for i in range(count))
