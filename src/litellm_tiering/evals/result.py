"""What a day under one policy came to, as figures, JSON and text."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from litellm_tiering.units import usd

if TYPE_CHECKING:
    from collections.abc import Mapping


@dataclass(frozen=True, slots=True)
class Hour:
    """One hour of a replay; money in nano-dollars.

    Attributes:
        hour: Which, from the trace's first midnight on.
        requests: Requests that came.
        spent: What those cost.
        wanted: What they would have cost if money were no object.
        refused: Those that were refused.
        downgraded: Those that a budget moved down.
        tiers: Those served, by tier.
        used: What was used of the budget at the hour's end; None without a limit.
        forecast: What was then expected to be spent at the window's end; None where nobody foretold it.
        window: The budget's window at the hour's end, by its label.
    """

    hour: int
    requests: int
    spent: int
    wanted: int
    refused: int
    downgraded: int
    tiers: Mapping[str, int]
    used: int | None = None
    forecast: int | None = None
    window: str = ""

    def as_json(self) -> dict[str, Any]:
        """The hour with money in dollars."""
        return {
            "hour": self.hour,
            "requests": self.requests,
            "spent_usd": usd(self.spent),
            "wanted_usd": usd(self.wanted),
            "refused": self.refused,
            "downgraded": self.downgraded,
            "tiers": dict(self.tiers),
            "used_usd": None if self.used is None else usd(self.used),
            "forecast_usd": None if self.forecast is None else usd(self.forecast),
        }


@dataclass(frozen=True, slots=True)
class Result:
    """A trace under one policy: one of these for each policy that is compared. Money in nano-dollars.

    Attributes:
        label: The policy, as people call it.
        policy: Its hash.
        hours: Every hour that the trace touches, in order.
        limit: The limit of the global budget; None without one.
        windows: What was spent in each of that budget's windows, by label.
        reasons: Requests that were moved down, by what moved them.
        refused: Requests refused, by why.
        late: Requests in the last quarter of a day, and those of them that were moved down.
        floored: Requests that a budget moved to the cheapest tier.
        changes: How often a request landed on another tier than the one before it of its team and class.
        days: How many days the trace touches.
        worth: What the answer to each request was worth, in order of arrival; nothing where it was refused.
        quality_wanted: The mean worth if money were no object.
        measured: Whether worth is that of recorded answers; otherwise it is 1 for a request served at the
            tier that it was classified for, else 0.
    """

    label: str
    policy: str
    hours: tuple[Hour, ...]
    limit: int | None
    windows: Mapping[str, int]
    reasons: Mapping[str, int]
    refused: Mapping[str, int]
    late: tuple[int, int]
    floored: int
    changes: int
    days: int
    worth: tuple[float, ...] = field(repr=False)
    quality_wanted: float
    measured: bool

    @property
    def requests(self) -> int:
        """How many requests came."""
        return sum(h.requests for h in self.hours)

    @property
    def spent(self) -> int:
        """What all of them cost."""
        return sum(h.spent for h in self.hours)

    @property
    def wanted(self) -> int:
        """What they would have cost if money were no object."""
        return sum(h.wanted for h in self.hours)

    @property
    def ratio(self) -> float | None:
        """The fullest window's spend as a share of the limit; None without a limit."""
        return max(self.windows.values(), default=0) / self.limit if self.limit else None

    @property
    def quality(self) -> float:
        """The mean worth of the answers."""
        return sum(self.worth) / len(self.worth) if self.worth else 0.0

    @property
    def downgraded_share(self) -> float:
        """The share of requests that a budget moved down."""
        return _share(sum(h.downgraded for h in self.hours), self.requests)

    @property
    def late_share(self) -> float:
        """The share moved down in the last quarter of a day: from 18:00 on."""
        return _share(self.late[1], self.late[0])

    @property
    def refused_share(self) -> float:
        """The share of requests that were refused."""
        return _share(sum(self.refused.values()), self.requests)

    @property
    def floored_share(self) -> float:
        """The share of requests that a budget moved to the cheapest tier."""
        return _share(self.floored, self.requests)

    def forecast_errors(self) -> dict[int, float]:
        """By hour, how far the forecast lay from what its window came to, as a share of that; signed.

        Hours without requests are left out: a quiet night says nothing of the day.
        """
        found = {}
        for h in self.hours:
            actual = self.windows.get(h.window, 0)
            if h.forecast is not None and h.requests and actual:
                found[h.hour] = (h.forecast - actual) / actual
        return found

    @property
    def forecast_error(self) -> float | None:
        """The mean size of the forecasts' errors; None where nothing was foretold."""
        errors = [abs(e) for e in self.forecast_errors().values()]
        return sum(errors) / len(errors) if errors else None

    def as_json(self) -> dict[str, Any]:
        """The result with money in dollars and shares from 0 to 1."""
        return {
            "label": self.label,
            "policy": self.policy,
            "requests": self.requests,
            "spent_usd": usd(self.spent),
            "wanted_usd": usd(self.wanted),
            "limit_usd": None if self.limit is None else usd(self.limit),
            "ratio": self.ratio,
            "downgraded": {
                "share": self.downgraded_share,
                "last_quarter_share": self.late_share,
                "to_cheapest_share": self.floored_share,
                "by_reason": {k: _share(n, self.requests) for k, n in sorted(self.reasons.items())},
            },
            "refused": {
                "share": self.refused_share,
                "by_reason": {k: _share(n, self.requests) for k, n in sorted(self.refused.items())},
            },
            "tier_changes_per_day": self.changes / self.days if self.days else 0.0,
            "quality": {
                "kind": "recorded" if self.measured else "served_as_classified",
                "mean": self.quality,
                "without_budgets": self.quality_wanted,
            },
            "forecast": {
                "mean_error": self.forecast_error,
                "errors": {str(hour): error for hour, error in self.forecast_errors().items()},
            },
            "hours": [h.as_json() for h in self.hours],
        }


def _share(part: int, whole: int) -> float:
    return part / whole if whole else 0.0
