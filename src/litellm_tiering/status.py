"""Live budgets, for the ``status`` verb, the status route and the dashboard."""

from __future__ import annotations

import heapq
from dataclasses import dataclass
from fnmatch import fnmatchcase
from typing import TYPE_CHECKING, Any

from litellm_tiering.accounts import counter_key
from litellm_tiering.asides import CLASSIFIER
from litellm_tiering.core.budget import Balance, Scope
from litellm_tiering.core.pacing import forecast, linear
from litellm_tiering.units import usd, window_at

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from litellm_tiering.core.budget import Budget
    from litellm_tiering.core.pacing import Forecast
    from litellm_tiering.engine import Engine
    from litellm_tiering.pacer import Pacer
    from litellm_tiering.ports import Tally


CLIENTS_SHOWN = 200
"""How many ids of a budget are shown where clients choose them, the most used: they may be thousands."""


@dataclass(frozen=True, slots=True)
class LiveBudget:
    """One budget of one id in its current window.

    Attributes:
        budget: The policy.
        id: Whose.
        balance: What is spent and held.
        window_end_s: When the window ends, in seconds since the epoch.
        forecast: How the window will end at this rate; None without a limit.
        paced: How many steps down pacing takes now.
    """

    budget: Budget
    id: str
    balance: Balance
    window_end_s: float
    forecast: Forecast | None = None
    paced: int = 0

    def as_json(self, top: int) -> dict[str, Any]:
        """The shape that CLI and route share; money in dollars. ``top`` is the dearest tier's rank."""
        limit = self.budget.limit
        ratio = self.balance.used / limit if limit else 0.0
        return {
            "scope": self.budget.scope.value,
            "id": self.id,
            "limit_usd": None if limit is None else usd(limit),
            "spent_usd": usd(self.balance.spent),
            "reserved_usd": usd(self.balance.reserved),
            "ratio": ratio,
            "steps_down": self.steps_down(ratio, top),
            "window": self.budget.window.value,
            "window_end": self.window_end_s,
            "mode": "shadow" if self.budget.shadow else "enforce",
            **({"would_step_down": self.would_step_down(ratio, top)} if self.budget.shadow else {}),
            "forecast": self._forecast(0 if self.budget.shadow else min(self.paced, top)),
        }

    def _forecast(self, steps: int) -> dict[str, Any] | None:
        if self.forecast is None:
            return None
        return {
            "end_usd": usd(self.forecast.end),
            "ratio": self.forecast.ratio,
            "lasts_until": self.forecast.lasts_until,
            "steps_down": steps,
            "pacing": self.budget.pacing.value,
        }

    def steps_down(self, ratio: float, top: int) -> int:
        """How many steps a request of the dearest tier is moved down now; 0 without a limit, or in shadow."""
        return 0 if self.budget.shadow else self.would_step_down(ratio, top)

    def would_step_down(self, ratio: float, top: int) -> int:
        """The same, whether or not the budget is in shadow mode.

        Where money is spent by value that is how far most go: the upgrades that buy most are spared.
        """
        if self.budget.limit is None:
            return 0
        farthest = top - min((d.target(top) for d in self.budget.downgrade), default=top)
        plain = top - min((d.target(top) for d in self.budget.downgrade if ratio >= d.at), default=top)
        return max(plain, min(self.paced, farthest))


def live_budgets(
    budgets: Sequence[Budget], live: Mapping[str, Balance], now_s: float, pacer: Pacer | None = None
) -> list[LiveBudget]:
    """Every budget with the balances of the ids seen in its window, the global one first.

    Of ids that clients choose, the :data:`CLIENTS_SHOWN` most used. An id that only matched by its alias is
    shown under the first budget of its scope and window. Without a pacer forecasts take money to go evenly.
    """
    found: dict[tuple[str, bool], LiveBudget] = {}
    for strict in (True, False):
        for budget in budgets:
            window = window_at(budget.window, budget.timezone, now_s)
            head, tail = f"{budget.scope.value}|", f"|{window.label}"
            keys = [k for k in live if k.startswith(head) and k.endswith(tail)]
            if budget.scope is Scope.GLOBAL:
                keys = [counter_key(budget, "*", window.label)]
            ids = {k: k[len(head) : -len(tail)] for k in keys}
            keys = [k for k in keys if not strict or fnmatchcase(ids[k], budget.match)]
            if budget.scope in (Scope.END_USER, Scope.TAG):
                keys = heapq.nlargest(CLIENTS_SHOWN, keys, key=lambda k: live[k].used)
            for key in keys:
                # One in shadow mode may look on at the counter of one in force.
                place = (key, budget.shadow)
                if place not in found:
                    found[place] = _live(budget, ids[key], live.get(key, Balance()), key, now_s, pacer)
    return sorted(found.values(), key=lambda b: (b.budget.scope is not Scope.GLOBAL, b.budget.shadow))


def _live(  # noqa: PLR0913, PLR0917 - one line of the table
    budget: Budget, id_: str, balance: Balance, key: str, now_s: float, pacer: Pacer | None
) -> LiveBudget:
    window = window_at(budget.window, budget.timezone, now_s)
    if budget.limit is None:
        return LiveBudget(budget, id_, balance, window.end_s)
    if pacer is None:
        found: Forecast | None = forecast(int(budget.limit), balance.used, linear(window), now_s)
        return LiveBudget(budget, id_, balance, window.end_s, found)
    found = pacer.forecast(budget, id_, balance.used, now_s)
    paced = pacer.steps_down(budget, id_, key, balance.used, now_s)
    return LiveBudget(budget, id_, balance, window.end_s, found, paced)


async def classifier_status(engine: Engine) -> dict[str, Any]:
    """What classifiers' calls cost today, of all workers: ``{day, calls, spent_usd}``; null when unknown."""
    day = engine.books.days.day(engine.clock.now())
    return classifier_spend(day, await engine.books.ask(engine.ledger.totals([day]), "totals"))


def classifier_spend(day: str, found: Sequence[Tally] | None) -> dict[str, Any]:
    """What the totals of a day say of classifiers' calls; null where the store did not tell them."""
    if found is None:
        return {"day": day, "calls": None, "spent_usd": None}
    rows = [row for row in found if row.reason == CLASSIFIER]
    return {"day": day, "calls": sum(r.attempts for r in rows), "spent_usd": usd(sum(r.cost for r in rows))}


async def store_status(engine: Engine, *, ok: bool) -> dict[str, Any]:
    """The store as the status shows it; ``spooled`` is how many costs of this machine wait for it."""
    return {"kind": engine.ledger.kind, "ok": ok, "spooled": await engine.books.payments.recount()}
