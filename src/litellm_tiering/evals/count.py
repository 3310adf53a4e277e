"""Counting what a policy does to a trace, request by request."""

from __future__ import annotations

from array import array
from collections import Counter
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from litellm_tiering.core.budget import Scope
from litellm_tiering.core.decision import Stage
from litellm_tiering.evals.result import Hour, Result
from litellm_tiering.evals.trace import DAY_S
from litellm_tiering.units import window_at

if TYPE_CHECKING:
    from litellm_tiering.config.build import Settings
    from litellm_tiering.core.budget import Budget
    from litellm_tiering.core.decision import Decision
    from litellm_tiering.evals.asking import Ask

HOUR_S = 3600.0
LAST_QUARTER_S = 0.75 * DAY_S

_AFTER_CLASSES = (Stage.BUDGET, Stage.AVAILABILITY, Stage.CASCADE)
_WORDS = {"budget": "threshold"}


@dataclass(slots=True)
class _Hour:
    requests: int = 0
    spent: int = 0
    wanted: int = 0
    refused: int = 0
    downgraded: int = 0
    tiers: Counter[str] = field(default_factory=Counter)
    used: int | None = None
    forecast: int | None = None
    window: str = ""


def wanted_rank(decision: Decision) -> int:
    """The rank that the request would have had if money were no object."""
    steps = [s for s in decision.steps if s.enforced and s.stage not in _AFTER_CLASSES]
    return steps[-1].to_rank if steps else decision.rank


def moved_down_by(decision: Decision) -> str | None:
    """What moved a request down for money: ``threshold``, ``pace``, ``value``, ``ceiling``, …; or None."""
    for step in reversed(decision.steps):
        lowered = step.from_rank is not None and step.to_rank < step.from_rank
        if step.stage is Stage.BUDGET and step.enforced and lowered:
            return _WORDS.get(step.reason.value, step.reason.value)
    return None


class Count:
    """The figures of one replay, as they grow.

    Args:
        settings: The owner's settings.
        start_s: The trace's first midnight, in seconds since the epoch.
    """

    def __init__(self, settings: Settings, start_s: float) -> None:
        self._settings = settings
        self._start_s = start_s
        self.budget = limited(settings.budgets)
        self._hours: dict[int, _Hour] = {}
        self._windows: Counter[str] = Counter()
        self._reasons: Counter[str] = Counter()
        self._refused: Counter[str] = Counter()
        self._late = [0, 0]
        self._floored = 0
        self._changes = 0
        self._last: dict[tuple[int, str], int] = {}
        self._worth = array("d")
        self._quality_wanted = 0.0
        self._measured = False

    def decided(self, ask: Ask, decision: Decision) -> None:
        """Take in what was decided on a request."""
        hour = self._hour(ask.t_s)
        rank, wanted = decision.rank, wanted_rank(decision)
        hour.requests += 1
        hour.wanted += self.cost(ask, wanted)
        late = ask.t_s % DAY_S >= LAST_QUARTER_S
        self._late[0] += late
        if decision.refusal is not None:
            hour.refused += 1
            self._refused[decision.refusal.reason.value] += 1
        else:
            hour.tiers[self._settings.ladder[rank].name] += 1
            self._served(ask, decision, hour, late=late)
        self._judge(ask, None if decision.refusal else rank, wanted)

    def _served(self, ask: Ask, decision: Decision, hour: _Hour, *, late: bool) -> None:
        rank, wanted = decision.rank, wanted_rank(decision)
        by = moved_down_by(decision)
        if by is not None and rank < wanted:
            hour.downgraded += 1
            self._reasons[by] += 1
            self._late[1] += late
            self._floored += rank == 0
        alike = (wanted, ask.inquiry.caller.team)
        self._changes += self._last.get(alike, rank) != rank
        self._last[alike] = rank

    def _judge(self, ask: Ask, rank: int | None, wanted: int) -> None:
        top = self._settings.ladder.top
        if ask.question is None:
            self._worth.append(rank is not None and rank >= wanted)
            self._quality_wanted += 1
            return
        self._measured = True
        self._worth.append(0.0 if rank is None else ask.question.quality(rank, top))
        self._quality_wanted += ask.question.quality(wanted, top)

    def settled(self, t_s: float, cost: int) -> None:
        """Take in what a request that came at ``t_s`` cost, in nano-dollars."""
        self._hour(t_s).spent += cost
        self._windows[self.window(t_s)] += cost

    def foretold(self, t_s: float, used: int, forecast: int | None) -> None:
        """Take in how the budget stood at the end of an hour, in nano-dollars; ``t_s`` lies within it."""
        hour = self._hour(t_s)
        hour.used, hour.forecast, hour.window = used, forecast, self.window(t_s)

    def cost(self, ask: Ask, rank: int) -> int:
        """What a request costs at a tier, in nano-dollars."""
        return int(ask.inquiry.facts[rank].price.cost(ask.prompt_tokens, ask.completion_tokens))

    def window(self, t_s: float) -> str:
        """The label of the counted budget's window; empty where no global one is limited."""
        if self.budget is None:
            return ""
        return window_at(self.budget.window, self.budget.timezone, self._start_s + t_s).label

    def _hour(self, t_s: float) -> _Hour:
        return self._hours.setdefault(int(t_s // HOUR_S), _Hour())

    def result(self, label: str) -> Result:
        """The figures so far."""
        last = max(self._hours, default=-1)
        hours = tuple(self._closed(i) for i in range(last + 1))
        return Result(
            label=label,
            policy=self._settings.policy_hash,
            hours=hours,
            limit=None if self.budget is None else self.budget.limit,
            windows=dict(self._windows),
            reasons=dict(self._reasons),
            refused=dict(self._refused),
            late=(self._late[0], self._late[1]),
            floored=self._floored,
            changes=self._changes,
            days=int(last * HOUR_S // DAY_S) + 1,
            worth=tuple(self._worth),
            quality_wanted=self._quality_wanted / (len(self._worth) or 1),
            measured=self._measured,
        )

    def _closed(self, index: int) -> Hour:
        h = self._hours.get(index) or _Hour()
        return Hour(
            *(index, h.requests, h.spent, h.wanted, h.refused, h.downgraded),
            {t.name: h.tiers[t.name] for t in self._settings.ladder.tiers},
            *(h.used, h.forecast, h.window),
        )


def limited(budgets: tuple[Budget, ...]) -> Budget | None:
    """The global budget that limits, the first in the file; None where none does."""
    return next((b for b in budgets if b.scope is Scope.GLOBAL and b.binds), None)
