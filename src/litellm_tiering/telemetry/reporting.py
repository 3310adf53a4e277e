"""A report, whole: the totals of some days, and what the kept decisions of the same days tell besides."""

from __future__ import annotations

import asyncio
import datetime as dt
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any
from zoneinfo import ZoneInfo

from litellm_tiering.asides import CLASSIFIER
from litellm_tiering.core.debt import PROBE
from litellm_tiering.core.experiment import NO_EXPERIMENT
from litellm_tiering.tallies import UNPLANNED
from litellm_tiering.telemetry.arms import Arms
from litellm_tiering.telemetry.debts import Downgrades
from litellm_tiering.telemetry.foreseen import Foreseen
from litellm_tiering.telemetry.reports import lines, told_of, total
from litellm_tiering.telemetry.sightings import Activity, HoldOut, holdout_json
from litellm_tiering.units import usd

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from litellm_tiering.core.experiment import Experiment
    from litellm_tiering.ports import Tally
    from litellm_tiering.records import RecordStore

HOLDOUT_DAYS = 28
"""Over how many days the hold-out is measured at least: a day says next to nothing."""

_TURN_EVERY = 200
_HOURS = 24


@dataclass(frozen=True, slots=True)
class Scope:
    """What a report is about.

    Attributes:
        days: Its calendar days, in order.
        by: What it is broken down by.
        timezone: Whose days they are.
        now_s: The time, in seconds since the epoch.
        team: Whose rows it may show; None for everybody's, and empty for nobody's.
        tiers: The ladder's tiers, cheapest first.
        gated: The routes whose answers are judged.
        experiment: Who is held out.
    """

    days: tuple[str, ...]
    by: str
    timezone: str
    now_s: float
    team: str | None = None
    tiers: tuple[str, ...] = ()
    gated: frozenset[str] = frozenset()
    experiment: Experiment = NO_EXPERIMENT

    @property
    def today(self) -> str:
        """The day that it is now."""
        return str(today(self.timezone, self.now_s))

    @property
    def since_s(self) -> float:
        """When its first day begins, in seconds since the epoch."""
        return _midnight(self.days[0], self.timezone)

    @property
    def until_s(self) -> float:
        """When its last day ends, in seconds since the epoch."""
        after = dt.date.fromisoformat(self.days[-1]) + dt.timedelta(days=1)
        return _midnight(str(after), self.timezone)


@dataclass(slots=True)
class Look:
    """What the kept decisions told.

    Attributes:
        activity: Waiting times, gates, hours.
        holdout: The hold-out's callers and the others.
        arms: The policies that are compared.
        debts: What the better tier says of downgrades.
        foreseen: What parts in shadow mode would have done.
        oldest_s: When the oldest decision that was looked at was made, in seconds since the epoch.
        holdout_s: The same of those that the hold-out is measured by.
        whole: Whether all decisions of these days were looked at, as far as is known.
    """

    activity: Activity
    holdout: HoldOut = field(default_factory=HoldOut)
    arms: Arms = field(default_factory=Arms)
    debts: Downgrades = field(default_factory=Downgrades)
    foreseen: Foreseen = field(default_factory=Foreseen)
    oldest_s: float | None = None
    holdout_s: float | None = None
    whole: bool = True


def today(timezone: str, now_s: float) -> dt.date:
    """The calendar day that it is at a time, in seconds since the epoch."""
    return dt.datetime.fromtimestamp(now_s, ZoneInfo(timezone)).date()


def _midnight(day: str, timezone: str) -> float:
    date = dt.date.fromisoformat(day)
    return dt.datetime(date.year, date.month, date.day, tzinfo=ZoneInfo(timezone)).timestamp()


async def look(store: RecordStore, scope: Scope, *, measure: bool = False, most: int | None = None) -> Look:
    """What the decisions of a report's days tell, newest first, ``most`` of them at the most.

    Args:
        store: Where they are kept.
        scope: The report.
        measure: Whether to look at the experiment alone: at the hold-out over :data:`HOLDOUT_DAYS` days at
            least, at the arms over all that is kept, as what is forgotten counts for nothing.
        most: How many to look at; all when None.

    Raises:
        StoreUnavailable: the store is away.
    """
    found = Look(Activity(scope.gated), debts=Downgrades(scope.tiers))
    since_s = min(scope.since_s, scope.until_s - HOLDOUT_DAYS * 86_400) if measure else scope.since_s
    seen, begins_s = 0, 0.0 if measure and scope.experiment.arms else since_s
    async for row in store.scan(begins_s, scope.until_s):
        seen += 1
        found.oldest_s = row.at
        if seen % _TURN_EVERY == 0:
            # The loop serves requests meanwhile.
            await asyncio.sleep(0)
        if measure:
            found.arms.saw(row)
            if row.at >= since_s:
                found.holdout_s = row.at
                found.holdout.saw(row)
        elif scope.team in (None, row.team):
            found.activity.saw(row)
            found.debts.saw(row)
            found.foreseen.saw(row)
        if most is not None and seen >= most:
            # Also where these were all: so many are kept, and older ones are gone.
            found.whole = False
            break
    return found


def compose(  # noqa: PLR0913, PLR0917 - what a report is made of
    scope: Scope,
    rows: Sequence[Tally],
    hours: Mapping[str, Mapping[str, tuple[int, ...]]],
    seen: Look | None,
    held: Look | None,
    spending: Mapping[str, Mapping[str, tuple[int, ...]]] | None = None,
) -> dict[str, Any]:
    """The report as JSON: what the route answers and the command prints.

    Args:
        scope: What it is about.
        rows: The totals of its days, anybody's.
        hours: Each hour's baseline, as the ledger has it.
        seen: What its decisions told; None where none are kept.
        held: What was looked at for the experiment; None where there is none, or nobody may see it.
        spending: Each hour's cost, as the ledger has it; of a day that it does not have, that of the
            decisions is told.
    """
    rows = told_of(rows, scope.team)
    return {
        "from": scope.days[0],
        "to": scope.days[-1],
        "timezone": scope.timezone,
        "by": scope.by,
        "rows": [line.as_json(scope.by) for line in lines(rows, scope.by)],
        "total": {k: v for k, v in total(rows).as_json("total").items() if k != "total"},
        "days": [line.as_json("day") for line in lines(rows, "day")],
        "hours": _hours(scope, hours, spending or {}, seen),
        "tiers": _tiers(scope, rows, seen),
        "gates": [] if seen is None else [*seen.activity.gates, *seen.foreseen.gates],
        "debt": None if seen is None else seen.debts.as_json(),
        "shadow": {"parts": [], "left_out": 0}
        if seen is None
        else seen.foreseen.as_json(discreet=scope.team is not None),
        "holdout": None if held is None else holdout_json(held.holdout.found(), since_s=held.holdout_s),
        "arms": None if held is None else held.arms.found(scope.experiment),
        "decisions": {
            "kept": seen is not None,
            "seen": 0 if seen is None else seen.activity.rows,
            "since": None if seen is None else seen.oldest_s,
            "whole": seen is None or seen.whole,
        },
    }


def _hours(
    scope: Scope,
    hours: Mapping[str, Mapping[str, tuple[int, ...]]],
    spending: Mapping[str, Mapping[str, tuple[int, ...]]],
    seen: Look | None,
) -> list[dict[str, Any]]:
    """Today hour by hour, up to now: exact, but for a day that began before its hours' cost was kept."""
    day = scope.today
    if day not in scope.days:
        return []
    who, none = "*" if scope.team is None else scope.team, (0,) * _HOURS
    baseline = hours.get(day, {}).get(who, none)
    cost = spending[day].get(who, none) if day in spending else _cost_seen(scope, seen)
    now = dt.datetime.fromtimestamp(scope.now_s, ZoneInfo(scope.timezone))
    told = []
    for hour in range(now.hour + 1):
        spent = cost[hour]
        told.append(
            {
                "hour": hour,
                "cost_usd": None if spent is None else usd(spent),
                "baseline_usd": usd(max(0, baseline[hour])),
            }
        )
    return told


def _cost_seen(scope: Scope, seen: Look | None) -> Sequence[int | None]:
    """What the decisions say of today's hours, in nano-dollars; None for those they do not reach back to."""
    if seen is None:
        return (None,) * _HOURS
    zone = ZoneInfo(scope.timezone)
    cost = [0] * _HOURS
    for hour, spent in seen.activity.hours.items():
        local = dt.datetime.fromtimestamp(hour * 3600, zone)
        if str(local.date()) == scope.today:
            cost[local.hour] += spent
    known_from = 0.0 if seen.whole or seen.oldest_s is None else seen.oldest_s
    now = dt.datetime.fromtimestamp(scope.now_s, zone)
    begins = (now.replace(hour=h, minute=0, second=0, microsecond=0).timestamp() for h in range(_HOURS))
    return [spent if at >= known_from else None for spent, at in zip(cost, begins, strict=True)]


def _tiers(scope: Scope, rows: Sequence[Tally], seen: Look | None) -> list[dict[str, Any]]:
    """Each tier's part, cheapest first: calls to it, what they cost, and how long its requests took."""
    planned = [row for row in rows if row.reason not in (UNPLANNED, CLASSIFIER, PROBE) and row.tier]
    found = {line.name: line for line in lines(planned, "tier")}
    names = [*scope.tiers, *sorted(found.keys() - set(scope.tiers))]
    told = []
    for name in names:
        line = found.get(name)
        middle, slow = (None, None) if seen is None else seen.activity.waits_ms(name)
        told.append(
            {
                "tier": name,
                "requests": 0 if line is None else line.requests,
                "attempts": 0 if line is None else line.attempts,
                "cost_usd": usd(0 if line is None else line.cost),
                "p50_ms": middle,
                "p95_ms": slow,
            }
        )
    return told
