"""The pacer of one process: the course of each window, and which steps down pacing has taken.

It learns from the balances in the ledger's answers. What needs the store, the last days' hours, is read in
the background; no request waits for it.
"""

from __future__ import annotations

import asyncio
import datetime as dt
from collections import OrderedDict
from dataclasses import dataclass
from typing import TYPE_CHECKING
from zoneinfo import ZoneInfo

from litellm_tiering.core.budget import Pacing, Scope
from litellm_tiering.core.pacing import (
    DWELL_HOUR_S,
    DWELL_S,
    EVEN,
    Curve,
    Forecast,
    allowed,
    forecast,
    learned,
    level,
    linear,
    profile,
)
from litellm_tiering.units import WindowKind, window_at

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Mapping, Sequence
    from typing import Protocol, TypeVar

    from litellm_tiering.core.budget import Budget
    from litellm_tiering.ports import Clock, Ledger
    from litellm_tiering.units import Window

    T = TypeVar("T")

    class Asking(Protocol):
        """Asks the store, for which being away is a value: :class:`litellm_tiering.books.Books`."""

        async def ask(self, call: Awaitable[T], op: str) -> T | None:
            """The store's answer, or None when it is away or too slow."""
            ...


REFRESH_S = 900.0
"""How old the profiles may be, in seconds, before they are learned anew."""

RETRY_S = 60.0
"""How soon it is tried again when the store was away."""

DAYS = 14
"""How many of the last whole days are learned from."""

EVERYBODY = "*"
"""What the ledger calls the hours of all teams together."""

MAX_HELD = 10_000
MAX_CURVES = 2_000
MAX_TEAMS = 2_000
"""How many counters' steps, windows' courses and teams' profiles are remembered at most."""


@dataclass(slots=True)
class _Held:
    """How many steps down are taken, and since when."""

    level: int
    since_s: float


class Pacer:
    """Forecasts, and the steps that follow from them. One per event loop.

    Args:
        budgets: What is limited.
        timezone: Whose days and hours the ledger's totals are kept by.
        most: How many steps down there are.
        clock: The time.
        ledger: Where the last days' hours are kept; without it every course is straight.
        books: Asks it.
        on_fault: Told of a fault of ours in the background: where, and what was raised.
    """

    def __init__(  # noqa: PLR0913, PLR0917 - what it paces, and where the days are kept
        self,
        budgets: Sequence[Budget],
        timezone: str,
        most: int,
        clock: Clock,
        ledger: Ledger | None = None,
        books: Asking | None = None,
        on_fault: Callable[[str, BaseException], None] | None = None,
    ) -> None:
        self._timezone = timezone
        self._zone = ZoneInfo(timezone)
        self._most = most
        self._clock = clock
        self._ledger = ledger
        self._books = books
        self._on_fault = on_fault
        self._learns = any(b.paced and b.pacing is Pacing.LEARNED for b in budgets)
        self._held: OrderedDict[str, _Held] = OrderedDict()
        self._curves: dict[tuple[str, str, bool], Curve] = {}
        self._everybody: tuple[float, ...] = EVEN
        self._teams: dict[str, tuple[float, ...]] = {}
        self._due_s = float("-inf")
        self._task: asyncio.Task[None] | None = None

    # ------------------------------------------------------------------ on the request's path

    def state(
        self, budget: Budget, id_: str, key: str, window: Window, now_s: float
    ) -> tuple[float, int, bool]:
        """What share of the limit may be used by now, how many steps down are taken, and whether firmly."""
        share = allowed(self.curve(budget, id_, window).share(now_s))
        held = self._held.get(key)
        if held is None or not held.level:
            return share, 0, False
        return share, held.level, self._firm(held, budget, now_s)

    def seen(self, key: str, budget: Budget, ratio: float, now_s: float) -> None:
        """Take or let go of steps, the forecast of a counter being ``ratio`` of its limit."""
        held = self._held.get(key)
        before = 0 if held is None else held.level
        firm = held is not None and self._firm(held, budget, now_s)
        now = level(ratio, before, self._most, firm=firm)
        if now != before:
            self._held[key] = _Held(now, now_s)
            self._held.move_to_end(key)
            while len(self._held) > MAX_HELD:
                self._held.popitem(last=False)
        if self._learns and now_s >= self._due_s:
            self._refresh_soon(now_s)

    @staticmethod
    def _firm(held: _Held, budget: Budget, now_s: float) -> bool:
        dwell = DWELL_HOUR_S if budget.window is WindowKind.HOUR else DWELL_S
        # A clock that was set back must not hold a step for ever.
        return 0 <= now_s - held.since_s < dwell

    # ------------------------------------------------------------------ forecasts

    def curve(self, budget: Budget, id_: str, window: Window) -> Curve:
        """The course that a budget's window is taken to have."""
        learns = budget.pacing is Pacing.LEARNED and budget.window is not WindowKind.HOUR
        team = id_ if learns and budget.scope is Scope.TEAM and id_ in self._teams else ""
        key = (window.label, team, learns)
        found = self._curves.get(key)
        if found is not None:
            return found
        if not learns:
            found = linear(window)
        else:
            found = learned(window, self._timezone, self._teams.get(team, self._everybody))
        if len(self._curves) >= MAX_CURVES:
            self._curves.clear()
        self._curves[key] = found
        return found

    def forecast(self, budget: Budget, id_: str, used: int, now_s: float) -> Forecast | None:
        """How a budget's window will end; None where it has no limit. ``used`` is in nano-dollars."""
        if budget.limit is None:
            return None
        window = window_at(budget.window, budget.timezone, now_s)
        return forecast(int(budget.limit), used, self.curve(budget, id_, window), now_s)

    def steps_down(self, budget: Budget, id_: str, key: str, used: int, now_s: float) -> int:
        """How many steps down pacing would take a request of the dearest tier now."""
        if not budget.paced or budget.limit is None:
            return 0
        window = window_at(budget.window, budget.timezone, now_s)
        share, held, firm = self.state(budget, id_, key, window, now_s)
        return level(used / budget.limit / share, held, self._most, firm=firm)

    # ------------------------------------------------------------------ learning

    def _refresh_soon(self, now_s: float) -> None:
        if self._task is None or self._task.done():
            self._due_s = now_s + REFRESH_S
            self._task = asyncio.create_task(self._refresh())

    async def refresh_when_due(self) -> None:
        """Learn the profiles where that has not been done lately, for what is not a request."""
        if self._learns and self._clock.now() >= self._due_s:
            await self.refresh()

    async def _refresh(self) -> None:
        try:
            await self.refresh()
        except Exception as error:
            if self._on_fault is None:
                raise
            self._on_fault("pacing", error)

    async def refresh(self) -> None:
        """Learn the profiles of everybody and of each team from the last whole days."""
        if self._ledger is None or self._books is None or not self._learns:
            return
        now_s = self._clock.now()
        today = dt.datetime.fromtimestamp(now_s, self._zone).date()
        days = tuple(str(today - dt.timedelta(days=ago)) for ago in range(1, DAYS + 1))
        found = await self._books.ask(self._ledger.hours(days), "hours")
        self._due_s = now_s + (RETRY_S if found is None else REFRESH_S)
        if found is not None:
            self.learn(tuple(found.values()))

    def learn(self, days: Sequence[Mapping[str, Sequence[int]]]) -> None:
        """Make profiles of days: for each, the 24 hours' cost by team, ``*`` for everybody."""
        self._everybody = profile([day[EVERYBODY] for day in days if EVERYBODY in day])
        by_team: dict[str, list[Sequence[int]]] = {}
        for day in days:
            for team, hours in day.items():
                if team and team != EVERYBODY:
                    by_team.setdefault(team, []).append(hours)
        most = sorted(by_team, key=lambda t: -sum(map(sum, by_team[t])))[:MAX_TEAMS]
        self._teams = {team: profile(by_team[team], self._everybody) for team in most}
        self._curves.clear()

    async def close(self) -> None:
        """End what runs in the background."""
        if self._task is not None:
            self._task.cancel()
            await asyncio.gather(self._task, return_exceptions=True)
