"""Live budgets, for the ``status`` verb, the status route and the dashboard."""

from __future__ import annotations

from dataclasses import dataclass
from fnmatch import fnmatchcase
from typing import TYPE_CHECKING, Any

from litellm_tiering.accounts import counter_key
from litellm_tiering.core.budget import Balance, Scope
from litellm_tiering.units import usd, window_at

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from litellm_tiering.core.budget import Budget


@dataclass(frozen=True, slots=True)
class LiveBudget:
    """One budget of one id in its current window."""

    budget: Budget
    id: str
    balance: Balance
    window_end_s: float

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
        }

    def steps_down(self, ratio: float, top: int) -> int:
        """How many steps a request of the dearest tier is moved down at this ratio; 0 without a limit."""
        if self.budget.limit is None:
            return 0
        return top - min((d.target(top) for d in self.budget.downgrade if ratio >= d.at), default=top)


def live_budgets(budgets: Sequence[Budget], live: Mapping[str, Balance], now_s: float) -> list[LiveBudget]:
    """Every budget with the balances of the ids seen in its window, the global one first.

    An id that only matched by its alias is shown under the first budget of its scope and window.
    """
    found: dict[str, LiveBudget] = {}
    for strict in (True, False):
        for budget in budgets:
            window = window_at(budget.window, budget.timezone, now_s)
            head, tail = f"{budget.scope.value}|", f"|{window.label}"
            keys = [k for k in live if k.startswith(head) and k.endswith(tail)]
            if budget.scope is Scope.GLOBAL:
                keys = [counter_key(budget, "*", window.label)]
            for key in keys:
                id_ = key[len(head) : -len(tail)]
                if key not in found and (not strict or fnmatchcase(id_, budget.match)):
                    found[key] = LiveBudget(budget, id_, live.get(key, Balance()), window.end_s)
    return sorted(found.values(), key=lambda b: b.budget.scope is not Scope.GLOBAL)
