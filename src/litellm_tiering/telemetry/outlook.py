"""Between requests: how the budgets that this worker counts for stand, and how long their money lasts.

Once a minute one question to the store tells what other workers have spent, and what came of holds. So a
threshold that the last request before a quiet hour has crossed is told of, and forecasts are made.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Protocol

from litellm_tiering.core.budget import Scope
from litellm_tiering.events import Kind, of_budget
from litellm_tiering.units import window_at

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Sequence
    from typing import TypeVar

    from litellm_tiering.announcer import Announcer
    from litellm_tiering.core.budget import Balance, Budget
    from litellm_tiering.core.policy import Account
    from litellm_tiering.ports import Ledger
    from litellm_tiering.telemetry.metrics import Metrics

    T = TypeVar("T")

EVERY_S = 60.0
"""How often the store is asked, in seconds."""

SAID_FOR_S = 600.0
"""For how long a forecast must have said that the money ends early before anybody is told, in seconds."""

EARLY = 0.1
"""Until this share of a window is gone a forecast is made of too little to be told."""

AT_ONCE = 100
"""How many budgets one question is about."""


class Asking(Protocol):
    """Asks the store, for which being away is a value: :class:`litellm_tiering.books.Books`."""

    async def ask(self, call: Awaitable[T], op: str) -> T | None:
        """The store's answer, or None when it is away or too slow."""
        ...


class Forecast(Protocol):
    """What is expected of a window: :class:`litellm_tiering.core.pacing.Forecast`."""

    @property
    def ratio(self) -> float:
        """What will have been used at the window's end, as a share of the limit."""
        ...

    @property
    def lasts_until(self) -> float | None:
        """When the money ends, in seconds since the epoch; None when it lasts."""
        ...


class Outlook:
    """Looks at the budgets once a minute; a work of the announcer's background.

    Args:
        announcer: Knows which budgets this worker counts for, and tells.
        ledger: Knows how they stand.
        books: Asks it.
        forecast: Says how long the money lasts for a budget and id of which so much is used at such a time.
        metrics: Takes the figures, where there is a Prometheus client.
    """

    def __init__(
        self,
        announcer: Announcer,
        ledger: Ledger,
        books: Asking,
        forecast: Callable[[Budget, str, int, float], Forecast | None],
        metrics: Metrics | None = None,
    ) -> None:
        self._announcer = announcer
        self._ledger = ledger
        self._books = books
        self._forecast = forecast
        self._metrics = metrics
        self._clock = announcer.clock
        self._asked_s = -math.inf
        self._said_since: dict[str, float] = {}

    async def look(self) -> None:
        """Ask and tell, unless that was less than a minute ago. With the store away nothing is known anew."""
        now = self._clock.now()
        if 0 <= now - self._asked_s < EVERY_S:
            return
        self._asked_s = now
        accounts = self._announcer.seen()
        found: list[tuple[Account, Balance]] = []
        for first in range(0, len(accounts), AT_ONCE):
            some = accounts[first : first + AT_ONCE]
            keys = [a.limit.key for a in some]
            balances = await self._books.ask(self._ledger.balances(keys, now), "balances")
            if balances is None:
                return
            found += zip(some, balances, strict=True)
        self._tell(found, now)

    def _tell(self, found: Sequence[tuple[Account, Balance]], now: float) -> None:
        said: dict[str, float] = {}
        ratios: dict[str, float] = {}
        lasts: dict[str, float] = {}
        for account, balance in found:
            limit = account.budget.limit
            if not limit:
                continue
            self._announcer.crossed(account, balance)
            forecast = self._forecast(account.budget, account.id, balance.used, now)
            ends_s = None if forecast is None else forecast.lasts_until
            left_s = math.inf if ends_s is None else max(0.0, ends_s - now)
            if not account.budget.shadow:
                # Alerts go by these figures, and in shadow mode nothing runs out.
                label = label_of(account)
                ratios[label] = max(ratios.get(label, 0.0), balance.used / limit)
                lasts[label] = min(lasts.get(label, math.inf), left_s)
            if forecast is not None and ends_s is not None and self._is_worth_telling(account, ends_s, now):
                key = account.limit.key
                said[key] = self._said_since.get(key, now)
                if now - said[key] >= SAID_FOR_S:
                    self._foresee(account, balance, forecast.ratio, ends_s, now)
        self._said_since = said
        if self._metrics is not None:
            self._metrics.budgets(ratios, lasts)

    @staticmethod
    def _is_worth_telling(account: Account, ends_s: float, now: float) -> bool:
        window = window_at(account.budget.window, account.budget.timezone, now)
        gone = (now - window.start_s) / (window.end_s - window.start_s)
        return gone >= EARLY and now < ends_s < window.end_s == account.window_end_s

    def _foresee(self, account: Account, balance: Balance, ratio: float, ends_s: float, now: float) -> None:
        minutes = max(1, round((ends_s - now) / 60))
        detail = f"at this rate the money lasts {minutes} minutes; the window needs {ratio:.2f} of the limit"
        event = of_budget(Kind.FORECAST, account, balance, now, detail=detail)
        self._announcer.once(event, (account.limit.key, Kind.FORECAST.value), account.window_end_s)


def label_of(account: Account) -> str:
    """The budget as a metric's label: the scope, with the id only where the owner chose it."""
    scope = account.budget.scope
    return account.name if scope in {Scope.GLOBAL, Scope.ROUTE} else scope.value
