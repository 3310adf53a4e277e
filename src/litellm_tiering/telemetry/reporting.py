"""A report, whole: the totals of some days, and what the kept decisions of the same days tell besides."""

from __future__ import annotations

import asyncio
import datetime as dt
import math
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any
from zoneinfo import ZoneInfo

from litellm_tiering.asides import CLASSIFIER
from litellm_tiering.core.experiment import NO_EXPERIMENT
from litellm_tiering.tallies import UNPLANNED
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
        oldest_s: When the oldest decision that was looked at was made, in seconds since the epoch.
        whole: Whether all decisions of these days were looked at, as far as is known.
    """

    activity: Activity
    holdout: HoldOut = field(default_factory=HoldOut)
    oldest_s: float | None = None
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
        measure: Whether to look at the hold-out alone, and over :data:`HOLDOUT_DAYS` days at least.
        most: How many to look at; all when None.

    Raises:
        StoreUnavailable: the store is away.
    """
    found = Look(Activity(scope.gated))
    since_s = min(scope.since_s, scope.until_s - HOLDOUT_DAYS * 86_400) if measure else scope.since_s
    seen = 0
    async for row in store.scan(since_s, scope.until_s):
        seen += 1
        found.oldest_s = row.at
        if seen % _TURN_EVERY == 0:
            # The loop serves requests meanwhile.
            await asyncio.sleep(0)
        if measure:
            found.holdout.saw(row)
        elif scope.team in (None, row.team):
            found.activity.saw(row)
        if most is not None and seen >= most:
            # Also where these were all: so many are kept, and older ones are gone.
            found.whole = False
            break
    return found


def compose(
    scope: Scope,
    rows: Sequence[Tally],
    hours: Mapping[str, Mapping[str, tuple[int, ...]]],
    seen: Look | None,
    held: Look | None,
) -> dict[str, Any]:
    """The report as JSON: what the route answers and the command prints.

    Args:
        scope: What it is about.
        rows: The totals of its days, anybody's.
        hours: Each hour's baseline, as the ledger has it.
        seen: What its decisions told; None where none are kept.
        held: What was looked at for the hold-out; None where nobody is held out, or nobody may see it.
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
        "hours": _hours(scope, hours, seen),
        "tiers": _tiers(scope, rows, seen),
        "gates": [] if seen is None else seen.activity.gates,
        "holdout": None if held is None else holdout_json(held.holdout.found(), since_s=held.oldest_s),
        "decisions": {
            "kept": seen is not None,
            "seen": 0 if seen is None else seen.activity.rows,
            "since": None if seen is None else seen.oldest_s,
            "whole": seen is None or seen.whole,
        },
    }


def _hours(
    scope: Scope, hours: Mapping[str, Mapping[str, tuple[int, ...]]], seen: Look | None
) -> list[dict[str, Any]]:
    """Today hour by hour, up to now: the baseline is exact; the cost is that of the decisions kept."""
    day = scope.today
    if day not in scope.days:
        return []
    who = "*" if scope.team is None else scope.team
    baseline = hours.get(day, {}).get(who, (0,) * _HOURS)
    zone = ZoneInfo(scope.timezone)
    cost = [0] * _HOURS
    for hour, spent in () if seen is None else seen.activity.hours.items():
        local = dt.datetime.fromtimestamp(hour * 3600, zone)
        if str(local.date()) == day:
            cost[local.hour] += spent
    known_from = math.inf if seen is None else 0.0
    if seen is not None and not seen.whole and seen.oldest_s is not None:
        known_from = seen.oldest_s
    now = dt.datetime.fromtimestamp(scope.now_s, zone)
    told = []
    for hour in range(now.hour + 1):
        begins_s = now.replace(hour=hour, minute=0, second=0, microsecond=0).timestamp()
        known = begins_s >= known_from
        told.append(
            {
                "hour": hour,
                "cost_usd": usd(cost[hour]) if known else None,
                "baseline_usd": usd(max(0, baseline[hour])),
            }
        )
    return told


def _tiers(scope: Scope, rows: Sequence[Tally], seen: Look | None) -> list[dict[str, Any]]:
    """Each tier's part, cheapest first: calls to it, what they cost, and how long its requests took."""
    planned = [row for row in rows if row.reason not in (UNPLANNED, CLASSIFIER) and row.tier]
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
