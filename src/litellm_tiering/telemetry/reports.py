"""What was spent and saved, by whatever people ask for: sums over the store's totals, which are exact.

The *baseline* is what the same requests would have cost on the tier that their clients would otherwise have
got, their answers as long there as here. What was *saved* is that, less all that was paid: for the answers
that were served, for attempts in vain, and for the classifiers' calls.
"""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from litellm_tiering.asides import CLASSIFIER
from litellm_tiering.core.debt import PROBE
from litellm_tiering.core.decision import Reason
from litellm_tiering.tallies import UNPLANNED
from litellm_tiering.units import usd

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping, Sequence

    from litellm_tiering.ports import Tally

BY = ("day", "week", "tier", "route", "team", "model", "reason")
"""What a report can be broken down by."""

MOST_DAYS = 400
"""How many days a report may span."""

NONE = "(none)"
"""The name of what has none: requests without a team, calls to models without a tier."""


@dataclass(frozen=True, slots=True)
class Line:
    """One line of a report; money in nano-dollars.

    Attributes:
        name: The day, tier, … it is about.
        requests: Requests served.
        refused: Requests refused.
        attempts: Paid calls for them, more than one of a request that was escalated.
        cost: All that was paid.
        baseline: What the requests would otherwise have cost.
        waste: The part of ``cost`` for answers that nobody got.
        classifier: The part of ``cost`` for classifiers' calls.
        unplanned: The part of ``cost`` for calls to the proxy's other models, which save nothing.
        probes: The part of ``waste`` for calls that only ask what a better tier would have said.
        held: How many of the requests were of callers that are held out.
        held_cost: The part of ``cost`` for those.
        held_baseline: The part of ``baseline`` for those.
    """

    name: str
    requests: int = 0
    refused: int = 0
    attempts: int = 0
    cost: int = 0
    baseline: int = 0
    waste: int = 0
    classifier: int = 0
    unplanned: int = 0
    probes: int = 0
    held: int = 0
    held_cost: int = 0
    held_baseline: int = 0

    @property
    def saved(self) -> int:
        """What was saved, net of everything; below 0 where routing cost more."""
        return self.baseline - self.cost

    @property
    def share(self) -> float | None:
        """The saved share of the baseline, of what was routed; None where nothing was."""
        routed = self.baseline - self.unplanned - self.held_baseline
        return (self.saved - self.held_baseline + self.held_cost) / routed if routed > 0 else None

    def as_json(self, by: str) -> dict[str, Any]:
        """The line with its money in dollars."""
        return {
            by: self.name,
            "requests": self.requests,
            "refused": self.refused,
            "attempts": self.attempts,
            "cost_usd": usd(self.cost),
            "baseline_usd": usd(self.baseline),
            "saved_usd": usd(self.saved),
            "saved_share": self.share,
            "waste_usd": usd(self.waste),
            "classifier_usd": usd(self.classifier),
            "unplanned_usd": usd(self.unplanned),
            "probe_usd": usd(self.probes),
            "holdout_requests": self.held,
            "holdout_usd": usd(self.held_cost),
        }


def lines(rows: Iterable[Tally], by: str) -> list[Line]:
    """A line for each day, tier, …: days and weeks in order, all else by what it cost, the dearest first.

    Raises:
        KeyError: ``by`` is none of :data:`BY`.
    """
    name_of = _NAMES[by]
    found: dict[str, dict[str, int]] = {}
    for row in rows:
        _add(found.setdefault(name_of(row) or NONE, {}), row)
    made = [Line(name, **sums) for name, sums in found.items()]
    if by in ("day", "week"):
        return sorted(made, key=lambda line: line.name)
    return sorted(made, key=lambda line: (-line.cost, -line.requests, line.name))


def total(rows: Iterable[Tally]) -> Line:
    """All of it."""
    sums: dict[str, int] = {}
    for row in rows:
        _add(sums, row)
    return Line("total", **sums)


def _add(sums: dict[str, int], row: Tally) -> None:
    more = {"requests": row.requests, "refused": row.refused, "cost": row.cost, "baseline": row.baseline}
    more |= {"waste": row.waste, "attempts": row.attempts}
    if row.reason == CLASSIFIER:
        # They are no attempts to answer.
        more |= {"attempts": 0, "classifier": row.cost}
    elif row.reason == PROBE:
        # Nor are these; and they are no request's, but the owner's.
        more |= {"attempts": 0, "probes": row.cost}
    elif row.reason == UNPLANNED:
        more |= {"requests": 0, "attempts": 0, "unplanned": row.cost}
    elif row.reason == Reason.HOLDOUT.value:
        more |= {"held": row.requests, "held_cost": row.cost, "held_baseline": row.baseline}
    for name, value in more.items():
        sums[name] = sums.get(name, 0) + value


def week_of(day: str) -> str:
    """The ISO 8601 week of a calendar day, such as ``2026-W47``; empty for what is no day."""
    try:
        year, week, _ = dt.date.fromisoformat(day).isocalendar()
    except ValueError:
        return ""
    return f"{year}-W{week:02d}"


_NAMES: Mapping[str, Callable[[Tally], str]] = {
    "day": lambda row: row.day,
    "week": lambda row: week_of(row.day),
    "tier": lambda row: row.tier,
    "route": lambda row: row.route,
    "team": lambda row: row.team,
    "model": lambda row: row.model,
    "reason": lambda row: row.reason,
}


# --- which days --------------------------------------------------------------------------------------------


def span(today: dt.date, days: int | None, since: str | None, until: str | None) -> tuple[str, ...]:
    """The calendar days of a report, in order, both ends included; the last seven when nothing is said.

    Args:
        today: The day that it is now, where the totals are counted.
        days: How many days, up to ``until``.
        since: The first day, such as ``2026-11-21``.
        until: The last one; today when None.

    Raises:
        ValueError: these say no span of days, or one that is too long; the message is for people.
    """
    last = today if until is None else _date("to", until)
    if days is not None and since is not None:
        raise ValueError("`days` and `from` both say when the report begins: leave one of them out")
    if days is not None and not 1 <= days <= MOST_DAYS:
        raise ValueError(f"`days` must be 1 to {MOST_DAYS}")
    first = last - dt.timedelta(days=(days or 7) - 1) if since is None else _date("from", since)
    count = (last - first).days + 1
    if count < 1:
        raise ValueError(f"the report would end on {last} before it begins on {first}")
    if count > MOST_DAYS:
        raise ValueError(f"a report spans at most {MOST_DAYS} days, and these are {count}")
    return tuple(str(first + dt.timedelta(days=i)) for i in range(count))


def _date(which: str, text: str) -> dt.date:
    try:
        found = dt.date.fromisoformat(text)
    except ValueError:
        raise ValueError(f"`{which}` must be a day such as 2026-11-21") from None
    if not 1971 <= found.year <= 9998:  # noqa: PLR2004 - what calendars and clocks can do
        raise ValueError(f"`{which}` must be a day of the years 1971 to 9998")
    return found


def told_of(rows: Sequence[Tally], team: str | None) -> tuple[Tally, ...]:
    """The rows that a team may see: its own; all of them for None."""
    return tuple(rows) if team is None else tuple(row for row in rows if row.team == team)
